use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use console::Deployment;
use http::Method;
use runtimes::Packages;
use serde_json::{Value, json};

use super::synth::Application;
use super::{REGION, TemplateArgs};
use crate::admin::{self, Target};
use crate::failure::{Failure, Result};
use crate::locate;
use crate::output::Output;

/// Templates, and what is to be made before they are deployed.
pub(super) type Found = Vec<(::deploy::Template, ::deploy::Builds)>;

/// Deploy a template to the running server
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The template, or the directory that it is in
    #[arg(default_value = ".")]
    path: PathBuf,

    #[command(flatten)]
    template: TemplateArgs,
}

pub(crate) async fn run(args: Args, data_dir: Option<&Path>, output: &Output) -> Result<ExitCode> {
    let place = locate::find(data_dir)?;
    let overrides = args.template.overrides();
    // What is written for this region is deployed to the server's, whichever that is.
    let templates = match Application::find(&args.path, REGION, *output)? {
        Some(mut application) => application.load(&overrides).await?,
        None => ::deploy::load_all(&args.path, &overrides)?,
    };
    // What is wrong with any of them is said before anything is made.
    for (_, builds) in &templates {
        build(builds, &place.data_dir, *output).await?;
    }
    for (template, _) in templates {
        let deployment = Deployment {
            path: template.path().to_owned(),
            stack: Some(template.stack().to_owned()),
            parameters: template.overrides().parameters,
        };
        let body = serde_json::to_vec(&deployment)
            .map_err(|cause| Failure::internal(cause.to_string()))?;
        let applied: Value = admin::ask(&place, Method::POST, Target::new("deploy"), body).await?;
        output.event("deployed", &applied, || {
            shown(&applied, place.address, *output)
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes and installs what the functions of a template need, for the server with its data in `data_dir`.
pub(super) async fn build(
    builds: &::deploy::Builds,
    data_dir: &Path,
    output: Output,
) -> Result<()> {
    let packages = Packages::of_server(data_dir);
    for layer in &builds.layers {
        let tell = told_under(format!("making the layer {}", layer.name), output);
        if ::deploy::make_layer(layer, &packages, tell).await? {
            output.event("made", &json!({ "layer": layer.name }), String::new);
        }
    }
    for code in &builds.code {
        let folder = &code.folder;
        let doing = match code.how {
            Some(_) => "building",
            None => "installing the packages of",
        };
        let tell = told_under(format!("{doing} {}", folder.display()), output);
        if ::deploy::build(code, &packages, tell).await? {
            output.event("built", &json!({ "directory": folder }), String::new);
        }
    }
    Ok(())
}

/// Says lines below a headline, and nothing if there are none.
fn told_under(headline: String, output: Output) -> impl FnMut(&str) {
    let mut headline = Some(headline);
    move |line| {
        if let Some(headline) = headline.take() {
            output.say(&headline);
        }
        output.say(&output.paint("2", &format!("  {line}")));
    }
}

/// What was done, as JSON has it, for people.
pub(super) fn shown(applied: &Value, address: SocketAddr, output: Output) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines = Vec::new();
    for notice in applied["notices"].as_array().into_iter().flatten() {
        let place = &notice["place"];
        let at = match place["file"].as_str() {
            Some(file) => format!("{file}:{}:{}: ", place["line"], place["column"]),
            None => String::new(),
        };
        let notice = text(&notice["message"]);
        lines.push(format!("{} {at}{notice}", output.paint("33", "notice:")));
    }
    let stack = text(&applied["stack"]);
    let changes: Vec<&Value> = applied["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    if changes.is_empty() {
        lines.push(format!("stack {stack}: nothing to change"));
    } else {
        lines.push(format!("stack {stack}:"));
    }
    let nouns = changes.iter().map(|change| text(&change["type"]).len());
    let wide = nouns.max().unwrap_or(0).max(12);
    for change in changes {
        let mark = match change["action"].as_str() {
            Some("create") => output.paint("32", "+"),
            Some("remove") => output.paint("31", "-"),
            Some("retain") => "=".to_owned(),
            _ => output.paint("33", "~"),
        };
        let noun = text(&change["type"]);
        let name = text(&change["name"]);
        let why = match change["why"].as_str() {
            Some(why) => output.paint("2", &format!("  ({why})")),
            None => String::new(),
        };
        // What is nested in which stack a name only says as far as it is not cut.
        let way = change["logical_id"].as_str().filter(|id| id.contains('/'));
        let way = way.map_or(String::new(), |way| output.paint("2", &format!("  {way}")));
        lines.push(format!("  {mark} {noun:<wide$} {name}{way}{why}"));
    }
    let outputs: Vec<&Value> = applied["outputs"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let widest = outputs.iter().map(|found| text(&found["name"]).len()).max();
    for found in outputs {
        let (name, value) = (text(&found["name"]), text(&found["value"]));
        let value = here(&value, applied, address.port()).unwrap_or(value);
        let width = widest.unwrap_or(0);
        let description = output.paint("2", &text(&found["description"]));
        lines.push(
            format!("  {name:<width$}  {value}  {description}")
                .trim_end()
                .to_owned(),
        );
    }
    lines.extend(addresses(applied, address.port(), output));
    lines.join("\n")
}

/// Where this server has what an output gives the address of in the cloud, if that is one of the stack's gateways,
/// distributions or websites.
fn here(value: &str, applied: &Value, port: u16) -> Option<String> {
    let (scheme, rest) = value.split_once("://")?;
    let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
    let path = &rest[host.len()..];
    if let Some((bucket, _)) = host.split_once(".s3-website") {
        let mut sites = sites(applied);
        let is_there = host.ends_with(".amazonaws.com") && sites.any(|site| site == bucket);
        return is_there.then(|| format!("{}{path}", site_at(bucket, port)));
    }
    let scheme = match scheme {
        "http" | "https" => "http",
        "wss" => "ws",
        _ => return None,
    };
    let mut labels = host.split('.');
    let (id, service) = (labels.next()?, labels.next()?);
    let kind = match service {
        "cloudfront" => "edge",
        _ => "gateway",
    };
    let mut resources = applied["resources"].as_array()?.iter();
    let is_known = resources.any(|resource| {
        let found = &resource["kind"];
        found["type"] == kind && label(found).as_deref() == Some(id)
    });
    let is_there = [".amazonaws.com", ".on.aws", ".cloudfront.net"]
        .iter()
        .any(|domain| host.ends_with(domain));
    (is_known && is_there).then(|| format!("{scheme}://{id}.{service}.localhost:{port}{path}"))
}

/// What the cloud's name of a gateway or a distribution begins with.
fn label(kind: &Value) -> Option<String> {
    let id = kind["id"].as_str()?;
    match kind["type"].as_str()? {
        "edge" => Some(format!("d{}", id.get(1..)?.to_ascii_lowercase())),
        _ => Some(id.to_owned()),
    }
}

/// The stack's buckets that are websites.
fn sites(applied: &Value) -> impl Iterator<Item = &str> {
    let resources = applied["resources"].as_array().into_iter().flatten();
    let kinds = resources.map(|resource| &resource["kind"]);
    let sites = kinds.filter(|kind| kind["type"] == "bucket" && !kind["website"].is_null());
    sites.filter_map(|kind| kind["name"].as_str())
}

fn site_at(bucket: &str, port: u16) -> String {
    format!("http://{bucket}.s3-website.localhost:{port}")
}

/// A gateway's route and where it is.
pub(super) struct Reached {
    pub(super) gateway: String,
    /// `ANY` for any.
    pub(super) method: String,
    /// With the names of the path's parameters.
    pub(super) url: String,
    /// Whether anybody may call it who has the key that is told.
    pub(super) is_open: bool,
    /// What callers must send, as far as it may be told.
    pub(super) key: Option<String>,
    /// The function or the service that answers; empty if nobody is asked.
    answers: String,
}

fn addresses(applied: &Value, port: u16, output: Output) -> Vec<String> {
    let line = |route: Reached| {
        let asked = match route.answers.as_str() {
            "" => String::new(),
            answers => format!("  {}", output.paint("2", &format!("→ {answers}"))),
        };
        let key = match &route.key {
            Some(key) => format!("  x-api-key: {key}"),
            None => String::new(),
        };
        format!("  {:<7} {}{asked}{key}", route.method, route.url)
    };
    reached(applied, port).into_iter().map(line).collect()
}

/// The name of who answers.
fn answers(backend: &Value) -> &Value {
    let others = [
        &backend["mapped"]["translation"]["to"]["service"],
        &backend["forwarded"]["forwarding"]["to"],
    ];
    let known = others.into_iter().find(|name| !name.is_null());
    known.unwrap_or(&backend["function"]["function"])
}

/// Where the gateways' routes are reached, from what was deployed as JSON has it.
pub(super) fn reached(applied: &Value, port: u16) -> Vec<Reached> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resources = applied["resources"].as_array().into_iter().flatten();
    let gateways = resources.map(|resource| &resource["kind"]);
    let mut routes = Vec::new();
    for kind in gateways.clone().filter(|kind| kind["type"] == "balancer") {
        routes.extend(balanced(kind, port));
    }
    for kind in gateways.clone().filter(|kind| kind["type"] == "edge") {
        routes.extend(fronted(kind, port));
    }
    routes.extend(sites(applied).map(|bucket| Reached {
        gateway: bucket.to_owned(),
        method: "GET".to_owned(),
        url: format!("{}/", site_at(bucket, port)),
        is_open: true,
        key: None,
        answers: bucket.to_owned(),
    }));
    for gateway in gateways.filter(|kind| kind["type"] == "gateway") {
        let service = match gateway["api"].as_str() {
            Some("url") => "lambda-url",
            _ => "execute-api",
        };
        let id = text(&gateway["id"]);
        let stages = gateway["stages"].as_object();
        let stage = stages.and_then(|stages| stages.keys().find(|stage| *stage != "$default"));
        let stage = stage.map(|stage| format!("/{stage}")).unwrap_or_default();
        for route in gateway["routes"].as_array().into_iter().flatten() {
            let path = route["path"].as_str().unwrap_or("/");
            let host = format!("{id}.{service}.localhost:{port}{stage}");
            // Of messages, all kinds come over one connection.
            let (method, url) = match gateway["api"].as_str() {
                Some("socket") => (path, format!("ws://{host}")),
                _ => (
                    route["method"].as_str().unwrap_or("ANY"),
                    format!("http://{host}{path}"),
                ),
            };
            let needs_key = !route["needs_key"].is_null();
            let key = applied["keys"][&id].as_str().filter(|_| needs_key);
            routes.push(Reached {
                method: method.to_owned(),
                url,
                answers: text(answers(&route["backend"])),
                is_open: route["guard"].is_null() && (!needs_key || key.is_some()),
                key: key.map(str::to_owned),
                gateway: id.clone(),
            });
        }
    }
    routes
}

/// Where a load balancer's groups are reached: each rule that leads to one, by the first of its paths and methods, and what
/// no rule takes.
fn balanced(balancer: &Value, port: u16) -> Vec<Reached> {
    let name = balancer["name"].as_str().unwrap_or_default();
    let host = name.to_ascii_lowercase();
    let all = balancer["listeners"].as_array();
    let listeners = all.map(Vec::as_slice).unwrap_or_default();
    let mut routes = Vec::new();
    for listener in listeners {
        let own = &listener["port"];
        // One of several is told by its port.
        let host = match listeners.len() {
            1 => format!("{host}.elb.localhost:{port}"),
            _ => format!("{host}.{own}.elb.localhost:{port}"),
        };
        let rules = listener["rules"].as_array().into_iter().flatten();
        let rules = rules.map(|rule| (&rule["conditions"], &rule["action"]));
        for (conditions, action) in rules.chain([(&Value::Null, &listener["otherwise"])]) {
            let first = |kind: &str| {
                let mut all = conditions.as_array().into_iter().flatten();
                all.find_map(|condition| condition[kind][0].as_str())
            };
            let path = first("path").unwrap_or("/");
            for share in action["forward"].as_array().into_iter().flatten() {
                let mut groups = balancer["groups"].as_array().into_iter().flatten();
                let group = groups.find(|group| group["id"] == share["group"]);
                let function = group.and_then(|group| group["function"].as_str());
                routes.push(Reached {
                    gateway: name.to_owned(),
                    method: first("method").unwrap_or("ANY").to_owned(),
                    url: format!("http://{host}{path}"),
                    is_open: first("host").is_none(),
                    key: None,
                    answers: function.unwrap_or_default().to_owned(),
                });
            }
        }
    }
    routes
}

/// Where each of a distribution's behaviors is reached, and the origin behind it.
fn fronted(edge: &Value, port: u16) -> Vec<Reached> {
    let id = edge["id"].as_str().unwrap_or_default();
    let host = format!("{}.cloudfront.localhost:{port}", id.to_ascii_lowercase());
    let behaviors = edge["behaviors"].as_array().into_iter().flatten();
    let reached = |behavior: &Value| {
        let pattern = behavior["pattern"].as_str().unwrap_or_default();
        let path = pattern.trim_start_matches('/');
        Reached {
            gateway: id.to_owned(),
            method: match behavior["methods"].as_array().map(Vec::len) {
                Some(7) => "ANY".to_owned(),
                _ => "GET".to_owned(),
            },
            url: format!("http://{host}/{path}"),
            is_open: true,
            key: None,
            answers: behavior["origin"].as_str().unwrap_or_default().to_owned(),
        }
    };
    behaviors.map(reached).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cloud_s_addresses_are_told_as_this_server_s() {
        let applied = json!({ "resources": [
            { "kind": { "type": "gateway", "id": "abc" } },
            { "kind": { "type": "bucket", "id": "def" } },
            { "kind": { "type": "edge", "id": "E1A2B" } },
            { "kind": { "type": "bucket", "name": "my.site", "website": { "Pages": {} } } },
            { "kind": { "type": "bucket", "name": "closed" } },
        ] });
        for (told, expected) in [
            (
                "https://abc.execute-api.us-east-1.amazonaws.com/Prod/hello/",
                Some("http://abc.execute-api.localhost:4566/Prod/hello/"),
            ),
            (
                "wss://abc.execute-api.us-east-1.amazonaws.com/dev",
                Some("ws://abc.execute-api.localhost:4566/dev"),
            ),
            (
                "https://abc.lambda-url.us-east-1.on.aws",
                Some("http://abc.lambda-url.localhost:4566"),
            ),
            ("https://def.execute-api.us-east-1.amazonaws.com/", None),
            ("https://abc.example.com/", None),
            (
                "http://my.site.s3-website-us-east-1.amazonaws.com",
                Some("http://my.site.s3-website.localhost:4566"),
            ),
            (
                "http://my.site.s3-website.eu-central-1.amazonaws.com/a",
                Some("http://my.site.s3-website.localhost:4566/a"),
            ),
            ("http://closed.s3-website-us-east-1.amazonaws.com", None),
            (
                "https://d1a2b.cloudfront.net/a",
                Some("http://d1a2b.cloudfront.localhost:4566/a"),
            ),
            ("https://d9.cloudfront.net", None),
            ("abc", None),
        ] {
            assert_eq!(here(told, &applied, 4_566).as_deref(), expected, "{told}");
        }
    }
}
