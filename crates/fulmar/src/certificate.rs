//! The certificate of encrypted connections: the user's own, or one that is made once and kept.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base::ErrorKind;
use wire::{Certificate, Tls};

use crate::commands::ServerArgs;
use crate::failure::{Failure, Result};

/// What a certificate of ours is good for. A star stands for one label, so each kind of host has a name of its own.
const NAMES: [&str; 7] = [
    "localhost",
    "*.localhost",
    "*.execute-api.localhost",
    "*.lambda-url.localhost",
    "*.s3.localhost",
    "127.0.0.1",
    "::1",
];

/// None where connections are not to be encrypted.
pub(crate) fn tls(args: &ServerArgs, data_dir: &Path) -> Result<Option<Tls>> {
    let certificate = match (&args.tls_cert, &args.tls_key) {
        (Some(chain), Some(key)) => Certificate {
            chain: read(chain)?,
            key: read(key)?,
        },
        _ if args.tls => kept(&data_dir.join("tls"))?,
        _ => return Ok(None),
    };
    let tls = Tls::new(&certificate);
    tls.map(Some)
        .map_err(|error| Failure::new(ErrorKind::Invalid, error.to_string()))
}

fn kept(folder: &Path) -> Result<Certificate> {
    let (chain, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    if chain.is_file() && key.is_file() {
        return Ok(Certificate {
            chain: read(&chain)?,
            key: read(&key)?,
        });
    }
    let made = Certificate::for_names(&NAMES);
    let made = made.map_err(|error| Failure::internal(error.to_string()))?;
    fs::create_dir_all(folder).map_err(|cause| unwritable(folder, &cause))?;
    write(&key, &made.key, 0o600)?;
    write(&chain, &made.chain, 0o644)?;
    Ok(made)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|cause| {
        let message = format!("cannot read {}: {cause}", path.display());
        Failure::new(ErrorKind::Invalid, message)
    })
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|cause| unwritable(path, &cause))
}

fn unwritable(path: &Path, cause: &std::io::Error) -> Failure {
    let message = format!("cannot write to {}: {cause}", path.display());
    Failure::new(ErrorKind::Unavailable, message)
}
