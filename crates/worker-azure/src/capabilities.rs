//! What a worker says that it can do, as far as it changes what a host says to it.

use std::collections::HashMap;

/// Those of the worker's initialisation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Capabilities {
    /// It tells an empty text from none.
    pub(crate) nullable: bool,
    pub(crate) without_empty_headers: bool,
    /// It parses bodies itself, and wants them once.
    pub(crate) body_only: bool,
    pub(crate) body_as_bytes: bool,
    /// It wants the request among its trigger's data no second time.
    pub(crate) request_once: bool,
    /// Where it serves requests itself.
    pub(crate) serves_at: Option<String>,
    /// It wants the path's parameters even so.
    pub(crate) wants_parameters: bool,
}

impl Capabilities {
    pub(crate) fn of(said: &HashMap<String, String>) -> Self {
        let value = |name: &str| said.get(name).filter(|value| !value.is_empty());
        let is = |name: &str| value(name).is_some();
        Self {
            nullable: is("UseNullableValueDictionaryForHttp"),
            without_empty_headers: is("IgnoreEmptyValuedRpcHttpHeaders"),
            body_only: is("RpcHttpBodyOnly"),
            body_as_bytes: is("RawHttpBodyBytes"),
            request_once: is("RpcHttpTriggerMetadataRemoved"),
            serves_at: value("HttpUri").cloned(),
            wants_parameters: is("RequiresRouteParameters"),
        }
    }
}
