//! The section Globals: properties that all resources of a kind share. Their own ones win: mappings are merged, lists are
//! put one behind the other, everything else is replaced.

use crate::diagnostic::{Finding, Report};
use crate::template::declared::{Declared, Kind};
use crate::template::nearest::did_you_mean;
use crate::template::read::MAX_NODES;
use crate::template::tree::{Entry, Node, Value};

const FUNCTION: &[&str] = &[
    "Architectures",
    "AssumeRolePolicyDocument",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "CapacityProviderConfig",
    "CodeSigningConfigArn",
    "CodeUri",
    "DeadLetterQueue",
    "DeploymentPreference",
    "Description",
    "DurableConfig",
    "Environment",
    "EphemeralStorage",
    "EventInvokeConfig",
    "FileSystemConfigs",
    "FunctionScalingConfig",
    "FunctionUrlConfig",
    "Handler",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "PermissionsBoundary",
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    "PublishToLatestPublished",
    "RecursiveLoop",
    "ReservedConcurrentExecutions",
    "RolePath",
    "Runtime",
    "RuntimeManagementConfig",
    "SnapStart",
    "SourceKMSKeyArn",
    "Tags",
    "TenancyConfig",
    "Timeout",
    "Tracing",
    "VersionDeletionPolicy",
    "VpcConfig",
];

const SIMPLE_TABLE: &[&str] = &["SSESpecification"];

const REST_API: &[&str] = &[
    "AccessLogSetting",
    "AlwaysDeploy",
    "Auth",
    "BinaryMediaTypes",
    "CacheClusterEnabled",
    "CacheClusterSize",
    "CanarySetting",
    "Cors",
    "DefinitionUri",
    "Domain",
    "EndpointConfiguration",
    "GatewayResponses",
    "MergeDefinitions",
    "MethodSettings",
    "MinimumCompressionSize",
    "Name",
    "OpenApiVersion",
    "PropagateTags",
    "SecurityPolicy",
    "TracingEnabled",
    "Variables",
];

const HTTP_API: &[&str] = &[
    "AccessLogSettings",
    "Auth",
    "CorsConfiguration",
    "DefaultRouteSettings",
    "Domain",
    "FailOnWarnings",
    "PropagateTags",
    "RouteSettings",
    "StageVariables",
    "Tags",
];

/// Kinds of which nothing can be deployed yet, so that their globals cannot matter.
const OTHERS: &[&str] = &["CapacityProvider", "StateMachine", "WebSocketApi"];

pub(crate) fn merge(section: Option<&Node>, declared: &mut [Declared], report: &Report) {
    let Some(section) = section else {
        return;
    };
    let Some(kinds) = section.entries() else {
        report.add(
            Finding::error(section.span, "`Globals` must be a mapping")
                .why(format!("it is {}", section.kind())),
        );
        return;
    };
    for kind in kinds {
        match kind.key.as_str() {
            "Function" => merge_kind(kind, FUNCTION, Kind::Function, declared, report),
            "Api" => merge_kind(kind, REST_API, Kind::RestApi, declared, report),
            "HttpApi" => merge_kind(kind, HTTP_API, Kind::HttpApi, declared, report),
            "SimpleTable" => merge_kind(kind, SIMPLE_TABLE, Kind::SimpleTable, declared, report),
            other if OTHERS.contains(&other) => {}
            other => {
                let known = ["Api", "Function", "HttpApi", "SimpleTable"].into_iter();
                let known = known.chain(OTHERS.iter().copied());
                report.add(
                    Finding::error(kind.key_span, format!("`Globals` has no section `{other}`"))
                        .maybe_help(did_you_mean(other, known)),
                );
            }
        }
    }
}

fn merge_kind(
    globals: &Entry,
    allowed: &[&str],
    kind: Kind,
    declared: &mut [Declared],
    report: &Report,
) {
    let Some(entries) = globals.value.entries() else {
        report.add(
            Finding::error(
                globals.key_span,
                format!("`Globals.{}` must be a mapping", globals.key),
            )
            .why(format!("it is {}", globals.value.kind())),
        );
        return;
    };
    for entry in entries {
        if !allowed.contains(&entry.key.as_str()) {
            report.add(
                Finding::error(
                    entry.key_span,
                    format!("`{}` cannot be set in Globals", entry.key),
                )
                .why(format!(
                    "the section {} takes only some properties",
                    globals.key
                ))
                .help(
                    did_you_mean(&entry.key, allowed.iter().copied())
                        .unwrap_or_else(|| "set it in each resource".to_owned()),
                ),
            );
        }
    }
    let count = declared.iter().filter(|one| one.kind == kind).count();
    if globals.value.size().saturating_mul(count) > MAX_NODES {
        report.add(Finding::error(
            globals.key_span,
            format!(
                "`Globals.{}` is too large for {count} resources",
                globals.key
            ),
        ));
        return;
    }
    for resource in declared.iter_mut().filter(|one| one.kind == kind) {
        resource.properties = merged(&globals.value, &resource.properties);
    }
}

fn merged(global: &Node, own: &Node) -> Node {
    match (&global.value, &own.value) {
        (Value::Map(globals), Value::Map(owns)) => {
            let mut entries = globals.clone();
            for own in owns {
                match entries.iter_mut().find(|entry| entry.key == own.key) {
                    Some(entry) => {
                        *entry = Entry {
                            value: merged(&entry.value, &own.value),
                            ..own.clone()
                        };
                    }
                    None => entries.push(own.clone()),
                }
            }
            Node::new(own.span, Value::Map(entries))
        }
        (Value::List(globals), Value::List(owns)) => {
            let items = globals.iter().chain(owns).cloned().collect();
            Node::new(own.span, Value::List(items))
        }
        _ => own.clone(),
    }
}
