use base::Timestamp;
use bytes::Bytes;
use runtimes::Language;
use serde_json::{Value, json};
use store::Store;

use super::record::{Asked, Made};
use super::*;

/// A request that waits for its answer.
pub(crate) struct Waiting {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) verb: String,
    pub(crate) properties: Value,
}

pub(crate) fn waiting(store: &Store) -> Vec<Waiting> {
    let asked = ASKED
        .scan(&store.read().unwrap(), &ASKED.key().range(), 100)
        .unwrap();
    // Those without a secret are over: see below.
    let waiting = asked
        .into_iter()
        .filter(|(_, asked)| asked.answer.is_none() && !asked.secret.is_empty());
    waiting
        .map(|(key, asked)| Waiting {
            id: store::KeyReader::new(&key).unwrap().str().unwrap(),
            secret: asked.secret,
            verb: format!("{:?}", asked.verb),
            properties: serde_json::from_str(&asked.properties).unwrap(),
        })
        .collect()
}

/// As when the function that was called has ended without an answer: there is no call of this id.
pub(crate) async fn end_call(store: &Store, id: &str) {
    let ended = store.write(|tx| {
        let mut asked = ASKED.get(tx, &asked_key(id))?.unwrap();
        asked.secret = String::new();
        let name = asked.name.clone();
        let mut kept = CUSTOMS.get(tx, &custom_key(&name))?.unwrap();
        kept.asked = Some("ended".into());
        CUSTOMS.put(tx, custom_key(&name), &kept);
        ASKED.put(tx, asked_key("ended"), &asked);
        ASKED.delete(tx, asked_key(id));
        Ok::<_, store::Error>(())
    });
    ended.await.unwrap();
}

fn kept() -> Kept {
    Kept {
        stack: "shop".into(),
        stack_id: "arn:aws:cloudformation:us-east-1:000000000000:stack/shop/a-b".into(),
        logical_id: "Seed".into(),
        resource_type: "Custom::Seed".into(),
        token: "arn:aws:lambda:us-east-1:000000000000:function:seed".into(),
        timeout_s: 60,
        keeps_replaced: false,
        made: None,
        tried: None,
        asked: None,
    }
}

