//! Which function a request is for.

use std::collections::BTreeMap;
use std::sync::Arc;

use functions::{Error, Function, Functions};
use serde::Deserialize;
use serde_json::Value;
use triggers::{Parameters, PathPattern};

use crate::crowd::{Crowd, Limits};

/// The tag with what a function answers to, as JSON. `deploy` writes it.
const WIRING: &str = "azure:http";
/// Which `deploy` sets for every function.
const WORKER_RUNTIME: &str = "FUNCTIONS_WORKER_RUNTIME";
/// Of one host.
const MOST_FUNCTIONS: usize = 10_000;

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Anonymous,
    Function,
    Admin,
}

#[derive(Deserialize)]
struct Wiring {
    path: String,
    methods: Vec<String>,
    auth: Level,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    origins: Vec<String>,
    #[serde(default)]
    credentials: bool,
    #[serde(default)]
    crowd: Option<Limits>,
    bindings: Value,
}

#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) function: String,
    pub(crate) level: Level,
    pub(crate) path: String,
    /// In capitals; empty for any.
    pub(crate) methods: Vec<String>,
    /// To be on every answer.
    pub(crate) headers: BTreeMap<String, String>,
    /// Whose pages may call.
    pub(crate) origins: Vec<String>,
    pub(crate) credentials: bool,
    /// Of its application, if there are limits.
    pub(crate) crowd: Option<Arc<Crowd>>,
    /// As they are described.
    pub(crate) bindings: Value,
    pub(crate) language: String,
    pattern: PathPattern,
    precedence: Vec<u8>,
}

/// All there are, the most precise first.
#[derive(Debug, Default)]
pub(crate) struct Routes(Vec<Route>);

impl Routes {
    /// Whoever was let in under the routes of `before` is still counted.
    pub(crate) fn read(functions: &Functions, before: &Self) -> Result<Self, Error> {
        let all = functions.list(&crate::space(), None, MOST_FUNCTIONS)?;
        let mut crowds = before.crowds();
        let mut crowd = |limits: Limits| {
            let known = crowds.iter().find(|crowd| crowd.limits == limits);
            let crowd = known.cloned();
            crowd.unwrap_or_else(|| {
                let new = Arc::new(Crowd::new(limits));
                crowds.push(new.clone());
                new
            })
        };
        let routes = all
            .iter()
            .filter_map(|function| route(function, &mut crowd));
        Ok(Self::of(routes))
    }

    fn crowds(&self) -> Vec<Arc<Crowd>> {
        let mut crowds: Vec<Arc<Crowd>> = Vec::new();
        for crowd in self.0.iter().filter_map(|route| route.crowd.as_ref()) {
            if !crowds.iter().any(|known| Arc::ptr_eq(known, crowd)) {
                crowds.push(crowd.clone());
            }
        }
        crowds
    }

    fn of(routes: impl Iterator<Item = Route>) -> Self {
        let mut routes: Vec<Route> = routes.collect();
        routes.sort_by(|one, other| {
            let key = |route: &Route| (route.precedence.clone(), route.function.clone());
            key(one).cmp(&key(other))
        });
        Self(routes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first that fits. A method that none of them takes is as no route at all.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<(&Route, Parameters)> {
        let mut routes = self.0.iter().filter(|route| route.takes(method));
        routes.find_map(|route| Some((route, route.pattern.fits(path)?)))
    }

    pub(crate) fn named(&self, function: &str) -> Option<&Route> {
        let mut routes = self.0.iter();
        routes.find(|route| route.function.eq_ignore_ascii_case(function))
    }

    /// By name.
    pub(crate) fn all(&self) -> Vec<&Route> {
        let mut all: Vec<&Route> = self.0.iter().collect();
        all.sort_by_key(|route| &route.function);
        all
    }
}

impl Route {
    fn takes(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|taken| taken == method)
    }
}

fn route(function: &Function, crowd: &mut impl FnMut(Limits) -> Arc<Crowd>) -> Option<Route> {
    let text = function.tags.get(WIRING)?;
    let read = |text: &str| -> Result<Route, String> {
        let wiring: Wiring = serde_json::from_str(text).map_err(|why| why.to_string())?;
        let pattern = PathPattern::read(&wiring.path)?;
        Ok(Route {
            function: function.name.clone(),
            level: wiring.auth,
            path: wiring.path,
            methods: wiring.methods,
            headers: wiring.headers,
            origins: wiring.origins,
            credentials: wiring.credentials,
            crowd: wiring.crowd.map(crowd),
            bindings: wiring.bindings,
            language: language(function),
            precedence: pattern.precedence(),
            pattern,
        })
    };
    match read(text) {
        Ok(route) => Some(route),
        Err(why) => {
            tracing::warn!(
                function = function.name,
                why,
                "a function has no route that reads"
            );
            None
        }
    }
}

/// As the vendor calls it; an assembly that runs in its host is none of a worker's.
fn language(function: &Function) -> String {
    match function.configuration.variable(WORKER_RUNTIME) {
        None | Some("dotnet") => "DotNetAssembly".into(),
        Some(language) => language.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Route {
        /// One that asks for a key.
        pub(crate) fn plain(function: &str, path: &str, methods: &[&str]) -> Self {
            let pattern = PathPattern::read(path).unwrap();
            Self {
                function: function.into(),
                level: Level::Function,
                path: path.into(),
                methods: methods.iter().map(|method| (*method).into()).collect(),
                headers: BTreeMap::new(),
                origins: Vec::new(),
                credentials: false,
                crowd: None,
                bindings: Value::Null,
                language: "node".into(),
                precedence: pattern.precedence(),
                pattern,
            }
        }
    }

    fn routes(all: &[(&str, &str, &[&str])]) -> Routes {
        let routes = all.iter();
        Routes::of(routes.map(|(function, path, methods)| Route::plain(function, path, methods)))
    }

    #[test]
    fn the_most_precise_route_with_the_method_is_taken() {
        let routes = routes(&[
            ("rest", "api/{*rest}", &[]),
            ("read", "api/items/{id}", &["GET"]),
            ("number", "api/items/{id:int}", &["GET"]),
            ("write", "api/items/{id}", &["PUT"]),
        ]);
        let name = |method, path| {
            let (route, parameters) = routes.find(method, path)?;
            Some((route.function.as_str(), parameters))
        };
        let with = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(
            name("GET", "/api/items/7"),
            Some(("number", with("id", "7")))
        );
        assert_eq!(name("GET", "/api/items/x"), Some(("read", with("id", "x"))));
        assert_eq!(
            name("PUT", "/api/items/7"),
            Some(("write", with("id", "7")))
        );
        assert_eq!(
            name("HEAD", "/api/items/7"),
            Some(("rest", with("rest", "items/7")))
        );
        assert_eq!(name("GET", "/other"), None);
        assert_eq!(routes.named("READ").unwrap().function, "read");
        assert!(!routes.is_empty());
    }
}
