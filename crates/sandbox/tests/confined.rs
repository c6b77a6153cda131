//! Real confined processes. This test has its own `main`: started as the hidden subcommand, it becomes the jail.

#![expect(clippy::print_stdout, reason = "it is its own test harness")]

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use base::ByteSize;
#[path = "confined/calls.rs"]
mod calls;
mod harness;

use sandbox::{
    Access, Child, Exit, JAIL_COMMAND, Jail, Limits, Mount, NamespaceJail, Network, PassedFd, Spec,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some(JAIL_COMMAND) => sandbox::jail_main(),
        Some(calls::PROGRAM) => return calls::try_all(),
        Some(SERVER) => return server(),
        _ => {}
    }
    harness::run(vec![
        (
            "the output, the exit code and the environment are its own",
            || Box::pin(outcome()),
        ),
        ("nothing of the host's files is in sight", || {
            Box::pin(files())
        }),
        ("what is bound read-only cannot be written", || {
            Box::pin(binds())
        }),
        ("the temporary folder has its size", || Box::pin(tmp())),
        ("other processes are out of sight and out of reach", || {
            Box::pin(processes())
        }),
        ("it is nobody and can become nobody else", || {
            Box::pin(privileges())
        }),
        ("memory over the limit ends it", || Box::pin(memory())),
        ("processes over the limit are refused", || Box::pin(pids())),
        ("a descriptor is passed, and only that", || {
            Box::pin(descriptors())
        }),
        ("a host that can confine is said to", || Box::pin(probed())),
        ("killing ends everything in it", || Box::pin(kill())),
        ("a program that is not there is said so", || {
            Box::pin(missing())
        }),
        (
            "refused calls fail and others work",
            || Box::pin(filtered()),
        ),
        ("languages run in it", || Box::pin(languages())),
        ("its limits are the published ones", || Box::pin(limits())),
        ("the other wall stands too", || Box::pin(second_wall())),
        ("an isolated one reaches its door and nothing else", || {
            Box::pin(isolated())
        }),
        (
            "what is bound writable can be written, and sizes are as ordered",
            || Box::pin(writable()),
        ),
        ("many leave nothing behind", || Box::pin(many())),
        ("a keeper that is killed is replaced", || {
            Box::pin(killed_keeper())
        }),
        ("a server that is killed takes everything with it", || {
            Box::pin(orphans())
        }),
    ])
}

/// As which this test becomes a server that is to be killed.
const SERVER: &str = "__server";

