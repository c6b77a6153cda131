//! The variables that every instance has.

use functions::{InstanceFacts, LogFormat};

use super::{telemetry, version_name};
use crate::place::Place;

pub(super) fn variables(
    instance: &InstanceFacts<'_>,
    session: &access::Session,
    port: u16,
) -> Vec<(String, String)> {
    let function = instance.function;
    let configuration = &function.configuration;
    let region = Place::of(&function.space).region;
    let memory = configuration.memory.as_mib().to_string();
    let initialization = telemetry::initialization_type(instance.initialization);
    let version = version_name(instance.version);
    let endpoint = format!("127.0.0.1:{port}");
    let address = format!("http://{endpoint}");
    let mut environment = vec![
        ("_HANDLER", configuration.handler.as_str()),
        ("AWS_REGION", region),
        ("AWS_DEFAULT_REGION", region),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_FUNCTION_VERSION", &version),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization),
        ("AWS_LAMBDA_LOG_GROUP_NAME", instance.log_group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", instance.log_stream),
        ("AWS_ACCESS_KEY_ID", &session.key_id),
        ("AWS_SECRET_ACCESS_KEY", &session.secret),
        ("AWS_SESSION_TOKEN", &session.token),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
        ("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000"),
        ("_AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129"),
        ("_AWS_XRAY_DAEMON_PORT", "2000"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        // Not the real service's: how SDKs, and our redirect for those too old to know it, find us.
        ("AWS_ENDPOINT_URL", &address),
        ("FULMAR_ENDPOINT", &endpoint),
    ];
    let execution = format!("AWS_Lambda_{}", configuration.runtime);
    if !configuration.runtime.starts_with("provided") {
        environment.push(("AWS_EXECUTION_ENV", &execution));
    }
    let logging = &configuration.logging;
    if logging.format == LogFormat::Json {
        environment.push(("AWS_LAMBDA_LOG_FORMAT", "JSON"));
        let level = logging.application_level.as_deref().unwrap_or("INFO");
        environment.push(("AWS_LAMBDA_LOG_LEVEL", level));
    }
    environment
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
