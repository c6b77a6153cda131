//! A bucket's notification configuration: read into bindings, and bindings printed back.

use s3s::dto::{
    Event, EventBridgeConfiguration, FilterRule, FilterRuleName,
    GetBucketNotificationConfigurationInput, GetBucketNotificationConfigurationOutput,
    LambdaFunctionConfiguration, NotificationConfiguration, NotificationConfigurationFilter,
    PutBucketNotificationConfigurationInput, PutBucketNotificationConfigurationOutput,
    QueueConfiguration, S3KeyFilter, TopicConfiguration,
};
use s3s::{S3Request, S3Response};
use triggers::{Destination, EventKind, ObjectBinding};

use super::call::Call;
use super::fault::{Fault, Result};
use crate::destination;

const EVENTS: [(&str, EventKind); 14] = [
    ("s3:ObjectCreated:*", EventKind::Created),
    ("s3:ObjectCreated:Put", EventKind::CreatedByPut),
    ("s3:ObjectCreated:Post", EventKind::CreatedByPost),
    ("s3:ObjectCreated:Copy", EventKind::CreatedByCopy),
    (
        "s3:ObjectCreated:CompleteMultipartUpload",
        EventKind::CreatedByMultipart,
    ),
    ("s3:ObjectRemoved:*", EventKind::Removed),
    ("s3:ObjectRemoved:Delete", EventKind::RemovedByDelete),
    (
        "s3:ObjectRemoved:DeleteMarkerCreated",
        EventKind::RemovedByMarker,
    ),
    ("s3:ObjectTagging:*", EventKind::Tagging),
    ("s3:ObjectTagging:Put", EventKind::Tagged),
    ("s3:ObjectTagging:Delete", EventKind::Untagged),
    ("s3:LifecycleExpiration:*", EventKind::Expiry),
    ("s3:LifecycleExpiration:Delete", EventKind::Expired),
    (
        "s3:LifecycleExpiration:DeleteMarkerCreated",
        EventKind::ExpiredByMarker,
    ),
];

/// Events of the real service that nothing here brings about yet.
const OTHER_EVENTS: [&str; 6] = [
    "s3:ObjectRestore:",
    "s3:ReducedRedundancyLostObject",
    "s3:Replication:",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectAcl:",
];

pub(super) async fn put(
    call: &Call,
    request: S3Request<PutBucketNotificationConfigurationInput>,
) -> Result<S3Response<PutBucketNotificationConfigurationOutput>> {
    let input = request.input;
    call.parts.objects.bucket(&input.bucket)?;
    let configuration = input.notification_configuration;
    let on_bus = configuration.event_bridge_configuration.is_some();
    let bindings = asked(configuration)
        .into_iter()
        .map(|asked| binding(call, asked))
        .collect::<Result<Vec<_>>>()?;
    if input.skip_destination_validation != Some(true) {
        for binding in &bindings {
            check_destination(call, binding)?;
        }
    }
    call.parts
        .triggers
        .set_bucket_bindings(&input.bucket, bindings, on_bus)
        .await
        .map_err(refused)?;
    Ok(S3Response::new(PutBucketNotificationConfigurationOutput {}))
}

pub(super) async fn get(
    call: &Call,
    request: S3Request<GetBucketNotificationConfigurationInput>,
) -> Result<S3Response<GetBucketNotificationConfigurationOutput>> {
    let bucket = request.input.bucket;
    call.parts.objects.bucket(&bucket)?;
    let bindings = call
        .parts
        .triggers
        .bucket_bindings(&bucket)
        .map_err(refused)?;
    let on_bus = call.parts.triggers.is_bucket_on_bus(&bucket);
    let on_bus = on_bus.map_err(refused)?;
    let mut output = GetBucketNotificationConfigurationOutput {
        event_bridge_configuration: on_bus.then(EventBridgeConfiguration::default),
        ..GetBucketNotificationConfigurationOutput::default()
    };
    for binding in bindings {
        print(binding, &mut output);
    }
    Ok(S3Response::new(output))
}

/// What is asked for of any kind of place.
struct Asked {
    /// What the service calls such a place when it complains.
    argument: &'static str,
    arn: String,
    id: Option<String>,
    events: Vec<Event>,
    filter: Option<NotificationConfigurationFilter>,
}

