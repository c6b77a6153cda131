//! Python's.

use std::os::unix::fs::PermissionsExt;

use runtimes::{Error, Packages};

use crate::harness::Named;
use crate::{Instance, Start, World, all_differ, answers, fewest_faults, is_wrapped};

const RUNTIME: &str = "python3.12";

pub(crate) fn tests() -> Vec<Named> {
    vec![
        ("python: a placeholder becomes an instance", || {
            Box::pin(placeholder())
        }),
        ("python: a placeholder's child gets its own modules", || {
            Box::pin(modules())
        }),
        ("python: what the runtime brings comes after layers", || {
            Box::pin(brought())
        }),
        ("python: a wrapper starts the language", || {
            Box::pin(wrapped())
        }),
        (
            "python: a variable that is read at start gets a start",
            || Box::pin(variables()),
        ),
        (
            "python: chance differs between forks",
            || Box::pin(chance()),
        ),
        ("python: what was seeded on purpose is the same", || {
            Box::pin(seeded())
        }),
        ("python: credentials are each one's own", || {
            Box::pin(credentials())
        }),
        ("python: initialisation runs once", || Box::pin(once())),
        ("python: a fork is given what it will write to", || {
            Box::pin(given())
        }),
        (
            "python: what the code wants done after a fork is done",
            || Box::pin(after()),
        ),
        ("python: forks can do what processes can", || {
            Box::pin(abilities())
        }),
        ("python: what cannot be forked says so", || {
            Box::pin(unsafe_ones())
        }),
        (
            "python: a template that is dropped leaves its instances",
            || Box::pin(orphans()),
        ),
    ]
}

async fn placeholder() {
    let code = "import os, sys\n\
                def handler(event, context):\n    \
                    return [event, os.environ.get('WORD'), os.getcwd(), sorted(v for v in os.environ if 'FULMAR' in v),\n        \
                        os.environ['LAMBDA_TASK_ROOT'], sys.path[0], os.listdir('/tmp'), context.function_name, __file__]\n";
    let mut world = World::new(RUNTIME, "app.handler", &[("app.py", code)]);
    world.environment = vec![
        ("WORD".into(), "hello".into()),
        ("AWS_LAMBDA_FUNCTION_NAME".into(), "f".into()),
    ];
    if !world.has_a_placeholder().await {
        return;
    }
    for number in 0..5 {
        let mut instance = world.start().await;
        assert_eq!(instance.start, Start::Placeholder);
        assert_eq!(
            instance.call(&number.to_string()).await,
            format!(
                "[{number}, \"hello\", \"/var/task\", [], \"/var/task\", \"/var/task\", [], \"f\", \"/var/task/app.py\"]"
            )
        );
        world.runtimes.clone().look_ahead(RUNTIME.into()).await;
    }
}

async fn modules() {
    let code = "import queue, secrets, logging\n\
                def handler(event, context):\n    \
                    logging.getLogger().warning('x')\n    \
                    return [queue.MINE, secrets.__file__.startswith('/var/task')]\n";
    let files = [("app.py", code), ("queue.py", "MINE = 'mine'\n")];
    let world = World::new(RUNTIME, "app.handler", &files);
    if world.has_a_placeholder().await {
        let mut instance = world.start().await;
        assert_eq!(instance.start, Start::Placeholder);
        assert_eq!(instance.call("0").await, "[\"mine\", false]");
    }
}

