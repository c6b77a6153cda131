//! Programs that run beside the function, in the same walls: executables in a layer's `extensions` folder.
//!
//! They are started before it, by a shell that then waits for both. The shell tells us on a descriptor of its own who
//! has ended and how, and sends the function the signals that we name there; so what runs beside the function may
//! outlive it for as long as it is let.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sandbox::PassedFd;
use tokio::net::UnixStream;

use crate::launch::{LAYERS, Launch, Program, pair};
use crate::{Error, Result, Runtimes};

/// Where they are, in a layer.
const FOLDER: &str = "extensions";
/// More than the real service starts.
const MOST: usize = 10;
/// What the extensions print, and the shell's words with us. What is between these and the function's own connection may be
/// the function's too (`code_cache`).
const PRINTED: i32 = 5;
const WORDS: i32 = 6;
/// What stands for the function among the names of those that ended.
pub const FUNCTION: &str = ":";

const SCRIPT: &str = r#"
while [ "$1" != -- ]; do
  (
    exec 3<&- 4<&- </dev/null >&5 2>&5
    unset FULMAR_CODE FULMAR_CODE_CACHE FULMAR_ENDPOINT FULMAR_LAYERS FULMAR_MODULES FULMAR_PACKAGES FULMAR_SITE _HANDLER
    cd /
    "$1" 5>&- 6<&-
    echo "${1##*/} $?" >&6
  ) &
  shift
done
shift
exec 5>&-
"$@" 6<&- &
function=$!
exec 3<&- 4<&- >/dev/null 2>&1
( while read -r signal <&6; do kill "-$signal" "$function"; done ) &
wait "$function"
echo ": $?" >&6
wait
"#;

/// What was started beside a function.
pub struct Extensions {
    /// Their files' names.
    pub names: Vec<String>,
    /// Says who ended, a line each: a name and a shell's word for how. Takes names of signals for the function.
    pub words: UnixStream,
    pub printed: UnixStream,
}

impl Runtimes {
    /// Has the program started by the shell, after the extensions that the layers bring. None if they bring none.
    pub(crate) fn with_extensions(
        &self,
        launch: &Launch,
        program: &mut Program,
        fds: &mut Vec<PassedFd>,
    ) -> Result<Option<Extensions>> {
        let Some(layers) = &launch.layers else {
            return Ok(None);
        };
        let names = found(&layers.join(FOLDER));
        if names.is_empty() {
            return Ok(None);
        }
        let failed = |cause| Error::Io {
            what: "make a connection for extensions",
            cause,
        };
        let ((words, theirs), (printed, output)) =
            (pair().map_err(failed)?, pair().map_err(failed)?);
        for (fd, number) in [(theirs, WORDS), (output, PRINTED)] {
            fds.push(PassedFd { fd, number });
        }
        let folder = self.inside(LAYERS, layers).join(FOLDER);
        let mut argv: Vec<String> = ["/bin/sh", "-c", SCRIPT, "sh"].map(str::to_owned).into();
        argv.extend(
            names
                .iter()
                .map(|name| folder.join(name).display().to_string()),
        );
        argv.push("--".into());
        argv.append(&mut program.argv);
        program.argv = argv;
        Ok(Some(Extensions {
            names,
            words,
            printed,
        }))
    }
}

impl Launch {
    /// Whether its layers bring programs that run beside it.
    pub(crate) fn brings_extensions(&self) -> bool {
        let layers = self.layers.as_deref();
        layers.is_some_and(|layers| !found(&layers.join(FOLDER)).is_empty())
    }
}

fn found(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| {
            let metadata = std::fs::metadata(entry.path());
            metadata.is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
        })
        .filter_map(|entry| entry.file_name().into_string().ok())
        // Nothing that the shell would read as the end of the list, or as two.
        .filter(|name| !name.contains(char::is_whitespace) && name != "--")
        .collect();
    names.sort();
    names.truncate(MOST);
    names
}
