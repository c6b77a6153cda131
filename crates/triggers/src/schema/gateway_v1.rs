//! Gateways as they were kept before they had guards.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Space;
use functions::{GatewayKind, HttpForm};
use serde::{Deserialize, Serialize};
use store::Record;

use super::gateway::{Backend, Cors, FunctionBackend, Gateway, KeySource, Route, Stage, Wanted};
use crate::target::Target;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct GatewayV1 {
    id: String,
    space: Space,
    name: String,
    kind: GatewayKind,
    stages: Vec<Stage>,
    routes: Vec<RouteV1>,
    cors: Option<Cors>,
    binary: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RouteV1 {
    method: Option<String>,
    path: Option<String>,
    target: Target,
    form: HttpForm,
    timeout: Duration,
}

impl Record for GatewayV1 {}

impl GatewayV1 {
    pub(super) fn read(version: u8, body: &[u8]) -> store::Result<Self> {
        let mut stored = vec![version];
        stored.extend_from_slice(body);
        Self::decode(&stored)
    }
}

impl From<GatewayV1> for Gateway {
    fn from(old: GatewayV1) -> Self {
        let route = |old: RouteV1| Route {
            method: old.method,
            path: old.path,
            backend: Backend::Function(FunctionBackend {
                target: old.target,
                form: old.form,
                timeout: old.timeout,
                streams: false,
                replies: false,
            }),
            guard: None,
            needs_key: false,
            wanted: Wanted::default(),
        };
        Self {
            id: old.id,
            space: old.space,
            name: old.name,
            kind: old.kind,
            stages: old.stages,
            routes: old.routes.into_iter().map(route).collect(),
            cors: old.cors,
            binary: old.binary,
            guards: Vec::new(),
            refusals: BTreeMap::new(),
            key_source: KeySource::Header,
            selection: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_before_still_reads() {
        let old = GatewayV1 {
            id: "g".into(),
            space: Space::new("s"),
            name: "n".into(),
            kind: GatewayKind::Simple,
            stages: Vec::new(),
            routes: vec![RouteV1 {
                method: None,
                path: Some("/a".into()),
                target: Target {
                    space: Space::new("s"),
                    function: "f".into(),
                    qualifier: None,
                },
                form: HttpForm::Compact,
                timeout: Duration::from_secs(1),
            }],
            cors: None,
            binary: vec!["*/*".into()],
        };
        let new = Gateway::decode(&old.encode()).unwrap();
        assert_eq!((new.id.as_str(), new.binary.len()), ("g", 1));
        let Backend::Function(backend) = &new.routes[0].backend else {
            panic!("{new:?}");
        };
        assert_eq!(backend.target.function, "f");
        assert_eq!(Gateway::decode(&new.encode()).unwrap(), new);
    }
}
