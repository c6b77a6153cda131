//! Node's.

use std::os::unix::fs::PermissionsExt;

use crate::harness::Named;
use crate::{Start, World, all_differ, answers, fewest_faults, is_wrapped};

const RUNTIME: &str = "nodejs20.x";

pub(crate) fn tests() -> Vec<Named> {
    vec![
        ("node: a placeholder becomes an instance", || {
            Box::pin(placeholder())
        }),
        (
            "node: an ES module is loaded after the fork, and before",
            || Box::pin(modules()),
        ),
        ("node: modules of layers are found", || Box::pin(layers())),
        ("node: what is more than its code is booted", || {
            Box::pin(company())
        }),
        (
            "node: a wrapper starts the language",
            || Box::pin(wrapped()),
        ),
        (
            "node: a variable that is read at start gets a start",
            || Box::pin(variables()),
        ),
        ("node: chance differs between forks", || Box::pin(chance())),
        ("node: credentials are each one's own", || {
            Box::pin(credentials())
        }),
        ("node: an event loop that is empty is noticed", || {
            Box::pin(empty())
        }),
        ("node: initialisation runs once", || Box::pin(once())),
        ("node: a fork is given what it will write to", || {
            Box::pin(given())
        }),
        ("node: forks can do what processes can", || {
            Box::pin(abilities())
        }),
        ("node: what cannot be forked says so", || {
            Box::pin(unsafe_ones())
        }),
        ("node: files that are being read are waited for", || {
            Box::pin(files())
        }),
        ("node: what was compiled is kept, and used", || {
            Box::pin(code_cache())
        }),
        ("node: errors tell of sources where they are to", || {
            Box::pin(sources())
        }),
        (
            "node: a template that is dropped leaves its instances",
            || Box::pin(orphans()),
        ),
    ]
}

async fn placeholder() {
    let code = "exports.handler = async (event, context) => [event, process.env.WORD, process.cwd(),
        Object.keys(process.env).filter((name) => name.startsWith('FULMAR')), process.env.LAMBDA_TASK_ROOT,
        require('fs').readdirSync('/tmp'), context.functionName, __filename, process.pid > 1,
        process.pid === Number(require('fs').readlinkSync('/proc/self')),
        require('child_process').execFileSync('/var/lang/bin/node', ['-p', 'process.version']).toString().trim() === process.version];\n";
    let mut world = World::new(RUNTIME, "app.handler", &[("app.js", code)]);
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
                "[{number},\"hello\",\"/var/task\",[],\"/var/task\",[],\"f\",\"/var/task/app.js\",true,true,true]"
            )
        );
        world.runtimes.clone().look_ahead(RUNTIME.into()).await;
    }
}

/// Long enough to be kept, and as long whatever it says.
fn saying(word: char) -> String {
    let padding = "// what is small is compiled as fast as it is looked for\n".repeat(50);
    format!(
        "{padding}const target = (fd) => {{ try {{ return require('fs').readlinkSync('/proc/self/fd/' + fd); }} catch {{ return ''; }} }};
        const word = '{word}';
        exports.handler = async () => [word, require.main === module, typeof require.resolve, module.filename,
        Object.keys(process.env).filter((name) => name.startsWith('FULMAR')), require('fs').readdirSync('/proc/self/fd').map(target).filter((file) => /code-cache/.test(file)),
        require('vm').constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER !== undefined];\n"
    )
}

/// The table of what is kept, and what comes after it.
fn kept(file: &[u8]) -> (Vec<(String, usize)>, &[u8]) {
    let length: usize = u32::from_le_bytes(file[..4].try_into().unwrap())
        .try_into()
        .unwrap();
    let table = serde_json::from_slice(&file[4..4 + length]).unwrap();
    (table, &file[4 + length..])
}

