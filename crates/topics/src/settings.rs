//! What may be changed of a topic.

use base::Space;

use crate::create::find;
use crate::schema::{TOPICS, Topic, topic_key};
use crate::{Result, Topics};

impl Topics {
    /// Changes the topic. `change` may run several times; what it refuses stays as it was.
    pub async fn change<E: From<crate::Error> + From<store::Error>>(
        &self,
        space: &Space,
        name: &str,
        change: impl Fn(&mut Topic) -> std::result::Result<(), E>,
    ) -> std::result::Result<Topic, E> {
        self.store
            .write(|tx| {
                let mut topic = find(tx, space, name)?;
                change(&mut topic)?;
                TOPICS.put(tx, topic_key(space, name), &topic);
                Ok(topic)
            })
            .await
    }

    /// How texting is set for a space.
    pub fn texting(&self, space: &Space) -> Result<std::collections::BTreeMap<String, String>> {
        use crate::schema::TEXTING;
        let key = TEXTING.key().str(space.as_str());
        let set = TEXTING.get(&self.store.read()?, &key)?;
        Ok(set.unwrap_or_default().0)
    }

    pub async fn set_texting(&self, space: &Space, settings: &[(String, String)]) -> Result<()> {
        use crate::schema::TEXTING;
        self.store
            .write(|tx| {
                let key = TEXTING.key().str(space.as_str());
                let mut set = TEXTING.get(tx, &key)?.unwrap_or_default();
                set.0.extend(settings.iter().cloned());
                TEXTING.put(tx, key, &set);
                Ok(())
            })
            .await
    }
}
