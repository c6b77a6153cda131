use base::Space;
use store::Blobs;

use crate::schema::{FUNCTIONS, function_key};
use crate::{Error, Functions, Result};

impl Functions {
    /// Removes a function. What runs may end; what waits in the backlog is given up when its turn comes.
    pub async fn delete(&self, space: &Space, name: &str) -> Result<()> {
        let key = function_key(space, name);
        self.shared
            .store
            .write(|tx| {
                let function = FUNCTIONS
                    .get(tx, &key)?
                    .ok_or_else(|| Error::NoSuchFunction(name.to_owned()))?;
                if let Some(blob) = function.code.blob() {
                    Blobs::drop_name(tx, blob.id)?;
                }
                FUNCTIONS.delete(tx, key.clone());
                Ok::<_, Error>(())
            })
            .await?;
        self.note_reservation(space, name)?;
        self.shared.pools.replace(space, name, None);
        Ok(())
    }
}
