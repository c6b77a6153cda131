//! Running the program of an application.
//!
//! That is what `cdk synth` does: it runs the command that `cdk.json` names, with the place for the assembly and the
//! application's context in its environment. The vendor's command line is not needed for it, need not fit the library's
//! version, and would ask the real cloud which account this is.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::process::Command;

use super::{assembly::Assembly, sources};
use crate::build::run;
use crate::error::{Error, Result};
use crate::names::fingerprint;

const FILE: &str = "cdk.json";
const KEPT_CONTEXT: &str = "cdk.context.json";

/// An application that must run to say what it wants.
#[derive(Debug)]
pub struct Synth {
    folder: PathBuf,
    settings: Settings,
    /// Where the assembly comes.
    output: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Settings {
    app: String,
    build: Option<String>,
    output: Option<PathBuf>,
    #[serde(default)]
    context: Map<String, Value>,
}

impl Synth {
    /// The application that is in this folder, if there is one.
    pub fn in_folder(folder: &Path) -> Result<Option<Self>> {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let file = folder.join(FILE);
        let Ok(text) = fs::read(&file) else {
            return Ok(None);
        };
        let settings: Settings = serde_json::from_slice(&text).map_err(|cause| Error::Code {
            path: file,
            cause: cause.to_string(),
        })?;
        let named = settings.output.as_deref().unwrap_or(Path::new("cdk.out"));
        Ok(Some(Self {
            output: folder.join(named),
            settings,
            folder,
        }))
    }

    /// Runs it, for this account and region. `tell` gets every line that is printed. Answers where the assembly is.
    pub async fn run(
        &self,
        account: &str,
        region: &str,
        mut tell: impl FnMut(&str),
    ) -> Result<PathBuf> {
        // As with the vendor's command line, an application may be an assembly that is there.
        let named = self.folder.join(&self.settings.app);
        if named.is_dir() {
            return Ok(named);
        }
        let commands = self.settings.build.iter().chain([&self.settings.app]);
        for command in commands {
            self.shell(command, account, region, &mut tell).await?;
        }
        if Assembly::in_folder(&self.output).is_none() {
            return Err(Error::Synth {
                command: self.settings.app.clone(),
                dir: self.folder.clone(),
                cause: format!("it has written no assembly to {}", self.output.display()),
            });
        }
        Ok(self.output.clone())
    }

    async fn shell(
        &self,
        command: &str,
        account: &str,
        region: &str,
        tell: &mut impl FnMut(&str),
    ) -> Result<()> {
        let failed = |cause| Error::Synth {
            command: command.to_owned(),
            dir: self.folder.clone(),
            cause,
        };
        let context = Value::Object(self.context()).to_string();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", command])
            .env("PATH", self.path())
            .env("CDK_OUTDIR", &self.output)
            .env("CDK_CONTEXT_JSON", context)
            .env("CDK_DEFAULT_ACCOUNT", account)
            .env("CDK_DEFAULT_REGION", region);
        let missing = || failed("there is no shell `sh`".to_owned());
        let done = run(shell, "sh", &self.folder, tell, missing).await;
        done.map_err(|error| match error {
            Error::Install { cause, .. } => failed(cause),
            other => other,
        })
    }

    /// Of what is said twice, the application's own settings count before what was looked up for it once.
    fn context(&self) -> Map<String, Value> {
        let kept = fs::read(self.folder.join(KEPT_CONTEXT)).ok();
        let kept = kept.and_then(|text| serde_json::from_slice(&text).ok());
        let mut context: Map<String, Value> = kept.unwrap_or_default();
        context.extend(self.settings.context.clone());
        context
    }

    /// With the programs that the application has installed, as if its own tools ran it.
    fn path(&self) -> OsString {
        let modules = self.folder.ancestors();
        let modules = modules.map(|folder| folder.join("node_modules/.bin"));
        let own = [self.folder.join(".venv/bin")].into_iter().chain(modules);
        let usual = std::env::var_os("PATH").unwrap_or_default();
        let all = own
            .filter(|folder| folder.is_dir())
            .chain(std::env::split_paths(&usual));
        std::env::join_paths(all).unwrap_or(usual)
    }

    /// The folders whose files make it what it is.
    pub fn folders(&self) -> Vec<PathBuf> {
        sources::folders(&self.folder, &self.output)
    }

    /// What is in them, to be compared.
    pub fn content(&self) -> Result<String> {
        let content = sources::content(&self.folders()).map_err(|cause| Error::Code {
            path: self.folder.clone(),
            cause: cause.to_string(),
        })?;
        Ok(fingerprint(&[&content]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(settings: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), settings).unwrap();
        folder
    }

    async fn run(folder: &Path) -> Result<PathBuf> {
        let synth = Synth::in_folder(folder)?.unwrap();
        synth.run("000000000000", "us-east-1", |_| {}).await
    }

    #[tokio::test]
    async fn the_program_is_told_where_to_write_and_what_it_asked_for() {
        let settings = r#"{"build": "touch built", "output": "out",
            "app": "test -f built && mkdir -p $CDK_OUTDIR && tool && echo $CDK_DEFAULT_REGION $CDK_CONTEXT_JSON > $CDK_OUTDIR/said && cp manifest.json $CDK_OUTDIR",
            "context": {"a": 1}}"#;
        let folder = application(settings);
        let folder = folder.path();
        let manifest = r#"{"version": "36.0.0", "artifacts": {}}"#;
        fs::write(folder.join("manifest.json"), manifest).unwrap();
        fs::write(folder.join(KEPT_CONTEXT), r#"{"a": 2, "b": "c"}"#).unwrap();
        let tool = folder.join("node_modules/.bin/tool");
        fs::create_dir_all(tool.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/bin/true", &tool).unwrap();
        let output = run(folder).await.unwrap();
        assert_eq!(output, folder.join("out"));
        let said = fs::read_to_string(output.join("said")).unwrap();
        assert_eq!(said, "us-east-1 {\"a\":1,\"b\":\"c\"}\n");
    }

    #[tokio::test]
    async fn what_fails_says_which_command_and_what_it_printed() {
        let folder = application(r#"{"app": "no-such-program app.ts"}"#);
        let error = run(folder.path()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("`no-such-program app.ts` failed"), "{text}");
        assert!(text.contains("not found"), "{text}");
        assert!(error.hint().unwrap().contains("npm install"));
        let folder = application(r#"{"app": "true"}"#);
        let error = run(folder.path()).await.unwrap_err().to_string();
        assert!(error.contains("it has written no assembly to"), "{error}");
        let folder = application("{}");
        let error = run(folder.path()).await.unwrap_err().to_string();
        assert!(error.contains("missing field `app`"), "{error}");
    }
}
