use std::collections::BTreeMap;

use base::Space;

use crate::schema::Bus;
use crate::{Buses, Result};

impl Buses {
    /// Adds tags, and takes some away.
    pub async fn tag(
        &self,
        space: &Space,
        bus: &str,
        add: BTreeMap<String, String>,
        remove: &[String],
    ) -> Result<Bus> {
        self.change(space, bus, |bus| {
            bus.tags.extend(add.clone());
            bus.tags.retain(|name, _| !remove.contains(name));
            Ok(())
        })
        .await
    }
}