fn asked(configuration: NotificationConfiguration) -> Vec<Asked> {
    let functions = configuration.lambda_function_configurations;
    let functions = functions.unwrap_or_default().into_iter().map(|one| Asked {
        argument: "CloudFunction",
        arn: one.lambda_function_arn,
        id: one.id,
        events: one.events,
        filter: one.filter,
    });
    let queues = configuration.queue_configurations;
    let queues = queues.unwrap_or_default().into_iter().map(|one| Asked {
        argument: "Queue",
        arn: one.queue_arn,
        id: one.id,
        events: one.events,
        filter: one.filter,
    });
    let topics = configuration.topic_configurations;
    let topics = topics.unwrap_or_default().into_iter().map(|one| Asked {
        argument: "Topic",
        arn: one.topic_arn,
        id: one.id,
        events: one.events,
        filter: one.filter,
    });
    functions.chain(queues).chain(topics).collect()
}

fn binding(call: &Call, asked: Asked) -> Result<ObjectBinding> {
    let kinds = asked
        .events
        .iter()
        .map(|event| kind(event.as_ref()))
        .collect::<Result<Vec<_>>>()?;
    if kinds.is_empty() {
        return Err(Fault::malformed_xml());
    }
    let rules = asked
        .filter
        .and_then(|filter| filter.key)
        .and_then(|key| key.filter_rules)
        .unwrap_or_default();
    Ok(ObjectBinding {
        target: target(asked.argument, &asked.arn)?,
        id: asked
            .id
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| call.parts.random.uuid().to_string()),
        kinds,
        prefix: rule(&rules, FilterRuleName::PREFIX)?,
        suffix: rule(&rules, FilterRuleName::SUFFIX)?,
    })
}

fn kind(event: &str) -> Result<EventKind> {
    if let Some((_, kind)) = EVENTS.iter().find(|(name, _)| *name == event) {
        return Ok(*kind);
    }
    if OTHER_EVENTS.iter().any(|known| event.starts_with(known)) {
        return Err(Fault::not_implemented(&format!(
            "A notification of {event}"
        )));
    }
    Err(Fault::bad(
        "InvalidArgument",
        "The event is not supported for notifications",
    )
    .with("ArgumentName", "Event")
    .with("ArgumentValue", event))
}

/// The value of the one rule of that name; the service does not care about capitals in it.
fn rule(rules: &[FilterRule], wanted: &str) -> Result<String> {
    let mut found = None;
    for rule in rules {
        let name = rule
            .name
            .as_ref()
            .map(FilterRuleName::as_str)
            .unwrap_or_default();
        let is_known = ["prefix", "suffix"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known));
        if !is_known {
            return Err(filter_fault(
                "filter rule name must be either prefix or suffix",
            ));
        }
        if name.eq_ignore_ascii_case(wanted) {
            let value = rule.value.clone().unwrap_or_default();
            if found.replace(value).is_some() {
                return Err(filter_fault(
                    "Cannot specify more than one rule of a kind in a filter.",
                ));
            }
        }
    }
    Ok(found.unwrap_or_default())
}

fn filter_fault(message: &str) -> Fault {
    Fault::bad("InvalidArgument", message).with("ArgumentName", "FilterRule.Name")
}

fn target(argument: &'static str, arn: &str) -> Result<Destination> {
    let found = destination::read(arn);
    found
        .filter(|found| argument_of(found) == Some(argument))
        .ok_or_else(|| Fault::invalid_argument(argument, arn, "The ARN could not be parsed"))
}

/// What the service calls such a place; none if a bucket tells no such place of anything.
fn argument_of(place: &Destination) -> Option<&'static str> {
    match place {
        Destination::Function(_) => Some("CloudFunction"),
        Destination::Queue(_) => Some("Queue"),
        Destination::Topic(_) => Some("Topic"),
        Destination::Bucket(_) | Destination::Bus(_) => None,
    }
}

/// As the real service does before it takes a configuration.
fn check_destination(call: &Call, binding: &ObjectBinding) -> Result<()> {
    let invalid = |why: &str| {
        Fault::bad(
            "InvalidArgument",
            "Unable to validate the following destination configurations",
        )
        .with("ArgumentName1", destination::arn(&binding.target))
        .with("ArgumentValue1", why)
    };
    match &binding.target {
        // Its qualifier may be made later.
        Destination::Function(target) => {
            match call.parts.functions.get(&target.space, &target.function) {
                Ok(_) => Ok(()),
                Err(functions::Error::NoSuchFunction(_)) => {
                    Err(invalid("The destination Lambda function does not exist"))
                }
                Err(error) => {
                    tracing::error!(%error, "a function could not be looked up");
                    Err(Fault::internal())
                }
            }
        }
        Destination::Queue(place) | Destination::Topic(place) if place.name.ends_with(".fifo") => {
            Err(invalid("FIFO queues and topics are not supported"))
        }
        place => match call.parts.triggers.takes(place) {
            Ok(()) => Ok(()),
            Err(triggers::Error::Refused(_)) => {
                let kind = argument_of(place).unwrap_or_default().to_lowercase();
                Err(invalid(&format!("The destination {kind} does not exist")))
            }
            Err(error) => Err(refused(error)),
        },
    }
}

