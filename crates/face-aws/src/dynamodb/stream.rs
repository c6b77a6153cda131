//! A table's stream as the table's own operations speak of it, and how streams are named.

use base::{Space, Timestamp};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};
use tables::{Images, TableFeed};

use super::error::invalid;
use super::table;
use crate::context::Context;
use crate::place::Place;
use crate::protocol::Fault;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Specification {
    stream_enabled: bool,
    stream_view_type: Option<ViewType>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ViewType {
    KeysOnly,
    NewImage,
    OldImage,
    NewAndOldImages,
}

impl ViewType {
    fn images(self) -> Images {
        match self {
            Self::KeysOnly => Images::Neither,
            Self::NewImage => Images::New,
            Self::OldImage => Images::Old,
            Self::NewAndOldImages => Images::Both,
        }
    }
}

/// The name of what a stream tells.
pub(super) fn view_type(images: Images) -> &'static str {
    match images {
        Images::Neither => "KEYS_ONLY",
        Images::New => "NEW_IMAGE",
        Images::Old => "OLD_IMAGE",
        Images::Both => "NEW_AND_OLD_IMAGES",
    }
}

impl Specification {
    /// For a table to be.
    pub(super) fn of_new(&self) -> Result<Option<Images>, Fault> {
        match (self.stream_enabled, self.stream_view_type) {
            (true, Some(view)) => Ok(Some(view.images())),
            (false, None) => Ok(None),
            (true, None) => Err(invalid(
                "Table is being created with a stream enabled, UpdateViewType is required",
            )),
            (false, Some(_)) => Err(invalid(
                "Table is being created with a stream disabled, UpdateViewType should not be specified",
            )),
        }
    }

    /// For a table that there is. None: its stream is to end.
    pub(super) fn of_old(&self) -> Result<Option<Images>, Fault> {
        match (self.stream_enabled, self.stream_view_type) {
            (true, Some(view)) => Ok(Some(view.images())),
            (false, None) => Ok(None),
            (true, None) => Err(invalid(
                "If stream is being enabled then UpdateViewType is required",
            )),
            (false, Some(_)) => Err(invalid(
                "If stream is being disabled, then UpdateViewType must not be specified",
            )),
        }
    }
}

/// Adds to a `TableDescription` what it says of the table's last stream. The name stays when the stream is disabled.
pub(super) fn print(context: &Context, table: &str, feed: &TableFeed, printed: &mut Value) {
    printed["LatestStreamArn"] = arn(&context.space, table, feed.began).into();
    printed["LatestStreamLabel"] = label(feed.began).into();
    if feed.open {
        printed["StreamSpecification"] = json!({
            "StreamEnabled": true,
            "StreamViewType": view_type(feed.images),
        });
    }
}

pub(crate) fn arn(space: &Space, table: &str, began: Timestamp) -> String {
    let table = Place::of(space).table_arn(table);
    format!("{table}/stream/{}", label(began))
}

/// When it began, to the millisecond.
pub(super) fn label(began: Timestamp) -> String {
    let millis = i64::try_from(began.as_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    format!("{:.3}", at.to_zoned(TimeZone::UTC).datetime())
}

fn began(label: &str) -> Option<Timestamp> {
    let at: DateTime = label.parse().ok()?;
    let at = at.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let began = Timestamp::from_millis(u64::try_from(at.as_millisecond()).ok()?);
    (self::label(began) == label).then_some(began)
}

/// The table's name and the moment that are in a stream's ARN. Those of other accounts and regions are refused.
pub(crate) fn named<'a>(context: &Context, given: &'a str) -> Result<(&'a str, Timestamp), Fault> {
    let wrong = || Fault::validation(format!("Invalid StreamArn: {given}"));
    let (table, label) = given.split_once("/stream/").ok_or_else(wrong)?;
    if !table.starts_with("arn:") {
        return Err(wrong());
    }
    Ok((
        table::name(context, table)?,
        began(label).ok_or_else(wrong)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_moment() {
        let at = Timestamp::from_millis(1_431_379_293_070);
        assert_eq!(label(at), "2015-05-11T21:21:33.070");
        assert_eq!(began("2015-05-11T21:21:33.070"), Some(at));
        for wrong in ["", "2015-05-11T21:21:33.07", "2015-05-11", "x"] {
            assert_eq!(began(wrong), None, "{wrong}");
        }
    }
}
