//! Schedules and their groups.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// The group and the schedule, with a bar between them.
    pub name: String,
    pub group: String,
    pub schedule: String,
    pub expression: String,
    pub zone: String,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub window_min: Option<u32>,
    pub enabled: bool,
    pub description: Option<String>,
    /// The target, in JSON.
    pub order: String,
    pub retries: schedules::Retries,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScheduleGroup {
    pub name: String,
    pub tags: BTreeMap<String, String>,
}