fn print(binding: ObjectBinding, output: &mut GetBucketNotificationConfigurationOutput) {
    let filter = print_filter(&binding);
    let events = binding.kinds.into_iter().map(event).collect();
    let id = Some(binding.id);
    let arn = destination::arn(&binding.target);
    match binding.target {
        Destination::Queue(_) => {
            let queues = output.queue_configurations.get_or_insert_default();
            queues.push(QueueConfiguration {
                events,
                filter,
                id,
                queue_arn: arn,
            });
        }
        Destination::Topic(_) => {
            let topics = output.topic_configurations.get_or_insert_default();
            topics.push(TopicConfiguration {
                events,
                filter,
                id,
                topic_arn: arn,
            });
        }
        Destination::Function(_) | Destination::Bucket(_) | Destination::Bus(_) => {
            let functions = output
                .lambda_function_configurations
                .get_or_insert_default();
            functions.push(LambdaFunctionConfiguration {
                events,
                filter,
                id,
                lambda_function_arn: arn,
            });
        }
    }
}

/// The service takes the rules' names in any case, and gives them back with a capital.
fn print_filter(binding: &ObjectBinding) -> Option<NotificationConfigurationFilter> {
    let rules: Vec<FilterRule> = [("Prefix", &binding.prefix), ("Suffix", &binding.suffix)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| FilterRule {
            name: Some(FilterRuleName::from_static(name)),
            value: Some(value.clone()),
        })
        .collect();
    (!rules.is_empty()).then_some(NotificationConfigurationFilter {
        key: Some(S3KeyFilter {
            filter_rules: Some(rules),
        }),
    })
}

fn event(kind: EventKind) -> Event {
    let name = match kind {
        EventKind::Created => "s3:ObjectCreated:*",
        EventKind::CreatedByPut => "s3:ObjectCreated:Put",
        EventKind::CreatedByPost => "s3:ObjectCreated:Post",
        EventKind::CreatedByCopy => "s3:ObjectCreated:Copy",
        EventKind::CreatedByMultipart => "s3:ObjectCreated:CompleteMultipartUpload",
        EventKind::Removed => "s3:ObjectRemoved:*",
        EventKind::RemovedByDelete => "s3:ObjectRemoved:Delete",
        EventKind::RemovedByMarker => "s3:ObjectRemoved:DeleteMarkerCreated",
        EventKind::Expiry => "s3:LifecycleExpiration:*",
        EventKind::Expired => "s3:LifecycleExpiration:Delete",
        EventKind::ExpiredByMarker => "s3:LifecycleExpiration:DeleteMarkerCreated",
        EventKind::Tagging => "s3:ObjectTagging:*",
        EventKind::Tagged => "s3:ObjectTagging:Put",
        EventKind::Untagged => "s3:ObjectTagging:Delete",
    };
    Event::from(name.to_owned())
}

pub(super) fn refused(error: triggers::Error) -> Fault {
    use triggers::Error;
    match error {
        Error::Overlap(..) => Fault::bad(
            "InvalidArgument",
            "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
        ),
        Error::DuplicateId(id) => Fault::invalid_argument(
            "Id",
            &id,
            "Same ID used for multiple configurations. IDs must be unique",
        ),
        Error::Objects(error) => error.into(),
        // What nobody can help who asks.
        error => {
            tracing::error!(%error, "a bucket's bindings failed");
            Fault::internal()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::target;
    use crate::destination;

    #[test]
    fn names_of_places_come_back_as_they_went() {
        for (argument, text) in [
            (
                "CloudFunction",
                "arn:aws:lambda:us-east-1:000000000000:function:thumbnails",
            ),
            (
                "CloudFunction",
                "arn:aws:lambda:us-east-1:000000000000:function:thumbnails:live",
            ),
            ("Queue", "arn:aws:sqs:us-east-1:000000000000:q"),
            ("Topic", "arn:aws:sns:us-east-1:000000000000:t"),
        ] {
            assert_eq!(destination::arn(&target(argument, text).unwrap()), text);
        }
        let queue = "arn:aws:sqs:us-east-1:000000000000:queue";
        assert!(target("CloudFunction", queue).is_err());
        assert!(target("Topic", queue).is_err());
        assert!(target("Queue", "").is_err());
    }
}