async fn brought() {
    const SAID: &str = "[\"brought\", \"of a layer\", \"a script of a layer\"]";
    let code = "import of_the_runtime, of_both, subprocess\n\
                def handler(event, context):\n    \
                    said = subprocess.run('/opt/script', capture_output=True, text=True).stdout\n    \
                    return [of_the_runtime.WORD, of_both.WORD, said]\n";
    // As packages of public layers have it.
    let script = "#!/var/lang/bin/python\nprint('a script of a layer', end='')\n";
    let files = [
        ("../layers/script", script),
        ("app.py", code),
        ("../layers/python/of_both.py", "WORD = 'of a layer'\n"),
    ];
    let world = World::new(RUNTIME, "app.handler", &files);
    let modules = world.folder.join("runtimes/packages/brought");
    std::fs::create_dir_all(&modules).unwrap();
    for name in ["of_both.py", "of_the_runtime.py"] {
        std::fs::write(modules.join(name), "WORD = 'brought'\n").unwrap();
    }
    let mode = PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(world.folder.join("code/../layers/script"), mode).unwrap();
    let packages = Packages::of_server(&world.folder);
    let launch = world.launch();
    packages
        .bring(&launch.code, &launch.runtime, Some(&modules))
        .unwrap();
    match world.runtimes.launch(launch).await {
        Err(Error::NotInstalled(_)) => return,
        booted => assert_eq!(Instance::new(booted.unwrap()).call("0").await, SAID),
    }
    if !world.has_a_placeholder().await {
        return;
    }
    let mut instance = world.start().await;
    assert_eq!(instance.start, Start::Placeholder);
    assert_eq!(instance.call("0").await, SAID);
    let template = world.template().await.unwrap();
    assert_eq!(world.fork(&template).await.call("0").await, SAID);
}

async fn wrapped() {
    let code = "import os, sys\ndef handler(event, context):\n    return [sys.flags.dev_mode, os.environ['LAST']]\n";
    is_wrapped(("app.py", code), RUNTIME, "-Xdev").await;
}

async fn variables() {
    let code = "import sys\ndef handler(event, context): return [hash('a'), sys.flags.hash_randomization]\n";
    let mut world = World::new(RUNTIME, "app.handler", &[("app.py", code)]);
    if !world.has_a_placeholder().await {
        return;
    }
    world.environment = vec![("PYTHONHASHSEED".into(), "0".into())];
    let mut instance = world.start().await;
    assert_eq!(instance.start, Start::Boot);
    assert!(instance.call("0").await.ends_with(", 0]"));
}

const CHANCE: &str = "import random, uuid, os, ssl, secrets, tempfile, hashlib
random.random(); uuid.uuid4(); uuid.uuid1(); ssl.RAND_bytes(8)
own = random.Random()
own.random()
context = ssl.create_default_context()
try:
    import numpy
    numpy.random.random(); of_numpy = numpy.random.default_rng()
    numbers = lambda: [int(numpy.random.randint(1 << 30)), int(of_numpy.integers(1 << 40))]
except ImportError:
    numbers = lambda: []
draws = {
    'random': lambda: [random.getrandbits(64), random.choice(range(1 << 40))],
    'own': lambda: own.getrandbits(64),
    'uuid4': lambda: str(uuid.uuid4()),
    'uuid1': lambda: str(uuid.uuid1()),
    'ssl': lambda: ssl.RAND_bytes(16).hex(),
    'secrets': lambda: secrets.token_hex(),
    'numpy': lambda: numbers() or os.urandom(8).hex(),
    'tls': lambda: hello(),
}
def hello():
    # What a client says first, with its random and its session.
    came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    try: context.wrap_bio(came, goes, server_hostname='example.org').do_handshake()
    except ssl.SSLWantReadError: pass
    return goes.read()[11:75].hex()
def handler(event, context): return draws[event]()
";

async fn chance() {
    let world = World::new(RUNTIME, "app.handler", &[("app.py", CHANCE)]);
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    for what in [
        "random", "own", "uuid4", "uuid1", "ssl", "secrets", "numpy", "tls",
    ] {
        let event = format!("\"{what}\"");
        let mut drawn = answers(&world, &template, 8, &event).await;
        drawn.push(world.start().await.call(&event).await);
        drawn.push(world.start().await.call(&event).await);
        assert!(all_differ(&drawn), "{what}: {drawn:?}");
    }
}

async fn seeded() {
    let code = "import random\nown = random.Random(7)\nown.random()\ndef handler(event, context): return own.random()\n";
    let world = World::new(RUNTIME, "app.handler", &[("app.py", code)]);
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    let mut drawn = answers(&world, &template, 2, "0").await;
    drawn.push(world.start().await.call("0").await);
    assert!(drawn[0] == drawn[1] && drawn[1] == drawn[2], "{drawn:?}");
}

