//! The URL of a function or of an alias: a gateway that reaches nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use functions::{GatewayKind, HttpForm};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use triggers::{
    Backend, Cors, FunctionBackend, Gateway, Guard, GuardKind, Guarded, KeySource, Route, Stage,
    Target, Wanted,
};

use super::configuration::modified;
use super::error::{conflict, fault, missing};
use super::name::Named;
use super::page::Page;
use super::{Answer, Asked};
use crate::protocol::Fault;

/// A function with a URL ends by its own time-out.
const LONGEST_WAIT: Duration = Duration::from_secs(900);
/// What the one stage is called.
const STAGE: &str = "$default";
/// What the guard of signed requests is called.
const SIGNED: &str = "AWS_IAM";
const OPEN: &str = "NONE";
const STREAMED: &str = "RESPONSE_STREAM";
const BUFFERED: &str = "BUFFERED";
const ID_LETTERS: usize = 32;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Input {
    function_name: String,
    qualifier: Option<String>,
    auth_type: Option<String>,
    cors: Option<Origins>,
    invoke_mode: Option<String>,
    marker: Option<String>,
    max_items: Option<usize>,
}

/// Which pages may call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Origins {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allow_origins: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allow_methods: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allow_headers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expose_headers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_credentials: Option<bool>,
}

impl Input {
    fn named(&self, asked: &Asked<'_>) -> Result<Named, Fault> {
        let beside = self.qualifier.as_deref();
        Named::read(asked, &self.function_name, beside)
    }
}

const NO_URL: &str = "The resource you requested does not exist.";

pub(super) async fn create(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?;
    named.find(&asked)?;
    if known(&asked, &named)?.is_some() {
        return Err(conflict(format!(
            "Failed to create function url config for [functionArn = {}]. Error message:  FunctionUrlConfig exists for this Lambda function",
            named.arn(asked.context)
        )));
    }
    let mut gateway = bare(&asked, &named);
    input.change(&mut gateway);
    set(&asked, &gateway).await?;
    let mut printed = print(&asked, &gateway)?;
    // A new one has not been modified.
    if let Some(printed) = printed.as_object_mut() {
        printed.remove("LastModifiedTime");
    }
    Ok(Answer::Json(printed))
}

pub(super) async fn update(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?;
    let mut gateway = match there(&asked, &named)? {
        true => find(&asked, &named)?,
        false => return Err(missing("Function does not exist")),
    };
    input.change(&mut gateway);
    set(&asked, &gateway).await?;
    Ok(Answer::Json(print(&asked, &gateway)?))
}

pub(super) fn get(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let gateway = find(&asked, &input.named(&asked)?)?;
    Ok(Answer::Json(print(&asked, &gateway)?))
}

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?;
    let gateway = match there(&asked, &named)? {
        true => find(&asked, &named)?,
        false => return Err(missing(NO_URL)),
    };
    let removed = asked.parts.triggers.remove_gateway(&gateway.id).await;
    removed.map_err(failed)?;
    Ok(Answer::Empty(StatusCode::NO_CONTENT))
}

pub(super) fn list(mut asked: Asked<'_>) -> Result<Answer, Fault> {
    let input: Input = asked.call.read()?;
    let named = input.named(&asked)?.whole()?;
    named.find(&asked)?;
    let all = of_function(&asked, &named.name)?;
    let printed: Result<Vec<Value>, Fault> =
        all.iter().map(|gateway| print(&asked, gateway)).collect();
    let page = Page::read(input.marker.as_deref(), input.max_items)?;
    Ok(Answer::Json(page.print("FunctionUrlConfigs", printed?)))
}

/// With a function go its URLs, and with an alias that of the alias.
pub(super) async fn forget(
    asked: &Asked<'_>,
    function: &str,
    alias: Option<&str>,
) -> Result<(), Fault> {
    for gateway in of_function(asked, function)? {
        if alias.is_none() || qualifier(&gateway) == alias {
            let removed = asked.parts.triggers.remove_gateway(&gateway.id).await;
            removed.map_err(failed)?;
        }
    }
    Ok(())
}

fn of_function(asked: &Asked<'_>, name: &str) -> Result<Vec<Gateway>, Fault> {
    let space = &asked.context.space;
    let found = asked.parts.triggers.direct_gateways(space, name);
    found.map_err(failed)
}

fn known(asked: &Asked<'_>, named: &Named) -> Result<Option<Gateway>, Fault> {
    let all = of_function(asked, &named.name)?;
    let is_asked = |gateway: &Gateway| qualifier(gateway) == named.version();
    Ok(all.into_iter().find(is_asked))
}

fn find(asked: &Asked<'_>, named: &Named) -> Result<Gateway, Fault> {
    named.find(asked)?;
    known(asked, named)?.ok_or_else(|| missing(NO_URL))
}

/// Whether there is what is named.
fn there(asked: &Asked<'_>, named: &Named) -> Result<bool, Fault> {
    let (functions, space) = (&asked.parts.functions, &asked.context.space);
    match functions.resolve(space, &named.name, named.version()) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == base::ErrorKind::Missing => Ok(false),
        Err(error) => Err(fault(asked.context, named, error)),
    }
}