/// Long enough to be still running whenever anybody looks, and told from what other runs of this test start.
fn sleep_of(server: u32) -> String {
    format!("sleep 9{server:08}")
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

struct Jailer {
    jail: NamespaceJail,
    folder: PathBuf,
}

impl Jailer {
    fn new() -> Self {
        let folder =
            std::env::temp_dir().join(format!("fulmar-jail-{}", base::Random::system().uuid()));
        std::fs::create_dir_all(folder.join("code")).unwrap();
        std::fs::write(folder.join("code/file"), "code").unwrap();
        std::fs::write(folder.join("secret"), "secret").unwrap();
        let jail = NamespaceJail::new(folder.join("stage")).unwrap();
        Self { jail, folder }
    }

    fn shell(&self, script: &str) -> Spec {
        let code = Mount {
            source: self.folder.join("code"),
            target: "/var/task".into(),
            access: Access::ReadOnly,
        };
        Spec {
            argv: vec!["/bin/sh".into(), "-c".into(), script.into()],
            env: vec![
                ("PATH".into(), "/usr/bin:/bin".into()),
                ("WORD".into(), "hello".into()),
            ],
            cwd: "/var/task".into(),
            mounts: vec![code],
            tmp: ByteSize::mib(4),
            limits: Limits {
                memory: ByteSize::mib(64),
                cpu_milli: 1_000,
                starting_cpu_milli: 1_000,
                pids: 32,
                files: 1_024,
            },
            network: Network::Host,
            fds: Vec::new(),
        }
    }

    async fn run(&self, script: &str) -> (String, Exit) {
        finish(self.jail.spawn(self.shell(script)).unwrap()).await
    }
}

impl Drop for Jailer {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
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

async fn outcome() {
    let jailer = Jailer::new();
    let (printed, exit) = jailer.run("echo $WORD from $PWD; env | sort; exit 7").await;
    assert_eq!(exit, Exit::Code(7), "{printed}");
    assert_eq!(
        printed,
        "hello from /var/task\nPATH=/usr/bin:/bin\nPWD=/var/task\nWORD=hello\n"
    );
    let (_, exit) = jailer.run("kill -SEGV $$").await;
    assert_eq!(exit, Exit::Signal(11));
}

async fn files() {
    let jailer = Jailer::new();
    let secret = jailer.folder.join("secret");
    let (printed, _) = jailer
        .run(&format!(
            "ls /; ls /tmp /root /home {} 2>&1; cat {} 2>&1",
            env!("CARGO_MANIFEST_DIR"),
            secret.display()
        ))
        .await;
    let top: Vec<&str> = printed
        .lines()
        .take_while(|line| !line.contains(':') && !line.starts_with("ls"))
        .collect();
    assert!(
        ["bin", "dev", "etc", "proc", "tmp", "usr", "var"]
            .iter()
            .all(|name| top.contains(name)),
        "{printed}"
    );
    assert!(
        ["root", "home", "sys", "boot", "work", "opt"]
            .iter()
            .all(|name| !top.contains(name)),
        "{printed}"
    );
    assert!(!printed.contains("secret\n"), "{printed}");
    assert!(printed.contains("No such file"), "{printed}");
    let (printed, _) = jailer
        .run("cat /etc/passwd; ls /etc/shadow /dev/sda /dev/vda /dev/mem 2>&1")
        .await;
    assert_eq!(
        printed.lines().filter(|line| line.contains(":x:")).count(),
        2,
        "{printed}"
    );
    assert_eq!(printed.matches("No such file").count(), 4, "{printed}");
    let (printed, _) = jailer.run("cat /etc/hosts").await;
    let ours = std::fs::read_to_string("/etc/hosts").unwrap();
    let more = printed.strip_prefix(&ours).unwrap();
    assert_eq!(more, "\n127.0.0.1 sandbox.localdomain sandbox\n");
}

async fn binds() {
    let jailer = Jailer::new();
    let (printed, _) = jailer
        .run("cat /var/task/file; echo x > /var/task/file; touch /var/task/new /usr/new /new /etc/new /proc/sys/kernel/core_pattern; echo x > /proc/sys/kernel/core_pattern; mount -o remount,rw / ; true")
        .await;
    assert!(printed.starts_with("code"), "{printed}");
    assert_eq!(
        std::fs::read_to_string(jailer.folder.join("code/file")).unwrap(),
        "code"
    );
    assert!(!jailer.folder.join("code/new").exists());
    assert!(
        printed.matches("Read-only file system").count() >= 4,
        "{printed}"
    );
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    assert_ne!(pattern.trim(), "x");
}

async fn tmp() {
    let jailer = Jailer::new();
    let (printed, _) = jailer.run("head -c 3000000 /dev/zero > /tmp/a && echo fits; head -c 3000000 /dev/zero > /tmp/b || echo full").await;
    assert!(
        printed.contains("fits") && printed.contains("full"),
        "{printed}"
    );
    let (printed, _) = jailer.run("ls -A /tmp").await;
    assert_eq!(printed, "", "nothing is left for the next");
}

async fn processes() {
    let jailer = Jailer::new();
    let (printed, _) = jailer
        .run(&format!(
            "echo /proc/[0-9]*; kill -0 {} 2>&1; hostname",
            std::process::id()
        ))
        .await;
    assert!(printed.starts_with("/proc/1 /proc/"), "{printed}");
    assert!(
        printed.lines().next().unwrap().split(' ').count() <= 4,
        "{printed}"
    );
    assert!(printed.contains("No such process"), "{printed}");
    assert!(printed.contains("sandbox"), "{printed}");
}

async fn privileges() {
    let jailer = Jailer::new();
    let look = "id -u; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; unshare -U true 2>&1; mount -t tmpfs x /tmp 2>&1; cat /proc/1/environ /proc/1/maps 2>&1";
    let (printed, _) = jailer.run(look).await;
    let user: u32 = printed.lines().next().unwrap().parse().unwrap();
    assert_eq!(printed.matches("0000000000000000").count(), 5, "{printed}");
    assert!(printed.contains("NoNewPrivs:\t1"), "{printed}");
    assert!(printed.contains("Seccomp:\t2"), "{printed}");
    assert_eq!(printed.matches("Permission denied").count(), 2, "{printed}");
    if is_root() {
        let (other, _) = jailer.run("id -u").await;
        assert_ne!(
            user.to_string(),
            other.trim(),
            "root gives each a user of its own"
        );
    } else {
        assert_eq!(user, 65_534);
    }
}

async fn memory() {
    let jailer = Jailer::new();
    let mut spec = jailer.shell("head -c 200000000 /dev/zero | tail -c 200000000 | wc -c");
    spec.limits.memory = ByteSize::mib(32);
    let child = jailer.jail.spawn(spec).unwrap();
    let limited = !matches!(
        sandbox::probe(jailer.folder.join("stage")).await.cgroups,
        sandbox::Cgroups::None(_)
    );
    let (printed, exit) = finish(child).await;
    if limited {
        assert_eq!(exit, Exit::OutOfMemory, "{printed}");
    } else {
        println!("  not enforced here: this host gives us no control groups");
    }
}

async fn pids() {
    let jailer = Jailer::new();
    let (printed, _) = jailer.run("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40; do sleep 60 & done 2>&1; echo started").await;
    // With a control group or without: nobody else in it is the same user.
    assert!(printed.to_lowercase().contains("fork"), "{printed}");
}

async fn descriptors() {
    let jailer = Jailer::new();
    let given = |number: i32| {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let fd = OwnedFd::from(theirs);
        let ours = tokio::net::UnixStream::from_std(ours).unwrap();
        (ours, PassedFd { fd, number })
    };
    let mut spec = jailer.shell("read line <&3; echo \"got $line\" >&3; ls /proc/self/fd");
    // Whichever number it is, nobody but the program has spoken there.
    let (mut others, others_theirs): (Vec<_>, Vec<_>) = (4..=9).map(given).unzip();
    let (mut ours, theirs) = given(3);
    spec.fds = std::iter::once(theirs).chain(others_theirs).collect();
    let child = jailer.jail.spawn(spec).unwrap();
    ours.write_all(b"news\n").await.unwrap();
    let (printed, _) = finish(child).await;
    let mut answer = String::new();
    ours.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "got news\n");
    for other in &mut others {
        other.read_to_string(&mut answer).await.unwrap();
    }
    assert_eq!(answer, "got news\n");
    // The last is the one that `ls` has open itself.
    assert_eq!(printed, "0\n1\n10\n2\n3\n4\n5\n6\n7\n8\n9\n");
    let mut spec = jailer.shell("");
    spec.argv[0] = "/no/such/program".into();
    spec.fds = (4..=9).map(|number| given(number).1).collect();
    let exit = jailer.jail.spawn(spec).unwrap().wait().await;
    assert!(
        matches!(&exit, Exit::NotConfined(why) if why.contains("/no/such/program")),
        "{exit:?}"
    );
}

async fn probed() {
    let jailer = Jailer::new();
    let report = sandbox::probe(jailer.folder.join("stage")).await;
    assert_eq!(report.confined, Ok(()));
}

async fn kill() {
    let jailer = Jailer::new();
    let mut child = jailer
        .jail
        .spawn(jailer.shell("echo ready; (trap '' TERM; setsid sleep 12345) & sleep 12345"))
        .unwrap();
    let mut out = child.take_stdout().unwrap();
    let mut word = [0; 5];
    out.read_exact(&mut word).await.unwrap();
    child.kill();
    assert!(matches!(child.wait().await, Exit::Signal(9)));
    let left = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|process| {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            line.starts_with(b"sleep\x0012345")
        });
    assert_eq!(left.count(), 0);
}

