//! Keys with names that open something for whoever shows them. They hang on rings: one for each thing that is opened.

use aws_lc_rs::constant_time;
use base::{Random, Space};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use store::{Key, KeyReader, Read, Store};

use crate::Result;
use crate::schema::{KEYS, Secret};

/// Of all rings in one space.
const MOST: usize = 10_000;
/// As many as make guessing hopeless.
const SECRET_BYTES: usize = 40;

/// A handle on the keys. Clones share it.
#[derive(Clone)]
pub struct Keyring {
    store: Store,
    random: Random,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKey {
    pub ring: String,
    pub name: String,
    pub value: String,
}

impl Keyring {
    pub fn new(store: Store, random: Random) -> Self {
        Self { store, random }
    }

    /// Every key in the space, by ring and name.
    pub fn all(&self, space: &Space) -> Result<Vec<NamedKey>> {
        scan(&self.store.read()?, &KEYS.key().str(space.as_str()))
    }

    /// Those on one ring, by name.
    pub fn on(&self, space: &Space, ring: &str) -> Result<Vec<NamedKey>> {
        scan(&self.store.read()?, &ring_of(space, ring))
    }

    /// Whether what somebody shows is on one of these rings.
    pub fn opens(&self, space: &Space, rings: &[&str], shown: &str) -> Result<bool> {
        let view = self.store.read()?;
        let mut opens = false;
        for ring in rings {
            for key in scan(&view, &ring_of(space, ring))? {
                let (shown, wanted) = (shown.as_bytes(), key.value.as_bytes());
                opens |= constant_time::verify_slices_are_equal(shown, wanted).is_ok();
            }
        }
        Ok(opens)
    }

    /// Makes the key if there is none of its name, and tells it.
    pub async fn ensure(&self, space: &Space, ring: &str, name: &str) -> Result<String> {
        let key = ring_of(space, ring).str(name);
        if let Some(Secret(value)) = KEYS.get(&self.store.read()?, &key)? {
            return Ok(value);
        }
        let fresh = self.secret();
        self.store
            .write(|tx| {
                if let Some(Secret(value)) = KEYS.get(tx, &key)? {
                    return Ok(value);
                }
                KEYS.put(tx, key.clone(), &Secret(fresh.clone()));
                Ok(fresh.clone())
            })
            .await
    }

    /// Gives the key this value, or a new one that nobody can guess. Says the value, and whether the key is new.
    pub async fn set(
        &self,
        space: &Space,
        ring: &str,
        name: &str,
        value: Option<String>,
    ) -> Result<(String, bool)> {
        let key = ring_of(space, ring).str(name);
        let value = value.unwrap_or_else(|| self.secret());
        self.store
            .write(|tx| {
                let is_new = KEYS.get(tx, &key)?.is_none();
                KEYS.put(tx, key.clone(), &Secret(value.clone()));
                Ok((value.clone(), is_new))
            })
            .await
    }

    /// Says whether there was one.
    pub async fn remove(&self, space: &Space, ring: &str, name: &str) -> Result<bool> {
        let key = ring_of(space, ring).str(name);
        self.store
            .write(|tx| {
                let was_there = KEYS.get(tx, &key)?.is_some();
                KEYS.delete(tx, key.clone());
                Ok(was_there)
            })
            .await
    }

    fn secret(&self) -> String {
        let bytes: [u8; SECRET_BYTES] = self.random.bytes();
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring")
    }
}

fn ring_of(space: &Space, ring: &str) -> Key {
    KEYS.key().str(space.as_str()).str(ring)
}

fn scan(from: &impl Read, under: &Key) -> Result<Vec<NamedKey>> {
    let found = KEYS.scan(from, &under.range(), MOST)?;
    let named = found.into_iter().filter_map(|(key, Secret(value))| {
        let mut reader = KeyReader::new(&key)?;
        reader.str()?;
        Some(NamedKey {
            ring: reader.str()?,
            name: reader.str()?,
            value,
        })
    });
    Ok(named.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::new(Store::ephemeral(Random::seeded(1)), Random::seeded(2))
    }

    #[tokio::test]
    async fn a_key_is_made_once_and_opens_its_own_ring() {
        let (keyring, space) = (keyring(), Space::new("s"));
        let value = keyring.ensure(&space, "door", "default").await.unwrap();
        assert_eq!(
            keyring.ensure(&space, "door", "default").await.unwrap(),
            value
        );
        assert!(value.len() > 50);
        assert!(keyring.opens(&space, &["gate", "door"], &value).unwrap());
        assert!(!keyring.opens(&space, &["gate"], &value).unwrap());
        assert!(!keyring.opens(&space, &["door"], "").unwrap());
        // A ring whose name begins as another's is another ring.
        keyring.ensure(&space, "door2", "default").await.unwrap();
        assert_eq!(keyring.on(&space, "door").unwrap().len(), 1);
        assert!(keyring.all(&Space::new("other")).unwrap().is_empty());
    }

    #[tokio::test]
    async fn keys_are_replaced_and_removed() {
        let (keyring, space) = (keyring(), Space::new("s"));
        let first = keyring.ensure(&space, "door", "k").await.unwrap();
        let (second, is_new) = keyring.set(&space, "door", "k", None).await.unwrap();
        assert!(second != first && !is_new);
        assert!(!keyring.opens(&space, &["door"], &first).unwrap());
        let given = keyring.set(&space, "door", "mine", Some("abc".into()));
        assert_eq!(given.await.unwrap(), ("abc".into(), true));
        assert!(keyring.remove(&space, "door", "mine").await.unwrap());
        assert!(!keyring.remove(&space, "door", "mine").await.unwrap());
        assert!(!keyring.opens(&space, &["door"], "abc").unwrap());
    }
}
