//! Which cloud's words a function is spoken to in.

use std::fmt;
use std::sync::Arc;

use base::Space;

use crate::dialect::Dialect;

/// The dialects by the families of spaces that speak them. The family is what a space's name begins with, up to the
/// first slash.
#[derive(Clone)]
pub struct Dialects {
    usual: Arc<dyn Dialect>,
    others: Vec<(String, Arc<dyn Dialect>)>,
}

impl Dialects {
    /// This one for every space, unless its family has another.
    pub fn new(usual: Arc<dyn Dialect>) -> Self {
        Self {
            usual,
            others: Vec::new(),
        }
    }

    pub fn with(mut self, family: &str, dialect: Arc<dyn Dialect>) -> Self {
        self.others.push((family.to_owned(), dialect));
        self
    }

    pub(crate) fn of(&self, space: &Space) -> &Arc<dyn Dialect> {
        let is_of = |family: &str| {
            let rest = space.as_str().strip_prefix(family);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let other = self.others.iter().find(|(family, _)| is_of(family));
        other.map_or(&self.usual, |(_, dialect)| dialect)
    }
}

impl fmt::Debug for Dialects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialects")
    }
}