async fn credentials() {
    let stand_in = "class Credentials:\n    \
                        def __init__(self, access_key, secret_key, token=None):\n        \
                            self.access_key, self.secret_key, self.token = access_key, secret_key, token\n";
    let code = "import os\nfrom botocore.credentials import Credentials\n\
                client = Credentials(os.environ['AWS_ACCESS_KEY_ID'], os.environ['AWS_SECRET_ACCESS_KEY'], os.environ['AWS_SESSION_TOKEN'])\n\
                other = Credentials('own', 'own')\n\
                def handler(event, context):\n    \
                    return [client.access_key, client.secret_key, client.token, os.environ['AWS_ACCESS_KEY_ID'], other.access_key]\n";
    let files = [
        ("app.py", code),
        ("botocore/__init__.py", ""),
        ("botocore/credentials.py", stand_in),
    ];
    let mut world = World::new(RUNTIME, "app.handler", &files);
    let keys = |name: &str| {
        let words = [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ];
        words
            .map(|word| (word.to_owned(), format!("{name}{word}")))
            .to_vec()
    };
    world.environment = keys("template");
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    for name in ["one", "two"] {
        world.environment = keys(name);
        let answer = world.fork(&template).await.call("0").await;
        assert_eq!(
            answer,
            format!(
                "[\"{name}AWS_ACCESS_KEY_ID\", \"{name}AWS_SECRET_ACCESS_KEY\", \"{name}AWS_SESSION_TOKEN\", \
                 \"{name}AWS_ACCESS_KEY_ID\", \"own\"]"
            )
        );
    }
}

async fn once() {
    let code = "import time, os\nprint('initialised')\nstarted = time.time_ns()\ncalls = 0\n\
                def handler(event, context):\n    \
                    global calls\n    calls += 1\n    return [started, calls, os.getpid() > 1]\n";
    let world = World::new(RUNTIME, "app.handler", &[("app.py", code)]);
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    let answers = answers(&world, &template, 3, "0").await;
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert!(answers[0].ends_with(", 1, true]"), "{answers:?}");
}

async fn given() {
    let code = "import json, ssl, asyncio, resource\n\
                def handler(event, context): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n";
    let world = World::new(RUNTIME, "app.handler", &[("app.py", code)]);
    if world.has_a_placeholder().await {
        fewest_faults(&world, 250).await;
    }
}

async fn after() {
    let code = "import os, threading, logging, random\n\
                done = []\n\
                os.register_at_fork(before=lambda: done.append('before'), after_in_child=lambda: done.append('child'))\n\
                def ask():\n    \
                    end, begin = os.pipe()\n    \
                    number = random.getrandbits(64)\n    \
                    if os.fork() == 0:\n        \
                        logging.getLogger().setLevel('INFO')\n        \
                        alone = threading.active_count() == 1 and threading.get_ident() == threading.main_thread().ident\n        \
                        os.write(begin, f'{alone} {random.getrandbits(64)}'.encode())\n        \
                        os._exit(0)\n    \
                    os.wait()\n    \
                    return [os.read(end, 64).decode(), number]\n\
                def handler(event, context):\n    \
                    (first, other), (second, _) = ask(), ask()\n    \
                    native = threading.main_thread().native_id == threading.get_native_id()\n    \
                    return [done, native, first != second and first.startswith('True')]\n";
    let world = World::new(RUNTIME, "app.handler", &[("app.py", code)]);
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    let answer = world.fork(&template).await.call("0").await;
    // For the rehearsal, for the fork that made it, and for each of its own.
    let done = ["before", "before", "child", "before", "before"].map(|word| format!("\"{word}\""));
    assert_eq!(answer, format!("[[{}], true, true]", done.join(", ")));
}

const ABILITIES: &str = "import concurrent.futures, threading, subprocess, asyncio, socket, http.server, http.client, hashlib, gc, time, os, ssl, zlib, tempfile, multiprocessing
with concurrent.futures.ThreadPoolExecutor() as before: before.submit(int).result()
def pool():
    with concurrent.futures.ThreadPoolExecutor(4) as pool: return sum(pool.map(lambda n: n * n, range(10))) == 285
