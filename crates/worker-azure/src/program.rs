//! A worker's program, as its `worker.config.json` names it: the vendor's own description of workers, which builds of the
//! isolated model contain, and which lies beside each of the vendor's workers.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::Settings;
use crate::function::json_of;
use crate::stream::LARGEST;

const DESCRIPTION: &str = "worker.config.json";
/// Stands for the worker's folder.
const ROOT: &str = "{WorkerRoot}";
/// Stands for the version of the language that the worker runs on; the vendor's workers have a folder for each.
const VERSION: &str = "%FUNCTIONS_WORKER_RUNTIME_VERSION%";

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Program {
    language: String,
    default_executable_path: String,
    #[serde(default)]
    default_worker_path: String,
    #[serde(default)]
    default_runtime_version: String,
    #[serde(default)]
    arguments: Vec<String>,
    /// A text in some descriptions, and a truth in others.
    #[serde(default)]
    worker_indexing: Value,
}

/// Where a worker is to call, and under which name.
pub(crate) struct Called {
    pub(crate) address: SocketAddr,
    /// Nobody else knows it.
    pub(crate) worker: String,
}

impl Program {
    pub(crate) fn read(worker: &Path) -> Result<Self, String> {
        let file = worker.join(DESCRIPTION);
        let mut said = json_of(&file)?;
        serde_json::from_value(said["description"].take())
            .map_err(|why| format!("{} describes no worker: {why}", file.display()))
    }

    /// Whether it is the worker that knows which functions there are.
    pub(crate) fn indexes(&self) -> bool {
        match &self.worker_indexing {
            Value::Bool(does) => *does,
            Value::String(does) => does.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// Starts it, to call us.
    pub(crate) async fn start(
        &self,
        settings: &Settings,
        called: &Called,
    ) -> Result<Child, String> {
        let executable = self.executable(settings);
        let mut command = Command::new(&executable);
        command
            .args(&self.arguments)
            .current_dir(&settings.code)
            .env("FUNCTIONS_APPLICATION_DIRECTORY", &settings.code)
            .env("AzureWebJobsScriptRoot", &settings.code)
            .env("FUNCTIONS_WORKER_DIRECTORY", &settings.worker)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(script) = self.script(settings, &executable).await {
            command.arg(script);
        }
        for (name, value) in self.told(called) {
            command.arg(format!("--{name}")).arg(value);
        }
        for name in crate::OURS {
            command.env_remove(name);
        }
        let spawned = command.spawn();
        spawned.map_err(|why| format!("{} cannot be started: {why}", executable.display()))
    }

    fn executable(&self, settings: &Settings) -> PathBuf {
        let worker = settings.worker.display();
        let said = &self.default_executable_path;
        let said = said.replace(ROOT, &format!("{worker}/"));
        let beside = settings.worker.join(&said);
        match (&settings.program, Path::new(&said).components().count()) {
            _ if beside.is_file() => beside,
            // A mere name, or one with variables in it, is that of what was found for it.
            (Some(program), 1) => program.clone(),
            (Some(program), _) if said.contains('%') => program.clone(),
            _ => said.into(),
        }
    }

    /// What the executable is to run, unless it is that itself.
    async fn script(&self, settings: &Settings, executable: &Path) -> Option<PathBuf> {
        let said = &self.default_worker_path;
        if said.is_empty() || executable.ends_with(said) {
            return None;
        }
        let mut said = said
            .replace("{os}", "LINUX")
            .replace("{architecture}", architecture());
        if said.contains(VERSION) {
            said = said.replace(VERSION, &self.version(executable).await);
        }
        Some(settings.worker.join(said))
    }

    async fn version(&self, executable: &Path) -> String {
        const ASK: &str = "import sys; print('%d.%d' % sys.version_info[:2])";
        if let Ok(said) = std::env::var("FUNCTIONS_WORKER_RUNTIME_VERSION") {
            return said;
        }
        let answer = match self.language.as_str() {
            "python" => Command::new(executable).args(["-c", ASK]).output().await,
            _ => return self.default_runtime_version.clone(),
        };
        let answer = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned());
        answer.unwrap_or_else(|_| self.default_runtime_version.clone())
    }

    fn told(&self, called: &Called) -> Vec<(&'static str, String)> {
        let Called { address, worker } = called;
        let request = "start";
        let mut told = vec![
            ("host", address.ip().to_string()),
            ("port", address.port().to_string()),
            ("workerId", worker.clone()),
            ("requestId", request.to_owned()),
            ("grpcMaxMessageLength", LARGEST.to_string()),
        ];
        // Python's worker takes no words that it does not know.
        if self.language != "python" {
            told.extend([
                ("functions-uri", format!("http://{address}/")),
                ("functions-worker-id", worker.clone()),
                ("functions-request-id", request.to_owned()),
                ("functions-grpc-max-message-length", LARGEST.to_string()),
            ]);
        }
        told
    }
}

/// As the vendor's descriptions say it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "Arm64",
        _ => "X64",
    }
}
