//! Queues and topics that a bucket tells of its changes.

use super::{only, resolved, said};
use crate::desired::{Kind, Told};

const TEMPLATE: &str = "Resources:
  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q}}
  T: {Type: AWS::SNS::Topic, Properties: {TopicName: t}}
  B:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        QueueConfigurations: [{Event: 's3:ObjectCreated:*', Queue: !GetAtt Q.Arn}]
        TopicConfigurations: [{Event: 's3:ObjectRemoved:*', Topic: !Ref T}]
";

#[test]
fn a_bucket_comes_before_what_it_tells_and_its_notification_after() {
    let desired = resolved(TEMPLATE);
    let notification = only(&desired, "B.Notification");
    let Kind::Notification(told) = &notification.kind else {
        panic!("no notification");
    };
    let places = told.rules.iter().map(|rule| match &rule.told {
        Told::Place { place } => place.as_str(),
        Told::Function { .. } => panic!("a function"),
    });
    assert_eq!(
        places.collect::<Vec<_>>(),
        [
            "arn:aws:sqs:us-east-1:000000000000:q",
            "arn:aws:sns:us-east-1:000000000000:t"
        ]
    );
    assert_ne!(told.rules[0].id, told.rules[1].id);
    for needed in ["B", "Q", "T"] {
        assert!(notification.depends_on.contains(&needed.to_owned()));
    }
}

#[test]
fn what_a_bucket_cannot_tell_is_said() {
    let swapped = TEMPLATE.replace("Queue: !GetAtt Q.Arn", "Queue: !Ref T");
    assert!(said(&swapped)[0].contains("nothing can be sent there"));
    let ordered = TEMPLATE.replace("QueueName: q", "QueueName: q.fifo, FifoQueue: true");
    assert!(said(&ordered)[0].contains("a bucket tells nobody who keeps order"));
    let overlapping = TEMPLATE.replace("Removed:*", "Created:Put");
    assert!(said(&overlapping)[0].contains("overlap"));
}
