//! The bootstraps themselves, unconfined, and we in the place of the functions that would speak with them.

use sandbox::Exit;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

#[path = "bootstraps/echo.rs"]
mod echo;
#[path = "bootstraps/instance.rs"]
mod instance;
#[path = "bootstraps/redirect.rs"]
mod redirect;

use instance::{Instance, start, within};

const PYTHON: &str = "
import os, sys
def echo(event, context):
    return [event, context.aws_request_id, context.invoked_function_arn, context.get_remaining_time_in_millis() > 0]
def fails(event, context):
    raise KeyError('as told')
def leaves(event, context):
    sys.exit(3)
def length(event, context):
    return len(event)
def answers(event, context):
    return 'x' * event
def sees(event, context):
    return [name for name in os.environ if name.startswith('FULMAR')] + [os.getcwd() == os.environ['LAMBDA_TASK_ROOT']]
";

const NODE: &str = "
exports.echo = async (event, context) => [event, context.awsRequestId, context.invokedFunctionArn, context.getRemainingTimeInMillis() > 0];
exports.fails = async () => { throw new RangeError('as told'); };
exports.leaves = async () => process.exit(3);
exports.length = async (event) => event.length;
exports.answers = async (event) => 'x'.repeat(event);
exports.sees = async () => [...Object.keys(process.env).filter((name) => name.startsWith('FULMAR')), process.cwd() === process.env.LAMBDA_TASK_ROOT];
exports.streams = awslambda.streamifyResponse(async (event, stream) => { stream.write('a'); stream.end('b'); });
";

const LANGUAGES: &[(&str, &str, &str)] = &[
    ("python3.12", "index.py", PYTHON),
    ("nodejs22.x", "index.js", NODE),
];

async fn each(handler: &str) -> Vec<Instance> {
    let mut instances = Vec::new();
    for (runtime, file, text) in LANGUAGES {
        let handler = format!("index.{handler}");
        if let Some(mut instance) = start(runtime, &handler, &[(file, text)]).await {
            instance.wants_work().await;
            instances.push(instance);
        }
    }
    instances
}

#[tokio::test]
async fn an_event_is_answered_and_the_next_one_asked_for() {
    for mut instance in each("echo").await {
        for id in ["one", "two"] {
            let said = instance.call(id, "{\"a\":\"ü\"}").await;
            assert!(said.line.ends_with("/response HTTP/1.1\r\n"), "{said:?}");
            let plain = said.json().replace(' ', "").replace("\\u00fc", "ü");
            assert_eq!(plain, format!("[{{\"a\":\"ü\"}},\"{id}\",\"arn\",true]"));
            instance.wants_work().await;
        }
        drop(instance.stream.get_mut().shutdown().await);
    }
}

#[tokio::test]
async fn an_error_has_its_type_in_the_head_and_the_body() {
    for mut instance in each("fails").await {
        let said = instance.call("one", "1").await;
        assert!(said.line.ends_with("/error HTTP/1.1\r\n"), "{said:?}");
        let kind = ["KeyError", "RangeError"]
            .into_iter()
            .find(|kind| said.head.contains(kind));
        assert!(
            said.json().contains(kind.unwrap()) && said.json().contains("as told"),
            "{said:?}"
        );
        instance.wants_work().await;
    }
}

#[tokio::test]
async fn large_events_and_answers_come_whole() {
    for mut instance in each("length").await {
        let large = format!("\"{}\"", "ü".repeat(3 << 20));
        assert_eq!(
            instance.call("one", &large).await.json(),
            (3 << 20).to_string()
        );
        instance.wants_work().await;
        assert_eq!(instance.call("two", "\"\"").await.json(), "0");
    }
    for mut instance in each("answers").await {
        assert_eq!(instance.call("one", "6000000").await.body.len(), 6_000_002);
        instance.wants_work().await;
    }
}

#[tokio::test]
async fn a_handler_that_leaves_takes_the_process_with_it() {
    for mut instance in each("leaves").await {
        let head =
            "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: one\r\nContent-Length: 1\r\n\r\n1";
        instance.says(head.as_bytes()).await;
        assert_eq!(instance.ends().await, Exit::Code(3));
    }
}

#[tokio::test]
async fn nothing_of_ours_is_in_the_environment() {
    for mut instance in each("sees").await {
        assert_eq!(instance.call("one", "1").await.json(), "[true]");
    }
}

#[tokio::test]
async fn when_we_are_gone_so_is_the_process() {
    for mut instance in each("echo").await {
        instance.stream = BufReader::new(Box::new(tokio::io::duplex(1).0));
        assert_eq!(instance.ends().await, Exit::Code(0));
    }
}

#[tokio::test]
async fn a_handler_that_is_not_there_is_told_before_the_process_ends() {
    for (runtime, file, text) in LANGUAGES {
        for handler in ["index.nothing", "nowhere.handler", "index"] {
            let Some(mut instance) = start(runtime, handler, &[(file, text)]).await else {
                continue;
            };
            let said = instance.hears().await;
            assert!(said.line.contains("/runtime/init/error "), "{said:?}");
            assert!(said.json().contains("Runtime."), "{said:?}");
            assert_ne!(instance.ends().await, Exit::Code(0));
        }
    }
}