async fn code_cache() {
    const SAID: &str = ",false,\"function\",\"/var/task/app.js\",[],[],true]";
    let worlds = ['a', 'b'].map(|word| {
        let world = World::new(RUNTIME, "app.handler", &[("app.js", &saying(word))]);
        (word, world)
    });
    let mut files = Vec::new();
    for (word, world) in &worlds {
        if !world.has_a_placeholder().await {
            return;
        }
        let folder = world.folder.join("runtimes/code-cache");
        let all = || {
            let found = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let whole = found.map(|entry| entry.path());
            whole.filter(|file| file.extension().is_none()).count()
        };
        let mut instance = world.start().await;
        assert_eq!(instance.start, Start::Placeholder);
        let said = instance.call("1").await;
        if said.ends_with(",false]") {
            println!("  this version keeps nothing");
            return;
        }
        assert_eq!(said, format!("[\"{word}\"{SAID}"));
        while all() < 1 {
            tokio::task::yield_now().await;
        }
        let newest = std::fs::read_dir(&folder).unwrap().flatten();
        let newest = newest.max_by_key(|entry| entry.metadata().unwrap().modified().unwrap());
        files.push(newest.unwrap().path());
        world.runtimes.clone().look_ahead(RUNTIME.into()).await;
        let mut instance = world.start().await;
        assert_eq!(instance.call("1").await, format!("[\"{word}\"{SAID}"));
    }
    // Nobody but the function itself could do this: what it finds under its own name is another's, and is run. So what is
    // kept is what is run.
    let [mine, other] = [&files[0], &files[1]].map(|file| std::fs::read(file).unwrap());
    let ((names, _), (lengths, code)) = (kept(&mine), kept(&other));
    let table = serde_json::to_vec(&[(&names[0].0, lengths[0].1)]).unwrap();
    let length = u32::try_from(table.len()).unwrap().to_le_bytes();
    std::fs::write(&files[0], [&length, table.as_slice(), code].concat()).unwrap();
    let (_, world) = &worlds[0];
    world.runtimes.clone().look_ahead(RUNTIME.into()).await;
    let said = world.start().await.call("1").await;
    assert_eq!(said, format!("[\"b\"{SAID}"));
    // For another source, or when it is broken, it is not used.
    std::fs::write(world.folder.join("code/app.js"), saying('c')).unwrap();
    world.runtimes.clone().look_ahead(RUNTIME.into()).await;
    let said = world.start().await.call("1").await;
    assert_eq!(said, format!("[\"c\"{SAID}"));
    std::fs::write(&files[0], b"what").unwrap();
    world.runtimes.clone().look_ahead(RUNTIME.into()).await;
    let said = world.start().await.call("1").await;
    assert_eq!(said, format!("[\"c\"{SAID}"));
}

async fn modules() {
    let code = "import { readFile } from 'node:fs/promises';\nconst text = await readFile(new URL(import.meta.url), 'utf8');\n\
                export const handler = async () => text.length > 0;\n";
    let world = World::new(RUNTIME, "app.handler", &[("app.mjs", code)]);
    if !world.has_a_placeholder().await {
        return;
    }
    let mut instance = world.start().await;
    assert_eq!(instance.start, Start::Placeholder);
    assert_eq!(instance.call("0").await, "true");
    let template = world.template().await.unwrap();
    assert_eq!(world.fork(&template).await.call("0").await, "true");
}

async fn layers() {
    // What ES modules find, and a module that both kinds share is there once.
    let both = "import { createRequire } from 'node:module';\n\
                import found from 'of-a-layer';\n\
                const again = createRequire(import.meta.url)('of-a-layer');\n\
                export const handler = async () => [found.word, found === again, found.file];\n";
    let plain = "exports.handler = async () => require('of-a-layer').word;\n";
    let layer = "exports.word = 'found';\nexports.file = __filename;\n";
    for (name, code, said) in [
        ("app.js", plain, "\"found\""),
        (
            "app.mjs",
            both,
            "[\"found\",true,\"/opt/nodejs/node_modules/of-a-layer/index.js\"]",
        ),
    ] {
        let files = [
            (name, code),
            ("../layers/nodejs/node_modules/of-a-layer/index.js", layer),
        ];
        let world = World::new(RUNTIME, "app.handler", &files);
        if !world.has_a_placeholder().await {
            return;
        }
        let mut instance = world.start().await;
        assert_eq!(instance.start, Start::Placeholder);
        assert_eq!(instance.call("0").await, said);
        let template = world.template().await.unwrap();
        assert_eq!(world.fork(&template).await.call("0").await, said);
    }
}

