//! Node's threads (`worker_threads`) in instances that were forked.

use crate::World;
use crate::harness::Named;

pub(crate) fn tests() -> Vec<Named> {
    vec![
        (
            "node: threads of a fork are seen to end",
            || Box::pin(end()),
        ),
        ("node: threads of a fork serve several calls", || {
            Box::pin(serve())
        }),
        ("node: a fork compiles what its threads run, too", || {
            Box::pin(compile())
        }),
    ]
}

/// Large collections of garbage, in all threads; and threads that are watched to their ends.
const THREADS: &str = "const { Worker } = require('worker_threads');
const COLLECT = \"require('vm').runInNewContext('gc')();\";
const collect = () => { require('v8').setFlagsFromString('--expose-gc'); require('vm').runInNewContext('gc')(); };
const run = (text, given = {}, begun = () => {}) => new Promise((resolve) => {
    const said = [];
    const worker = new Worker(text, { eval: true, ...given });
    worker.on('message', (what) => said.push(what)).on('error', (error) => said.push(error.message));
    worker.on('exit', (code) => resolve([...said, code].join()));
    begun(worker);
});
const inTime = (one) => Promise.race([one, new Promise((resolve) => setTimeout(resolve, 10000, 'late').unref())]);
";

async fn answers_of(code: &str, calls: &[(&str, &str)]) {
    let world = World::new(
        "nodejs20.x",
        "app.handler",
        &[("app.js", &format!("{THREADS}{code}"))],
    );
    if !world.has_a_placeholder().await {
        return;
    }
    let template = world.template().await.unwrap();
    for mut instance in [world.start().await, world.fork(&template).await] {
        for (event, answer) in calls {
            assert_eq!(instance.call(event).await, *answer, "{event}");
        }
    }
}

async fn end() {
    let code = "const every = {
        ends: [() => run(''), '0'],
        says: [() => run('require(\"worker_threads\").parentPort.postMessage(1)'), '1,0'],
        exits: [() => run('process.exit(7)'), '7'],
        throws: [() => run('throw new Error(\"its own\")'), 'its own,1'],
        collects: [() => run(COLLECT + COLLECT), '0'],
        allocates: [() => run('let all = []; for (let n = 0; n < 5e5; n++) { all.push({ n }); if (n % 1e5 === 0) all = []; }'), '0'],
        terminated: [() => run('setInterval(() => {}, 1000)', {}, (worker) => worker.on('online', () => worker.terminate())), '1'],
        awaited: [async () => {
            const worker = new Worker('for (;;);', { eval: true });
            await new Promise((online) => worker.on('online', online));
            return worker.terminate();
        }, 1],
        nested: [() => run('const { Worker } = require(\"worker_threads\"); new Worker(\"\", { eval: true }).on(\"exit\", () => {' + COLLECT + '});'), '0'],
        many: [async () => (await Promise.all(Array.from({ length: 8 }, () => run(COLLECT)))).join(''), '00000000'],
    };
    exports.handler = async () => {
        const failed = [];
        for (const [name, [one, expected]] of Object.entries(every)) {
            collect();
            const got = await inTime(one());
            if (got !== expected) failed.push(`${name}: ${got}`);
            if (got === 'late') break;
        }
        return failed;
    };\n";
    answers_of(code, &[("0", "[]"), ("1", "[]")]).await;
}

/// Also where an answer waits until nothing is left to wait for.
async fn serve() {
    let code = "const text = 'require(\"worker_threads\").parentPort.on(\"message\", (n) => {' + COLLECT
        + ' if (n === 0) process.exit(); require(\"worker_threads\").parentPort.postMessage(n + 1); });';
    let pool = [];
    const ask = (worker, n) => new Promise((resolve) => { worker.once('message', resolve).once('exit', resolve); worker.postMessage(n); });
    const askAll = (n) => inTime(Promise.all(pool.map((worker) => ask(worker, n))));
    exports.handler = (event, context, callback) => {
        collect();
        if (event === -1) { inTime(run(COLLECT)).then((said) => callback(null, said)); return; }
        if (event === -2) { run(COLLECT); callback(null, 'before it'); return; }
        if (pool.length === 0) pool = [1, 2].map(() => new Worker(text, { eval: true }));
        return askAll(event).then((answers) => { if (event === 0) pool = []; return answers; });
    };\n";
    let calls = [
        ("1", "[2,2]"),
        ("2", "[3,3]"),
        ("3", "[4,4]"),
        ("0", "[0,0]"),
        ("-1", "\"0\""),
        ("-2", "\"before it\""),
        ("4", "[5,5]"),
        ("0", "[0,0]"),
        ("-1", "\"0\""),
    ];
    answers_of(code, &calls).await;
}

async fn compile() {
    // Many functions, each of which adds 7 to what it is given many times.
    let code = "const number = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...number(n >>> 7)]);
    const section = (kind, bytes) => [kind, ...number(bytes.length), ...bytes];
    const body = [0, 0x20, 0, ...Array(50).fill([0x41, 7, 0x6a]).flat(), 0x0b];
    const COUNT = 1000;
    const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, ...section(1, [1, 0x60, 1, 0x7f, 1, 0x7f]),
        ...section(3, [...number(COUNT), ...Array(COUNT).fill(0)]), ...section(7, [1, 1, 0x66, 0, 0]),
        ...section(10, [...number(COUNT), ...Array(COUNT).fill([...number(body.length), ...body]).flat()])]);
    const text = 'const { workerData, parentPort } = require(\"worker_threads\"); '
        + 'WebAssembly.instantiate(workerData).then(({ exports: { f } }) => { let sum = 0; for (let n = 0; n < 1e5; n++) sum = f(n); parentPort.postMessage(sum); });';
    exports.handler = async () => {
        const workerData = await inTime(WebAssembly.compile(bytes));
        collect();
        return [new WebAssembly.Instance(workerData).exports.f(1), await inTime(run(text, { workerData }))];
    };\n";
    answers_of(
        code,
        &[("0", "[351,\"100349,0\"]"), ("0", "[351,\"100349,0\"]")],
    )
    .await;
}
