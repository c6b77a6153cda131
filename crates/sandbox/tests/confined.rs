//! Real confined processes. This test has its own `main`: started as the hidden subcommand, it becomes the jail.

#![expect(clippy::print_stdout, reason = "it is its own test harness")]

use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use base::ByteSize;
use sandbox::{
    Access, Child, Exit, JAIL_COMMAND, Jail, Limits, Mount, NamespaceJail, Network, PassedFd, Spec,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn main() {
    if std::env::args().nth(1).as_deref() == Some(JAIL_COMMAND) {
        sandbox::jail_main();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let wanted = std::env::args()
        .nth(1)
        .filter(|word| !word.starts_with('-'));
    let mut count = 0;
    let mut check = |name: &str, test: std::pin::Pin<Box<dyn Future<Output = ()>>>| {
        if wanted.as_ref().is_none_or(|wanted| name.contains(wanted)) {
            println!("test {name} ...");
            runtime.block_on(test);
            count += 1;
        }
    };
    check(
        "the output, the exit code and the environment are its own",
        Box::pin(outcome()),
    );
    check("nothing of the host's files is in sight", Box::pin(files()));
    check(
        "what is bound read-only cannot be written",
        Box::pin(binds()),
    );
    check("the temporary folder has its size", Box::pin(tmp()));
    check(
        "other processes are out of sight and out of reach",
        Box::pin(processes()),
    );
    check(
        "it is nobody and can become nobody else",
        Box::pin(privileges()),
    );
    check("memory over the limit ends it", Box::pin(memory()));
    check("processes over the limit are refused", Box::pin(pids()));
    check(
        "a descriptor is passed, and only that",
        Box::pin(descriptors()),
    );
    check("killing ends everything in it", Box::pin(kill()));
    check(
        "a program that is not there is said so",
        Box::pin(missing()),
    );
    println!("test result: ok. {count} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
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
    tokio::join!(
        async { out.read_to_string(&mut printed).await.unwrap() },
        async { err.read_to_string(&mut errors).await.unwrap() }
    );
    (printed + &errors, child.wait().await)
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
    let (printed, _) = jailer.run("grep -E 'Uid|CapEff|CapBnd|NoNewPrivs' /proc/self/status; unshare -U true 2>&1; mount -t tmpfs x /tmp 2>&1").await;
    assert!(
        printed.contains("Uid:\t65534\t65534\t65534\t65534"),
        "{printed}"
    );
    assert_eq!(printed.matches("0000000000000000").count(), 2, "{printed}");
    assert!(printed.contains("NoNewPrivs:\t1"), "{printed}");
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
    let limited = !matches!(
        sandbox::probe(jailer.folder.join("stage")).await.cgroups,
        sandbox::Cgroups::None(_)
    );
    if limited {
        assert!(printed.to_lowercase().contains("fork"), "{printed}");
    } else {
        println!("  not enforced here: this host gives us no control groups");
    }
}

async fn descriptors() {
    let jailer = Jailer::new();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let mut ours = tokio::net::UnixStream::from_std(ours).unwrap();
    let mut spec = jailer.shell("read line <&3; echo \"got $line\" >&3; ls /proc/self/fd");
    spec.fds = vec![PassedFd {
        fd: OwnedFd::from(theirs),
        number: 3,
    }];
    let child = jailer.jail.spawn(spec).unwrap();
    ours.write_all(b"news\n").await.unwrap();
    let (printed, _) = finish(child).await;
    let mut answer = String::new();
    ours.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "got news\n");
    // The last is the one that `ls` has open itself.
    assert_eq!(printed, "0\n1\n2\n3\n4\n");
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
