//! A program of the function's own that starts its language: it is told what would have been started.

use std::path::{Path, PathBuf};

use crate::custom::unstartable;
use crate::launch::{CODE, LAYERS, Launch, Program};
use crate::{Error, Result, Runtimes};

impl Runtimes {
    /// Puts the function's wrapper before the program, if it has one. What cannot be started is said in the words of the
    /// real service.
    pub(crate) fn wrap(&self, launch: &Launch, program: &mut Program) -> Result<()> {
        let Some(wrapper) = launch.wrapper() else {
            return Ok(());
        };
        let outside = launch.outside(Path::new(wrapper));
        let why = match outside.exists() {
            true => unstartable(&outside),
            false => Some("no such file or directory"),
        };
        if let Some(why) = why {
            return Err(Error::Entrypoint(format!("fork/exec {wrapper}: {why}")));
        }
        let wrapper = self.inside(wrapper, &outside);
        program.argv.insert(0, wrapper.display().to_string());
        Ok(())
    }
}

impl Launch {
    pub(crate) fn wrapper(&self) -> Option<&str> {
        let mut variables = self.environment.iter();
        let (_, value) = variables.find(|(name, _)| name == self.variables.wrapper)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// Where the host has what is there inside.
    fn outside(&self, inside: &Path) -> PathBuf {
        let places = [(CODE, Some(&self.code)), (LAYERS, self.layers.as_ref())];
        places
            .into_iter()
            .find_map(|(place, folder)| Some(folder?.join(inside.strip_prefix(place).ok()?)))
            .unwrap_or_else(|| inside.to_owned())
    }
}
