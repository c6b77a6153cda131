use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use base::{ByteSize, Random};
use bytes::Bytes;
use futures_util::FutureExt;
use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::CodeStore;
use super::unpack::unpack_whole;
use crate::PackageError;

struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        let name = format!("fulmar-code-{}", Random::system().uuid());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn archive(write: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    write(&mut writer);
    writer.finish().unwrap().into_inner()
}

fn with_file(name: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    archive(|writer| {
        let options = SimpleFileOptions::default().unix_permissions(mode);
        writer.start_file(name, options).unwrap();
        writer.write_all(content).unwrap();
    })
}

fn with_links(links: &[(&str, &str)]) -> Vec<u8> {
    archive(|writer| {
        let options = SimpleFileOptions::default();
        writer.start_file("real/file", options).unwrap();
        writer.write_all(b"content").unwrap();
        for (path, target) in links {
            writer.add_symlink(*path, *target, options).unwrap();
        }
    })
}

fn unpack(package: &[u8]) -> (Result<(), PackageError>, TempDir) {
    let dir = TempDir::new();
    (unpack_whole(package, &dir.0, ByteSize::mib(1)), dir)
}

#[tokio::test]
async fn whoever_gives_up_unpacking_is_not_in_the_way_of_the_next() {
    let dir = TempDir::new();
    let code = CodeStore::new(dir.0.clone(), ByteSize::mib(1), Random::seeded(1));
    let package = Bytes::from(with_file("index.js", 0o644, &vec![b'x'; 500_000]));
    for n in 0..20 {
        let mut given_up = Box::pin(code.unpack([n; 32], package.clone()));
        assert!((&mut given_up).now_or_never().is_none());
        drop(given_up);
        let folder = code.unpack([n; 32], package.clone()).await.unwrap();
        assert!(folder.join("index.js").is_file());
    }
    let left = fs::read_dir(&dir.0).unwrap().count();
    assert_eq!(left, 20, "no draft is left");
}

#[test]
fn files_keep_their_executable_bits_and_become_readable() {
    for (mode, kept) in [(0o600, 0o644), (0o700, 0o755), (0o4755, 0o755)] {
        let (unpacked, dir) = unpack(&with_file("bin/run", mode, b"#!"));
        unpacked.unwrap();
        let metadata = fs::metadata(dir.0.join("bin/run")).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, kept);
    }
}

#[test]
fn names_that_lead_out_are_refused() {
    for name in ["../evil", "/etc/evil", "a/../../evil"] {
        let package = with_file(name, 0o644, b"x");
        let (unpacked, _dir) = unpack(&package);
        assert!(matches!(unpacked, Err(PackageError::Unsafe(_))), "{name}");
    }
}

#[test]
fn links_inside_are_kept_and_links_out_are_refused() {
    let (unpacked, dir) = unpack(&with_links(&[("bin/link", "../real/file")]));
    unpacked.unwrap();
    assert_eq!(fs::read(dir.0.join("bin/link")).unwrap(), b"content");
    let out: [&[(&str, &str)]; 5] = [
        &[("link", "/etc/passwd")],
        &[("link", "../outside")],
        &[("a/link", "b/../../../outside")],
        // Each looks harmless; together they climb out.
        &[("x/y/up", "../../z"), ("out", "x/y/up/../../..")],
        &[("a/b/up", "../.."), ("a/b/up/out", "../../../..")],
    ];
    for links in out {
        let (unpacked, _dir) = unpack(&with_links(links));
        assert!(
            matches!(unpacked, Err(PackageError::Unsafe(_))),
            "{links:?}"
        );
    }
}

#[test]
fn what_unpacks_to_too_much_is_refused() {
    let (unpacked, _dir) = unpack(&with_file("zeros", 0o644, &vec![0; (1 << 20) + 1]));
    assert_eq!(unpacked, Err(PackageError::TooLarge(1 << 20)));
}

#[test]
fn what_is_no_archive_is_refused() {
    assert!(matches!(
        unpack(b"no zip").0,
        Err(PackageError::Unreadable(_))
    ));
    assert_eq!(unpack(&archive(|_| ())).0, Err(PackageError::Empty));
    let whole = with_file("a", 0o644, &[7; 1_000]);
    for cut in [1, 20, whole.len() / 2] {
        assert!(unpack(&whole[..whole.len() - cut]).0.is_err());
    }
}

#[test]
fn a_file_where_a_folder_is_needed_is_refused() {
    let package = archive(|writer| {
        let options = SimpleFileOptions::default();
        writer.start_file("a", options).unwrap();
        writer.start_file("a/b", options).unwrap();
    });
    assert!(matches!(unpack(&package).0, Err(PackageError::Unsafe(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn damaged_archives_never_panic_nor_leave_the_folder(at in any::<prop::sample::Index>(), byte: u8) {
        let mut package = with_links(&[("bin/link", "../real/file")]);
        let at = at.index(package.len());
        package[at] = byte;
        let (_, _dir) = unpack(&package);
    }
}
