//! A stream's record as JSON: for the streams' own API, and for the functions that it is handed to.

use serde_json::{Map, Value, json};
use store::Position;
use tables::{Images, ItemChange, ItemChangeKind};

use super::attribute::PrintedItem;
use super::stream::view_type;

/// What all records of one stream say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) region: &'a str,
    pub(crate) images: Images,
    /// Functions are told the stream's; the API's callers know it.
    pub(crate) arn: Option<&'a str>,
}

pub(crate) fn print(change: &ItemChange, source: &Source<'_>) -> Value {
    let mut told = Map::new();
    // Whole seconds: so the real service tells it, in the API and to functions.
    told.insert(
        "ApproximateCreationDateTime".into(),
        change.at.as_secs().into(),
    );
    told.insert("Keys".into(), json!(PrintedItem(&change.key)));
    for (name, image) in [("NewImage", &change.new), ("OldImage", &change.old)] {
        if let Some(image) = image {
            told.insert(name.into(), json!(PrintedItem(image)));
        }
    }
    told.insert("SequenceNumber".into(), sequence(change.position).into());
    told.insert("SizeBytes".into(), change.bytes.into());
    told.insert("StreamViewType".into(), view_type(source.images).into());
    let mut record = json!({
        "eventID": format!("{:032x}", change.position.number()),
        "eventName": match change.kind {
            ItemChangeKind::Inserted => "INSERT",
            ItemChangeKind::Modified => "MODIFY",
            ItemChangeKind::Removed => "REMOVE",
        },
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": source.region,
        "dynamodb": told,
    });
    if let Some(arn) = source.arn {
        record["eventSourceARN"] = arn.into();
    }
    if change.expired {
        // The API and the functions' events write these names differently.
        let (kind, id) = match source.arn {
            None => ("Type", "PrincipalId"),
            Some(_) => ("type", "principalId"),
        };
        record["userIdentity"] = json!({ kind: "Service", id: "dynamodb.amazonaws.com" });
    }
    record
}

/// All are of one length, so that they sort as texts too.
pub(crate) fn sequence(position: Position) -> String {
    format!("{:030}", position.number())
}

pub(crate) fn position(sequence: &str) -> Option<Position> {
    let digits = sequence.bytes().all(|byte| byte.is_ascii_digit());
    let number = sequence.parse().ok().filter(|_| digits)?;
    Position::from_number(number)
}
