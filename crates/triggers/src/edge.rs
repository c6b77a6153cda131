//! Edges: what stands in front of origins. Which behavior is for a request, and what of the request passes.

pub use crate::schema::edge::{
    Attached, Behavior, Edge, ErrorPage, Moment, Origin, Passed, Protocol, Server, Web,
};

use crate::balancer::{Case, fits};
use crate::schema::edge::EDGES;
use crate::{Result, Triggers};

impl Triggers {
    /// Makes the edge, or makes it what it should be now.
    pub async fn set_edge(&self, edge: &Edge) -> Result<()> {
        self.store
            .write(|tx| {
                EDGES.put(tx, EDGES.key().str(&edge.id), edge);
                Ok(())
            })
            .await
    }

    pub fn edge(&self, id: &str) -> Result<Option<Edge>> {
        Ok(EDGES.get(&self.store.read()?, &EDGES.key().str(id))?)
    }

    pub async fn remove_edge(&self, id: &str) -> Result<()> {
        self.store
            .write(|tx| {
                EDGES.delete(tx, EDGES.key().str(id));
                Ok(())
            })
            .await
    }
}

impl Edge {
    /// The behavior for a path. The last one is for every path.
    pub fn behavior(&self, path: &str) -> Option<&Behavior> {
        self.behaviors.iter().find(|behavior| {
            let pattern = behavior.pattern.as_deref();
            pattern.is_none_or(|pattern| {
                // A slash before a pattern makes no difference.
                let (pattern, path) = (bare(pattern), bare(path));
                fits(pattern, path, Case::Counts)
            })
        })
    }

    pub fn origin(&self, id: &str) -> Option<&Origin> {
        self.origins.iter().find(|origin| origin.id == id)
    }
}

fn bare(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}

impl Behavior {
    pub fn function(&self, moment: Moment) -> Option<&Attached> {
        self.functions.iter().find(|one| one.moment == moment)
    }
}

impl Passed {
    /// Whether something of this name passes. Of what is usual, the caller knows more.
    pub fn passes(&self, name: &str) -> bool {
        let listed = |names: &[String]| names.iter().any(|one| one.eq_ignore_ascii_case(name));
        match self {
            Self::Nothing => false,
            Self::Usual | Self::All => true,
            Self::Only(names) => listed(names),
            Self::Except(names) => !listed(names),
        }
    }

    /// What passes one or the other.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Usual, _) | (_, Self::Usual) => Self::Usual,
            (Self::Only(mut all), Self::Only(more)) => {
                all.extend(more);
                Self::Only(all)
            }
            (Self::Except(one), Self::Except(other)) => {
                let both = one.into_iter().filter(|name| other.contains(name));
                Self::Except(both.collect())
            }
            (Self::Only(only), Self::Except(except)) | (Self::Except(except), Self::Only(only)) => {
                let left = except.into_iter().filter(|name| !only.contains(name));
                Self::Except(left.collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use base::Space;

    use super::*;

    #[test]
    fn the_first_behavior_whose_pattern_fits_is_taken() {
        let behavior = |pattern: Option<&str>, origin: &str| Behavior {
            pattern: pattern.map(str::to_owned),
            origin: origin.into(),
            methods: Vec::new(),
            query: Passed::Nothing,
            headers: Passed::Usual,
            cookies: Passed::Nothing,
            functions: Vec::new(),
        };
        let edge = Edge {
            id: "e".into(),
            space: Space::new("s"),
            enabled: true,
            root: None,
            origins: Vec::new(),
            behaviors: vec![
                behavior(Some("/api/*"), "api"),
                behavior(Some("*.jpg"), "images"),
                behavior(None, "rest"),
            ],
            pages: Vec::new(),
        };
        let taken = |path: &str| edge.behavior(path).unwrap().origin.as_str();
        assert_eq!(taken("/api/a.jpg"), "api");
        assert_eq!(taken("/b/a.jpg"), "images");
        assert_eq!(taken("/API/x"), "rest");
        assert_eq!(taken("/"), "rest");
    }

    #[test]
    fn what_passes_either_passes_both_together() {
        let only = |name: &str| Passed::Only(vec![name.into()]);
        let except = |name: &str| Passed::Except(vec![name.into()]);
        assert!(only("a").or(only("B")).passes("b"));
        assert!(!only("a").or(Passed::Nothing).passes("b"));
        assert!(except("host").passes("a") && !except("host").passes("Host"));
        assert!(except("host").or(only("host")).passes("host"));
        assert!(!except("host").or(except("host")).passes("host"));
        assert_eq!(Passed::All.or(except("a")), Passed::All);
    }
}
