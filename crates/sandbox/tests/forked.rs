//! Real templates and what comes of them. This test has its own `main`: started as the hidden subcommand it becomes the
//! jail, and inside it is the template.

#![expect(
    clippy::print_stdout,
    reason = "the template speaks, and what a host lacks is told"
)]

use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::Duration;

use base::ByteSize;
use sandbox::{
    Access, Child, Exit, Fork, JAIL_COMMAND, Jail, Limits, Mount, NamespaceJail, Network, PassedFd,
    Prepared, Spec, Template, TemplateSpec,
};
use tokio::io::AsyncReadExt;

#[expect(unreachable_pub, reason = "it is written to be a library of its own")]
#[path = "../native/fork.rs"]
mod fork;
#[expect(unreachable_pub, reason = "it is written to be a library of its own")]
#[path = "../native/rehearsal.rs"]
mod rehearsal;

mod harness;

/// As which this test becomes the template, followed by what it does before it is ready.
const PROGRAM: &str = "__template";
const CONTROL: i32 = 4;
/// Of what is waited for.
const LONGEST: Duration = Duration::from_secs(60);
/// Where the inside finds how long to sleep.
const LONG: &str = "LONG";

/// Long enough to be still asleep whenever anybody looks, and told from what other runs of this test start.
fn long() -> String {
    format!("9{:08}", std::process::id())
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.get(1).map(String::as_str) {
        Some(JAIL_COMMAND) => sandbox::jail_main(),
        Some(PROGRAM) => template(&words[2]),
        _ => {}
    }
    harness::run(vec![
        ("a child has its output and its exit code", || {
            Box::pin(outcome())
        }),
        ("a child has walls of its own", || Box::pin(walls())),
        ("a child sees its own processes only", || Box::pin(pids())),
        ("each child has a temporary folder of its own", || {
            Box::pin(tmp())
        }),
        ("a child is given mounts and descriptors", || {
            Box::pin(given())
        }),
        ("a child has limits of its own", || Box::pin(limits())),
        ("a child can be killed", || Box::pin(killed())),
        ("a child can be held and let go", || Box::pin(held())),
        ("a template that ends leaves its children", || {
            Box::pin(orphans())
        }),
        ("nobody makes namespaces unasked", || Box::pin(unasked())),
        ("a child that speaks out of turn ends", || {
            Box::pin(out_of_turn())
        }),
        ("what cannot be forked is told", || Box::pin(unsafe_ones())),
        ("an isolated child has a network of its own", || {
            Box::pin(isolated())
        }),
        ("many children", || Box::pin(many())),
    ])
}

/// The inside: as a bootstrap does it.
fn template(mode: &str) -> ! {
    say("booted");
    let mut word = [0_u8; 8];
    // SAFETY: the buffer outlives the call.
    unsafe { libc::recv(CONTROL, word.as_mut_ptr().cast(), word.len(), 0) };
    let mut kept: Vec<Box<dyn std::any::Any>> = Vec::new();
    match mode {
        "thread" => drop(std::thread::spawn(|| {
            loop {
                std::thread::park();
            }
        })),
        "socket" => kept.push(Box::new(
            std::net::TcpListener::bind("127.0.0.1:0").unwrap(),
        )),
        "child" => drop(
            std::process::Command::new("/bin/sleep")
                .arg(std::env::var(LONG).unwrap())
                .spawn(),
        ),
        "file" => std::fs::write("/tmp/left", "").unwrap(),
        // SAFETY: a new mapping of its own.
        "shared" => drop(unsafe {
            let rights = libc::PROT_READ | libc::PROT_WRITE;
            let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
            libc::mmap(std::ptr::null_mut(), 4096, rights, kind, -1, 0)
        }),
        "hostile" => println!("unasked: {}", namespaces()),
        "exits" => std::process::exit(3),
        _ => {}
    }
    // A process with more threads than one is none to be forked, not even for that.
    // SAFETY: this process has one thread.
    if mode != "thread" && unsafe { rehearsal::fulmar_rehearse() } == 0 {
        kept.push(Box::new(vec![1_u8; 1 << 20]));
        // SAFETY: as above.
        unsafe { rehearsal::fulmar_learn() }
    }
    if mode == "says so" {
        say("it has a reason");
    } else {
        say("ready");
    }
    let mut message = vec![0; 64 << 10];
    // SAFETY: the buffer has the size that is said, and this process has one thread.
    let length = unsafe {
        fork::fulmar_serve(CONTROL);
        if mode == "speaks" {
            speak_out_of_turn();
        }
        fork::fulmar_told(message.as_mut_ptr(), message.len())
    };
    let script = String::from_utf8(message[..usize::try_from(length).unwrap()].to_vec()).unwrap();
    drop(kept);
    if script == "namespaces" {
        println!("{}", namespaces());
        std::process::exit(0);
    }
    let cause = std::os::unix::process::CommandExt::exec(
        std::process::Command::new("/bin/sh").args(["-c", &script]),
    );
    panic!("{cause}")
}