/// Who has company, or is another cloud's, is booted.
async fn company() {
    let code = "exports.handler = async () => 0;\n";
    let extension = "#!/bin/sh\nsleep 100\n";
    let name = "../layers/extensions/beside";
    let mut world = World::new(RUNTIME, "app.handler", &[("app.js", code)]);
    if !world.has_a_placeholder().await {
        return;
    }
    assert_eq!(world.start().await.start, Start::Placeholder);
    world.environment = vec![("FULMAR_ADAPTER".into(), "another".into())];
    assert_eq!(world.start().await.start, Start::Boot);
    let launch = world.launch();
    assert!(world.runtimes.template(&launch).await.unwrap().is_none());
    world.environment.clear();
    let file = world.folder.join("code").join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, extension).unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(world.start().await.start, Start::Boot);
    let launch = world.launch();
    assert!(world.runtimes.template(&launch).await.unwrap().is_none());
}

async fn wrapped() {
    let code = "exports.handler = async () => [process.title === 'mine', process.env.LAST];\n";
    is_wrapped(("app.js", code), RUNTIME, "--title=mine").await;
}

async fn variables() {
    let code = "exports.handler = async () => process.title;\n";
    let mut world = World::new(RUNTIME, "app.handler", &[("app.js", code)]);
    if !world.has_a_placeholder().await {
        return;
    }
    world.environment = vec![("NODE_OPTIONS".into(), "--title=mine".into())];
    let mut instance = world.start().await;
    assert_eq!(instance.start, Start::Boot);
    assert_eq!(instance.call("0").await, "\"mine\"");
}

const CHANCE: &str = "const crypto = require('crypto');
const pool = crypto.randomFillSync(new Uint8Array(256));
Math.random(); crypto.randomUUID(); crypto.webcrypto.randomUUID(); crypto.randomInt(1e9); crypto.randomBytes(8);
const draws = {
    random: () => Math.random(),
    uuid: () => crypto.randomUUID(),
    web: () => crypto.webcrypto.randomUUID(),
    int: () => [crypto.randomInt(2 ** 40), crypto.randomInt(2 ** 40)],
    bytes: () => crypto.randomBytes(16).toString('hex'),
    pool: () => Buffer.from(pool.slice(0, 16)).toString('hex'),
    values: () => Buffer.from(crypto.webcrypto.getRandomValues(new Uint8Array(16))).toString('hex'),
    tls: () => new Promise((resolve) => {
        const { Duplex } = require('stream');
        const wire = new Duplex({ read() {}, write(hello, _, done) { resolve(hello.subarray(11, 75).toString('hex')); done(); } });
        require('tls').connect({ socket: wire, servername: 'example.org' }).on('error', () => {});
    }),
};
exports.handler = async (event) => draws[event]();
";

async fn chance() {
    let world = World::new(RUNTIME, "app.handler", &[("app.js", CHANCE)]);
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    for what in [
        "random", "uuid", "web", "int", "bytes", "pool", "values", "tls",
    ] {
        let event = format!("\"{what}\"");
        let mut drawn = answers(&world, &template, 6, &event).await;
        drawn.push(world.start().await.call(&event).await);
        world.runtimes.clone().look_ahead(RUNTIME.into()).await;
        drawn.push(world.start().await.call(&event).await);
        assert!(all_differ(&drawn), "{what}: {drawn:?}");
    }
}

async fn credentials() {
    // As the SDK keeps what it has read: until it is about to end.
    let code = "const read = () => ({ id: process.env.AWS_ACCESS_KEY_ID,
        ends: process.env.AWS_CREDENTIAL_EXPIRATION && new Date(process.env.AWS_CREDENTIAL_EXPIRATION) });
    let kept = read();
    const current = () => (kept.ends && kept.ends - Date.now() < 300000 ? (kept = read()) : kept);
    current();
    exports.handler = async () => [current().id, process.env.AWS_ACCESS_KEY_ID, process.env.AWS_CREDENTIAL_EXPIRATION ?? null];\n";
    let mut world = World::new(RUNTIME, "app.handler", &[("app.js", code)]);
    world.environment = vec![("AWS_ACCESS_KEY_ID".into(), "template".into())];
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    for name in ["one", "two"] {
        world.environment = vec![("AWS_ACCESS_KEY_ID".into(), name.into())];
        let answer = world.fork(&template).await.call("0").await;
        assert_eq!(answer, format!("[\"{name}\",\"{name}\",null]"));
    }
}

