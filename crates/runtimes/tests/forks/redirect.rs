//! What is meant for the vendor's API hosts, in whatever way an instance has come to be.

use crate::echo::echo;
use crate::harness::Named;
use crate::{Start, World};

pub(crate) fn tests() -> Vec<Named> {
    vec![
        ("python: requests to the vendor's hosts come here", || {
            Box::pin(python())
        }),
        ("node: requests to the vendor's hosts come here", || {
            Box::pin(node())
        }),
    ]
}

async fn python() {
    let code = "import urllib.request\n\
                def handler(event, context):\n    \
                    return urllib.request.urlopen(event, timeout=20).read().decode()\n";
    come_here(World::new("python3.12", "app.handler", &[("app.py", code)])).await;
}

async fn node() {
    let code = "exports.handler = async (url) => (await fetch(url)).text();";
    come_here(World::new("nodejs22.x", "app.handler", &[("app.js", code)])).await;
}

async fn come_here(mut world: World) {
    world.environment = vec![("FULMAR_ENDPOINT".into(), echo().await)];
    if !world.has_a_placeholder().await {
        return;
    }
    let child = world.start().await;
    assert_eq!(child.start, Start::Placeholder);
    let template = world.template().await.unwrap();
    for mut instance in [child, world.fork(&template).await] {
        let said = instance
            .call("\"https://abc.execute-api.us-east-1.amazonaws.com/x\"")
            .await;
        assert_eq!(
            said,
            "\"get /x http/1.1 abc.execute-api.us-east-1.amazonaws.com\""
        );
    }
}
