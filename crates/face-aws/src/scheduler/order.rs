//! What a schedule sends when it is due, and what becomes of what nobody took.

use schedules::{Occasion, Owner};
use serde_json::json;
use triggers::{
    About, Attribute, Call, DeadLetter, Destination, Message, Named, Order, Orders, Refusal,
    Trouble, Undelivered,
};

use super::name;
use super::target::{Called, Target};
use crate::moment::utc;
use crate::place::Place;
use crate::undelivered::{attribute, exhausted};

/// How schedules of this cloud word what they send.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsOrders;

impl Orders for AwsOrders {
    fn orders(&self, occasion: &Occasion, attempt: u32) -> Result<Vec<Order>, Refusal> {
        let target = target(occasion).ok_or_else(unreadable)?;
        let input = input(&target, occasion, attempt);
        let (space, _) = name::of(&occasion.whose);
        let called = target.called().map_err(refused)?;
        let mut orders = match called {
            Called::Operation(operation) => operation
                .orders(input.as_deref().unwrap_or("{}"), space)
                .map_err(refused)?,
            Called::Callable(_) => Vec::new(),
            Called::Place(to) => {
                let body = input.unwrap_or_else(|| announcement(occasion));
                vec![to_place(&target, to, body)]
            }
        };
        for order in &mut orders {
            "schedule".clone_into(&mut order.message.trigger);
        }
        Ok(orders)
    }

    fn dead_letter(&self, occasion: &Occasion, undelivered: &Undelivered) -> Option<Order> {
        let target = target(occasion)?;
        let attempt = undelivered.retries + 1;
        let mut letter = letter(&target, occasion, attempt)?;
        let attributes = &mut letter.message.attributes;
        attributes.extend(why(&target, undelivered));
        Some(letter)
    }

    fn call(&self, occasion: &Occasion) -> Result<Option<triggers::Called>, Refusal> {
        let Some(target) = target(occasion) else {
            return Ok(None);
        };
        let Called::Callable(operation) = target.called().map_err(refused)? else {
            return Ok(None);
        };
        // All attempts are of one request.
        let input = input(&target, occasion, 1);
        let (space, _) = name::of(&occasion.whose);
        let letter = letter(&target, occasion, 1);
        Ok(Some(triggers::Called {
            call: Call {
                operation: Named {
                    space: space.clone(),
                    name: operation.name(),
                },
                input: input.unwrap_or_else(|| "{}".to_owned()).into(),
            },
            dead: letter.map(|Order { to, message }| DeadLetter { to, message }),
        }))
    }
}

fn target(occasion: &Occasion) -> Option<Target> {
    match &occasion.owner {
        Owner::Schedule(settings) => Target::stored(&settings.order),
        Owner::Rule => None,
    }
}

fn unreadable() -> Refusal {
    Refusal::Invalid("the schedule's target does not read".to_owned())
}

fn refused(fault: crate::protocol::Fault) -> Refusal {
    Refusal::Invalid(fault.message.unwrap_or_else(|| fault.code.into_owned()))
}

fn to_place(target: &Target, to: Destination, body: String) -> Order {
    let about = match &target.event_bridge_parameters {
        Some(said) => About {
            source: said.source.clone(),
            kind: said.detail_type.clone(),
            ..About::default()
        },
        None => About::default(),
    };
    let group = target.sqs_parameters.as_ref();
    Order {
        to,
        message: Message {
            body: body.into(),
            group: group.and_then(|said| said.message_group_id.clone()),
            about,
            ..Message::default()
        },
    }
}

/// With its context attributes filled in.
fn input(target: &Target, occasion: &Occasion, attempt: u32) -> Option<String> {
    let input = target.input.as_ref()?;
    if !input.contains("<aws.scheduler.") {
        return Some(input.clone());
    }
    let (_, arn) = name::of(&occasion.whose);
    let filled = input
        .replace("<aws.scheduler.schedule-arn>", &arn)
        .replace("<aws.scheduler.scheduled-time>", &scheduled(occasion))
        .replace("<aws.scheduler.execution-id>", &execution(occasion))
        .replace("<aws.scheduler.attempt-number>", &attempt.to_string());
    Some(filled)
}

fn scheduled(occasion: &Occasion) -> String {
    let at = utc(occasion.scheduled);
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn execution(occasion: &Occasion) -> String {
    format!("{:016x}", occasion.execution >> 64)
}

/// What is sent to a place when the schedule does not say it.
fn announcement(occasion: &Occasion) -> String {
    let (space, arn) = name::of(&occasion.whose);
    let place = Place::of(space);
    let id = uuid(occasion.execution);
    json!({
        "version": "0",
        "id": id,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": place.account,
        "time": scheduled(occasion),
        "region": place.region,
        "resources": [arn],
        "detail": "{}",
    })
    .to_string()
}

fn uuid(bits: u128) -> String {
    let text = format!("{bits:032x}");
    let parts = [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ];
    parts.join("-")
}

/// What is sent to where what was in vain goes, without why it was.
fn letter(target: &Target, occasion: &Occasion, attempt: u32) -> Option<Order> {
    let body = input(target, occasion, attempt);
    Some(Order {
        to: target.dead_letter()?,
        message: Message {
            body: body.unwrap_or_else(|| "{}".to_owned()).into(),
            attributes: told(target, occasion),
            trigger: "schedule".to_owned(),
            ..Message::default()
        },
    })
}

/// The names are those of the page about dead-letter queues of schedules.
fn told(target: &Target, occasion: &Occasion) -> Vec<Attribute> {
    let (_, arn) = name::of(&occasion.whose);
    vec![
        attribute("EXECUTION_ID", &execution(occasion)),
        attribute("IS_PAYLOAD_TRUNCATED", "false"),
        attribute("SCHEDULED_TIME", &scheduled(occasion)),
        attribute("SCHEDULE_ARN", &arn),
        attribute("TARGET_ARN", &target.arn),
    ]
}

fn why(target: &Target, undelivered: &Undelivered) -> Vec<Attribute> {
    let mut why = vec![
        attribute("ERROR_CODE", code(target, undelivered)),
        attribute("ERROR_MESSAGE", &undelivered.why.to_string()),
        attribute("RETRY_ATTEMPTS", &undelivered.retries.to_string()),
    ];
    why.extend(exhausted(undelivered.ended));
    why
}

/// As the called service names it.
fn code(target: &Target, undelivered: &Undelivered) -> &'static str {
    let is = |service: &str| {
        target.arn.split(':').nth(2) == Some(service)
            || target.arn.contains(&format!(":aws-sdk:{service}:"))
    };
    match &undelivered.why {
        Trouble::Refused(Refusal::Missing(_)) if is("sqs") => {
            "AWS.SimpleQueueService.NonExistentQueue"
        }
        Trouble::Refused(Refusal::Missing(_)) if is("sns") => "NotFound",
        Trouble::Refused(Refusal::Missing(_)) => "ResourceNotFoundException",
        Trouble::Refused(Refusal::Denied(_)) | Trouble::Unauthorized(_) => "AccessDeniedException",
        Trouble::Refused(Refusal::Invalid(_)) => "ValidationException",
        Trouble::Refused(Refusal::NotBuilt(_)) => "NotImplementedException",
        Trouble::Unreachable(_)
        | Trouble::TimedOut
        | Trouble::Status(_)
        | Trouble::Declined { .. } => "InternalServerException",
    }
}
