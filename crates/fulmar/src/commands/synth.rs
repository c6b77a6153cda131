//! Applications that must run before it is known what they want: those of the CDK.

use std::path::{Path, PathBuf};

use ::deploy::{Overrides, Synth};

use super::deploy::Found;
use crate::failure::Result;
use crate::output::Output;
use crate::serve;

/// What is to be deployed, and the program that wrote it.
pub(super) struct Application {
    folder: PathBuf,
    synth: Synth,
    region: String,
    /// The sources as they were when it last ran.
    content: String,
    output: Output,
}

impl Application {
    /// The one in this folder, or of these settings, if it is one.
    pub(super) fn find(path: &Path, region: &str, output: Output) -> Result<Option<Self>> {
        let folder = match path.parent() {
            // Named from the folder that it is in.
            _ if path == Path::new("cdk.json") => Path::new("."),
            Some(folder) if path.ends_with("cdk.json") => folder,
            _ => path,
        };
        let synth = Synth::in_folder(folder)?;
        Ok(synth.map(|synth| Self {
            folder: folder.to_owned(),
            synth,
            region: region.to_owned(),
            content: String::new(),
            output,
        }))
    }

    /// Runs it, and reads what it has written.
    pub(super) async fn load(&mut self, overrides: &Overrides) -> Result<Found> {
        // As they are before it reads them: what is edited meanwhile is a change.
        self.content = self.synth.content()?;
        if let Some(synth) = Synth::in_folder(&self.folder)? {
            self.synth = synth;
        }
        self.output
            .say("the application says what it wants (cdk synth)");
        let tell = |line: &str| {
            let line = self.output.paint("2", &format!("  {line}"));
            self.output.say(&line);
        };
        let assembly = self.synth.run(serve::ACCOUNT, &self.region, tell).await?;
        Ok(::deploy::load_all(&assembly, overrides)?)
    }

    pub(super) fn has_changed(&self) -> Result<bool> {
        Ok(self.synth.content()? != self.content)
    }

    /// The folders that its sources are in.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        self.synth.folders()
    }
}
