//! Code on disk: packages are unpacked once for each content, into a folder named after its hash.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Permissions};
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use aws_lc_rs::digest;
use base::{ByteSize, Random};
use bytes::Bytes;
use runtimes::is_data_folder;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::schema::{Code, CodeSource, Function, UsedLayer};
use crate::{Error, Functions, PackageError, Result};

/// More entries than any package of allowed size has that is not made to hurt.
const MOST_ENTRIES: usize = 200_000;
/// A symbolic link's target is a path.
const LONGEST_LINK: u64 = 4_096;

/// The folder of unpacked packages.
pub(crate) struct CodeStore {
    dir: PathBuf,
    unpacked: ByteSize,
    random: Random,
    /// Unpacking is heavy and several instances may want the same package at once.
    turn: Arc<Mutex<()>>,
    held: Held,
}

/// How often each package is in use.
type Held = Arc<parking_lot::Mutex<HashMap<[u8; 32], usize>>>;

/// Keeps an unpacked package from being swept away.
pub(crate) struct Hold {
    held: Held,
    sha256: [u8; 32],
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        if let Some(count) = held.get_mut(&self.sha256) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.sha256);
            }
        }
    }
}

impl CodeStore {
    pub(crate) fn new(dir: PathBuf, unpacked: ByteSize, random: Random) -> Self {
        Self {
            dir,
            unpacked,
            random,
            turn: Arc::default(),
            held: Arc::default(),
        }
    }

    pub(crate) fn hold(&self, sha256: [u8; 32]) -> Hold {
        *self.held.lock().entry(sha256).or_default() += 1;
        Hold {
            held: self.held.clone(),
            sha256,
        }
    }

    fn path(&self, sha256: [u8; 32]) -> PathBuf {
        self.dir.join(hex(&sha256))
    }

    /// Unpacks a package unless its content is there already; returns its folder.
    pub(crate) async fn unpack(
        &self,
        sha256: [u8; 32],
        package: Bytes,
    ) -> Result<PathBuf, PackageError> {
        let limit = self.unpacked;
        self.make(sha256, move |draft| unpack_whole(&package, draft, limit))
            .await
    }

    /// Makes a folder unless it is there already; it is there whole or not at all.
    async fn make(
        &self,
        name: [u8; 32],
        fill: impl FnOnce(&Path) -> Result<(), PackageError> + Send + 'static,
    ) -> Result<PathBuf, PackageError> {
        let target = self.path(name);
        let turn = self.turn.clone().lock_owned().await;
        if target.is_dir() {
            return Ok(target);
        }
        let draft = self.dir.join(format!(".{}", self.random.uuid()));
        let done = target.clone();
        spawn_blocking(move || {
            // Until it is done: whoever waits for it may go away, and the next one must not come in between.
            let _turn = turn;
            let made = fill(&draft).and_then(|()| fs::rename(&draft, &done).map_err(io_error));
            if made.is_err() {
                // A leftover is swept at the next start; the first error is the one to tell.
                let _ = fs::remove_dir_all(&draft);
            }
            made
        })
        .await
        .map_err(|stopped| PackageError::Io(stopped.to_string()))??;
        Ok(target)
    }

    /// Lays folders over one another, the last on top, unless that has been done already.
    async fn merge(&self, name: [u8; 32], folders: Vec<PathBuf>) -> Result<PathBuf, PackageError> {
        self.make(name, move |draft| {
            for folder in folders {
                lay_over(&folder, draft).map_err(io_error)?;
            }
            sync(draft)
        })
        .await
    }

    /// Removes every unpacked package that is neither in `kept` nor held, and what unpacking left unfinished. One that
    /// is wanted later after all is unpacked again.
    async fn sweep(&self, kept: &[[u8; 32]]) {
        let kept: Vec<String> = kept.iter().map(|sha256| hex(sha256)).collect();
        let (dir, held) = (self.dir.clone(), self.held.clone());
        let removed = format!(".{}", self.random.uuid());
        let turn = self.turn.clone().lock_owned().await;
        let swept = spawn_blocking(move || {
            let _turn = turn;
            sweep_dir(&dir, &kept, &held, &removed)
        })
        .await;
        if let Ok(Err(cause)) = swept {
            tracing::warn!(%cause, "unpacked packages that nobody uses were not removed");
        }
    }
}

