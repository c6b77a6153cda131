//! Configurations of notifications, set and shown.

use http::{Method, StatusCode};

use super::{Ask, World};

fn configuration(inner: &str) -> Ask {
    let xml = format!("<NotificationConfiguration>{inner}</NotificationConfiguration>");
    Ask::new(Method::PUT, "/bucket?notification").with(xml)
}

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

#[tokio::test]
async fn notifications_come_back_as_they_were_set() {
    let world = World::new().await;
    let inner = format!(
        "<CloudFunctionConfiguration><Id>one</Id><CloudFunction>{FUNCTION}</CloudFunction><Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>suffix</Name><Value>.jpg</Value></FilterRule></S3Key></Filter></CloudFunctionConfiguration>"
    );
    let unchecked = configuration(&inner).header("x-amz-skip-destination-validation", "true");
    let set = world.send(unchecked).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.body);
    let found = world
        .send(Ask::new(Method::GET, "/bucket?notification"))
        .await;
    assert_eq!(found.element("CloudFunction"), FUNCTION);
    assert_eq!(found.element("Value"), ".jpg");
    assert_eq!(found.element("Name"), "Suffix");
    assert!(world.objects.bucket("bucket").unwrap().watched.is_some());
    let cleared = world.send(configuration("")).await;
    assert_eq!(cleared.status, StatusCode::OK);
    assert!(world.objects.bucket("bucket").unwrap().watched.is_none());
}

#[tokio::test]
async fn notifications_to_nowhere_are_refused() {
    let world = World::new().await;
    let function = format!(
        "<CloudFunctionConfiguration><CloudFunction>{FUNCTION}</CloudFunction><Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration>"
    );
    assert_eq!(
        world.fails(configuration(&function)).await,
        (400, "InvalidArgument".into())
    );
    let event = function.replace("Created:*", "Shouted");
    assert_eq!(
        world.fails(configuration(&event)).await,
        (400, "InvalidArgument".into())
    );
    let queue = "<QueueConfiguration><Queue>arn:aws:sqs:us-east-1:000000000000:q</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration>";
    assert_eq!(
        world.fails(configuration(queue)).await,
        (400, "InvalidArgument".into())
    );
    assert!(world.objects.bucket("bucket").unwrap().watched.is_none());
}
