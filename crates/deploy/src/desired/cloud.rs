//! Whose functions are whose: the names of all clouds' functions are one list here.

use serde::Serialize;

/// Whose functions' words a function speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cloud {
    #[default]
    Aws,
    Google,
    Azure,
}

impl Cloud {
    /// The clouds' functions have spaces of their own, so that names may be used in each. Here they are one list.
    pub(crate) fn physical(self, name: &str) -> String {
        match self {
            Self::Aws => name.to_owned(),
            Self::Google => format!("{GOOGLE}{name}"),
            Self::Azure => format!("{AZURE}{name}"),
        }
    }

    /// The cloud, and the name in its space.
    pub(crate) fn of(physical: &str) -> (Self, &str) {
        let others = [(Self::Google, GOOGLE), (Self::Azure, AZURE)];
        let other = others
            .iter()
            .find_map(|(cloud, prefix)| Some((*cloud, physical.strip_prefix(prefix)?)));
        other.unwrap_or((Self::Aws, physical))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "this is how serde asks")]
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::Aws
    }
}

/// No function of the other clouds has a slash in its name.
const GOOGLE: &str = "google/";

const AZURE: &str = "azure/";