/// In a child, on whatever it may be heard, and then stays.
fn speak_out_of_turn() -> ! {
    for fd in 3..200 {
        // SAFETY: the bytes outlive the call.
        unsafe { libc::send(fd, b"what".as_ptr().cast(), 4, libc::MSG_NOSIGNAL) };
    }
    let sleeps = std::os::unix::process::CommandExt::exec(
        std::process::Command::new("/bin/sleep").arg(std::env::var(LONG).unwrap()),
    );
    panic!("{sleeps}")
}

fn say(word: &str) {
    // SAFETY: the bytes outlive the call.
    unsafe { libc::send(CONTROL, word.as_ptr().cast(), word.len(), 0) };
}

/// What becomes of the call that makes namespaces for children of templates.
fn namespaces() -> String {
    let flags = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS;
    // SAFETY: no pointers; what it would change is this process' alone.
    match unsafe { libc::unshare(flags) } {
        0 => "made".to_owned(),
        _ => std::io::Error::last_os_error().to_string(),
    }
}

struct Jailer {
    jail: NamespaceJail,
    folder: PathBuf,
}

impl Jailer {
    fn new() -> Self {
        let folder =
            std::env::temp_dir().join(format!("fulmar-fork-{}", base::Random::system().uuid()));
        std::fs::create_dir_all(folder.join("code")).unwrap();
        std::fs::write(folder.join("code/file"), "code").unwrap();
        let jail = NamespaceJail::new(folder.join("stage")).unwrap();
        Self { jail, folder }
    }

    fn prepare(&self, mode: &str, network: Network) -> Prepared {
        let program = Mount {
            source: std::env::current_exe().unwrap(),
            target: "/opt/program".into(),
            access: Access::ReadOnly,
        };
        let spec = Spec {
            argv: vec!["/opt/program".into(), PROGRAM.into(), mode.into()],
            env: vec![
                ("PATH".into(), "/usr/bin:/bin".into()),
                (LONG.into(), long()),
            ],
            cwd: "/".into(),
            mounts: vec![program],
            tmp: ByteSize::mib(4),
            limits: limits_of(64, 32),
            network,
            fds: Vec::new(),
        };
        let template = TemplateSpec {
            control: CONTROL,
            threads: 1,
            places: vec!["/var/task".into()],
        };
        self.jail.template(spec, template).unwrap()
    }

    async fn ready(&self) -> Template {
        let prepared = self.prepare("", Network::Host);
        prepared.template.ready().await.unwrap();
        prepared.template
    }
}

