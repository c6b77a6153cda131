//! What is meant for the vendor's API hosts comes to us, whichever client of the language's own sends it; and nothing else.

use crate::echo::echo;
use crate::instance::{Instance, start_with};

const PYTHON: &str = r#"
import sys
loaded = "ssl" in sys.modules

def is_loaded(event, context):
    return loaded

def asks(url, context):
    import urllib.request
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()

def asks_later(url, context):
    import asyncio, urllib.parse
    async def ask():
        to = urllib.parse.urlsplit(url)
        read, write = await asyncio.open_connection(to.hostname, 443, ssl=True)
        write.write(f"GET {to.path} HTTP/1.1\r\nHost: {to.hostname}\r\n\r\n".encode())
        said = await read.read()
        write.close()
        await write.wait_closed()
        return said.decode().rpartition("\r\n")[2]
    return asyncio.run(ask())

def asks_by_hand(url, context):
    import socket, ssl, urllib.parse
    to = urllib.parse.urlsplit(url)
    # As clients do that take from an address nothing but the host.
    address = socket.getaddrinfo(to.hostname, 443, type=socket.SOCK_STREAM)[0][4][0]
    plain = socket.create_connection((address, 443), timeout=20)
    with ssl.create_default_context().wrap_socket(plain, server_hostname=to.hostname) as secure:
        assert secure.getpeercert()["subjectAltName"] == (("DNS", to.hostname),) and secure.version()
        secure.sendall(f"GET {to.path} HTTP/1.1\r\nHost: {to.hostname}\r\n\r\n".encode())
        said = b""
        while came := secure.read():
            said += came
    return said.decode().rpartition("\r\n")[2]
"#;

const NODE: &str = r#"
exports.asks = async (url) => (await fetch(url)).text();
exports.asks_later = (url) => new Promise((resolve, reject) => {
  require("https").get(url, async (answer) => resolve((await answer.toArray()).join(""))).on("error", reject);
});
"#;

async fn each(handlers: &[(&str, &str)], variables: &[(&str, &str)]) -> Vec<Instance> {
    let mut instances = Vec::new();
    for (runtime, handler) in handlers {
        let file = match runtime.starts_with("python") {
            true => ("index.py", PYTHON),
            false => ("index.js", NODE),
        };
        if let Some(mut instance) = start_with(runtime, handler, &[file], variables).await {
            instance.wants_work().await;
            instances.push(instance);
        }
    }
    instances
}

#[tokio::test]
async fn requests_to_the_vendors_hosts_come_here() {
    let address = echo().await;
    let handlers = [
        ("python3.12", "index.asks"),
        ("python3.12", "index.asks_later"),
        ("python3.12", "index.asks_by_hand"),
        ("nodejs22.x", "index.asks"),
        ("nodejs22.x", "index.asks_later"),
    ];
    for mut instance in each(&handlers, &[("FULMAR_ENDPOINT", &address)]).await {
        for host in [
            "abc.execute-api.us-east-1.amazonaws.com",
            "sqs.cn-north-1.amazonaws.com.cn",
        ] {
            let url = format!("\"https://{host}/live/x\"");
            let said = instance.call("one", &url).await.json();
            assert_eq!(said, format!("\"get /live/x http/1.1 {host}\""));
            instance.wants_work().await;
        }
        let other = format!("\"https://{address}/\"");
        let said = instance.call("two", &other).await;
        assert!(said.line.ends_with("/error HTTP/1.1\r\n"), "{said:?}");
        instance.wants_work().await;
    }
}

#[tokio::test]
async fn nothing_is_loaded_for_it() {
    for mut instance in each(
        &[("python3.12", "index.is_loaded")],
        &[("FULMAR_ENDPOINT", "127.0.0.1:1")],
    )
    .await
    {
        assert_eq!(instance.call("one", "1").await.json(), "false");
    }
}
