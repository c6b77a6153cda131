//! Streams of a group. Most come to be with their first line; what is known of those is in the lines.

use std::collections::BTreeMap;

use base::Timestamp;
use store::KeyReader;

use crate::lines::Logged;
use crate::schema::{GROUPS, Group, MadeStream, STREAMS};
use crate::{Ledger, Result};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamFacts {
    pub name: String,
    pub created: Timestamp,
    /// Of its lines, the earliest and the latest.
    pub lines: Option<(Timestamp, Timestamp)>,
}

/// What making a stream came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    New,
    ThereAlready,
    NoGroup,
}

impl Ledger {
    /// Makes a stream before it has lines.
    pub async fn create_stream(&self, group: &Group, name: &str, now: Timestamp) -> Result<Made> {
        if self.has_stream(group, name)? {
            return Ok(Made::ThereAlready);
        }
        let key = group.streams().str(name);
        self.store()
            .write(|tx| {
                if GROUPS.get(tx, &group.key())?.is_none() {
                    return Ok(Made::NoGroup);
                }
                if STREAMS.get(tx, &key)?.is_some() {
                    return Ok(Made::ThereAlready);
                }
                STREAMS.put(tx, key.clone(), &MadeStream { created: now });
                Ok(Made::New)
            })
            .await
    }

    /// Whether a stream was made, or has lines.
    pub fn has_stream(&self, group: &Group, name: &str) -> Result<bool> {
        let made = STREAMS.get(&self.store().read()?, &group.streams().str(name))?;
        if made.is_some() {
            return Ok(true);
        }
        let mut found = false;
        self.each_line(group, |logged| found |= logged.stream == name)?;
        Ok(found)
    }

    /// By name. With `since`, lines before it count as gone.
    pub fn streams(&self, group: &Group, since: Option<Timestamp>) -> Result<Vec<StreamFacts>> {
        let prefix = group.streams();
        let made = STREAMS.scan(&self.store().read()?, &prefix.range(), usize::MAX)?;
        let mut streams: BTreeMap<String, StreamFacts> = BTreeMap::new();
        for (key, made) in made {
            let name = name(&key)?;
            let facts = StreamFacts {
                name: name.clone(),
                created: made.created,
                lines: None,
            };
            streams.insert(name, facts);
        }
        self.each_line(group, |logged| {
            if since.is_none_or(|since| logged.line.at >= since) {
                note(&mut streams, logged);
            }
        })?;
        Ok(streams.into_values().collect())
    }

    /// Forgets a stream and its lines; says whether it was there.
    pub async fn delete_stream(&self, group: &Group, name: &str) -> Result<bool> {
        let there = self.has_stream(group, name)?;
        let key = group.streams().str(name);
        self.store()
            .write(|tx| {
                STREAMS.delete(tx, key.clone());
                Ok::<_, crate::Error>(())
            })
            .await?;
        let mut gone = Vec::new();
        self.each_line(group, |logged| {
            if logged.stream == name && gone.last() != Some(&logged.position) {
                gone.push(logged.position);
            }
        })?;
        for some in gone.chunks(256) {
            let freed = self
                .store()
                .write_buffered(|tx| {
                    let mut freed = 0;
                    for at in some {
                        let entry = group.log().get(tx, *at)?;
                        freed += entry.map_or(0, |entry| entry.len() as u64);
                    }
                    group.log().forget(tx, some.iter().copied());
                    Ok::<_, crate::Error>(freed)
                })
                .await?;
            self.tallies.shrink_group(group, freed);
        }
        Ok(there)
    }
}

fn note(streams: &mut BTreeMap<String, StreamFacts>, logged: Logged) {
    let at = logged.line.at;
    let facts = streams
        .entry(logged.stream)
        .or_insert_with_key(|name| StreamFacts {
            name: name.clone(),
            created: at,
            lines: None,
        });
    let (first, last) = facts.lines.unwrap_or((at, at));
    facts.lines = Some((first.min(at), last.max(at)));
}

fn name(key: &[u8]) -> Result<String> {
    let read = || {
        let mut reader = KeyReader::new(key)?;
        reader.str()?;
        reader.str()?;
        reader.str()
    };
    Ok(read().ok_or_else(|| store::Error::Damaged("a stream's key does not read".into()))?)
}

#[cfg(test)]
mod tests {
    use base::{Random, Space};
    use store::Store;

    use super::*;
    use crate::{Limits, Line, Settings};

    #[tokio::test]
    async fn streams_are_those_that_were_made_and_those_that_have_lines() {
        let ledger = Ledger::new(Store::ephemeral(Random::seeded(1)), Limits::default());
        let group = Group {
            space: Space::new("here"),
            name: "g".into(),
        };
        let at = Timestamp::from_secs;
        let made = ledger.create_stream(&group, "made", at(5)).await.unwrap();
        assert_eq!(made, Made::NoGroup);
        let settings = Settings::default();
        assert!(ledger.create_group(&group, at(1), &settings).await.unwrap());
        let made = ledger.create_stream(&group, "made", at(5)).await.unwrap();
        assert_eq!(made, Made::New);
        for (stream, second) in [("printed", 9), ("made", 7), ("printed", 8)] {
            let line = Line {
                at: at(second),
                text: stream.into(),
            };
            let printed = ledger.append(&group, stream, "f", vec![line]);
            printed.await.unwrap();
        }
        for stream in ["made", "printed"] {
            let made = ledger.create_stream(&group, stream, at(9)).await.unwrap();
            assert_eq!(made, Made::ThereAlready);
        }
        let told: Vec<_> = ledger.streams(&group, None).unwrap();
        let told: Vec<_> = told
            .iter()
            .map(|facts| (facts.name.as_str(), facts.created, facts.lines))
            .collect();
        let both = [
            ("made", at(5), Some((at(7), at(7)))),
            ("printed", at(9), Some((at(8), at(9)))),
        ];
        assert_eq!(told, both);
        let since = ledger.streams(&group, Some(at(9))).unwrap();
        assert_eq!(since[0].lines, None);
        assert_eq!(since[1].lines, Some((at(9), at(9))));
        assert!(ledger.delete_stream(&group, "printed").await.unwrap());
        assert!(!ledger.delete_stream(&group, "printed").await.unwrap());
        assert!(!ledger.has_stream(&group, "printed").unwrap());
        assert!(ledger.has_stream(&group, "made").unwrap());
    }
}