fn sweep_dir(dir: &Path, kept: &[String], held: &Held, removed: &str) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let (name, path) = (entry?.file_name(), dir.join(removed));
        if kept.iter().any(|kept| name == kept.as_str()) {
            continue;
        }
        {
            // Whoever holds it from now on finds it gone, or was seen here.
            let held = held.lock();
            if held.keys().any(|sha256| name == hex(sha256).as_str()) {
                continue;
            }
            fs::rename(dir.join(&name), &path)?;
        }
        fs::remove_dir_all(&path)?;
    }
    Ok(())
}

impl Functions {
    /// The folder with the function's code, unpacking it again if somebody removed it, and what keeps it there.
    pub(crate) async fn code_of(&self, code: &Code) -> Result<(PathBuf, Hold)> {
        let hold = self.shared.code.hold(code.sha256);
        let blob = match &code.source {
            CodeSource::Directory(path) => return Ok((path.clone(), hold)),
            CodeSource::Package(blob) => *blob,
        };
        let path = self.shared.code.path(code.sha256);
        if path.is_dir() {
            return Ok((path, hold));
        }
        let reader = self.shared.store.blobs().open(blob).await?;
        let mut package = Vec::new();
        while (package.len() as u64) < reader.len() {
            let piece = reader.read_at(package.len() as u64, reader.len()).await?;
            package.extend_from_slice(&piece);
        }
        let path = self.shared.code.unpack(code.sha256, package.into()).await?;
        Ok((path, hold))
    }

    /// The folder with the code of a function that is to be started. Who runs a folder has made it ready; a package is made
    /// so here.
    pub(crate) async fn code_to_start(&self, function: &Function) -> Result<(PathBuf, Hold)> {
        let (path, hold) = self.code_of(&function.code).await?;
        if let CodeSource::Package(_) = function.code.source {
            let runtime = &function.configuration.runtime;
            self.shared.launcher.prepare(&path, runtime).await;
        }
        Ok((path, hold))
    }

    /// The folder with these layers laid over one another, if there are any, and what keeps it there.
    pub(crate) async fn layers_of(
        &self,
        layers: &[UsedLayer],
    ) -> Result<(Option<PathBuf>, Vec<Hold>)> {
        let mut folders = Vec::new();
        let mut holds = Vec::new();
        // A folder that somebody works in is used as it is now.
        let mut current = layers.to_vec();
        for layer in &mut current {
            let (folder, hold) = self.code_of(&layer.code).await?;
            if layers.len() > 1 && matches!(layer.code.source, CodeSource::Directory(_)) {
                (layer.code.sha256, _) = survey(&folder).await?;
            }
            folders.push(folder);
            holds.push(hold);
        }
        if folders.len() < 2 {
            return Ok((folders.pop(), holds));
        }
        let name = merged_name(&current);
        holds.push(self.shared.code.hold(name));
        let merged = self.shared.code.merge(name, folders).await?;
        Ok((Some(merged), holds))
    }

