//! Publishing to a topic, to one device or to one telephone.

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use topics::{Draft, Parcel, Published};

use super::error::{invalid, of_topics};
use super::message::Given;
use super::{Answer, Asked, arn, text};
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Publish {
    topic_arn: Option<String>,
    target_arn: Option<String>,
    phone_number: Option<String>,
    #[serde(flatten)]
    given: Given,
}

pub(super) async fn publish(mut asked: Asked<'_>) -> Answer {
    let input: Publish = asked.call.read()?;
    let draft = input.given.draft(asked.trace)?;
    match (&input.topic_arn, &input.target_arn, &input.phone_number) {
        (Some(topic), None, None) => to_topic(&asked, topic, "TopicArn", &draft).await,
        (None, Some(device), None) if device.contains(":endpoint/") => {
            to_device(&asked, device, &draft).await
        }
        (None, Some(topic), None) => to_topic(&asked, topic, "TargetArn", &draft).await,
        (None, None, Some(number)) => to_number(&asked, number, &draft).await,
        (None, None, None) => Err(invalid(
            "TopicArn or TargetArn Reason: no value for required parameter",
        )),
        _ => Err(invalid(
            "TopicArn, TargetArn and PhoneNumber Reason: only one of them may be given",
        )),
    }
}

async fn to_topic(asked: &Asked<'_>, topic: &str, parameter: &str, draft: &Draft) -> Answer {
    let topic = arn::topic(topic, parameter)?;
    let published = asked
        .parts
        .topics
        .publish_alone(&topic.space, &topic.name, draft)
        .await;
    let Published { id, sequence } = published.map_err(of_topics)?;
    Ok(json!({ "MessageId": id, "SequenceNumber": sequence.map(number) }))
}

/// Twenty digits, so that they sort as they grow.
pub(crate) fn number(sequence: u64) -> String {
    (10_000_000_000_000_000_000_u64.saturating_add(sequence)).to_string()
}

async fn to_device(asked: &Asked<'_>, device: &str, draft: &Draft) -> Answer {
    let endpoint = arn::endpoint(device, "TargetArn")?;
    let missing = |_| invalid("TargetArn Reason: No endpoint found for the target arn specified");
    let topics = &asked.parts.topics;
    let app = topics.app(&endpoint.space, endpoint.platform, endpoint.app);
    let app = app.map_err(missing)?;
    let found = topics.device(&app, endpoint.id).map_err(missing)?;
    if !found.enabled {
        return Err(Fault::new("EndpointDisabled", "Endpoint is disabled"));
    }
    let body = draft.variants.get(endpoint.platform).unwrap_or(&draft.body);
    let parcel = Parcel::Notice {
        platform: app.platform.clone(),
        app: app.name.clone(),
        device: found.id,
        token: found.token,
        body: body.clone(),
    };
    send(asked, &app.space, &parcel).await
}

async fn to_number(asked: &Asked<'_>, number: &str, draft: &Draft) -> Answer {
    if !text::is_number(number) {
        return Err(invalid(format!(
            "PhoneNumber Reason: {number} is not valid to publish to"
        )));
    }
    let body = draft.variants.get("sms").unwrap_or(&draft.body);
    let parcel = Parcel::Text {
        to: number.to_owned(),
        sender: text::sender(asked, draft)?,
        body: body.clone(),
    };
    send(asked, &asked.context.space, &parcel).await
}

async fn send(asked: &Asked<'_>, space: &base::Space, parcel: &Parcel) -> Answer {
    let sent = asked.parts.topics.send_alone(space, parcel).await;
    let id = sent.map_err(|error| of_topics(error).with_status(StatusCode::BAD_REQUEST))?;
    Ok(json!({ "MessageId": id }))
}