def timer():
    rang = threading.Event(); threading.Timer(0.01, rang.set).start(); return rang.wait(5)
def child(): return subprocess.run(['/bin/sh', '-c', 'echo child'], capture_output=True, text=True).stdout == 'child\\n'
def loop():
    async def main(): await asyncio.sleep(0.001); return await asyncio.get_running_loop().run_in_executor(None, lambda: 42)
    return asyncio.run(main()) == 42
def web():
    server = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.handle_request).start()
    client = http.client.HTTPConnection(*server.server_address); client.request('GET', '/app.py')
    found = client.getresponse().read() == open('/var/task/app.py', 'rb').read(); server.server_close(); return found
def crypto(): return len(hashlib.sha256(ssl.RAND_bytes(32)).digest()) == 32 and hashlib.pbkdf2_hmac('sha256', b'a', b'b', 1000) != b''
def collected():
    kept = []
    for _ in range(200000): kept.append([kept]); kept = kept[-10:]
    return gc.collect() >= 0
def files():
    with tempfile.NamedTemporaryFile() as file: file.write(b'x'); return os.path.exists(file.name)
def exits():
    pid = os.fork()
    if pid == 0: os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
def memory():
    kept = bytearray(20 << 20); return len(zlib.compress(kept)) > 0
def dns():
    try: socket.getaddrinfo('localhost', 80)
    except OSError: pass
    return True
def clock(): return abs(time.time() - float(subprocess.run(['/bin/date', '+%s'], capture_output=True, text=True).stdout)) < 5
every = [pool, timer, child, loop, web, crypto, collected, files, exits, memory, dns, clock]
def handler(event, context): return [one.__name__ for one in every if one() is not True]
";

async fn abilities() {
    let world = World::new(RUNTIME, "app.handler", &[("app.py", ABILITIES)]);
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    for _ in 0..3 {
        let mut fork = world.fork(&template).await;
        assert_eq!(fork.call("0").await, "[]");
        assert_eq!(fork.call("0").await, "[]");
    }
    assert_eq!(world.start().await.call("0").await, "[]");
}

async fn unsafe_ones() {
    let world = World::new(RUNTIME, "app.handler", &[("app.py", "handler = print\n")]);
    if !world.has_a_placeholder().await {
        return;
    }
    for (code, why) in [
        (
            "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
            "threads",
        ),
        (
            "import _thread, time; _thread.start_new_thread(time.sleep, (1000,))",
            "threads",
        ),
        ("import socket; s = socket.socket()", "socket"),
        (
            "import subprocess; p = subprocess.Popen(['/bin/sleep', '100'])",
            "processes",
        ),
        (
            "import signal; signal.setitimer(signal.ITIMER_REAL, 1000)",
            "timer",
        ),
        ("import asyncio; loop = asyncio.new_event_loop()", "open"),
        ("f = open('/var/task/app.py')", "app.py open"),
        ("open('/tmp/x', 'w').close()", "temporary folder"),
        ("import mmap; m = mmap.mmap(-1, 4096)", "share"),
        ("1 / 0", "ZeroDivisionError"),
        ("import sys; sys.exit(3)", "SystemExit"),
        ("import os; os._exit(3)", "ended"),
    ] {
        let code = format!("{code}\ndef handler(event, context): return 1\n");
        std::fs::write(world.folder.join("code/app.py"), &code).unwrap();
        let said = world.template().await.expect_err(&code);
        assert!(said.contains(why), "{code}: {said}");
    }
}

async fn orphans() {
    let code = "def handler(event, context): return event\n";
    let world = World::new(RUNTIME, "app.handler", &[("app.py", code)]);
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    let mut one = world.fork(&template).await;
    let mut other = world.fork(&template).await;
    assert_eq!(one.call("1").await, "1");
    drop(template);
    assert_eq!(one.call("2").await, "2");
    assert_eq!(other.call("3").await, "3");
    one.child.kill();
    one.child.wait().await;
    assert_eq!(other.call("4").await, "4");
}