impl Drop for Jailer {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn limits_of(memory: u64, pids: u32) -> Limits {
    Limits {
        memory: ByteSize::mib(memory),
        cpu_milli: 1_000,
        starting_cpu_milli: 1_000,
        pids,
        files: 1_024,
    }
}

fn script(script: &str) -> Fork {
    Fork {
        mounts: Vec::new(),
        tmp: ByteSize::mib(4),
        limits: limits_of(64, 32),
        fds: Vec::new(),
        message: script.into(),
    }
}

async fn finish(mut child: Child) -> (String, Exit) {
    let (mut out, mut err) = (child.take_stdout().unwrap(), child.take_stderr().unwrap());
    let (mut printed, mut errors) = (String::new(), String::new());
    let (_, _, exit) = tokio::join!(
        async { out.read_to_string(&mut printed).await.unwrap() },
        async { err.read_to_string(&mut errors).await.unwrap() },
        child.wait()
    );
    (printed + &errors, exit)
}

async fn run(template: &Template, what: &str) -> (String, Exit) {
    finish(template.fork(script(what)).await.unwrap()).await
}

async fn outcome() {
    let jailer = Jailer::new();
    let template = jailer.ready().await;
    let (printed, exit) = run(&template, "echo hello; exit 7").await;
    assert_eq!((printed.as_str(), exit), ("hello\n", Exit::Code(7)));
    let (_, exit) = run(&template, "kill -SEGV $$").await;
    assert_eq!(exit, Exit::Signal(11));
}

async fn walls() {
    let jailer = Jailer::new();
    let template = jailer.ready().await;
    let (printed, _) = run(
        &template,
        "grep -E 'Cap|NoNew|Seccomp:|Uid' /proc/self/status; id -un; touch /usr/x /proc/sys/kernel/hostname; ls /sys /root; unshare -U true",
    )
    .await;
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(
            printed.contains(&format!("{set}:\t0000000000000000")),
            "{printed}"
        );
    }
    assert!(printed.contains("NoNewPrivs:\t1"), "{printed}");
    assert!(printed.contains("\nsandbox\n"), "{printed}");
    assert_eq!(printed.matches("cannot touch").count(), 2, "{printed}");
    assert_eq!(printed.matches("No such file").count(), 2, "{printed}");
    assert!(printed.contains("unshare failed"), "{printed}");
    if rustix::process::geteuid().is_root() {
        // Outside, each is somebody else.
        let uid = async || {
            let mut child = template.fork(script("sleep 100")).await.unwrap();
            let status = format!("/proc/{}/status", child.pid().unwrap());
            let status = std::fs::read_to_string(status).unwrap();
            child.kill();
            child.wait().await;
            let uid = status.lines().find(|line| line.starts_with("Uid:"));
            uid.unwrap().to_owned()
        };
        let (one, other) = (uid().await, uid().await);
        assert_ne!(one, other);
        assert!(!one.contains("Uid:\t0"), "{one}");
    }
}

async fn pids() {
    let jailer = Jailer::new();
    let template = jailer.ready().await;
    let mut other = template.fork(script("sleep 100")).await.unwrap();
    let (printed, _) = run(
        &template,
        "echo $$; echo /proc/[0-9]*; kill -9 1; kill -9 99",
    )
    .await;
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[1], format!("/proc/1 /proc/{}", lines[0]), "{printed}");
    other.kill();
    assert_eq!(other.wait().await, Exit::Signal(9));
}

async fn tmp() {
    let jailer = Jailer::new();
    let template = jailer.ready().await;
    let what = "ls -A /tmp /dev/shm; echo mine > /tmp/a; echo mine > /dev/shm/b; cat /tmp/a /dev/shm/b; \
                head -c 9000000 /dev/zero > /tmp/big; ls /tmp";
    for _ in 0..2 {
        let (printed, _) = run(&template, what).await;
        assert!(
            printed.starts_with("/dev/shm:\n\n/tmp:\nmine\nmine\na\nbig\n"),
            "{printed}"
        );
        assert!(printed.contains("No space left"), "{printed}");
    }
}

async fn given() {
    let jailer = Jailer::new();
    let template = jailer.ready().await;
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut fork =
        script("cat /var/task/file; touch /var/task/x; echo passed >&3; echo /proc/self/fd/*");
    fork.mounts.push(Mount {
        source: jailer.folder.join("code"),
        target: "/var/task".into(),
        access: Access::ReadOnly,
    });
    fork.fds.push(PassedFd {
        fd: writer.into(),
        number: 3,
    });
    let (printed, _) = finish(template.fork(fork).await.unwrap()).await;
    assert!(printed.starts_with("code"), "{printed}");
    assert!(printed.contains("Read-only file system"), "{printed}");
    // The last is the shell's own, on the folder that it lists.
    let open: Vec<&str> = printed
        .split_whitespace()
        .filter_map(|word| word.split_once("/proc/self/fd/"))
        .map(|(_, number)| number)
        .collect();
    assert_eq!(open, ["0", "1", "2", "3", "4"], "{printed}");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
    assert_eq!(text, "passed\n");
    // Others of the same template have none of it.
    let (printed, _) = run(&template, "ls /var/task; cat /var/task/file").await;
    assert!(printed.contains("No such file"), "{printed}");
}