async fn missing() {
    let jailer = Jailer::new();
    let mut spec = jailer.shell("");
    spec.argv = vec!["/no/such/program".into()];
    let (_, exit) = finish(jailer.jail.spawn(spec).unwrap()).await;
    assert!(
        matches!(&exit, Exit::NotConfined(why) if why.contains("/no/such/program")),
        "{exit:?}"
    );
}

async fn filtered() {
    let jailer = Jailer::new();
    let mut spec = jailer.shell("");
    spec.mounts.push(Mount {
        source: std::env::current_exe().unwrap(),
        target: "/opt/calls".into(),
        access: Access::ReadOnly,
    });
    spec.argv = vec!["/opt/calls".into(), calls::PROGRAM.into()];
    let (printed, exit) = finish(jailer.jail.spawn(spec).unwrap()).await;
    assert_eq!(exit, Exit::Code(0), "{printed}");
    assert!(printed.contains("all as they should be"), "{printed}");
}

async fn languages() {
    let jailer = Jailer::new();
    let run = async |program: &str, words: &[&str], expected: &str| {
        let Ok(found) = std::path::Path::new(program).canonicalize() else {
            println!("  {program} is not here");
            return;
        };
        let mut spec = jailer.shell("");
        spec.limits.memory = ByteSize::mib(512);
        spec.argv = vec![found.display().to_string()];
        spec.argv
            .extend(words.iter().map(|word| (*word).to_owned()));
        let (printed, exit) = finish(jailer.jail.spawn(spec).unwrap()).await;
        assert_eq!(
            (printed.trim(), exit),
            (expected, Exit::Code(0)),
            "{program}"
        );
    };
    run("/usr/bin/node", &["-e", NODE], "worker 42 child hello").await;
    run("/usr/bin/python3", &["-c", PYTHON], "thread 42 child hello").await;
    run(
        "/bin/bash",
        &[
            "-c",
            "mkfifo /tmp/p; (echo hello > /tmp/p) & read w < /tmp/p; echo $w",
        ],
        "hello",
    )
    .await;
}