async fn empty() {
    // A collection gives work to helper threads, which a fork has none of.
    let code = "require('v8').setFlagsFromString('--expose-gc');
    const collect = require('vm').runInNewContext('gc');
    let ends = 0;
    process.on('beforeExit', () => { ends += 1; });
    exports.handler = (event, context, callback) => {
        collect();
        if (event === 4) return Promise.resolve(ends > 0 && ends < 10);
        // The engine says on the event loop that it is done, and does not hold it.
        if (event === 5) return WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])).then(() => 'compiled');
        if (event === 0) return callback(null, 'called back');
        if (event === 1) setTimeout(() => callback(null, 'later'), 5);
        if (event === 2) return process.getActiveResourcesInfo().length && new Promise((done) => done(process.getActiveResourcesInfo()));
    };\n";
    let world = World::new(RUNTIME, "app.handler", &[("app.js", code)]);
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    for mut instance in [world.start().await, world.fork(&template).await] {
        // Nothing but the connection itself.
        assert_eq!(instance.call("2").await, "[\"PipeWrap\"]");
        assert_eq!(instance.call("0").await, "\"called back\"");
        assert_eq!(instance.call("1").await, "\"later\"");
        assert_eq!(instance.call("3").await, "null");
        assert_eq!(instance.call("4").await, "true");
        assert_eq!(instance.call("5").await, "\"compiled\"");
    }
}

/// Also of a file that is long enough for what is compiled of it to be kept.
async fn sources() {
    const MAP: &str = "//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIm9yaWdpbmFsLnRzIl0sIm5hbWVzIjpbXSwibWFwcGluZ3MiOiJBQUFBIn0=";
    let padding = " ".repeat(4096);
    let code = format!(
        "exports.handler = async () => new Error('it').stack.includes('original.ts:');{padding}\n{MAP}\n"
    );
    let mut world = World::new(RUNTIME, "app.handler", &[("app.js", &code)]);
    world.environment = vec![("NODE_OPTIONS".into(), "--enable-source-maps".into())];
    if world.has_a_placeholder().await {
        assert_eq!(world.start().await.call("1").await, "true");
    }
}

async fn once() {
    let code = "const started = process.hrtime.bigint().toString();\nlet calls = 0;\n\
                exports.handler = async () => [started, ++calls];\n";
    let world = World::new(RUNTIME, "app.handler", &[("app.js", code)]);
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    let answers = answers(&world, &template, 3, "0").await;
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert!(answers[0].ends_with(",1]"), "{answers:?}");
}

async fn given() {
    let code = "exports.handler = async () => process.resourceUsage().minorPageFault;";
    let world = World::new(RUNTIME, "index.handler", &[("index.js", code)]);
    if world.has_a_placeholder().await {
        fewest_faults(&world, 300).await;
    }
}

