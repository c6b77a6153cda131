//! C#: our bootstrap on the host's Mono. Sources are compiled here before they are started, once for each content; what is
//! compiled elsewhere is run as it is.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::catalog::Found;
use crate::launch::{Launch, Program, Speaks, path_variable, read_only};
use crate::{Error, Result, Runtimes, bootstrap};

/// Where what was compiled is inside.
const COMPILED: &str = "/var/compiled";
/// Names the assembly; where it is set, relative to the code, nothing is compiled.
const ASSEMBLY_VARIABLE: &str = "FULMAR_ASSEMBLY";
const PROGRAM: &str = "Fulmar.exe";
const ASSEMBLY: &str = "App.dll";
/// Mono's settings, without which parts of its library do not work.
const SETTINGS: &str = "/etc/mono";
/// What programs count on that the compiler does not bring along by itself.
const REFERENCES: &[&str] = &[
    "Microsoft.CSharp",
    "System.Core",
    "System.Numerics",
    "System.Runtime.Serialization",
    "System.Xml",
    "System.Xml.Linq",
];
/// How much of what the compiler complains about is repeated.
const REPEATED: usize = 20;
/// Deeper folders hold no sources.
const DEEPEST: usize = 16;

impl Runtimes {
    pub(crate) async fn csharp(&self, launch: &Launch, mono: &Found) -> Result<Program> {
        let bootstrap = self.compiled_bootstrap(mono).await?;
        let mut mounts = vec![read_only(&bootstrap, bootstrap::PLACE)];
        if Path::new(SETTINGS).is_dir() {
            mounts.push(read_only(Path::new(SETTINGS), SETTINGS));
        }
        let named = |(name, _): &&(String, String)| name == ASSEMBLY_VARIABLE;
        let mut environment = vec![
            ("PATH".into(), path_variable(None, &self.layers(launch))),
            ("MONO_PATH".into(), libraries(mono)),
        ];
        if launch.environment.iter().find(named).is_none() {
            let compiled = self.compiled(&launch.code, &bootstrap, mono).await?;
            let inside = self.inside(COMPILED, &compiled).join(ASSEMBLY);
            environment.push((ASSEMBLY_VARIABLE.into(), inside.display().to_string()));
            mounts.push(read_only(&compiled, COMPILED));
        }
        let program = self.inside(bootstrap::PLACE, &bootstrap).join(PROGRAM);
        Ok(Program {
            argv: vec![
                mono.path.display().to_string(),
                program.display().to_string(),
            ],
            environment,
            mounts,
            speaks: Speaks::OnDescriptor,
        })
    }

    async fn compiled_bootstrap(&self, mono: &Found) -> Result<PathBuf> {
        let sources = bootstrap::CSHARP.written(&self.shared.folder)?;
        let files: Vec<PathBuf> = bootstrap::CSHARP
            .files
            .iter()
            .map(|(name, _)| sources.join(name))
            .collect();
        self.compile(&sources, PROGRAM, &["-unsafe", "-target:exe"], &files, mono)
            .await?;
        Ok(sources)
    }

    /// The folder with the assembly that is made of this code.
    async fn compiled(&self, code: &Path, bootstrap: &Path, mono: &Found) -> Result<PathBuf> {
        let files = sources(code, DEEPEST);
        if files.is_empty() {
            let why = format!("there is no source in C# in {}", code.display());
            return Err(Error::Entrypoint(why));
        }
        let mut parts = vec![
            mono.version.clone().into_bytes(),
            bootstrap.as_os_str().as_encoded_bytes().to_vec(),
        ];
        for file in &files {
            parts.push(file.as_os_str().as_encoded_bytes().to_vec());
            parts.push(fs::read(file).map_err(|cause| failed("read a source", cause))?);
        }
        let name = bootstrap::hash(parts.iter().map(Vec::as_slice));
        let folder = self.shared.folder.join("compiled").join(name);
        fs::create_dir_all(&folder).map_err(|cause| failed("make a folder", cause))?;
        let types = format!("-r:{}", bootstrap.join(PROGRAM).display());
        let options = ["-target:library", &types];
        self.compile(&folder, ASSEMBLY, &options, &files, mono)
            .await?;
        Ok(folder)
    }

    /// Does nothing if it has been done.
    async fn compile(
        &self,
        folder: &Path,
        name: &str,
        options: &[&str],
        files: &[PathBuf],
        mono: &Found,
    ) -> Result<()> {
        let wanted = folder.join(name);
        if wanted.is_file() {
            return Ok(());
        }
        let _one_at_a_time = self.shared.compiling.lock().await;
        if wanted.is_file() {
            return Ok(());
        }
        // Made elsewhere and then renamed, so that one that is there is whole.
        let new = folder.join("new");
        fs::create_dir_all(&new).map_err(|cause| failed("make a folder", cause))?;
        let references = REFERENCES.iter().map(|name| format!("-r:{name}"));
        let packages = mono
            .packages
            .iter()
            .map(|folder| format!("-r:{}", folder.join("Newtonsoft.Json.dll").display()));
        let compiled = Command::new("mcs")
            .args(["-nologo", "-langversion:latest", "-optimize+", "-warn:0"])
            .arg(format!("-out:{}", new.join(name).display()))
            .args(options)
            .args(references.chain(packages))
            .args(files)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|cause| failed("run the compiler mcs", cause))?;
        if !compiled.status.success() {
            let said = [compiled.stdout, compiled.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            let lines: Vec<&str> = said.lines().take(REPEATED).collect();
            let why = format!("the code does not compile: {}", lines.join("\n"));
            return Err(Error::Entrypoint(why));
        }
        fs::rename(new.join(name), &wanted).map_err(|cause| failed("keep an assembly", cause))
    }
}

fn failed(what: &'static str, cause: std::io::Error) -> Error {
    Error::Io { what, cause }
}

fn libraries(mono: &Found) -> String {
    let folders = mono
        .packages
        .iter()
        .map(|folder| folder.display().to_string());
    folders.collect::<Vec<_>>().join(":")
}

/// Every source in the folder and below, but what builds leave behind.
fn sources(folder: &Path, deepest: usize) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() {
            let is_own =
                !matches!(&*name, "bin" | "obj" | "node_modules") && !name.starts_with('.');
            if let (true, Some(deeper)) = (is_own, deepest.checked_sub(1)) {
                found.extend(sources(&path, deeper));
            }
        } else if name.ends_with(".cs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_found_but_not_what_builds_leave() {
        let folder =
            std::env::temp_dir().join(format!("fulmar-csharp-{}", base::Random::system().uuid()));
        for name in [
            "a.cs",
            "b/c.cs",
            "bin/d.cs",
            "obj/e.cs",
            ".git/f.cs",
            "g.txt",
        ] {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        let found = sources(&folder, DEEPEST);
        assert_eq!(found, [folder.join("a.cs"), folder.join("b/c.cs")]);
        fs::remove_dir_all(folder).unwrap();
    }
}