const NODE: &str = r#"
const { Worker } = require("node:worker_threads");
const { execFileSync } = require("node:child_process");
const worker = new Worker("require('node:worker_threads').parentPort.postMessage(6 * 7)", { eval: true });
worker.on("message", (n) => console.log("worker", n, "child", execFileSync("/bin/echo", ["hello"]).toString().trim()));
require("node:os").networkInterfaces();
require("node:fs").watch("/tmp").close();
"#;

const PYTHON: &str = r#"
import threading, subprocess, multiprocessing, socket, ssl, asyncio, tempfile
found = []
thread = threading.Thread(target=lambda: found.append(6 * 7)); thread.start(); thread.join()
asyncio.run(asyncio.sleep(0))
multiprocessing.Lock()
child = subprocess.run(["/bin/echo", "hello"], capture_output=True, text=True).stdout.strip()
with tempfile.TemporaryFile() as file: file.write(b"x")
print("thread", found[0], "child", child)
"#;

async fn limits() {
    let jailer = Jailer::new();
    let (printed, _) = jailer
        .run("ulimit -Sn; ulimit -Hn; ulimit -c; ls /sys 2>&1; ls -l /dev | wc -l")
        .await;
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..3], ["1024", "1024", "0"], "{printed}");
    assert!(lines[3].contains("No such file"), "{printed}");
    assert_eq!(lines[4], "11", "five devices, four links, shm: {printed}");
    // Without control groups the number of processes is all that is limited.
    let (printed, _) = jailer
        .run("i=0; while [ $i -lt 60 ]; do sleep 60 & i=$((i + 1)); done; echo started all")
        .await;
    assert!(!printed.contains("started all"), "{printed}");
}

