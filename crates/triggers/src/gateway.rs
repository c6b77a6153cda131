//! Gateways: from requests over HTTP to functions.
//!
//! A gateway has routes, each for a method (or any) and a path that may hold parameters. Whoever speaks HTTP asks
//! [`Gateway::find`] which one a request takes, and runs its target.

use std::sync::Arc;

use base::Space;
use functions::GatewayKind;

use crate::schema::gateway::{Backend, GATEWAY_TIMES, GATEWAYS, Gateway, GatewayTimes, Route};
use crate::target::Target;
use crate::{Result, Triggers};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// Names and decoded values of the path's parameters come with the route.
    Route(&'a Route, Vec<(String, String)>),
    /// There is such a path, but not with this method.
    OtherMethod,
    Nothing,
}

/// A piece of a route's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    /// Takes the rest of the path, of which there must be some.
    Rest(&'a str),
    /// Takes one segment.
    Parameter(&'a str),
    Literal(&'a str),
}

impl<'a> Piece<'a> {
    fn read(text: &'a str) -> Self {
        let name = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Rest(name),
                None => Self::Parameter(name),
            },
            None => Self::Literal(text),
        }
    }

    /// Literals win over parameters, and both over the rest.
    fn rank(self) -> u8 {
        match self {
            Self::Literal(_) => 2,
            Self::Parameter(_) => 1,
            Self::Rest(_) => 0,
        }
    }
}

/// How a route's path fits a request's.
struct Fit {
    /// Greater for the more particular path.
    rank: Vec<u8>,
    parameters: Vec<(String, String)>,
}

fn pieces(path: &str) -> Vec<Piece<'_>> {
    segments(path).map(Piece::read).collect()
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    // A slash at the end makes no other path of it, and the root has no segments.
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_root = path.is_empty();
    path.split('/').filter(move |_| !is_root)
}

impl Gateway {
    /// The route for a request: of those whose path fits, the most particular; of those, the one for the method.
    pub fn find(&self, method: &str, path: &str) -> Found<'_> {
        let mut best: Option<(Fit, bool, &Route)> = None;
        let mut other_method = false;
        for route in &self.routes {
            let Some(fit) = fit(route.path.as_deref(), path) else {
                continue;
            };
            let exact = route.method.as_deref() == Some(method);
            if route.method.is_some() && !exact {
                other_method = true;
                continue;
            }
            let better = best
                .as_ref()
                .is_none_or(|(known, was_exact, _)| (&fit.rank, exact) > (&known.rank, *was_exact));
            if better {
                best = Some((fit, exact, route));
            }
        }
        match best {
            Some((fit, _, route)) => Found::Route(route, fit.parameters),
            None if other_method => Found::OtherMethod,
            None => Found::Nothing,
        }
    }

    /// The methods that some route takes at this path; empty where any is taken.
    pub fn methods(&self, path: &str) -> Vec<&str> {
        let fitting = self.routes.iter();
        let fitting = fitting.filter(|route| fit(route.path.as_deref(), path).is_some());
        let mut methods: Vec<&str> = fitting
            .filter_map(|route| route.method.as_deref())
            .collect();
        methods.sort_unstable();
        methods.dedup();
        methods
    }
}

/// None if the path does not fit. A route without one fits everything, and no other is less particular.
fn fit(route: Option<&str>, path: &str) -> Option<Fit> {
    let Some(route) = route else {
        return Some(Fit {
            rank: Vec::new(),
            parameters: Vec::new(),
        });
    };
    let mut asked = segments(path);
    let mut rank = vec![1];
    let mut parameters = Vec::new();
    for piece in pieces(route) {
        rank.push(piece.rank() + 1);
        match piece {
            Piece::Literal(text) => {
                if asked.next()? != text {
                    return None;
                }
            }
            Piece::Parameter(name) => {
                let value = asked.next().filter(|value| !value.is_empty())?;
                parameters.push((name.to_owned(), decoded(value)));
            }
            Piece::Rest(name) => {
                let rest: Vec<&str> = asked.by_ref().collect();
                if rest.is_empty() {
                    return None;
                }
                parameters.push((name.to_owned(), decoded(&rest.join("/"))));
            }
        }
    }
    asked.next().is_none().then_some(Fit { rank, parameters })
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}

impl Triggers {
    /// Makes the gateway, or makes it what it should be now.
    pub async fn set_gateway(&self, gateway: &Gateway) -> Result<()> {
        let now = self.clock.now();
        self.store
            .write(|tx| {
                let key = GATEWAY_TIMES.key().str(&gateway.id);
                let known = GATEWAY_TIMES.get(tx, &key)?;
                let times = GatewayTimes {
                    created: known.map_or(now, |known| known.created),
                    modified: now,
                };
                GATEWAY_TIMES.put(tx, key, &times);
                GATEWAYS.put(tx, GATEWAYS.key().str(&gateway.id), gateway);
                Ok(())
            })
            .await
    }

    /// Every request asks for one, so they are kept decoded.
    pub fn gateway(&self, id: &str) -> Result<Option<Arc<Gateway>>> {
        Ok(GATEWAYS.shared(&self.store.read()?, &GATEWAYS.key().str(id))?)
    }

