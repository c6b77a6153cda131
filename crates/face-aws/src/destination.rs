//! The names of places that something is sent to.

use base::Space;
use triggers::{Destination, Named, Target};

use crate::place::Place;

/// Reads the ARN of a place; none if nothing is sent to such a thing.
pub(crate) fn read(arn: &str) -> Option<Destination> {
    let parts: Vec<&str> = arn.split(':').collect();
    let named = |region: &str, account: &str, name: &str| Named {
        space: Space::new(&format!("{account}/{region}")),
        name: name.to_owned(),
    };
    match parts.as_slice() {
        ["arn", _, "s3", "", "", bucket] => Some(Destination::Bucket((*bucket).to_owned())),
        [
            "arn",
            _,
            "lambda",
            region,
            account,
            "function",
            name,
            rest @ ..,
        ] => {
            let qualifier = match rest {
                [] => None,
                [qualifier] => Some((*qualifier).to_owned()),
                _ => return None,
            };
            Some(Destination::Function(Target {
                space: Space::new(&format!("{account}/{region}")),
                function: (*name).to_owned(),
                qualifier: qualifier.filter(|qualifier| qualifier != "$LATEST"),
            }))
        }
        ["arn", _, "sqs", region, account, name] => {
            Some(Destination::Queue(named(region, account, name)))
        }
        ["arn", _, "sns", region, account, name] => {
            Some(Destination::Topic(named(region, account, name)))
        }
        ["arn", _, "events", region, account, bus] => {
            let name = bus.strip_prefix("event-bus/")?;
            Some(Destination::Bus(named(region, account, name)))
        }
        _ => None,
    }
}

pub(crate) fn arn(destination: &Destination) -> String {
    let named = |service: &str, named: &Named, kind: &str| {
        let Place { account, region } = Place::of(&named.space);
        format!("arn:aws:{service}:{region}:{account}:{kind}{}", named.name)
    };
    match destination {
        Destination::Bucket(bucket) => format!("arn:aws:s3:::{bucket}"),
        Destination::Function(target) => {
            Place::of(&target.space).function_arn(&target.function, target.qualifier.as_deref())
        }
        Destination::Queue(queue) => named("sqs", queue, ""),
        Destination::Topic(topic) => named("sns", topic, ""),
        Destination::Bus(bus) => named("events", bus, "event-bus/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_went() {
        for name in [
            "arn:aws:s3:::b",
            "arn:aws:lambda:us-east-1:000000000000:function:f",
            "arn:aws:lambda:us-east-1:000000000000:function:f:live",
            "arn:aws:sqs:us-east-1:000000000000:q.fifo",
            "arn:aws:sns:us-east-1:000000000000:t",
            "arn:aws:events:us-east-1:000000000000:event-bus/own",
        ] {
            assert_eq!(arn(&read(name).unwrap()), name);
        }
        for name in [
            "",
            "b",
            "arn:aws:events:us-east-1:000000000000:rule/r",
            "arn:aws:lambda:us-east-1:000000000000:function:f:1:2",
            "arn:aws:kinesis:us-east-1:000000000000:stream/s",
        ] {
            assert_eq!(read(name), None, "{name}");
        }
    }
}