async fn second_wall() {
    let jailer = Jailer::new();
    let stage = jailer.folder.join("probe");
    let Some(version) = sandbox::probe(stage).await.landlock else {
        println!("  this kernel has no Landlock");
        return;
    };
    // Its owner may write there, and the mounts let it: only Landlock does not.
    let (printed, _) = jailer.run("echo 15 > /proc/self/oom_score_adj").await;
    assert!(printed.contains("Permission denied"), "{printed}");
    let (printed, _) = jailer
        .run("mkdir /tmp/a /tmp/b && echo x > /tmp/a/f && mv /tmp/a/f /tmp/b/g && ln /tmp/b/g /tmp/a/h && cat /tmp/a/h > /dev/null && echo moved")
        .await;
    assert_eq!(printed, "moved\n");
    if version >= 6 && std::path::Path::new("/usr/bin/python3").exists() {
        let name = format!("fulmar-{}", base::Random::system().uuid());
        let address = {
            use std::os::linux::net::SocketAddrExt;
            std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap()
        };
        let _listener = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
        let (printed, _) = jailer
            .run(&format!(
                "/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"\\0{name}\")' 2>&1"
            ))
            .await;
        assert!(printed.contains("PermissionError"), "{printed}");
    }
}

async fn isolated() {
    let mut jailer = Jailer::new();
    let (doors, mut opened) = tokio::sync::mpsc::channel(4);
    jailer.jail = NamespaceJail::new(jailer.folder.join("stage"))
        .unwrap()
        .with_doors(doors);
    let outside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let script = format!(
        "cat /proc/net/dev | tail -n +3 | cut -d: -f1; exec 5<>/dev/tcp/127.0.0.1/4566; read word <&5; echo $word; \
         exec 5<>/dev/tcp/127.0.0.1/9001; read word <&5; echo $word; \
         (exec 6<>/dev/tcp/127.0.0.1/{}) 2>&1; (exec 7<>/dev/tcp/192.0.2.1/80) 2>&1; true",
        outside.local_addr().unwrap().port()
    );
    let mut spec = jailer.shell("");
    spec.argv = vec!["/bin/bash".into(), "-c".into(), script];
    spec.network = Network::Isolated { port: 4_566 };
    let serve = async {
        let door = opened.recv().await.unwrap();
        let listener = tokio::net::TcpListener::from_std(door.listener).unwrap();
        let (mut stream, peer) = listener.accept().await.unwrap();
        assert!(peer.ip().is_loopback());
        stream.write_all(b"welcome\n").await.unwrap();
        // The instance ends only afterwards.
        let _ = door.closed.await;
    };
    let mut child = jailer.jail.spawn(spec).unwrap();
    let own = child.listener().await.unwrap();
    own.set_nonblocking(true).unwrap();
    let own = tokio::net::TcpListener::from_std(own).unwrap();
    let whisper = async {
        let (mut stream, _) = own.accept().await.unwrap();
        stream.write_all(b"only you\n").await.unwrap();
    };
    let (_, (), (printed, exit)) = tokio::join!(serve, whisper, finish(child));
    assert_eq!(exit, Exit::Code(0), "{printed}");
    assert!(printed.contains("lo\nwelcome\nonly you\n"), "{printed}");
    assert!(printed.contains("Connection refused"), "{printed}");
    assert!(printed.contains("Network is unreachable"), "{printed}");
}