#[test]
fn a_request_is_as_the_cloud_writes_it() {
    let fresh = Fresh {
        id: "r-1".into(),
        secret: "ab".into(),
        now: Timestamp::from_secs(0),
    };
    let ask = Ask {
        verb: Verb::Update,
        physical: Some("seed-1"),
        properties: r#"{"A":"2"}"#,
        old: Some(r#"{"A":"1"}"#),
    };
    let kept = kept();
    let mut request = Request {
        ask: &ask,
        kept: &kept,
        fresh: &fresh,
        address: None,
        region: "us-east-1",
    };
    let key = "arn%3Aaws%3Acloudformation%3Aus-east-1%3A000000000000%3Astack/shop/a-b%7CSeed%7Cr-1?X-Amz-Expires=60&X-Amz-Signature=ab";
    let event: Value = serde_json::from_str(&request.event()).unwrap();
    assert_eq!(
        event,
        json!({
            "RequestType": "Update",
            "ServiceToken": "arn:aws:lambda:us-east-1:000000000000:function:seed",
            "ResponseURL": format!("https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/{key}"),
            "StackId": kept.stack_id,
            "RequestId": "r-1",
            "LogicalResourceId": "Seed",
            "PhysicalResourceId": "seed-1",
            "ResourceType": "Custom::Seed",
            "ResourceProperties": {"A": "2"},
            "OldResourceProperties": {"A": "1"},
        })
    );
    for (address, region, wanted) in [
        (
            Some("http://127.0.0.1:4566"),
            "eu-west-1",
            "http://127.0.0.1:4566/cloudformation-custom-resource-response-euwest1/",
        ),
        (
            None,
            "eu-west-1",
            "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/",
        ),
        (
            None,
            "cn-north-1",
            "https://cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn/",
        ),
    ] {
        request.address = address;
        request.region = region;
        let event: Value = serde_json::from_str(&request.event()).unwrap();
        let url = event["ResponseURL"].as_str().unwrap();
        assert!(url.starts_with(wanted), "{url}");
    }
}

/// What a maker's answer to a first request comes to: why it was refused, if it was.
async fn settled(answer: &[u8]) -> (Option<String>, Kept) {
    let store = Store::ephemeral(base::Random::seeded(1));
    let written = store.write(|tx| {
        let asked = Asked {
            name: "seed".into(),
            verb: Verb::Create,
            secret: "ab".into(),
            deadline: Timestamp::MAX,
            properties: "{}".into(),
            is_job: true,
            answer: None,
        };
        ASKED.put(tx, asked_key("r-1"), &asked);
        CUSTOMS.put(tx, custom_key("seed"), &kept());
        settle::settle(tx, "r-1", Some(answer))
    });
    let settled = written.await.unwrap().unwrap();
    let kept = CUSTOMS.get(&store.read().unwrap(), &custom_key("seed"));
    (settled.refused, kept.unwrap().unwrap())
}

#[tokio::test]
async fn answers_are_read_as_the_cloud_reads_them() {
    let long = format!(r#"{{"Status":"SUCCESS","Reason":"{}"}}"#, "x".repeat(5_000));
    for (answer, wanted) in [
        (r#"{"Status":"SUCCESS","PhysicalResourceId":"a"}"#, ""),
        (
            r#"{"Status":"SUCCESS","PhysicalResourceId":"a","NoEcho":true,"Data":null,"More":1}"#,
            "",
        ),
        (r#"{"Status":"SUCCESS"}"#, "Invalid PhysicalResourceId"),
        (
            r#"{"Status":"SUCCESS","PhysicalResourceId":"a","RequestId":"r-2"}"#,
            "Invalid RequestId",
        ),
        (
            r#"{"Status":"FAILED","Reason":"no luck"}"#,
            "Received response status [FAILED] from custom resource. Message returned: no luck (RequestId: r-1)",
        ),
        ("nonsense", "the answer is not the JSON that it should be"),
        (&long, "Response object is too long."),
    ] {
        let (refused, kept) = settled(answer.as_bytes()).await;
        let refused = refused.unwrap_or_default();
        assert!(refused.starts_with(wanted), "{answer}: {refused}");
        assert_eq!(refused.is_empty(), wanted.is_empty(), "{answer}");
        assert_eq!(kept.made.is_some(), wanted.is_empty(), "{answer}");
        assert_eq!(kept.tried.is_some(), !wanted.is_empty(), "{answer}");
    }
    let (_, kept) =
        settled(br#"{"Status":"SUCCESS","PhysicalResourceId":"a","Data":{"K":1}}"#).await;
    let made = Made {
        physical: "a".into(),
        properties: "{}".into(),
        data: r#"{"K":1}"#.into(),
    };
    assert_eq!(kept.made, Some(made));
}

#[tokio::test]
async fn an_answer_counts_once_in_time_and_with_its_signature() {
    let store = Store::ephemeral(base::Random::seeded(1));
    let clock = base::ManualClock::new(Timestamp::from_secs(1));
    let answers = Answers::new(store.clone(), std::sync::Arc::new(clock.clone()));
    let put = |id: &'static str| {
        let store = store.clone();
        async move {
            let put = store.write(|tx| {
                let asked = Asked {
                    name: "seed".into(),
                    verb: Verb::Create,
                    secret: "ab".into(),
                    deadline: Timestamp::from_secs(61),
                    properties: "{}".into(),
                    is_job: true,
                    answer: None,
                };
                ASKED.put(tx, asked_key(id), &asked);
                Ok::<_, store::Error>(())
            });
            put.await.unwrap();
        }
    };
    put("r-1").await;
    put("r-2").await;
    let said = Bytes::from_static(b"{}");
    let take =
        |id: &'static str, signature: &'static str| answers.take(id, signature, said.clone());
    assert!(matches!(take("r-0", "ab").await, Err(NotTaken::Unknown)));
    assert!(matches!(
        take("r-1", "ac").await,
        Err(NotTaken::WrongSignature)
    ));
    assert!(matches!(
        take("r-1", "").await,
        Err(NotTaken::WrongSignature)
    ));
    take("r-1", "ab").await.unwrap();
    assert_eq!(answers.wait("r-1").await.unwrap(), Some(said.clone()));
    assert!(matches!(take("r-1", "ab").await, Err(NotTaken::Answered)));
    let (waited, ()) = tokio::join!(answers.wait("r-2"), async {
        tokio::task::yield_now().await;
        clock.advance(std::time::Duration::from_secs(60));
    });
    assert_eq!(waited.unwrap(), None);
    assert!(matches!(take("r-2", "ab").await, Err(NotTaken::Late)));
}

#[test]
fn code_of_one_file_has_the_module_that_it_names() {
    for (language, text, wanted) in [
        (
            Language::Python,
            "import cfnresponse",
            Some("cfnresponse.py"),
        ),
        (Language::Python, "import json", None),
        (
            Language::Node,
            "require('cfn-response')",
            Some("node_modules/cfn-response/index.js"),
        ),
        (Language::Node, "require('https')", None),
    ] {
        let file = beside(Some(language), text).map(|(name, _)| name);
        assert_eq!(file, wanted, "{text}");
    }
}
