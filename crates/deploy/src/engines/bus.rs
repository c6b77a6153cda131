//! Buses, rules, archives, and what rules reach outside.

use buses::{ArchiveChange, BusChange, Statement};
use triggers::{NewRule, RuleState};

use super::{Failure, parted_by_bar};
use crate::Deployer;
use crate::desired::{Address, Archive, BusPolicy, Connection, EventBus, EventRule};
use crate::schema::Noun;

/// What templates of inputs may name without a path.
fn is_reserved(name: &str) -> bool {
    name.starts_with("aws.events.")
}

impl Deployer {
    /// An error of the kind `Missing` if it is not there.
    pub(super) fn look_on_buses(&self, noun: Noun, name: &str) -> Result<(), Failure> {
        let (space, engines) = (self.space(), &self.engines);
        match noun {
            Noun::EventRule => {
                let (bus, rule) = parted_by_bar(name, buses::DEFAULT);
                engines.triggers.rule(&space, bus, rule)?;
            }
            Noun::BusPolicy => {
                let (bus, id) = parted_by_bar(name, buses::DEFAULT);
                let policy = engines.buses.bus(&space, bus)?.policy;
                if !policy.iter().any(|statement| statement.id == id) {
                    return Err(buses::Error::NoSuchStatement(id.to_owned()).into());
                }
            }
            Noun::Archive => drop(engines.buses.archive(&space, name)?),
            Noun::Connection => drop(engines.triggers.connection(&space, name)?),
            Noun::Address => drop(engines.triggers.address(&space, name)?),
            _ => drop(engines.buses.bus(&space, name)?),
        }
        Ok(())
    }

    pub(super) async fn remove_from_buses(&self, noun: Noun, name: &str) -> Result<(), Failure> {
        let (space, engines) = (self.space(), &self.engines);
        match noun {
            Noun::EventRule => {
                let (bus, rule) = parted_by_bar(name, buses::DEFAULT);
                let targets = engines.triggers.rule(&space, bus, rule)?.targets;
                let ids: Vec<String> = targets.into_iter().map(|target| target.id).collect();
                engines
                    .triggers
                    .remove_targets(&space, bus, rule, &ids)
                    .await?;
                engines.triggers.delete_rule(&space, bus, rule).await?;
            }
            Noun::BusPolicy => {
                let (bus, id) = parted_by_bar(name, buses::DEFAULT);
                engines.buses.forbid(&space, bus, id).await?;
            }
            Noun::Archive => engines.buses.delete_archive(&space, name).await?,
            Noun::Connection => drop(engines.triggers.delete_connection(&space, name).await?),
            Noun::Address => engines.triggers.delete_address(&space, name).await?,
            _ => drop(engines.triggers.delete_bus(&space, name).await?),
        }
        Ok(())
    }