fn server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let jailer = Jailer::new();
        let sleep = sleep_of(std::process::id());
        let script = format!("(setsid {sleep}) & echo ready; {sleep}");
        let mut child = jailer.jail.spawn(jailer.shell(&script)).unwrap();
        let mut word = [0; 5];
        let mut out = child.take_stdout().unwrap();
        out.read_exact(&mut word).await.unwrap();
        println!("{}", jailer.folder.display());
        child.wait().await;
    });
}

async fn orphans() {
    let mut server = tokio::process::Command::new(std::env::current_exe().unwrap())
        .arg(SERVER)
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let pid = server.id().unwrap();
    let mut line = String::new();
    let mut out = tokio::io::BufReader::new(server.stdout.take().unwrap());
    tokio::io::AsyncBufReadExt::read_line(&mut out, &mut line)
        .await
        .unwrap();
    let sleepers = || {
        let wanted = sleep_of(pid).replace(' ', "\0");
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let lines =
            processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        lines
            .filter(|line| line.starts_with(wanted.as_bytes()))
            .count()
    };
    while sleepers() < 2 {
        tokio::task::yield_now().await;
    }
    server.kill().await.unwrap();
    let watch = base::Stopwatch::start();
    while sleepers() > 0 {
        assert!(watch.elapsed().as_secs() < 5, "something lives on");
        tokio::task::yield_now().await;
    }
    // Nothing was mounted where others could see it, so the folder can go.
    std::fs::remove_dir_all(line.trim()).unwrap();
    drop(Jailer::new());
    let left = ["memory", "cpu", "pids", "."].map(|controller| {
        let ours = std::path::Path::new("/sys/fs/cgroup")
            .join(controller)
            .join("fulmar");
        let servers = std::fs::read_dir(ours).into_iter().flatten().flatten();
        let of = |name: std::ffi::OsString| name.to_string_lossy().starts_with(&format!("{pid}-"));
        servers.filter(|server| of(server.file_name())).count()
    });
    assert_eq!(left, [0; 4], "the next start sweeps the groups");
}

/// What there is of this process's sandboxes: its control groups, its children's children, and its descriptors.
fn traces() -> (usize, usize, usize) {
    let own = format!("{}-", std::process::id());
    let folders = |path: PathBuf| {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        entries.filter(|entry| entry.path().is_dir())
    };
    let servers = ["memory", "cpu", "pids", "."]
        .map(|controller| PathBuf::from(format!("/sys/fs/cgroup/{controller}/fulmar")))
        .into_iter()
        .flat_map(folders)
        .filter(|server| server.file_name().to_string_lossy().starts_with(&own));
    let groups = servers.flat_map(|server| folders(server.path())).count();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let ours = processes.filter(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let status = std::fs::read_to_string(process.path().join("status")).unwrap_or_default();
        line.ends_with(&[JAIL_COMMAND.as_bytes(), b"\0"].concat()) && descends(&status)
    });
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
    (groups, ours.count(), descriptors)
}

