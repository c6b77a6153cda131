//! Making, finding and removing topics.

use std::collections::BTreeMap;

use base::Space;
use store::{Read, Tx};

use crate::schema::{Kind, TOPICS, Topic, TopicId, topic_key};
use crate::{Error, Result, Topics};

/// A topic that is wanted.
#[derive(Clone, Debug)]
pub struct NewTopic {
    pub space: Space,
    pub name: String,
    pub kind: Kind,
    pub settings: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

impl Topics {
    /// Makes the topic. One that is there already is right if it is like this one in all that is said of it.
    pub async fn create(&self, new: &NewTopic) -> Result<Topic> {
        let (id, created) = (TopicId(self.random.bytes()), self.clock.now());
        self.store
            .write(|tx| {
                let key = topic_key(&new.space, &new.name);
                if let Some(there) = TOPICS.get(tx, &key)? {
                    return like(there, new);
                }
                let topic = Topic {
                    id,
                    space: new.space.clone(),
                    name: new.name.clone(),
                    kind: new.kind,
                    settings: new.settings.clone(),
                    tags: new.tags.clone(),
                    created,
                };
                TOPICS.put(tx, key, &topic);
                Ok(topic)
            })
            .await
    }

    pub fn topic(&self, space: &Space, name: &str) -> Result<Topic> {
        find(&self.store.read()?, space, name)
    }

    /// As [`Topics::topic`], of what `from` sees.
    pub fn topic_in(&self, from: &impl Read, space: &Space, name: &str) -> Result<Topic> {
        find(from, space, name)
    }

    /// Up to `limit` topics after the one with this name.
    pub fn topics(&self, space: &Space, after: Option<&str>, limit: usize) -> Result<Vec<Topic>> {
        let all = TOPICS.key().str(space.as_str()).range();
        let rest = match after {
            Some(after) => all.after(topic_key(space, after).as_slice()),
            None => all,
        };
        let found = TOPICS.scan(&self.store.read()?, &rest, limit)?;
        Ok(found.into_iter().map(|(_, topic)| topic).collect())
    }

    /// Removes the topic in the caller's transaction. That there is none is no error.
    pub fn delete(&self, tx: &mut Tx, space: &Space, name: &str) -> Result<Option<Topic>> {
        let key = topic_key(space, name);
        let topic = TOPICS.get(tx, &key)?;
        if topic.is_some() {
            TOPICS.delete(tx, key);
        }
        Ok(topic)
    }
}

pub(crate) fn find(from: &impl Read, space: &Space, name: &str) -> Result<Topic> {
    TOPICS
        .get(from, &topic_key(space, name))?
        .ok_or_else(|| Error::NoSuchTopic(name.to_owned()))
}

fn like(there: Topic, new: &NewTopic) -> Result<Topic> {
    let differs = |what| {
        Err(Error::TopicDiffers {
            name: new.name.clone(),
            what,
        })
    };
    let said = |there: &BTreeMap<String, String>, new: &BTreeMap<String, String>| {
        new.iter()
            .all(|(name, value)| there.get(name) == Some(value))
    };
    if there.kind != new.kind || !said(&there.settings, &new.settings) {
        return differs("settings");
    }
    // What is not said of the tags is asked for too: a topic without them is another.
    if !new.tags.is_empty() && there.tags != new.tags {
        return differs("tags");
    }
    Ok(there)
}
