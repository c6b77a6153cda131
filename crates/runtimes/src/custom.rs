//! Custom runtimes: the package, or one of its layers, brings an executable that speaks the worker protocol over TCP.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::launch::{CODE, LAYERS, Launch, Program, Speaks, path_variable};
use crate::{Error, Result, Runtimes};

const PROGRAM: &str = "bootstrap";

impl Runtimes {
    pub(crate) fn custom(&self, launch: &Launch) -> Result<Program> {
        let program = self.entrypoint(launch)?;
        Ok(Program {
            argv: vec![program.display().to_string()],
            environment: vec![("PATH".into(), path_variable(None, &self.layers(launch)))],
            mounts: Vec::new(),
            speaks: Speaks::OverTcp,
        })
    }

    /// The program, as it is named inside. What cannot be started is said in the words of the real service.
    fn entrypoint(&self, launch: &Launch) -> Result<PathBuf> {
        let places = [(Some(&launch.code), CODE), (launch.layers.as_ref(), LAYERS)];
        let named = places.map(|(_, inside)| Path::new(inside).join(PROGRAM));
        let mut outside = places
            .iter()
            .map(|(folder, _)| Some(folder.as_ref()?.join(PROGRAM)));
        let found = outside.position(|file| file.is_some_and(|file| file.exists()));
        let Some((found, folder)) = found.and_then(|found| Some((found, places[found].0?))) else {
            return Err(Error::Entrypoint(format!(
                "Couldn't find valid bootstrap(s): [{} {}]",
                named[0].display(),
                named[1].display()
            )));
        };
        let (outside, inside) = (folder.join(PROGRAM), &named[found]);
        match unstartable(&outside) {
            Some(why) => {
                let text = format!("fork/exec {}: {why}", inside.display());
                Err(Error::Entrypoint(text))
            }
            None => Ok(self.inside(inside, &outside)),
        }
    }
}

/// Why the system would refuse to start it, if it would.
pub(crate) fn unstartable(program: &Path) -> Option<&'static str> {
    let mut file = File::open(program).ok()?;
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.permissions().mode() & 0o111 == 0 {
        return Some("permission denied");
    }
    let mut first = [0; 20];
    let read = file.read(&mut first).ok()?;
    let is_script = first.starts_with(b"#!");
    // A program's eighteenth byte and the next say for which processor it is.
    let is_program = read == first.len()
        && first.starts_with(b"\x7fELF")
        && u16::from_le_bytes([first[18], first[19]]) == processor();
    (!is_script && !is_program).then_some("exec format error")
}

/// This machine's number in the heads of programs.
fn processor() -> u16 {
    match std::env::consts::ARCH {
        "aarch64" => 183,
        _ => 62,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_started_is_told_apart() {
        let file =
            std::env::temp_dir().join(format!("fulmar-custom-{}", base::Random::system().uuid()));
        let write = |content: &[u8], mode: u32| {
            std::fs::write(&file, content).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            unstartable(&file)
        };
        assert_eq!(write(b"#!/bin/sh\n", 0o755), None);
        assert_eq!(write(b"#!/bin/sh\n", 0o644), Some("permission denied"));
        assert_eq!(write(b"echo hello\n", 0o755), Some("exec format error"));
        let own = std::fs::read("/proc/self/exe").unwrap();
        assert_eq!(write(&own[..64], 0o755), None);
        let mut foreign = own[..64].to_vec();
        foreign[18] ^= 0xff;
        assert_eq!(write(&foreign, 0o755), Some("exec format error"));
        std::fs::remove_file(file).unwrap();
    }
}
