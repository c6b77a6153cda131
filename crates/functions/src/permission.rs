//! The resource policy: who else may call a function, by each of its qualifiers. Kept here because it lives and dies
//! with what it is about; what a statement means is its cloud's business.

use base::Space;

use crate::schema::Permission;
use crate::{Error, Functions, Result};

impl Functions {
    /// The statements about what the qualifier names, and the revision to be given when they are changed.
    pub fn permissions(
        &self,
        space: &Space,
        name: &str,
        qualifier: Option<&str>,
    ) -> Result<(Vec<Permission>, String)> {
        match self.alias_named(space, name, qualifier)? {
            Some(alias) => Ok((alias.permissions, alias.revision)),
            None => {
                let function = self.resolve(space, name, qualifier)?;
                Ok((function.permissions, function.revision))
            }
        }
    }

    pub async fn add_permission(
        &self,
        space: &Space,
        name: &str,
        qualifier: Option<&str>,
        revision: Option<&str>,
        permission: Permission,
    ) -> Result<()> {
        self.change_attached(space, name, qualifier, revision, |attached| {
            add(attached.permissions, &permission)
        })
        .await
    }

    /// Puts these in the place of all that there are.
    pub async fn set_permissions(
        &self,
        space: &Space,
        name: &str,
        qualifier: Option<&str>,
        revision: Option<&str>,
        permissions: Vec<Permission>,
    ) -> Result<()> {
        self.change_attached(space, name, qualifier, revision, |attached| {
            attached.permissions.clone_from(&permissions);
            Ok(())
        })
        .await
    }

    pub async fn remove_permission(
        &self,
        space: &Space,
        name: &str,
        qualifier: Option<&str>,
        revision: Option<&str>,
        id: &str,
    ) -> Result<()> {
        self.change_attached(space, name, qualifier, revision, |attached| {
            remove(attached.permissions, id)
        })
        .await
    }
}

pub(crate) fn add(permissions: &mut Vec<Permission>, permission: &Permission) -> Result<()> {
    if permissions.iter().any(|old| old.id == permission.id) {
        return Err(Error::PermissionExists(permission.id.clone()));
    }
    permissions.push(permission.clone());
    Ok(())
}

pub(crate) fn remove(permissions: &mut Vec<Permission>, id: &str) -> Result<()> {
    let before = permissions.len();
    permissions.retain(|permission| permission.id != id);
    if permissions.len() == before {
        return Err(Error::NoSuchPermission(id.to_owned()));
    }
    Ok(())
}
