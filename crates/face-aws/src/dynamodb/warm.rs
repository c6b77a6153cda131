//! `WarmThroughput`: how much a table or a global index is ready for at once. Everything is ready as soon as it is asked for.

use serde::Deserialize;
use serde_json::{Value, json};
use tables::{Ready, Throughput};

use super::error::invalid;
use crate::protocol::Fault;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Warm {
    read_units_per_second: Option<i64>,
    write_units_per_second: Option<i64>,
}

pub(super) const WARM: &str = "WarmThroughput";
const READ: &str = "ReadUnitsPerSecond";
const WRITE: &str = "WriteUnitsPerSecond";

impl Warm {
    /// One that says nothing is none.
    pub(super) fn is_empty(self) -> bool {
        self.read_units_per_second.is_none() && self.write_units_per_second.is_none()
    }

    /// Of a new table, or an index with this name, that is provisioned like this.
    pub(super) fn of_new(
        self,
        provisioned: Option<Throughput>,
        index: Option<&str>,
    ) -> Result<Ready, Fault> {
        let least = Throughput::least_ready(provisioned);
        let ready = self.ready();
        for (name, wanted, least) in [
            (READ, ready.read, least.read),
            (WRITE, ready.write, least.write),
        ] {
            if wanted.is_some_and(|wanted| wanted < least) {
                let than = match (provisioned, name) {
                    (None, _) => {
                        "initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html#on-demand-capacity-mode-initial"
                    }
                    (Some(_), READ) => "ReadCapacityUnits of ProvisionedThroughput",
                    (Some(_), _) => "WriteCapacityUnits of ProvisionedThroughput",
                };
                return Err(lower(name, index, than));
            }
        }
        Ok(ready)
    }

    /// Of an index that there is. What it is ready for now is the engine's to compare.
    pub(super) fn of_index(self, name: &str) -> Result<Ready, Fault> {
        if self.is_empty() {
            return Err(invalid(format!(
                "{WARM} must have at least one of {READ} or {WRITE} specified for index: {name}"
            )));
        }
        Ok(self.ready())
    }

    /// What is below zero is below everything, as nothing is.
    pub(super) fn ready(self) -> Ready {
        let units = |units: Option<i64>| units.map(|units| u64::try_from(units).unwrap_or(0));
        Ready {
            read: units(self.read_units_per_second),
            write: units(self.write_units_per_second),
        }
    }
}

/// Less was asked for than there is.
pub(super) fn decreasing(index: Option<&str>, reads: bool) -> Fault {
    let name = if reads { READ } else { WRITE };
    lower(
        name,
        index,
        "current WarmThroughput, decreasing WarmThroughput is not supported",
    )
}

fn lower(name: &str, index: Option<&str>, than: &str) -> Fault {
    let of = index.map_or("table".to_owned(), |name| format!("index {name}"));
    invalid(format!(
        "Requested {name} for {WARM} for {of} is lower than {than}"
    ))
}

pub(super) fn print(ready: Throughput) -> Value {
    json!({ READ: ready.read, WRITE: ready.write, "Status": "ACTIVE" })
}
