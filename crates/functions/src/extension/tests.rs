use std::time::Duration;

use base::ManualClock;
use tokio_util::task::TaskTracker;

use super::*;
use crate::tests::fake::plain;

fn hub(external: &[&str]) -> Arc<Hub> {
    let facts = Facts {
        function: "f".into(),
        version: "1".into(),
        handler: "h".into(),
        account: "a".into(),
    };
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1)));
    let telemetry = Telemetry::new(plain(), clock, TaskTracker::new());
    let external = external.iter().map(|name| (*name).to_owned()).collect();
    Hub::new(facts, external, Random::seeded(3), telemetry)
}

fn registered(hub: &Hub, name: &str, events: &[&str]) -> Result<String, &'static str> {
    let events: Vec<String> = events.iter().map(|event| (*event).to_owned()).collect();
    hub.register(name, &events).map_err(|refused| refused.kind)
}

async fn is_settled(hub: &Hub) -> bool {
    let settled = tokio::time::timeout(Duration::from_millis(20), hub.settled());
    settled.await.is_ok()
}

fn called(hub: &Hub) {
    hub.call(&Called {
        request_id: "id",
        deadline_ms: 5,
        invoked_name: "name",
        trace: "trace",
    });
}

#[tokio::test]
async fn an_instance_waits_for_its_files_to_register_and_for_everybody_to_ask() {
    let hub = hub(&["one"]);
    assert!(!is_settled(&hub).await);
    let one = registered(&hub, "one", &["INVOKE", "SHUTDOWN"]).unwrap();
    assert!(!is_settled(&hub).await);
    let asking = tokio::spawn({
        let (hub, one) = (hub.clone(), one.clone());
        async move { hub.next(&one).await }
    });
    assert!(is_settled(&hub).await);
    called(&hub);
    assert!(!is_settled(&hub).await);
    assert!(asking.await.unwrap().unwrap().contains("INVOKE"));
    assert!(!is_settled(&hub).await);
    let again = tokio::spawn({
        let (hub, one) = (hub.clone(), one.clone());
        async move { hub.next(&one).await }
    });
    assert!(is_settled(&hub).await);
    assert!(hub.end(End::Idle, Timestamp::from_secs(3)));
    let event = again.await.unwrap().unwrap();
    assert!(event.contains("spindown") && event.contains("3000"));
}

#[tokio::test]
async fn whoever_asks_and_goes_away_does_not_wait() {
    let hub = hub(&[]);
    let one = registered(&hub, "one", &["INVOKE"]).unwrap();
    {
        let asking = hub.next(&one);
        tokio::pin!(asking);
        let pause = Duration::from_millis(1);
        assert!(tokio::time::timeout(pause, &mut asking).await.is_err());
        assert!(is_settled(&hub).await);
    }
    assert!(!is_settled(&hub).await);
}

#[tokio::test]
async fn who_may_register_for_what() {
    let hub = hub(&["file"]);
    assert_eq!(
        registered(&hub, "inner", &["SHUTDOWN"]),
        Err("Extension.InvalidEventType")
    );
    assert_eq!(
        registered(&hub, "inner", &["X"]),
        Err("Extension.InvalidEventType")
    );
    registered(&hub, "inner", &["INVOKE"]).unwrap();
    assert_eq!(
        registered(&hub, "inner", &[]),
        Err("Extension.InvalidExtensionState")
    );
    for number in 1..MOST {
        registered(&hub, &format!("inner-{number}"), &[]).unwrap();
    }
    assert_eq!(
        registered(&hub, "file", &[]),
        Err("Extension.TooManyExtensions")
    );
    called(&hub);
    assert_eq!(
        registered(&hub, "late", &[]),
        Err("Extension.RegistrationClosed")
    );
}

#[tokio::test]
async fn one_that_ends_spoils_the_instance_unless_the_end_has_come() {
    let hub = hub(&["file"]);
    hub.ended("file", 3);
    let broken = Broken {
        name: "file".into(),
        how: How::Ended(3),
    };
    assert_eq!(hub.settled().await, Err(broken));
    assert!(!hub.end(End::Failed, Timestamp::from_secs(3)));
    hub.all_gone().await;
}

#[test]
fn subscriptions_are_read_and_checked() {
    let hub = hub(&[]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let said = |body: &str| {
        let subscribed = hub
            .telemetry
            .subscribe("one", words::TELEMETRY, body.as_bytes());
        subscribed.map_err(|refused| refused.message)
    };
    let to = |protocol: &str, uri: &str| {
        format!(
            r#"{{"types":["platform"],"destination":{{"protocol":"{protocol}","URI":"{uri}"}}}}"#
        )
    };
    assert_eq!(
        said(&to("HTTP", "http://sandbox.localdomain:8080/a")),
        Ok(())
    );
    assert_eq!(said(&to("TCP", "tcp://sandbox.localdomain:8080")), Ok(()));
    for (protocol, uri, why) in [
        (
            "HTTP",
            "http://sandbox.localdomain",
            "URI port is not provided",
        ),
        (
            "HTTP",
            "http://example.com:80",
            "URI host must be sandbox.localdomain",
        ),
        (
            "HTTP",
            "https://sandbox.localdomain:80",
            "URI scheme must be http or tcp",
        ),
        (
            "HTTP",
            "http://sandbox.localdomain:80/a b",
            "URI path is not valid",
        ),
        (
            "UDP",
            "http://sandbox.localdomain:80",
            "protocol must be HTTP or TCP",
        ),
    ] {
        assert_eq!(said(&to(protocol, uri)), Err(why.to_owned()));
    }
    assert_eq!(
        said(r#"{"types":[]}"#),
        Err("types should not be empty".into())
    );
    assert!(said("{").is_err());
    let small = r#"{"types":["function"],"buffering":{"maxItems":10},"destination":{"protocol":"TCP","port":1}}"#;
    assert_eq!(
        said(small),
        Err("buffering.maxItems must be between 1000 and 10000".into())
    );
}
