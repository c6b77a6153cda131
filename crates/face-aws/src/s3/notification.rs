//! A bucket's notification configuration: read into bindings, and bindings printed back.

use s3s::dto::{
    Event, EventBridgeConfiguration, FilterRule, FilterRuleName,
    GetBucketNotificationConfigurationInput, GetBucketNotificationConfigurationOutput,
    LambdaFunctionConfiguration, NotificationConfigurationFilter,
    PutBucketNotificationConfigurationInput, PutBucketNotificationConfigurationOutput, S3KeyFilter,
};
use s3s::{S3Request, S3Response};
use triggers::{EventKind, ObjectBinding, Target};

use super::buckets::space;
use super::call::Call;
use super::fault::{Fault, Result};

const EVENTS: [(&str, EventKind); 7] = [
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
];

/// Events of the real service that nothing here brings about yet.
const OTHER_EVENTS: [&str; 9] = [
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectRestore:",
    "s3:ReducedRedundancyLostObject",
    "s3:Replication:",
    "s3:LifecycleExpiration:",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectTagging:",
    "s3:ObjectAcl:",
];

pub(super) async fn put(
    call: &Call,
    request: S3Request<PutBucketNotificationConfigurationInput>,
) -> Result<S3Response<PutBucketNotificationConfigurationOutput>> {
    let input = request.input;
    call.parts.objects.bucket(&input.bucket)?;
    let configuration = input.notification_configuration;
    let has = |list: Option<usize>| list.is_some_and(|length| length > 0);
    if has(configuration.queue_configurations.map(|list| list.len())) {
        return Err(Fault::not_implemented("A notification to a queue"));
    }
    if has(configuration.topic_configurations.map(|list| list.len())) {
        return Err(Fault::not_implemented("A notification to a topic"));
    }
    let on_bus = configuration.event_bridge_configuration.is_some();
    let bindings: Vec<ObjectBinding> = configuration
        .lambda_function_configurations
        .unwrap_or_default()
        .into_iter()
        .map(|configuration| binding(call, configuration))
        .collect::<Result<_>>()?;
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
    Ok(S3Response::new(GetBucketNotificationConfigurationOutput {
        event_bridge_configuration: on_bus.then(EventBridgeConfiguration::default),
        lambda_function_configurations: Some(bindings.into_iter().map(print).collect()),
        ..GetBucketNotificationConfigurationOutput::default()
    }))
}

fn binding(call: &Call, configuration: LambdaFunctionConfiguration) -> Result<ObjectBinding> {
    let kinds = configuration
        .events
        .iter()
        .map(|event| kind(event.as_ref()))
        .collect::<Result<Vec<_>>>()?;
    if kinds.is_empty() {
        return Err(Fault::malformed_xml());
    }
    let rules = configuration
        .filter
        .and_then(|filter| filter.key)
        .and_then(|key| key.filter_rules)
        .unwrap_or_default();
    Ok(ObjectBinding {
        id: configuration
            .id
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| call.parts.random.uuid().to_string()),
        target: target(&configuration.lambda_function_arn)?,
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

/// `arn:aws:lambda:region:account:function:name[:qualifier]`
fn target(arn: &str) -> Result<Target> {
    let fields: Vec<&str> = arn.split(':').collect();
    let (region, account, name, qualifier) = match fields.as_slice() {
        ["arn", _, "lambda", region, account, "function", name] => (region, account, name, None),
        [
            "arn",
            _,
            "lambda",
            region,
            account,
            "function",
            name,
            qualifier,
        ] => (region, account, name, Some((*qualifier).to_owned())),
        _ => {
            return Err(Fault::invalid_argument(
                "CloudFunction",
                arn,
                "The ARN could not be parsed",
            ));
        }
    };
    Ok(Target {
        space: space(account, region),
        function: (*name).to_owned(),
        qualifier,
    })
}

fn arn(target: &Target) -> String {
    let (account, region) = target
        .space
        .as_str()
        .split_once('/')
        .unwrap_or((target.space.as_str(), ""));
    let mut arn = format!(
        "arn:aws:lambda:{region}:{account}:function:{}",
        target.function
    );
    if let Some(qualifier) = &target.qualifier {
        arn.push(':');
        arn.push_str(qualifier);
    }
    arn
}

/// As the real service does before it takes a configuration.
fn check_destination(call: &Call, binding: &ObjectBinding) -> Result<()> {
    let target = &binding.target;
    match call.parts.functions.get(&target.space, &target.function) {
        Ok(_) => Ok(()),
        Err(functions::Error::NoSuchFunction(_)) => Err(Fault::bad(
            "InvalidArgument",
            "Unable to validate the following destination configurations",
        )
        .with("ArgumentName1", arn(target))
        .with(
            "ArgumentValue1",
            "The destination Lambda function does not exist",
        )),
        Err(error) => {
            tracing::error!(%error, "a function could not be looked up");
            Err(Fault::internal())
        }
    }
}

fn print(binding: ObjectBinding) -> LambdaFunctionConfiguration {
    let rules: Vec<FilterRule> = [
        (FilterRuleName::PREFIX, binding.prefix),
        (FilterRuleName::SUFFIX, binding.suffix),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| FilterRule {
        name: Some(FilterRuleName::from_static(name)),
        value: Some(value),
    })
    .collect();
    let filter = (!rules.is_empty()).then_some(NotificationConfigurationFilter {
        key: Some(S3KeyFilter {
            filter_rules: Some(rules),
        }),
    });
    LambdaFunctionConfiguration {
        events: binding.kinds.into_iter().map(event).collect(),
        filter,
        id: Some(binding.id),
        lambda_function_arn: arn(&binding.target),
    }
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
        Error::Functions(_)
        | Error::VisibilityTooShort { .. }
        | Error::Queues(_)
        | Error::Tables(_)
        | Error::Pattern(_)
        | Error::NoSuchMapping(_)
        | Error::MappingExists { .. }
        | Error::MappingBusy(_)
        | Error::KeyTaken
        | Error::NoSuchSubscription(_)
        | Error::SubscriptionDiffers(_)
        | Error::NoSuchToken
        | Error::TokenTooOld
        | Error::Topics(_)
        | Error::Schedules(_)
        | Error::NoSuchRule { .. }
        | Error::RuleHasTargets(_)
        | Error::BusHasRules(_)
        | Error::NoSuchAddress(_)
        | Error::AddressExists(_)
        | Error::NoSuchConnection(_)
        | Error::ConnectionExists(_)
        | Error::ConnectionInUse(_)
        | Error::Buses(_)
        | Error::Refused(_)
        | Error::Store(_) => {
            tracing::error!(%error, "a bucket's bindings failed");
            Fault::internal()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{arn, target};

    #[test]
    fn function_names_come_back_as_they_went() {
        for text in [
            "arn:aws:lambda:us-east-1:000000000000:function:thumbnails",
            "arn:aws:lambda:us-east-1:000000000000:function:thumbnails:live",
        ] {
            assert_eq!(arn(&target(text).unwrap()), text);
        }
        assert!(target("arn:aws:sqs:us-east-1:000000000000:queue").is_err());
        assert!(target("").is_err());
    }
}