    pub async fn remove_gateway(&self, id: &str) -> Result<()> {
        self.store
            .write(|tx| {
                GATEWAYS.delete(tx, GATEWAYS.key().str(id));
                GATEWAY_TIMES.delete(tx, GATEWAY_TIMES.key().str(id));
                Ok(())
            })
            .await
    }

    /// An id that no gateway has: small letters and digits, as they stand in host names.
    pub fn new_gateway_id(&self, letters: usize) -> String {
        const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let letter = || {
            let at = self.random.below(ALPHABET.len() as u64);
            char::from(ALPHABET[usize::try_from(at).unwrap_or(0)])
        };
        std::iter::repeat_with(letter).take(letters).collect()
    }

    /// When a gateway was made and last changed.
    pub fn gateway_times(&self, id: &str) -> Result<GatewayTimes> {
        let stored = GATEWAY_TIMES.get(&self.store.read()?, &GATEWAY_TIMES.key().str(id))?;
        Ok(stored.unwrap_or_default())
    }

    /// The gateways that each reach nothing but this function, or a version or alias of it.
    ///
    /// All gateways are read for it: there are few, and it is asked seldom.
    pub fn direct_gateways(&self, space: &Space, function: &str) -> Result<Vec<Gateway>> {
        let all = GATEWAYS.scan(&self.store.read()?, &GATEWAYS.key().range(), usize::MAX)?;
        let is_reached = |gateway: &Gateway| {
            let target = gateway.direct_target();
            target.is_some_and(|target| target.space == *space && target.function == function)
        };
        let gateways = all.into_iter().map(|(_, gateway)| gateway);
        Ok(gateways.filter(is_reached).collect())
    }
}

impl Gateway {
    /// What is reached, if the gateway is for one function alone.
    pub fn direct_target(&self) -> Option<&Target> {
        match (self.kind, self.routes.as_slice()) {
            (GatewayKind::Direct, [route]) => match &route.backend {
                Backend::Function(backend) => Some(&backend.target),
                Backend::Fixed(_)
                | Backend::Mapped(_)
                | Backend::Forwarded(_)
                | Backend::Converted(..) => None,
            },
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use functions::HttpForm;

    use super::*;
    use crate::schema::gateway::{FunctionBackend, KeySource, Wanted};

    fn gateway(routes: &[&str]) -> Gateway {
        let route = |text: &&str| {
            let (method, path) = text.split_once(' ').unwrap_or((text, ""));
            Route {
                method: (method != "ANY").then(|| method.to_owned()),
                path: (!path.is_empty()).then(|| path.to_owned()),
                backend: Backend::Function(FunctionBackend {
                    target: Target {
                        space: Space::new("s"),
                        function: (*text).to_owned(),
                        qualifier: None,
                    },
                    form: HttpForm::Detailed,
                    timeout: Duration::from_secs(29),
                    streams: false,
                    replies: false,
                }),
                guard: None,
                needs_key: false,
                wanted: Wanted::default(),
            }
        };
        Gateway {
            id: "g".into(),
            space: Space::new("s"),
            name: "g".into(),
            kind: GatewayKind::Classic,
            stages: Vec::new(),
            routes: routes.iter().map(route).collect(),
            cors: None,
            binary: Vec::new(),
            guards: Vec::new(),
            refusals: Default::default(),
            key_source: KeySource::Header,
            selection: None,
        }
    }

    fn taken(gateway: &Gateway, method: &str, path: &str) -> String {
        match gateway.find(method, path) {
            Found::Route(route, parameters) => {
                let parameters: Vec<String> = parameters
                    .iter()
                    .map(|(name, value)| format!(" {name}={value}"))
                    .collect();
                let Backend::Function(backend) = &route.backend else {
                    return "no function".into();
                };
                backend.target.function.clone() + &parameters.concat()
            }
            Found::OtherMethod => "other method".into(),
            Found::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn the_most_particular_route_is_taken() {
        let gateway = gateway(&[
            "ANY /{proxy+}",
            "GET /items",
            "ANY /items",
            "GET /items/{id}",
            "GET /items/special",
            "GET /items/{id}/parts/{part}",
            "POST /",
        ]);
        for (method, path, expected) in [
            ("GET", "/items", "GET /items"),
            ("GET", "/items/", "GET /items"),
            ("PUT", "/items", "ANY /items"),
            ("GET", "/items/7", "GET /items/{id} id=7"),
            ("GET", "/items/a%20b", "GET /items/{id} id=a b"),
            ("GET", "/items/special", "GET /items/special"),
            (
                "GET",
                "/items/7/parts/2",
                "GET /items/{id}/parts/{part} id=7 part=2",
            ),
            ("POST", "/items/7", "ANY /{proxy+} proxy=items/7"),
            ("GET", "/else/where", "ANY /{proxy+} proxy=else/where"),
            ("POST", "/", "POST /"),
            ("GET", "/", "other method"),
        ] {
            assert_eq!(taken(&gateway, method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_route_without_a_path_takes_what_no_other_does() {
        let gateway = gateway(&["GET /a", "ANY"]);
        assert_eq!(taken(&gateway, "GET", "/a"), "GET /a");
        assert_eq!(taken(&gateway, "POST", "/a"), "ANY");
        assert_eq!(taken(&gateway, "GET", "/"), "ANY");
        assert_eq!(
            taken(&super::tests::gateway(&["GET /a"]), "GET", "/b"),
            "nothing"
        );
    }
}