fn qualifier(gateway: &Gateway) -> Option<&str> {
    gateway.direct_target()?.qualifier.as_deref()
}

async fn set(asked: &Asked<'_>, gateway: &Gateway) -> Result<(), Fault> {
    let set = asked.parts.triggers.set_gateway(gateway).await;
    set.map_err(failed)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "as what turns errors into faults is"
)]
fn failed(error: triggers::Error) -> Fault {
    tracing::error!(%error, "a request about a function's URL failed");
    Fault::internal("ServiceException")
}

/// A URL that anybody may call.
fn bare(asked: &Asked<'_>, named: &Named) -> Gateway {
    let target = Target {
        space: asked.context.space.clone(),
        function: named.name.clone(),
        qualifier: named.version().map(str::to_owned),
    };
    let route = Route {
        method: None,
        path: None,
        backend: Backend::Function(FunctionBackend {
            target,
            form: HttpForm::Compact,
            timeout: LONGEST_WAIT,
            streams: false,
            replies: false,
        }),
        guard: None,
        needs_key: false,
        wanted: Wanted::default(),
    };
    Gateway {
        id: asked.parts.triggers.new_gateway_id(ID_LETTERS),
        space: asked.context.space.clone(),
        name: named.name.clone(),
        kind: GatewayKind::Direct,
        stages: vec![Stage {
            name: STAGE.into(),
            variables: BTreeMap::new(),
        }],
        routes: vec![route],
        cors: None,
        binary: Vec::new(),
        guards: Vec::new(),
        refusals: BTreeMap::new(),
        key_source: KeySource::Header,
        selection: None,
    }
}

impl Input {
    /// Changes what is said, and nothing else.
    fn change(&self, gateway: &mut Gateway) {
        if let Some(auth) = &self.auth_type {
            let signed = auth == SIGNED;
            gateway.guards = signed.then(signature).into_iter().collect();
            for route in &mut gateway.routes {
                route.guard = signed.then(|| Guarded {
                    by: SIGNED.into(),
                    scopes: Vec::new(),
                });
            }
        }
        if let Some(mode) = &self.invoke_mode {
            for route in &mut gateway.routes {
                if let Backend::Function(backend) = &mut route.backend {
                    backend.streams = mode == STREAMED;
                }
            }
        }
        if let Some(origins) = &self.cors {
            // Saying that there are none takes away those that there were.
            let given = (*origins != Origins::default()).then(|| origins.clone());
            gateway.cors = given.map(Cors::from);
        }
    }
}

fn signature() -> Guard {
    Guard {
        name: SIGNED.into(),
        kind: GuardKind::Signature,
    }
}

impl From<Origins> for Cors {
    fn from(origins: Origins) -> Self {
        Self {
            origins: origins.allow_origins,
            methods: origins.allow_methods,
            headers: origins.allow_headers,
            exposed: origins.expose_headers,
            max_age: origins.max_age.map(|age| Duration::from_secs(age.into())),
            credentials: origins.allow_credentials.unwrap_or(false),
        }
    }
}

impl From<&Cors> for Origins {
    fn from(cors: &Cors) -> Self {
        Self {
            allow_origins: cors.origins.clone(),
            allow_methods: cors.methods.clone(),
            allow_headers: cors.headers.clone(),
            expose_headers: cors.exposed.clone(),
            max_age: cors
                .max_age
                .map(|age| u32::try_from(age.as_secs()).unwrap_or(u32::MAX)),
            allow_credentials: cors.credentials.then_some(true),
        }
    }
}

fn print(asked: &Asked<'_>, gateway: &Gateway) -> Result<Value, Fault> {
    let times = asked.parts.triggers.gateway_times(&gateway.id);
    let times = times.map_err(failed)?;
    let route = gateway.routes.first();
    let is_signed = route.is_some_and(|route| route.guard.is_some());
    let streams = route.is_some_and(
        |route| matches!(&route.backend, Backend::Function(backend) if backend.streams),
    );
    let reached = gateway.direct_target();
    let named = reached.map(|target| Named {
        name: target.function.clone(),
        qualifier: target.qualifier.clone(),
    });
    let mut printed = json!({
        "FunctionUrl": address(asked, &gateway.id),
        "FunctionArn": named.map(|named| named.arn(asked.context)),
        "AuthType": if is_signed { SIGNED } else { OPEN },
        "CreationTime": modified(times.created),
        "LastModifiedTime": modified(times.modified),
        "InvokeMode": if streams { STREAMED } else { BUFFERED },
    });
    if let Some(cors) = &gateway.cors {
        printed["Cors"] = json!(Origins::from(cors));
    }
    Ok(printed)
}

/// Where whoever asks can reach it: at the port that they reached us at.
fn address(asked: &Asked<'_>, id: &str) -> String {
    let port = asked.host.rsplit_once(':').map(|(_, port)| port);
    let port = port.filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("http://{id}.lambda-url.localhost{port}/")
}