#[tokio::test]
async fn node_tells_errors_before_the_first_call_as_all_others() {
    let files = [
        ("syntax.js", "exports.handler = async () => {"),
        ("missing.js", "require('surely-not-installed');"),
        ("raising.js", "throw new RangeError('at init');"),
        ("nothing.js", ""),
    ];
    for (handler, first) in [
        (
            "syntax.handler",
            "Runtime.UserCodeSyntaxError: SyntaxError: Unexpected end of input",
        ),
        (
            "missing.handler",
            "Runtime.ImportModuleError: Error: Cannot find module 'surely-not-installed'",
        ),
        ("raising.handler", "RangeError: at init"),
        (
            "nothing.handler",
            "Runtime.HandlerNotFound: nothing.handler is undefined or not exported",
        ),
    ] {
        let Some(mut instance) = start("nodejs22.x", handler, &files).await else {
            return;
        };
        let said = instance.hears().await;
        assert!(said.line.contains("/runtime/init/error "), "{said:?}");
        let body = said.json();
        assert!(body.contains(&format!("\"trace\":[\"{first}\",")), "{body}");
        assert!(!body.contains("stackTrace"), "{body}");
        // The real client's code for what nobody caught.
        assert_eq!(instance.ends().await, Exit::Code(129));
    }
}

#[tokio::test]
async fn line_breaks_inside_a_record_are_marked() {
    let python =
        "import logging\ndef handler(event, context):\n    logging.error('one\\ntwo\\rthree')\n";
    let node = "exports.handler = async () => console.error('one\\ntwo\\rthree');";
    for (runtime, file, text) in [
        ("python3.12", "index.py", python),
        ("nodejs22.x", "index.js", node),
    ] {
        let Some(mut instance) = start(runtime, "index.handler", &[(file, text)]).await else {
            continue;
        };
        instance.wants_work().await;
        let mut printed = BufReader::new(instance.child.take_stdout().unwrap());
        instance.call("one", "1").await;
        let mut line = String::new();
        within(printed.read_line(&mut line)).await.unwrap();
        assert!(line.ends_with("\tone\u{1e}two\rthree\n"), "{line:?}");
    }
}

#[tokio::test]
async fn worker_threads_have_as_large_a_heap() {
    let node = "const { Worker } = require('worker_threads');\n\
                const limit = \"require('v8').getHeapStatistics().heap_size_limit\";\n\
                exports.handler = () => new Promise((resolve, reject) => {\n\
                  const worker = new Worker(`require('worker_threads').parentPort.postMessage(${limit})`, { eval: true });\n\
                  worker.on('message', (of) => resolve({ same: of === eval(limit) })).on('error', reject);\n\
                });\n";
    let Some(mut instance) = start("nodejs22.x", "index.handler", &[("index.js", node)]).await
    else {
        return;
    };
    instance.wants_work().await;
    let said = instance.call("one", "1").await;
    assert_eq!(said.body, br#"{"same":true}"#, "{said:?}");
}

#[tokio::test]
async fn a_stream_comes_in_chunks() {
    let Some(mut instance) = start("nodejs22.x", "index.streams", &[("index.js", NODE)]).await
    else {
        return;
    };
    instance.wants_work().await;
    let said = instance.call("one", "1").await;
    assert!(
        said.head.contains("Response-Mode: streaming\r\n"),
        "{said:?}"
    );
    let mut chunks = vec![0; "1\r\na\r\n1\r\nb\r\n0\r\n\r\n".len()];
    within(instance.stream.read_exact(&mut chunks))
        .await
        .unwrap();
    assert_eq!(chunks, b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    instance.wants_work().await;
}

#[tokio::test]
async fn a_custom_runtime_comes_to_an_address_of_its_own() {
    let script = "#!/bin/bash\nexec 3<>/dev/tcp/${ADDRESS%:*}/${ADDRESS#*:}\nprintf 'GET /%s HTTP/1.1\\r\\n\\r\\n' \"$CODE\" >&3\ncat <&3\n";
    let first = start("provided.al2023", "any", &[("bootstrap", script)]).await;
    let mut instance = first.unwrap();
    let said = instance.hears().await;
    let code = instance.folder.join("code");
    assert_eq!(said.line, format!("GET /{} HTTP/1.1\r\n", code.display()));
}

#[tokio::test]
async fn what_layers_bring_is_found() {
    let python = "import brought\ndef handler(event, context):\n    return brought.WORD\n";
    let node = "exports.handler = async () => require('brought').WORD;";
    let module = "import brought from 'brought';\nexport const handler = async () => brought.WORD;";
    let layers = [
        ("../layers/python/brought.py", "WORD = 'from a layer'\n"),
        (
            "../layers/nodejs/node22/node_modules/brought/index.js",
            "exports.WORD = 'from a layer';",
        ),
    ];
    for (runtime, file, text) in [
        ("python3.12", "index.py", python),
        ("nodejs22.x", "index.js", node),
        ("nodejs22.x", "index.mjs", module),
    ] {
        let files = [(file, text), layers[0], layers[1]];
        let Some(mut instance) = start(runtime, "index.handler", &files).await else {
            continue;
        };
        instance.wants_work().await;
        assert_eq!(instance.call("one", "1").await.json(), "\"from a layer\"");
    }
    let script = "#!/bin/bash\nexec 3<>/dev/tcp/${ADDRESS%:*}/${ADDRESS#*:}\nprintf 'GET /layer HTTP/1.1\\r\\n\\r\\n' >&3\ncat <&3\n";
    let files = [("other", ""), ("../layers/bootstrap", script)];
    let mut instance = start("provided", "any", &files).await.unwrap();
    assert_eq!(instance.hears().await.line, "GET /layer HTTP/1.1\r\n");
}
