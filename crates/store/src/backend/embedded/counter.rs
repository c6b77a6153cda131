use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::backend::Version;
use crate::{Error, Result};

/// The file that says how far the tree must at least reach.
pub(super) struct Counter(File);

impl Counter {
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        file.map(Self)
            .map_err(|cause| Error::io("open the commit counter", cause))
    }

    pub(super) fn check(&self, committed: Version) -> Result<()> {
        let mut stored = [0; 16];
        // A new file is empty, and one cut short by a power failure proves nothing.
        if self.0.read_exact_at(&mut stored, 0).is_err() {
            return Ok(());
        }
        let (version, check) = stored.split_at(8);
        if check != checksum(version) {
            return Ok(());
        }
        let counted = Version::from_be_bytes(version.try_into().expect("eight bytes"));
        if committed < counted {
            return Err(Error::Damaged(format!(
                "its journal ends at commit {committed}, but commit {counted} was acknowledged: the file system has lost or changed what was synced"
            )));
        }
        Ok(())
    }

    pub(super) fn note(&self, version: Version) {
        let version = version.to_be_bytes();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&version);
        bytes[8..].copy_from_slice(&checksum(&version));
        if let Err(cause) = self.0.write_all_at(&bytes, 0) {
            tracing::warn!(%cause, "the commit counter was not noted; damage to the journal could go unnoticed");
        }
    }
}

fn checksum(bytes: &[u8]) -> [u8; 8] {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes()
}