    /// Removes unpacked packages that no function uses.
    pub(crate) async fn sweep_code(&self) -> Result<()> {
        let mut kept = Vec::new();
        for function in self.every()?.iter().chain(&self.every_version()?) {
            let layers = &function.configuration.layers;
            kept.push(function.code.sha256);
            kept.extend(layers.iter().map(|layer| layer.code.sha256));
            kept.extend((layers.len() > 1).then(|| merged_name(layers)));
        }
        self.shared.code.sweep(&kept).await;
        Ok(())
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of layers laid over one another: what they are made of, in this order.
fn merged_name(layers: &[UsedLayer]) -> [u8; 32] {
    let parts: Vec<u8> = layers.iter().flat_map(|layer| layer.code.sha256).collect();
    sha256(&parts)
}

/// Copies what is in `from` into `to`. Where both have something, `from` wins; two folders become one.
fn lay_over(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if is_data_folder(&source) {
            continue;
        }
        let there = fs::symlink_metadata(&target).ok();
        if let Some(there) = there
            && !(kind.is_dir() && there.is_dir())
        {
            match there.is_dir() {
                true => fs::remove_dir_all(&target)?,
                false => fs::remove_file(&target)?,
            }
        }
        if kind.is_dir() {
            lay_over(&source, &target)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if kind.is_file() {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

/// A folder as a package. The same files make the same package, whenever they were written.
pub async fn pack(path: &Path) -> Result<Bytes> {
    let root = path.to_owned();
    let packed = spawn_blocking(move || {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        pack_folder(&root, &root, &mut writer)?;
        Ok::<_, io::Error>(writer.finish()?.into_inner().into())
    });
    let cause = match packed.await {
        Ok(Ok(package)) => return Ok(package),
        Ok(Err(cause)) => cause.to_string(),
        Err(stopped) => stopped.to_string(),
    };
    Err(Error::Folder {
        path: path.display().to_string(),
        cause,
    })
}

fn pack_folder(
    root: &Path,
    folder: &Path,
    writer: &mut ZipWriter<Cursor<Vec<u8>>>,
) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap_or(&path);
        let metadata = entry.metadata()?;
        if is_data_folder(&path) {
            continue;
        }
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(metadata.permissions().mode() & 0o777);
        if metadata.is_dir() {
            writer.add_directory_from_path(name, options)?;
            pack_folder(root, &path, writer)?;
        } else if metadata.is_symlink() {
            writer.add_symlink_from_path(name, fs::read_link(&path)?, options)?;
        } else if metadata.is_file() {
            writer.start_file_from_path(name, options)?;
            io::copy(&mut File::open(&path)?, writer)?;
        }
    }
    Ok(())
}

/// A hash over the names, sizes and times of a folder's files, and the sum of their sizes. Cheap enough to be asked
/// after every change of a file, which hashing `node_modules` is not.
pub(crate) async fn survey(path: &Path) -> Result<([u8; 32], ByteSize)> {
    let folder = |cause: String| Error::Folder {
        path: path.display().to_string(),
        cause,
    };
    let root = path.to_owned();
    let surveyed = spawn_blocking(move || {
        let mut facts = Vec::new();
        let size = survey_folder(&root, &mut facts)?;
        Ok::<_, io::Error>((sha256(&facts), ByteSize::bytes(size)))
    });
    match surveyed.await {
        Ok(surveyed) => surveyed.map_err(|cause| folder(cause.to_string())),
        Err(stopped) => Err(folder(stopped.to_string())),
    }
}

fn survey_folder(folder: &Path, facts: &mut Vec<u8>) -> io::Result<u64> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut size = 0;
    for entry in entries {
        // Not followed: a link's own time changes when it is replaced.
        let metadata = match entry.metadata() {
            // Editors make and remove files at any moment.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        if metadata.is_dir() && is_data_folder(&entry.path()) {
            continue;
        }
        facts.extend_from_slice(entry.path().as_os_str().as_encoded_bytes());
        facts.push(0);
        if metadata.is_dir() {
            size += survey_folder(&entry.path(), facts)?;
        } else {
            let modified = metadata.modified()?.duration_since(UNIX_EPOCH);
            let modified = modified.map_or(0, |since| since.as_nanos());
            facts.extend_from_slice(&metadata.len().to_be_bytes());
            facts.extend_from_slice(&modified.to_be_bytes());
            size += metadata.len();
        }
    }
    Ok(size)
}

fn unpack_whole(package: &[u8], target: &Path, limit: ByteSize) -> Result<(), PackageError> {
    let mut archive = ZipArchive::new(Cursor::new(package)).map_err(unreadable)?;
    check_archive(&mut archive, package.len() as u64)?;
    fs::create_dir_all(target).map_err(io_error)?;
    let mut budget = limit.as_bytes();
    // Links are made when all files are there, so that no file can be written through one.
    let mut links = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(unreadable)?;
        let path = inner_path(entry.name_raw())?;
        if path.as_os_str().is_empty() {
            continue;
        }
        let place = target.join(&path);
        if entry.is_dir() {
            fs::create_dir_all(&place).map_err(|cause| clash(&path, cause))?;
        } else if entry.is_symlink() {
            links.insert(path.clone(), link_target(&path, &mut entry)?);
        } else {
            if let Some(parent) = place.parent() {
                fs::create_dir_all(parent).map_err(|cause| clash(&path, cause))?;
            }
            let mode = entry.unix_mode().unwrap_or(0o644);
            let file = File::create(&place).map_err(|cause| clash(&path, cause))?;
            budget -= copy_within(&mut entry, file, budget, limit)?;
            fs::set_permissions(&place, readable(mode)).map_err(io_error)?;
        }
    }
    make_links(target, &links)?;
    sync(target)
}

/// Refuses what only an archive that was made to hurt has: no entries to speak of or far too many, or entries that
/// share their bytes, which is how small archives unpack to gigabytes beyond what compression can do.
fn check_archive(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    package: u64,
) -> Result<(), PackageError> {
    if archive.is_empty() {
        return Err(PackageError::Empty);
    }
    if archive.len() > MOST_ENTRIES {
        return Err(PackageError::Unsafe(format!("{} entries", archive.len())));
    }
    let mut compressed = 0_u64;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(unreadable)?;
        compressed = compressed.saturating_add(entry.compressed_size());
    }
    if compressed > package {
        return Err(PackageError::Unsafe(
            "its entries say more than the archive holds".into(),
        ));
    }
    Ok(())
}

