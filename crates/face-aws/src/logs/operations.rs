//! Which file does which operation.

use serde_json::Value;

use super::{Asked, event, group, put, stream, subscription, tags};
use crate::protocol::Fault;

pub(super) async fn answer(asked: Asked<'_>) -> Result<Value, Fault> {
    // What was printed before this request is seen by it.
    asked.ledger.caught_up().await;
    match asked.call.operation.name {
        "CreateLogGroup" => group::create(asked).await,
        "DescribeLogGroups" => group::describe(asked),
        "DeleteLogGroup" => group::delete(asked).await,
        "PutRetentionPolicy" => group::retain(asked).await,
        "DeleteRetentionPolicy" => group::retain_forever(asked).await,
        "CreateLogStream" => stream::create(asked).await,
        "DescribeLogStreams" => stream::describe(asked).await,
        "DeleteLogStream" => stream::delete(asked).await,
        "PutLogEvents" => put::put(asked).await,
        "GetLogEvents" => event::get(asked).await,
        "FilterLogEvents" => event::filter(asked).await,
        "PutSubscriptionFilter" => subscription::put(asked).await,
        "DescribeSubscriptionFilters" => subscription::describe(asked),
        "DeleteSubscriptionFilter" => subscription::delete(asked).await,
        "TagResource" => tags::add(asked).await,
        "UntagResource" => tags::remove(asked).await,
        "ListTagsForResource" => tags::list(asked),
        _ => Err(asked.call.unknown()),
    }
}
