//! Python: our bootstrap on the host's own.
//!
//! It starts without the module `site`, whose work takes longer than everything that we do, and with what `site` would
//! have found handed over: our bootstrap puts it at the end of the path. The environment's `PYTHON…` variables count, as
//! they do in the real service.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::catalog::Found;
use crate::launch::{Launch, Program, Speaks, path_variable, read_only};
use crate::packages::Packages;
use crate::{Result, Runtimes, bootstrap};

/// Where packages that were installed for the code are inside.
pub(crate) const PACKAGES: &str = "/var/packages";
/// Where what the runtime brings is inside, if the host's own interpreter has it not.
pub(crate) const BROUGHT: &str = "/var/brought";
/// What the bootstrap takes out of the environment again.
const PACKAGES_VARIABLE: &str = "FULMAR_PACKAGES";
const LAYERS_VARIABLE: &str = "FULMAR_LAYERS";
const SITE_VARIABLE: &str = "FULMAR_SITE";

/// No `site`, nothing of the user's own, nothing held back in buffers, no bytecode written beside the code (which is
/// read-only where it is confined, and the user's own folder where it is not), and UTF-8 whatever the host's locale.
const OPTIONS: &[&str] = &["-s", "-S", "-u", "-B", "-X", "utf8"];

impl Runtimes {
    pub(crate) async fn python(&self, launch: &Launch, python: &Found) -> Result<Program> {
        let mut program = self.waiting_python(python).await?;
        let layers = self.layers(launch);
        let (seen, _) = self.interpreter(python)?;
        program.environment = vec![
            ("PATH".into(), path_variable(seen.path.parent(), &layers)),
            (LAYERS_VARIABLE.into(), layers.display().to_string()),
        ];
        let packages = Packages::in_folder(&self.shared.folder);
        let mut site = seen.packages;
        if let Some(brought) = packages.brought(&launch.code, &launch.runtime) {
            site.insert(0, self.inside(BROUGHT, &brought));
            program.mounts.push(read_only(&brought, BROUGHT));
        }
        program
            .environment
            .push((SITE_VARIABLE.into(), joined(&site)));
        if let Some(packages) = packages.of(&launch.code, python) {
            let inside = self.inside(PACKAGES, &packages).display().to_string();
            program.environment.push((PACKAGES_VARIABLE.into(), inside));
            program.mounts.push(read_only(&packages, PACKAGES));
        }
        Ok(program)
    }

    /// One that has no code yet.
    pub(crate) async fn waiting_python(&self, python: &Found) -> Result<Program> {
        let scripts = self.python_scripts(python).await?;
        let mut mounts = vec![read_only(&scripts, bootstrap::PLACE)];
        let (seen, own) = self.interpreter(python)?;
        mounts.extend(own);
        let script = self
            .inside(bootstrap::PLACE, &scripts)
            .join(bootstrap::PYTHON.first());
        let options = OPTIONS.iter().map(|option| (*option).to_owned());
        Ok(Program {
            argv: std::iter::once(seen.path.display().to_string())
                .chain(options)
                .chain([script.display().to_string()])
                .collect(),
            environment: Vec::new(),
            mounts,
            speaks: Speaks::OnDescriptor,
        })
    }

    /// The bootstrap, compiled for this Python: compiling it anew would be a third of each start.
    async fn python_scripts(&self, python: &Found) -> Result<PathBuf> {
        let scripts = bootstrap::PYTHON.written(&self.shared.folder)?;
        let stamp = scripts.join(format!(".compiled-{}", python.version));
        if stamp.is_file() {
            return Ok(scripts);
        }
        let _one_at_a_time = self.shared.compiling.lock().await;
        if !stamp.is_file() {
            compile(python, &scripts, &stamp).await;
        }
        Ok(scripts)
    }
}

/// Without it everything works, only more slowly.
async fn compile(python: &Found, scripts: &Path, stamp: &Path) {
    let arguments = [
        "-I",
        "-S",
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
    ];
    let mut command = Command::new(&python.path);
    let done = command.args(arguments).arg(scripts).output().await;
    if let Err(cause) = done.and_then(|_| std::fs::write(stamp, "")) {
        tracing::debug!(%cause, "Python's bootstrap was not compiled");
    }
}

fn joined(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(":")
}