/// The entry's place inside the package; refuses names that lead out of it.
fn inner_path(name: &[u8]) -> Result<PathBuf, PackageError> {
    let refused = || PackageError::Unsafe(String::from_utf8_lossy(name).into_owned());
    let name = std::str::from_utf8(name).map_err(|_| refused())?;
    if name.contains('\0') {
        return Err(refused());
    }
    let mut path = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => {
                return Err(refused());
            }
        }
    }
    Ok(path)
}

/// Where a link leads, which must be inside the package: up only at its beginning, so that no other link on its way
/// can make a step up lead further than it looks.
fn link_target(path: &Path, entry: &mut impl Read) -> Result<PathBuf, PackageError> {
    let refused = || PackageError::Unsafe(path.display().to_string());
    let mut target = String::new();
    entry
        .take(LONGEST_LINK)
        .read_to_string(&mut target)
        .map_err(|_| refused())?;
    let mut above = path.components().count() - 1;
    let mut downwards = false;
    for component in Path::new(&target).components() {
        match component {
            Component::Normal(_) => downwards = true,
            Component::CurDir => {}
            Component::ParentDir if !downwards => {
                above = above.checked_sub(1).ok_or_else(refused)?;
            }
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(refused());
            }
        }
    }
    if target.is_empty() || target.contains('\0') {
        return Err(refused());
    }
    Ok(target.into())
}

/// Makes the links, none of them below another: there it would be somewhere else than it looks.
fn make_links(target: &Path, links: &BTreeMap<PathBuf, PathBuf>) -> Result<(), PackageError> {
    for (path, leads_to) in links {
        if path
            .ancestors()
            .skip(1)
            .any(|above| links.contains_key(above))
        {
            return Err(PackageError::Unsafe(path.display().to_string()));
        }
        let place = target.join(path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(|cause| clash(path, cause))?;
        }
        symlink(leads_to, place).map_err(|cause| clash(path, cause))?;
    }
    Ok(())
}

/// Copies an entry, counting what really comes: what an archive says about its sizes is only what it says.
fn copy_within(
    entry: &mut impl Read,
    mut file: File,
    budget: u64,
    limit: ByteSize,
) -> Result<u64, PackageError> {
    let copied = io::copy(&mut entry.take(budget + 1), &mut file).map_err(unreadable)?;
    if copied > budget {
        return Err(PackageError::TooLarge(limit.as_bytes()));
    }
    file.flush().map_err(io_error)?;
    Ok(copied)
}

/// Readable for whoever runs it, executable if it was, and nothing else of what the archive says.
fn readable(mode: u32) -> Permissions {
    Permissions::from_mode(if mode & 0o111 == 0 { 0o644 } else { 0o755 })
}

/// After this a crash cannot leave files under the final name without their content.
fn sync(target: &Path) -> Result<(), PackageError> {
    let folder = File::open(target).map_err(io_error)?;
    rustix::fs::syncfs(folder).map_err(|cause| io_error(cause.into()))
}

fn unreadable(cause: impl std::fmt::Display) -> PackageError {
    PackageError::Unreadable(cause.to_string())
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn io_error(cause: io::Error) -> PackageError {
    PackageError::Io(cause.to_string())
}

/// The file system refused an entry's name: too long, or a file where another entry needs a folder.
fn clash(path: &Path, cause: io::Error) -> PackageError {
    match cause.kind() {
        io::ErrorKind::StorageFull
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::ReadOnlyFilesystem => io_error(cause),
        _ => PackageError::Unsafe(path.display().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

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
}
