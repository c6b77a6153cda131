use base::Space;
use store::BlobReader;

use crate::schema::{CodeSource, FUNCTIONS, Function, VERSIONS, function_key, functions_of};
use crate::{Error, Functions, Result};

impl Functions {
    pub fn get(&self, space: &Space, name: &str) -> Result<Function> {
        self.find(space, name)?
            .ok_or_else(|| Error::NoSuchFunction(name.to_owned()))
    }

    pub(crate) fn find(&self, space: &Space, name: &str) -> Result<Option<Function>> {
        let view = self.shared.store.read()?;
        Ok(FUNCTIONS.get(&view, &function_key(space, name))?)
    }

    /// Up to `limit` functions of a space after the name `after`, in order of their names.
    pub fn list(&self, space: &Space, after: Option<&str>, limit: usize) -> Result<Vec<Function>> {
        let mut range = functions_of(space).range();
        if let Some(after) = after {
            range = range.after(function_key(space, after).as_slice());
        }
        let found = FUNCTIONS.scan(&self.shared.store.read()?, &range, limit)?;
        Ok(found.into_iter().map(|(_, function)| function).collect())
    }

    pub(crate) fn every(&self) -> Result<Vec<Function>> {
        let view = self.shared.store.read()?;
        let found = FUNCTIONS.scan(&view, &FUNCTIONS.key().range(), usize::MAX)?;
        Ok(found.into_iter().map(|(_, function)| function).collect())
    }

    pub(crate) fn every_version(&self) -> Result<Vec<Function>> {
        let view = self.shared.store.read()?;
        let found = VERSIONS.scan(&view, &VERSIONS.key().range(), usize::MAX)?;
        Ok(found.into_iter().map(|(_, version)| version).collect())
    }

    /// The package as it was deployed; none if the function runs from a folder.
    pub async fn package(&self, function: &Function) -> Result<Option<BlobReader>> {
        match function.code.source {
            CodeSource::Package(blob) => Ok(Some(self.shared.store.blobs().open(blob).await?)),
            CodeSource::Directory(_) => Ok(None),
        }
    }
}