const ABILITIES: &str = "const crypto = require('crypto'), fs = require('fs'), http = require('http'), net = require('net'), zlib = require('zlib'), os = require('os');
const { promisify } = require('util');
const { execFile } = require('child_process');
const every = {
    pool: async () => (await promisify(crypto.pbkdf2)('a', 'b', 1000, 32, 'sha256')).length === 32,
    files: async () => { await fs.promises.writeFile('/tmp/x', 'y'); return (await fs.promises.readFile('/tmp/x', 'utf8')) === 'y'; },
    timer: () => new Promise((resolve) => setTimeout(resolve, 5, true)),
    ticks: () => new Promise((resolve) => setImmediate(() => process.nextTick(resolve, true))),
    child: async () => (await promisify(execFile)('/bin/echo', ['child'])).stdout === 'child\\n',
    web: () => new Promise((resolve, reject) => {
        const server = http.createServer((_, response) => response.end('served')).listen(0, '127.0.0.1', () => {
            http.get({ port: server.address().port, host: '127.0.0.1', agent: false }, (response) => {
                let text = ''; response.on('data', (some) => (text += some)).on('end', () => { server.close(); resolve(text === 'served'); });
            }).on('error', reject);
        });
    }),
    fetched: () => new Promise((resolve, reject) => {
        const server = http.createServer((_, response) => response.end('fetched')).listen(0, '127.0.0.1', () => {
            fetch(`http://127.0.0.1:${server.address().port}/`).then((response) => response.text()).then((text) => {
                server.closeAllConnections(); server.close(); resolve(text === 'fetched');
            }, reject);
        });
    }),
    packed: async () => (await promisify(zlib.gunzip)(await promisify(zlib.gzip)('packed'))).toString() === 'packed',
    crypto: async () => crypto.createHash('sha256').update(crypto.randomBytes(32)).digest().length === 32 &&
        (await crypto.subtle.digest('SHA-256', new Uint8Array(8))).byteLength === 32,
    keys: async () => (await promisify(crypto.generateKeyPair)('ec', { namedCurve: 'P-256' })).privateKey.type === 'private',
    collected: async () => { let kept = []; for (let n = 0; n < 300000; n++) { kept.push({ n, text: `${n}` }); if (kept.length > 1000) kept = []; } return kept.length >= 0; },
    names: async () => { try { await require('dns').promises.lookup('localhost'); } catch {} return true; },
    wasm: async () => (await WebAssembly.instantiate(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))).instance !== undefined,
    compiled: async () => { let sum = 0; const f = (n) => n % 7; for (let n = 0; n < 3e6; n++) sum += f(n); return sum > 0; },
    signals: async () => { let came = new Promise((resolve) => process.once('SIGUSR2', () => resolve(true))); process.kill(process.pid, 'SIGUSR2'); return came; },
};
exports.handler = async () => {
    const failed = [];
    for (const [name, one] of Object.entries(every)) {
        const late = new Promise((resolve) => setTimeout(resolve, 10000, 'late'));
        const result = await Promise.race([one().catch((error) => String(error)), late]);
        if (result !== true) failed.push(`${name}: ${result}`);
    }
    return failed;
};
";

async fn abilities() {
    let world = World::new(RUNTIME, "app.handler", &[("app.js", ABILITIES)]);
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
    let world = World::new(
        RUNTIME,
        "app.handler",
        &[("app.js", "exports.handler = async () => 1;\n")],
    );
    if !world.has_a_placeholder().await {
        return;
    }
    for (code, why) in [
        (
            "new (require('worker_threads').Worker)('setInterval(() => {}, 1000)', { eval: true });",
            "worker threads",
        ),
        ("setInterval(() => {}, 1000);", "Timeout"),
        (
            "require('net').createServer().listen(0, '127.0.0.1');",
            "waits for",
        ),
        (
            "require('child_process').spawn('/bin/sleep', ['100'], { stdio: 'ignore' }).unref();",
            "processes",
        ),
        ("require('fs').openSync('/var/task/app.js');", "app.js open"),
        (
            "require('fs').writeFileSync('/tmp/x', '');",
            "temporary folder",
        ),
        ("throw new TypeError('x');", "TypeError"),
        ("process.exit(3);", "ended"),
    ] {
        let code = format!("{code}\nexports.handler = async () => 1;\n");
        std::fs::write(world.folder.join("code/app.js"), &code).unwrap();
        let said = world.template().await.expect_err(&code);
        assert!(said.contains(why), "{code}: {said}");
    }
}

async fn files() {
    let code = "const fs = require('fs/promises');
        let read = 0;
        (async () => { while (read < 100) read += (await fs.readFile(__filename)).length > 0; })();
        exports.handler = async () => read;\n";
    let world = World::new(RUNTIME, "app.handler", &[("app.js", code)]);
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    assert_eq!(world.fork(&template).await.call("0").await, "100");
}

async fn orphans() {
    let code = "exports.handler = async (event) => event;\n";
    let world = World::new(RUNTIME, "app.handler", &[("app.js", code)]);
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    let mut one = world.fork(&template).await;
    assert_eq!(one.call("1").await, "1");
    drop(template);
    assert_eq!(one.call("2").await, "2");
    one.child.kill();
    assert_eq!(one.child.wait().await, sandbox::Exit::Signal(9));
}