async fn limits() {
    let jailer = Jailer::new();
    let template = jailer.ready().await;
    if template.memory().is_none() {
        println!("  not enforced here: this host gives us no control groups");
        return;
    }
    let eats = "x=a; while true; do x=$x$x; done";
    let (printed, exit) = run(&template, eats).await;
    assert_eq!(exit, Exit::OutOfMemory, "{printed}");
    let forks = "for i in $(seq 60); do sleep 5 & done; echo done";
    let mut child = template.fork(script(forks)).await.unwrap();
    assert!(child.peak_memory().unwrap() > ByteSize::bytes(0));
    let mut out = child.take_stderr().unwrap();
    let mut printed = String::new();
    while !printed.contains("ork") {
        let mut some = [0; 200];
        let length = out.read(&mut some).await.unwrap();
        assert!(length > 0, "{printed}");
        printed += &String::from_utf8_lossy(&some[..length]);
    }
    child.kill();
    child.wait().await;
}

async fn killed() {
    let jailer = Jailer::new();
    let sleep = format!("sleep {}", long());
    let template = jailer.ready().await;
    let mut child = template
        .fork(script(&format!("{sleep} & {sleep}")))
        .await
        .unwrap();
    child.kill();
    assert_eq!(child.wait().await, Exit::Signal(9));
    drop(template.fork(script(&sleep)).await.unwrap());
    tokio::time::timeout(LONGEST, async {
        while is_sleeping() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

/// Between times of work it does nothing, and lives; and what is held can still be killed.
async fn held() {
    let jailer = Jailer::new();
    let template = jailer.ready().await;
    let count = "echo begun; while :; do echo more >&2; done";
    let mut child = template.fork(script(count)).await.unwrap();
    let (mut said, mut counted) = (child.take_stdout().unwrap(), child.take_stderr().unwrap());
    said.read_exact(&mut [0; 6]).await.unwrap();
    let freezer = child.freezer().unwrap();
    freezer.freeze();
    // What was said before is still in the pipe, and then nothing comes.
    let mut text = [0; 64 << 10];
    let silence = Duration::from_millis(300);
    while let Ok(read) = tokio::time::timeout(silence, counted.read(&mut text)).await {
        assert!(read.unwrap() > 0);
    }
    freezer.thaw();
    assert!(counted.read(&mut text).await.unwrap() > 0);
    freezer.freeze();
    child.kill();
    assert_eq!(child.wait().await, Exit::Signal(9));
}

fn is_sleeping() -> bool {
    let sleep = format!("sleep\0{}\0", long());
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .any(|words| words.ends_with(sleep.as_bytes()))
}

async fn orphans() {
    let jailer = Jailer::new();
    let template = jailer.ready().await;
    let mut child = template.fork(script("read x <&3; echo $x")).await;
    assert!(child.is_ok());
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut fork = script("read x <&3; echo $x; exit 5");
    fork.fds.push(PassedFd {
        fd: reader.into(),
        number: 3,
    });
    child = template.fork(fork).await;
    let child = child.unwrap();
    drop(template);
    writer.write_all(b"still here\n").unwrap();
    let (printed, exit) = finish(child).await;
    assert_eq!((printed.as_str(), exit), ("still here\n", Exit::Code(5)));
}

async fn unasked() {
    let jailer = Jailer::new();
    let mut prepared = jailer.prepare("hostile", Network::Host);
    prepared.template.ready().await.unwrap();
    let mut printed = vec![0; 100];
    let length = prepared
        .stdout
        .as_mut()
        .unwrap()
        .read(&mut printed)
        .await
        .unwrap();
    let printed = String::from_utf8_lossy(&printed[..length]).into_owned();
    assert!(printed.contains("Operation not permitted"), "{printed}");
    let (printed, _) = run(&prepared.template, "namespaces").await;
    assert!(printed.contains("Operation not permitted"), "{printed}");
}

async fn out_of_turn() {
    let jailer = Jailer::new();
    let prepared = jailer.prepare("speaks", Network::Host);
    prepared.template.ready().await.unwrap();
    let refused = prepared.template.fork(script("echo hello")).await;
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("says what it should not"), "{refused}");
    // Its template is still held: it is not only what ends with that.
    tokio::time::timeout(LONGEST, async {
        while is_sleeping() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("a child that is not let go on does not stay");
}

async fn unsafe_ones() {
    let jailer = Jailer::new();
    let prepared = jailer.prepare("child", Network::Host);
    prepared.template.ready().await.unwrap_err();
    drop(prepared);
    tokio::time::timeout(LONGEST, async {
        while is_sleeping() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("what a template has started ends with it");
    for (mode, why) in [
        ("thread", "threads"),
        ("socket", "open"),
        ("child", "processes"),
        ("file", "temporary folder"),
        ("shared", "share"),
        ("exits", "ended"),
        ("says so", "it has a reason"),
    ] {
        let prepared = jailer.prepare(mode, Network::Host);
        let said = prepared.template.ready().await.unwrap_err().to_string();
        assert!(said.contains(why), "{mode}: {said}");
    }
}

async fn isolated() {
    let mut jailer = Jailer::new();
    let (doors, mut opened) = tokio::sync::mpsc::channel(4);
    jailer.jail = NamespaceJail::new(jailer.folder.join("stage"))
        .unwrap()
        .with_doors(doors);
    let prepared = jailer.prepare("", Network::Isolated { port: 4_000 });
    prepared.template.ready().await.unwrap();
    let (printed, _) = run(&prepared.template, "cat /proc/net/dev /proc/net/tcp").await;
    // Nothing but the loopback, and the door on it.
    assert_eq!(printed.matches("lo:").count(), 1, "{printed}");
    assert_eq!(printed.lines().count(), 3 + 2, "{printed}");
    assert!(printed.contains("0100007F:0FA0"), "{printed}");
    // The template's, and the child's.
    let (one, other) = (opened.recv().await.unwrap(), opened.recv().await.unwrap());
    assert_eq!(one.listener.local_addr().unwrap().port(), 4_000);
    other.closed.await.unwrap_err();
}

async fn many() {
    let jailer = Jailer::new();
    let template = jailer.ready().await;
    let watch = base::Stopwatch::start();
    const COUNT: u32 = 200;
    for number in 0..COUNT {
        let (printed, exit) = run(&template, &format!("echo {number}")).await;
        assert_eq!(
            (printed.trim(), exit),
            (number.to_string().as_str(), Exit::Code(0))
        );
    }
    println!("  {:?} each, with a shell", watch.elapsed() / COUNT);
    let mut took = Vec::new();
    for number in 0..COUNT {
        template
            .make_ahead(&limits_of(64, 32), ByteSize::mib(1))
            .await
            .unwrap();
        tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>())
            .await
            .unwrap_err();
        let watch = base::Stopwatch::start();
        let child = template
            .fork(script(&format!("echo {number}")))
            .await
            .unwrap();
        took.push(watch.elapsed());
        assert_eq!(finish(child).await.1, Exit::Code(0));
    }
    took.sort();
    println!(
        "  {:?} the fastest, {:?} the median, made ahead",
        took[0],
        took[took.len() / 2]
    );
    let watch = base::Stopwatch::start();
    let mut children = Vec::new();
    for _ in 0..COUNT {
        children.push(template.fork(script("sleep 100")).await.unwrap());
    }
    println!("  {:?} each, to the program", watch.elapsed() / COUNT);
    assert!(std::io::stdout().as_raw_fd() == 1);
}
