//! What stacks yield to others, and which of them hold it.

use std::collections::BTreeMap;

use store::{KeyReader, Read};

use crate::apply::MAX_STACKS;
use crate::desired::Desired;
use crate::error::{Error, Result};
use crate::schema::{LINKS, Links, STACKS};
use crate::{Deployer, Others};

/// The links of all stacks but one, by their names.
fn others(from: &impl Read, stack: &str) -> Result<BTreeMap<String, Links>> {
    let all = LINKS.scan(from, &LINKS.key().range(), MAX_STACKS)?;
    let named = all
        .into_iter()
        .filter_map(|(key, links)| Some((KeyReader::new(&key)?.str()?, links)));
    Ok(named.filter(|(name, _)| name != stack).collect())
}

impl Deployer {
    /// What a template of this stack may use of the others.
    pub(crate) fn others(&self, stack: &str) -> Result<Others> {
        let view = self.engines.store.read()?;
        let links = others(&view, stack)?.into_values();
        let stacks = STACKS.scan(&view, &STACKS.key().range(), MAX_STACKS)?;
        let named = stacks.into_iter().filter_map(|(key, one)| {
            let name = KeyReader::new(&key)?.str()?;
            let outputs = one.outputs.into_iter();
            let outputs = outputs.map(|(name, _, value)| (name, value)).collect();
            (name != stack).then_some((name, outputs))
        });
        Ok(Others {
            exports: links.flat_map(|one| one.exports).collect(),
            outputs: named.collect(),
        })
    }

    /// Refuses exports that another stack has too.
    pub(crate) fn check_exports(&self, desired: &Desired) -> Result<()> {
        let others = others(&self.engines.store.read()?, &desired.stack)?;
        for export in desired.exports.keys() {
            let twin = others
                .iter()
                .find(|(_, one)| one.exports.contains_key(export));
            if let Some((by, _)) = twin {
                return Err(Error::ExportTaken {
                    export: export.clone(),
                    by: by.clone(),
                });
            }
        }
        Ok(())
    }

    /// Refuses to take away what another stack uses. That it has another value then is refused in the cloud; here addresses
    /// may change with each start, and it is said. To be asked when all exports have their values.
    pub(crate) fn check_uses(&self, desired: &mut Desired) -> Result<()> {
        let others = others(&self.engines.store.read()?, &desired.stack)?;
        for (export, value) in self.links(&desired.stack)?.exports {
            let Some(by) = user(&others, &export) else {
                continue;
            };
            match desired.exports.get(&export) {
                None => return Err(Error::ExportInUse { export, by }),
                Some(new) if *new != value => desired.notices.note(format!(
                    "the stack {by} uses the old value of `{export}` until it is deployed again"
                )),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Refuses to destroy what exports something that is used.
    pub(crate) fn check_unused(&self, stack: &str) -> Result<()> {
        let others = others(&self.engines.store.read()?, stack)?;
        for export in self.links(stack)?.exports.into_keys() {
            if let Some(by) = user(&others, &export) {
                return Err(Error::ExportInUse { export, by });
            }
        }
        Ok(())
    }

    pub(crate) fn links(&self, stack: &str) -> Result<Links> {
        let view = self.engines.store.read()?;
        let known = LINKS.get(&view, &LINKS.key().str(stack))?;
        Ok(known.unwrap_or_default())
    }
}

/// A stack that imports it.
fn user(others: &BTreeMap<String, Links>, export: &str) -> Option<String> {
    let mut users = others
        .iter()
        .filter(|(_, one)| one.imports.contains(export));
    users.next().map(|(name, _)| name.clone())
}