/// Whether the process with this status comes of this one.
fn descends(status: &str) -> bool {
    let parent = |status: &str| {
        let line = status.lines().find(|line| line.starts_with("PPid:"))?;
        line.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let mut next = parent(status);
    while let Some(pid) = next {
        if pid == std::process::id() {
            return true;
        }
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        next = parent(&status);
    }
    false
}

async fn many() {
    let before = traces();
    let jailer = Jailer::new();
    let run = async || {
        let (printed, exit) = jailer.run("echo hello").await;
        assert_eq!((printed.as_str(), exit), ("hello\n", Exit::Code(0)));
    };
    run().await;
    for _ in 0..4 {
        // All are there at once before the first ends.
        let mut children = Vec::new();
        for _ in 0..50 {
            let child = jailer.jail.spawn(jailer.shell("read word; echo hello"));
            children.push(child.unwrap());
        }
        for child in children {
            let (printed, exit) = finish(child).await;
            assert_eq!((printed.as_str(), exit), ("hello\n", Exit::Code(0)));
        }
    }
    for _ in 0..AFTER_ANOTHER {
        run().await;
    }
    // What is made ahead stays, and nothing else: of each group at most three folders, of each instance two processes.
    let within = |(groups, processes, descriptors): (usize, usize, usize)| {
        let (_, ours, open) = before;
        groups <= 3 * (32 + 4) && processes <= ours + 2 + 2 * 4 && descriptors <= open + 60
    };
    let watch = base::Stopwatch::start();
    while !within(traces()) {
        assert!(watch.elapsed().as_secs() < 10, "{:?} {before:?}", traces());
        tokio::task::yield_now().await;
    }
    drop(jailer);
    let watch = base::Stopwatch::start();
    // What an earlier test has left may just have been ending before.
    let all_gone = |(groups, processes, descriptors): (usize, usize, usize)| {
        groups <= before.0 && processes <= before.1 && descriptors <= before.2
    };
    while !all_gone(traces()) {
        assert!(watch.elapsed().as_secs() < 10, "{:?} {before:?}", traces());
        tokio::task::yield_now().await;
    }
}

/// In the one test that runs longest.
const AFTER_ANOTHER: usize = 300;

async fn killed_keeper() {
    let jailer = Jailer::new();
    let (_, exit) = jailer.run("true").await;
    assert_eq!(exit, Exit::Code(0));
    let children = std::fs::read_dir("/proc").unwrap().flatten();
    let keepers = children.filter(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let status = std::fs::read_to_string(process.path().join("status")).unwrap_or_default();
        let ours = format!("PPid:\t{}\n", std::process::id());
        line.ends_with(&[JAIL_COMMAND.as_bytes(), b"\0"].concat()) && status.contains(&ours)
    });
    let keepers: Vec<i32> = keepers
        .map(|process| process.file_name().to_str().unwrap().parse().unwrap())
        .collect();
    assert!(!keepers.is_empty());
    let mut child = jailer.jail.spawn(jailer.shell("sleep 60")).unwrap();
    for keeper in keepers {
        let pid = rustix::process::Pid::from_raw(keeper).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    // What it had made goes with it, and the next start has a new one.
    assert!(matches!(
        child.wait().await,
        Exit::Signal(9) | Exit::NotConfined(_)
    ));
    let watch = base::Stopwatch::start();
    while jailer.run("true").await.1 != Exit::Code(0) {
        assert!(watch.elapsed().as_secs() < 5, "no new keeper");
    }
}

async fn writable() {
    let jailer = Jailer::new();
    std::fs::create_dir(jailer.folder.join("shared")).unwrap();
    let mut spec = jailer.shell("echo new > /mnt/shared/file; cat /mnt/shared/file");
    spec.mounts.push(Mount {
        source: jailer.folder.join("shared"),
        target: "/mnt/shared".into(),
        access: Access::ReadWrite,
    });
    let folder: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(jailer.folder.join("shared"), folder).unwrap();
    let (printed, exit) = finish(jailer.jail.spawn(spec).unwrap()).await;
    assert_eq!((printed.as_str(), exit), ("new\n", Exit::Code(0)));
    // With another size for the temporary folder than those have that were made ahead.
    let mut spec = jailer.shell("head -c 6000000 /dev/zero > /tmp/a && echo fits");
    spec.tmp = ByteSize::mib(8);
    for _ in 0..3 {
        let again = Spec {
            argv: spec.argv.clone(),
            env: spec.env.clone(),
            cwd: spec.cwd.clone(),
            mounts: spec.mounts.clone(),
            fds: Vec::new(),
            ..spec
        };
        let (printed, _) = finish(jailer.jail.spawn(again).unwrap()).await;
        assert_eq!(printed, "fits\n");
        jailer.run("true").await;
    }
}
