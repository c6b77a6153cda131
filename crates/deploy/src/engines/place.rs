//! What else in the cloud something can be sent to.

use base::Space;
use triggers::{Destination, Named, Target};

/// A place by its ARN, where a stack can send to it.
pub(crate) fn named(arn: &str) -> Option<Destination> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, service, region, account, name] = parts.as_slice() else {
        return None;
    };
    let space = Space::new(&format!("{account}/{region}"));
    let named = |name: &str| Named {
        space: space.clone(),
        name: name.to_owned(),
    };
    match *service {
        "s3" => Some(Destination::Bucket((*name).to_owned())),
        "sqs" => Some(Destination::Queue(named(name))),
        "sns" => Some(Destination::Topic(named(name))),
        "events" => Some(Destination::Bus(named(name.strip_prefix("event-bus/")?))),
        "lambda" => {
            let name = name.strip_prefix("function:")?;
            let (function, qualifier) = match name.split_once(':') {
                Some((function, qualifier)) => (function, Some(qualifier.to_owned())),
                None => (name, None),
            };
            Some(Destination::Function(Target {
                space,
                function: function.to_owned(),
                qualifier,
            }))
        }
        _ => None,
    }
}
