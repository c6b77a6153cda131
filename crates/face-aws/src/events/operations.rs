//! Which file does which operation.

use serde_json::Value;

use super::{
    Asked, address, archive, bus, connection, permission, put, replay, rule, tags, target,
};
use crate::protocol::Fault;

pub(super) async fn answer(asked: Asked<'_>) -> Result<Value, Fault> {
    match asked.call.operation.name {
        "PutEvents" => put::put(asked).await,
        "TestEventPattern" => put::test(asked),
        "CreateEventBus" => bus::create(asked).await,
        "UpdateEventBus" => bus::update(asked).await,
        "DescribeEventBus" => bus::describe(asked),
        "ListEventBuses" => bus::list(asked),
        "DeleteEventBus" => bus::delete(asked).await,
        "PutPermission" => permission::put(asked).await,
        "RemovePermission" => permission::remove(asked).await,
        "PutRule" => rule::put(asked).await,
        "DescribeRule" => rule::describe(asked),
        "ListRules" => rule::list(asked),
        "DeleteRule" => rule::delete(asked).await,
        "EnableRule" => rule::enable(asked).await,
        "DisableRule" => rule::disable(asked).await,
        "PutTargets" => target::put(asked).await,
        "RemoveTargets" => target::remove(asked).await,
        "ListTargetsByRule" => target::list(asked),
        "ListRuleNamesByTarget" => target::rules(asked),
        "TagResource" => tags::tag(asked).await,
        "UntagResource" => tags::untag(asked).await,
        "ListTagsForResource" => tags::list(asked),
        "CreateArchive" => archive::create(asked).await,
        "UpdateArchive" => archive::update(asked).await,
        "DescribeArchive" => archive::describe(asked),
        "ListArchives" => archive::list(asked),
        "DeleteArchive" => archive::delete(asked).await,
        "StartReplay" => replay::start(asked).await,
        "CancelReplay" => replay::cancel(asked).await,
        "DescribeReplay" => replay::describe(asked),
        "ListReplays" => replay::list(asked),
        "CreateConnection" => connection::create(asked).await,
        "UpdateConnection" => connection::update(asked).await,
        "DeauthorizeConnection" => connection::deauthorize(asked).await,
        "DescribeConnection" => connection::describe(asked),
        "ListConnections" => connection::list(asked),
        "DeleteConnection" => connection::delete(asked).await,
        "CreateApiDestination" => address::create(asked).await,
        "UpdateApiDestination" => address::update(asked).await,
        "DescribeApiDestination" => address::describe(asked),
        "ListApiDestinations" => address::list(asked),
        "DeleteApiDestination" => address::delete(asked).await,
        _ => Err(asked.call.unknown()),
    }
}
