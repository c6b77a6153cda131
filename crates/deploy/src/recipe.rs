//! How code is made from its sources, where the sources are not what runs.

use std::path::PathBuf;

use runtimes::Packages;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Recipe {
    /// The folder of the sources, absolute. Nothing is written into it but the packages that it asks for.
    pub source: PathBuf,
    pub how: How,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// By esbuild: each entry point and all that it imports become one file.
    Bundle {
        entries: Vec<String>,
        options: Vec<String>,
    },
    /// By a target of the sources' Makefile, which puts it where `ARTIFACTS_DIR` says.
    Make { target: String },
    /// By Go: a package of the module that the sources are.
    Go { package: String },
    /// By Cargo: the program of this name, or the only one that there is.
    Cargo { binary: Option<String> },
    /// A layer: the sources, and the packages that they ask for, where functions of this runtime look for them.
    Layer { runtime: String },
}

impl Recipe {
    /// Where the code is that is made by it, once it is made: the same for whoever makes it and whoever runs it.
    pub(crate) fn place(&self, packages: &Packages) -> PathBuf {
        let recipe = serde_json::to_vec(self).expect("it is plain data");
        packages.made(&recipe).join("code")
    }
}
