//! Who else may put events on a bus. Recorded for whoever asks.

use base::Space;

use crate::schema::{Bus, Statement};
use crate::{Buses, Error, Result};

impl Buses {
    /// Adds a statement, in the place of one with the same id.
    pub async fn permit(&self, space: &Space, bus: &str, statement: Statement) -> Result<Bus> {
        self.change(space, bus, |bus| {
            bus.policy.retain(|known| known.id != statement.id);
            bus.policy.push(statement.clone());
            Ok(())
        })
        .await
    }

    /// Puts these in the place of all that there are.
    pub async fn set_policy(
        &self,
        space: &Space,
        bus: &str,
        policy: Vec<Statement>,
    ) -> Result<Bus> {
        self.change(space, bus, |bus| {
            bus.policy.clone_from(&policy);
            Ok(())
        })
        .await
    }

    pub async fn forbid(&self, space: &Space, bus: &str, id: &str) -> Result<Bus> {
        self.change(space, bus, |bus| {
            let before = bus.policy.len();
            bus.policy.retain(|known| known.id != id);
            if bus.policy.len() == before {
                return Err(Error::NoSuchStatement(id.to_owned()));
            }
            Ok(())
        })
        .await
    }
}
