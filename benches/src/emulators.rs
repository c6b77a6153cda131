//! Emulators of the same APIs, both from PyPI, that keep everything in memory and verify no signature: ministack
//! (`MINISTACK` names its program) and moto (`MOTO` names `moto_server`). Each is started as it comes.

use std::process::Command;

use anyhow::Result;

use crate::row;
use crate::server::Server;

pub(crate) struct Emulator {
    pub(crate) name: &'static str,
    variable: &'static str,
    tell: fn(&mut Command, &str),
    /// How many times its rate that of our queues is to be.
    pub(crate) wanted: &'static str,
}

pub(crate) const EMULATORS: [Emulator; 2] = [
    Emulator {
        name: "ministack",
        variable: "MINISTACK",
        // Its state is written nowhere unless `PERSIST_STATE` is set.
        tell: |command, port| {
            command
                .env("GATEWAY_PORT", port)
                .env("BIND_HOST", "127.0.0.1")
                .env("LOG_LEVEL", "ERROR")
                .env_remove("PERSIST_STATE");
        },
        wanted: "≥ 10×",
    },
    Emulator {
        name: "moto",
        variable: "MOTO",
        tell: |command, port| {
            command.args(["--port", port]);
        },
        wanted: "≥ 200×",
    },
];

impl Emulator {
    /// None if it is not installed.
    pub(crate) fn start(&self) -> Result<Option<Server>> {
        let Some(program) = std::env::var_os(self.variable) else {
            return Ok(None);
        };
        let mut command = Command::new(program);
        Server::spawn_told(|port| {
            (self.tell)(&mut command, port);
            &mut command
        })
        .map(Some)
    }

    /// Prints a figure of ours beside its own.
    pub(crate) fn row(&self, figure: &str, ours: f64, theirs: Option<f64>, wanted: &str) {
        match theirs {
            Some(theirs) => row::rate(figure, ours, self.name, theirs, wanted),
            None => {
                let why = format!("{} is not installed", self.name);
                row::alone(figure, ours, &why, wanted);
            }
        }
    }
}
