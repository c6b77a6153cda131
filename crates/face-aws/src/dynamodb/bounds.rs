//! `OnDemandThroughput`: how much of a table or an index may be used at most when it is paid by request.

use serde::Deserialize;
use serde_json::{Map, Value};
use tables::Most;

use super::error::invalid;
use crate::protocol::Fault;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OnDemand {
    max_read_request_units: Option<i64>,
    max_write_request_units: Option<i64>,
}

const READ: &str = "MaxReadRequestUnits";
const WRITE: &str = "MaxWriteRequestUnits";

impl OnDemand {
    pub(super) fn is_empty(self) -> bool {
        self.max_read_request_units.is_none() && self.max_write_request_units.is_none()
    }

    /// The bounds of something new: a table, or an index with this name.
    pub(super) fn of_new(&self, on_demand: bool, index: Option<&str>) -> Result<Most, Fault> {
        if !on_demand {
            let of_index = index.map_or(String::new(), |name| format!(" for index: {name}"));
            return Err(self.foreign(&format!(
                "{of_index} cannot be specified when table BillingMode is PROVISIONED."
            )));
        }
        Ok(Most {
            read: bound(READ, self.max_read_request_units, index)?,
            write: bound(WRITE, self.max_write_request_units, index)?,
        })
    }

    /// The bounds of what had these before: each that is asked for is changed, and -1 takes it away.
    pub(super) fn of_old(
        &self,
        on_demand: bool,
        index: Option<&str>,
        old: Most,
    ) -> Result<Most, Fault> {
        if !on_demand {
            let of_index = index.map_or(String::new(), |name| format!(" for index : {name}"));
            return Err(self.foreign(&format!(
                "{of_index} cannot be specified when the table BillingMode is PROVISIONED"
            )));
        }
        let change = |name, units, old| match units {
            None => Ok(old),
            Some(-1) => Ok(None),
            units => bound(name, units, index),
        };
        Ok(Most {
            read: change(READ, self.max_read_request_units, old.read)?,
            write: change(WRITE, self.max_write_request_units, old.write)?,
        })
    }

    fn foreign(&self, how: &str) -> Fault {
        let name = match self.max_read_request_units {
            Some(_) => READ,
            None => WRITE,
        };
        invalid(format!("{name} for OnDemandThroughput{how}"))
    }
}

fn bound(name: &str, units: Option<i64>, index: Option<&str>) -> Result<Option<u64>, Fault> {
    let Some(units) = units else {
        return Ok(None);
    };
    match u64::try_from(units) {
        Ok(units) if units > 0 => Ok(Some(units)),
        _ => {
            let of = index.map_or("table".to_owned(), |name| format!("index : {name}"));
            Err(invalid(format!(
                "Requested {name} for OnDemandThroughput for {of} is outside of valid range"
            )))
        }
    }
}

/// What is not bounded is not told.
pub(super) fn print(most: Most) -> Value {
    let told = [(READ, most.read), (WRITE, most.write)];
    let told = told.into_iter();
    let told: Map<String, Value> = told
        .filter_map(|(name, units)| Some((name.to_owned(), units?.into())))
        .collect();
    told.into()
}
