//! Telephone numbers whose holders prove that they are theirs, by a code that is sent to them.

use base::Space;

use crate::schema::{NUMBERS, Number, Parcel, number_key};
use crate::{Error, Result, Topics};

impl Topics {
    /// Sends a code to the number, in a text that `say` makes of it.
    pub async fn add_number(
        &self,
        space: &Space,
        number: &str,
        say: impl Fn(&str) -> String,
    ) -> Result<()> {
        let code = format!("{:06}", self.random.below(1_000_000));
        self.store
            .write(|tx| {
                let key = number_key(space, number);
                let proven = NUMBERS.get(tx, &key)?.is_some_and(|known| known.proven);
                let wanted = Number {
                    number: number.to_owned(),
                    code: code.clone(),
                    proven,
                };
                NUMBERS.put(tx, key, &wanted);
                let parcel = Parcel::Text {
                    to: number.to_owned(),
                    sender: None,
                    body: say(&code),
                };
                self.send(tx, space, &parcel);
                Ok::<_, Error>(())
            })
            .await?;
        self.tidy_outbox().await
    }

    pub async fn prove_number(&self, space: &Space, number: &str, code: &str) -> Result<()> {
        self.store
            .write(|tx| {
                let key = number_key(space, number);
                let known = NUMBERS.get(tx, &key)?;
                let mut known = known.ok_or_else(|| Error::NoSuchNumber(number.to_owned()))?;
                if known.code != code {
                    return Err(Error::WrongCode);
                }
                known.proven = true;
                NUMBERS.put(tx, key, &known);
                Ok(())
            })
            .await
    }

    pub fn numbers(&self, space: &Space) -> Result<Vec<Number>> {
        let all = NUMBERS.key().str(space.as_str()).range();
        let found = NUMBERS.scan(&self.store.read()?, &all, usize::MAX)?;
        Ok(found.into_iter().map(|(_, number)| number).collect())
    }

    pub async fn delete_number(&self, space: &Space, number: &str) -> Result<()> {
        self.store
            .write(|tx| {
                let key = number_key(space, number);
                if NUMBERS.get(tx, &key)?.is_none() {
                    return Err(Error::NoSuchNumber(number.to_owned()));
                }
                NUMBERS.delete(tx, key);
                Ok(())
            })
            .await
    }
}
