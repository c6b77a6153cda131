//! A function as it is printed.

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use functions::{Architecture, Function, LogFormat};
use serde_json::{Value, json};

use super::Asked;
use crate::dialect::version_name;
use crate::place::Place;

/// `FunctionConfiguration`. `qualifier` goes into the ARN as the caller gave it.
pub(super) async fn print(
    asked: &Asked<'_>,
    function: &Function,
    qualifier: Option<&str>,
) -> Value {
    let mut output = print_listed(asked, function, qualifier);
    output["State"] = "Active".into();
    output["LastUpdateStatus"] = "Successful".into();
    let runtime = &function.configuration.runtime;
    if let Some(version) = asked.parts.functions.runs_on(runtime).await {
        let arn = Place::of(&function.space).runtime_arn(runtime, &version);
        output["RuntimeVersionConfig"] = json!({ "RuntimeVersionArn": arn });
    }
    output
}

/// As much of it as lists have.
pub(super) fn print_listed(
    asked: &Asked<'_>,
    function: &Function,
    qualifier: Option<&str>,
) -> Value {
    let configuration = &function.configuration;
    let place = Place::of(&function.space);
    let mut output = json!({
        "FunctionName": function.name,
        "FunctionArn": place.function_arn(&function.name, qualifier),
        "Runtime": configuration.runtime,
        "Role": configuration.role,
        "Handler": configuration.handler,
        "CodeSize": function.code.size.as_bytes(),
        "Description": configuration.description,
        "Timeout": configuration.timeout.as_secs(),
        "MemorySize": configuration.memory.as_mib(),
        "LastModified": modified(function.modified),
        "CodeSha256": STANDARD.encode(function.code.sha256),
        "Version": version_name(function.version),
        "TracingConfig": { "Mode": "PassThrough" },
        "RevisionId": function.revision,
        "PackageType": "Zip",
        "Architectures": [architecture(configuration.architecture)],
        "EphemeralStorage": { "Size": configuration.ephemeral.as_mib() },
        "SnapStart": snapshots(function),
        "LoggingConfig": logging(asked, function),
    });
    if let Some(variables) = &configuration.environment {
        output["Environment"] = json!({ "Variables": variables });
    }
    if let Some(place) = &configuration.dead_letters {
        output["DeadLetterConfig"] = json!({ "TargetArn": place });
    }
    if !configuration.layers.is_empty() {
        let layers = configuration.layers.iter().map(|layer| {
            let arn = Place::of(&layer.space).layer_arn(&layer.name, Some(layer.version));
            json!({ "Arn": arn, "CodeSize": layer.code.size.as_bytes() })
        });
        output["Layers"] = layers.collect();
    }
    output
}

/// As [`print`], with an ARN that names the version.
pub(super) async fn print_version(asked: &Asked<'_>, function: &Function) -> Value {
    print(asked, function, Some(&version_name(function.version))).await
}

/// As [`print_listed`], with an ARN that names the version.
pub(super) fn print_listed_version(asked: &Asked<'_>, function: &Function) -> Value {
    print_listed(asked, function, Some(&version_name(function.version)))
}

fn snapshots(function: &Function) -> Value {
    let applies = function.configuration.snapshots;
    json!({
        "ApplyOn": if applies { "PublishedVersions" } else { "None" },
        "OptimizationStatus": if applies && function.version.is_some() { "On" } else { "Off" },
    })
}

fn architecture(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86 => "x86_64",
        Architecture::Arm => "arm64",
    }
}

fn logging(asked: &Asked<'_>, function: &Function) -> Value {
    let logging = &function.configuration.logging;
    let group = asked.parts.functions.log_group(function).name;
    match logging.format {
        LogFormat::Text => json!({ "LogFormat": "Text", "LogGroup": group }),
        LogFormat::Json => json!({
            "LogFormat": "JSON",
            "LogGroup": group,
            "ApplicationLogLevel": logging.application_level.as_deref().unwrap_or("INFO"),
            "SystemLogLevel": logging.system_level.as_deref().unwrap_or("INFO"),
        }),
    }
}

/// `2026-11-23T07:30:00.000+0000`
pub(super) fn modified(at: Timestamp) -> String {
    crate::moment::instant(at).replace('Z', "+0000")
}
