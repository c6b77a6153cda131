//! Programs that speak a protocol of their own vendor's: behind a host of ours, which is this very binary, told so by a word.
//! The host speaks the worker protocol, and starts the program.

use std::path::{Path, PathBuf};

use sandbox::Mount;

use crate::bootstrap;
use crate::catalog::{Found, Language};
use crate::launch::{Launch, Program, Speaks, path_variable, read_only};
use crate::packages::Packages;
use crate::python::PACKAGES;
use crate::{Error, Result, Runtimes};

/// What the binary is told, after its host's own word.
const HANDLER_VARIABLE: &str = "FULMAR_FUNCTION";
/// Names the word by which the binary is such a host.
const COMMAND_VARIABLE: &str = "FULMAR_HOST";
/// Where the program's folder is on the host, if it is not in the code.
const WORKER_VARIABLE: &str = "FULMAR_WORKER";
/// A program of the host's that is to run it, in a language that is not in the catalog.
const PROGRAM_VARIABLE: &str = "FULMAR_PROGRAM";
/// Where the program's folder is inside.
const WORKER: &str = "/var/worker";
const BINARY: &str = "host";

impl Runtimes {
    /// `found` is the language of the program, if the catalog has it.
    pub(crate) fn hosted(&self, launch: &Launch, found: Option<&Found>) -> Result<Program> {
        let told = |wanted: &str| {
            let mut variables = launch.environment.iter();
            let found = variables.find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let binary = own_binary()?;
        let place = Path::new(bootstrap::PLACE).join(BINARY);
        let mut argv = vec![
            self.inside(&place, &binary).display().to_string(),
            told(COMMAND_VARIABLE),
            told(HANDLER_VARIABLE),
        ];
        let mut mounts = vec![read_only(&binary, &place)];
        argv.push(match told(WORKER_VARIABLE) {
            of_the_code if of_the_code.is_empty() => of_the_code,
            folder => {
                mounts.push(read_only(Path::new(&folder), WORKER));
                let inside = self.inside(WORKER, Path::new(&folder));
                inside.display().to_string()
            }
        });
        let program = match found {
            Some(found) => Some(found.path.clone()),
            None => Some(PathBuf::from(told(PROGRAM_VARIABLE))),
        };
        let program = program.filter(|program| program.is_absolute());
        mounts.extend(program.as_deref().and_then(installed));
        let folder = program.as_deref().and_then(Path::parent);
        let mut environment = vec![("PATH".into(), path_variable(folder, &self.layers(launch)))];
        if let Some(packages) = found.and_then(|found| self.packages_of(launch, found)) {
            mounts.push(read_only(&packages, PACKAGES));
            let inside = self.inside(PACKAGES, &packages).display().to_string();
            environment.push(("PYTHONPATH".into(), inside));
        }
        let program = program.unwrap_or_default();
        argv.push(program.display().to_string());
        Ok(Program {
            argv,
            environment,
            mounts,
            speaks: Speaks::OverTcp,
        })
    }

    fn packages_of(&self, launch: &Launch, found: &Found) -> Option<PathBuf> {
        match found.language {
            Language::Python => Packages::in_folder(&self.shared.folder).of(&launch.code, found),
            _ => None,
        }
    }
}

/// The folder that a program of the host's needs, if it is not among the system's: that above its `bin`, or its own.
fn installed(program: &Path) -> Option<Mount> {
    let program = program.canonicalize().ok()?;
    if program.starts_with("/usr") || program.starts_with("/bin") {
        return None;
    }
    let folder = program.parent()?;
    let folder = match folder.ends_with("bin") {
        true => folder.parent()?,
        false => folder,
    };
    (folder != Path::new("/")).then(|| read_only(folder, folder))
}

fn own_binary() -> Result<PathBuf> {
    std::env::current_exe().map_err(|cause| Error::Io {
        what: "find the program of this server",
        cause,
    })
}
