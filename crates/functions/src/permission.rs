//! The resource policy: who else may call a function. Kept here because it lives and dies with the function; what a
//! statement means is its cloud's business.

use base::Space;

use crate::schema::{Function, Permission};
use crate::{Error, Functions, Result};

impl Functions {
    pub async fn add_permission(
        &self,
        space: &Space,
        name: &str,
        revision: Option<&str>,
        permission: Permission,
    ) -> Result<Function> {
        self.change(space, name, revision, |_, function| {
            if function
                .permissions
                .iter()
                .any(|old| old.id == permission.id)
            {
                return Err(Error::PermissionExists(permission.id.clone()));
            }
            function.permissions.push(permission.clone());
            Ok(())
        })
        .await
    }

    pub async fn remove_permission(
        &self,
        space: &Space,
        name: &str,
        revision: Option<&str>,
        id: &str,
    ) -> Result<Function> {
        self.change(space, name, revision, |_, function| {
            let before = function.permissions.len();
            function
                .permissions
                .retain(|permission| permission.id != id);
            if function.permissions.len() == before {
                return Err(Error::NoSuchPermission(id.to_owned()));
            }
            Ok(())
        })
        .await
    }
}
