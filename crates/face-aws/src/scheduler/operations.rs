//! Which file does which operation.

use serde_json::Value;

use super::{Asked, group, schedule, tags};
use crate::protocol::Fault;

pub(super) async fn answer(asked: Asked<'_>) -> Result<Value, Fault> {
    match asked.call.operation.name {
        "CreateSchedule" => schedule::create(asked).await,
        "GetSchedule" => schedule::get(asked),
        "UpdateSchedule" => schedule::update(asked).await,
        "DeleteSchedule" => schedule::delete(asked).await,
        "ListSchedules" => schedule::list(asked),
        "CreateScheduleGroup" => group::create(asked).await,
        "GetScheduleGroup" => group::get(asked).await,
        "DeleteScheduleGroup" => group::delete(asked).await,
        "ListScheduleGroups" => group::list(asked).await,
        "TagResource" => tags::add(asked).await,
        "UntagResource" => tags::remove(asked).await,
        "ListTagsForResource" => tags::list(asked).await,
        _ => Err(asked.call.unknown()),
    }
}