    pub(super) async fn put_bus(&self, bus: &EventBus, fresh: bool) -> Result<bool, Failure> {
        let (space, buses) = (self.space(), &self.engines.buses);
        let change = BusChange {
            description: Some(bus.description.clone()),
            dead_letters: Some(bus.dead_letters.clone()),
        };
        match buses
            .create(&space, &bus.name, change.clone(), bus.tags.clone())
            .await
        {
            Ok(_) => return Ok(true),
            Err(buses::Error::BusExists(_)) if fresh => return Ok(false),
            Err(buses::Error::BusExists(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let known = buses.update(&space, &bus.name, change).await?.tags;
        let gone = known
            .into_keys()
            .filter(|name| !bus.tags.contains_key(name));
        let gone: Vec<String> = gone.collect();
        buses
            .tag(&space, &bus.name, bus.tags.clone(), &gone)
            .await?;
        Ok(true)
    }

    pub(super) async fn put_rule(&self, rule: &EventRule, fresh: bool) -> Result<bool, Failure> {
        let (space, triggers) = (self.space(), &self.engines.triggers);
        let (bus, name) = (rule.bus.as_str(), rule.rule.as_str());
        let known = match triggers.rule(&space, bus, name) {
            Ok(_) if fresh => return Ok(false),
            Ok(known) => Some(known),
            Err(triggers::Error::NoSuchRule { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let new = NewRule {
            space: space.clone(),
            bus: bus.to_owned(),
            name: name.to_owned(),
            pattern: rule.pattern.clone(),
            schedule: rule.schedule.clone(),
            state: match rule.enabled {
                true => RuleState::Enabled,
                false => RuleState::Disabled,
            },
            description: rule.description.clone(),
            role: None,
            tags: rule.tags.clone(),
        };
        triggers.put_rule(&new).await?;
        if let Some(known) = known {
            let wanted = |id: &str| rule.targets.iter().any(|target| target.id == id);
            let targets = known.targets.into_iter().map(|target| target.id);
            let gone: Vec<String> = targets.filter(|id| !wanted(id)).collect();
            triggers.remove_targets(&space, bus, name, &gone).await?;
            let tags = known.tags.into_keys();
            let gone: Vec<String> = tags.filter(|tag| !rule.tags.contains_key(tag)).collect();
            triggers
                .tag_rule(&space, bus, name, &rule.tags, &gone)
                .await?;
        }
        let put = triggers.put_targets(&space, bus, name, &rule.targets, &is_reserved);
        put.await?
            .map_err(|not_put| Failure::invalid(not_put.to_string()))?;
        Ok(true)
    }

    pub(super) async fn put_bus_policy(&self, policy: &BusPolicy) -> Result<bool, Failure> {
        let statement = Statement {
            id: policy.id.clone(),
            text: policy.statement.clone(),
        };
        let space = self.space();
        let permitted = self.engines.buses.permit(&space, &policy.bus, statement);
        permitted.await?;
        Ok(true)
    }

    pub(super) async fn put_archive(
        &self,
        archive: &Archive,
        fresh: bool,
    ) -> Result<bool, Failure> {
        let (space, buses) = (self.space(), &self.engines.buses);
        let change = ArchiveChange {
            description: Some(archive.description.clone()),
            pattern: Some(archive.pattern.clone()),
            days: Some(archive.days),
        };
        let created = buses.create_archive(&space, &archive.name, &archive.bus, change.clone());
        match created.await {
            Ok(_) => Ok(true),
            Err(buses::Error::ArchiveExists(_)) if fresh => Ok(false),
            Err(buses::Error::ArchiveExists(_)) => {
                buses.update_archive(&space, &archive.name, change).await?;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn put_connection(
        &self,
        wanted: &Connection,
        fresh: bool,
    ) -> Result<bool, Failure> {
        let (space, now) = (self.space(), self.clock.now());
        let connection = triggers::Connection {
            space: space.clone(),
            name: wanted.name.clone(),
            id: wanted.id.clone(),
            description: wanted.description.clone(),
            proof: Some(wanted.proof.clone()),
            extra: wanted.extra.clone(),
            created: now,
            modified: now,
            authorized: Some(now),
        };
        let triggers = &self.engines.triggers;
        match triggers.create_connection(&connection).await {
            Ok(()) => Ok(true),
            Err(triggers::Error::ConnectionExists(_)) if fresh => Ok(false),
            Err(triggers::Error::ConnectionExists(_)) => {
                let changed = triggers.change_connection(&space, &wanted.name, |known| {
                    let created = known.created;
                    *known = connection.clone();
                    known.created = created;
                });
                changed.await?;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn put_address(&self, wanted: &Address, fresh: bool) -> Result<bool, Failure> {
        let (space, now) = (self.space(), self.clock.now());
        let address = triggers::Address {
            space: space.clone(),
            name: wanted.name.clone(),
            id: wanted.id.clone(),
            description: wanted.description.clone(),
            connection: wanted.connection.clone(),
            url: wanted.url.clone(),
            method: wanted.method.clone(),
            rate: wanted.rate,
            created: now,
            modified: now,
        };
        let triggers = &self.engines.triggers;
        match triggers.create_address(&address).await {
            Ok(()) => Ok(true),
            Err(triggers::Error::AddressExists(_)) if fresh => Ok(false),
            Err(triggers::Error::AddressExists(_)) => {
                let changed = triggers.change_address(&space, &wanted.name, |known| {
                    let created = known.created;
                    *known = address.clone();
                    known.created = created;
                });
                changed.await?;
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }
}
