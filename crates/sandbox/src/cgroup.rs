//! Limits by control groups, of the second version or of the first, whichever the host has. Where the host lets us make
//! none, a process runs without them, and the probe says so.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use base::ByteSize;

use crate::delegate;
use crate::freeze::Means;
use crate::gauge::Gauge;
use crate::spec::{Join, Limits};

const ROOT: &str = "/sys/fs/cgroup";
/// Our groups are made under this, one folder for each server process and jail.
const OURS: &str = "fulmar";
const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];
/// Of processor time, in microseconds.
const PERIOD_US: u64 = 100_000;
/// What all functions weigh on the first version, where a single thread that is in no group weighs 1,024. With as much as that,
/// functions beside a busy server got a third of the processor that they shared with it, and a quiet one of them waited for the
/// crowd's turn. On the second version the server is in a group, too, and theirs weighs as much.
const SHARES_OF_ALL: &str = "4096";
/// What may still be counted in a group that another instance is given: files that the last one has read, and what the kernel
/// counts ahead for each processor.
const LEFT_AT_MOST: ByteSize = ByteSize::mib(1);
/// A group may be removed only when the kernel has let go of its last process, a moment after it was reaped.
const REMOVALS: usize = 50;
/// Where this process moves itself if it stands where its groups are to be made: on the second version only leaves have
/// members.
const OWN_LEAF: &str = "fulmar-server";

/// Where groups can be made.
#[derive(Debug)]
pub(crate) enum Hierarchy {
    /// One folder, all controllers.
    V2(PathBuf),
    /// A folder for each controller.
    V1(Vec<(&'static str, PathBuf)>),
    None(String),
}

/// The groups of one instance; removed with it.
#[derive(Debug)]
pub(crate) struct Cgroup {
    folders: Vec<(&'static str, PathBuf)>,
    v2: bool,
    /// As they were last set.
    memory: Option<ByteSize>,
    pids: Option<u32>,
    cpu_milli: AtomicU32,
    /// By one instance at a time.
    used: Arc<()>,
}

static COUNT: AtomicU64 = AtomicU64::new(0);

impl Hierarchy {
    /// Finds what the host has, removes what servers that were killed have left, and makes this server's own folders.
    pub(crate) fn find() -> Self {
        let root = Path::new(ROOT);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let own = format!("{OURS}/{}-{count}", std::process::id());
        if root.join("cgroup.controllers").exists() {
            return find_v2(root, &own);
        }
        let mut folders = Vec::new();
        for controller in CONTROLLERS {
            let folder = root.join(controller);
            if !folder.join("cgroup.procs").exists() {
                return Self::None(format!("the host has no {controller} controller"));
            }
            sweep(&folder.join(OURS));
            let mine = folder.join(&own);
            if let Err(cause) = fs::create_dir_all(&mine) {
                return Self::None(format!("{}: {cause}", mine.display()));
            }
            if controller == "cpu" {
                // Whoever may make groups may weigh them; where not, functions wait longer beside others.
                let _ = fs::write(folder.join(OURS).join("cpu.shares"), SHARES_OF_ALL);
            }
            folders.push((controller, mine));
        }
        Self::V1(folders)
    }

    /// Makes a group, still without limits.
    pub(crate) fn make(&self) -> io::Result<Option<Cgroup>> {
        let name = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
        let (folders, v2) = match self {
            Self::None(_) => return Ok(None),
            Self::V2(folder) => (vec![("", folder.join(name))], true),
            Self::V1(folders) => {
                let of = |(controller, folder): &(&'static str, PathBuf)| {
                    (*controller, folder.join(&name))
                };
                (folders.iter().map(of).collect(), false)
            }
        };
        for (_, folder) in &folders {
            fs::create_dir(folder)?;
        }
        Ok(Some(Cgroup {
            folders,
            v2,
            memory: None,
            pids: None,
            cpu_milli: AtomicU32::new(0),
            used: Arc::default(),
        }))
    }
}

impl Drop for Hierarchy {
    fn drop(&mut self) {
        let folders: Vec<&PathBuf> = match self {
            Self::None(_) => Vec::new(),
            Self::V2(folder) => vec![folder],
            Self::V1(folders) => folders.iter().map(|(_, folder)| folder).collect(),
        };
        for folder in folders {
            // With groups still in it, it is swept at the next start.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl Cgroup {
    pub(crate) fn join(&self) -> Join {
        if self.v2 { Join::Born } else { Join::Write }
    }

    /// What an instance comes in by: the files into which it writes `0`, after the folder if it may be born there.
    pub(crate) fn entrances(&self) -> io::Result<Vec<OwnedFd>> {
        let mut entrances = Vec::new();
        for (_, folder) in &self.folders {
            if self.v2 {
                entrances.push(fs::File::open(folder)?.into());
            }
            let file = folder.join(self.entrance());
            entrances.push(fs::File::options().write(true).open(file)?.into());
        }
        Ok(entrances)
    }

    /// On the first version, a process of one thread that moves itself by the list of threads waits for nobody: all other
    /// ways make the kernel wait until every processor has taken note, which takes milliseconds.
    fn entrance(&self) -> &'static str {
        if self.v2 { "cgroup.procs" } else { "tasks" }
    }

    /// Whether a process that moves itself gets there sooner than one that is moved.
    pub(crate) fn is_joined_from_inside(&self) -> bool {
        !self.v2
    }

    /// The files into which a member writes `0`, or somebody else its number, for whoever sees the host's files.
    pub(crate) fn members(&self) -> Vec<PathBuf> {
        let folders = self.folders.iter();
        folders
            .map(|(_, folder)| folder.join(self.entrance()))
            .collect()
    }

    /// Sets what is not so already.
    pub(crate) fn limit(&mut self, limits: &Limits) -> io::Result<()> {
        if self.memory != Some(limits.memory) {
            self.limit_memory(limits.memory)?;
            self.memory = Some(limits.memory);
        }
        self.limit_cpu(limits.starting_cpu_milli)?;
        if self.pids != Some(limits.pids) {
            let controller = if self.v2 { "" } else { "pids" };
            self.set(controller, "pids.max", &limits.pids.to_string())?;
            self.pids = Some(limits.pids);
        }
        Ok(())
    }

    /// For another instance, after the last process of one has ended. Says whether it can be had so: on the first version
    /// only, where the most memory that was used can be forgotten, and if nothing of the last one counts on.
    pub(crate) fn clear(&mut self) -> bool {
        if self.v2 || self.out_of_memory() {
            return false;
        }
        let file = |name| self.folder("memory").join(name);
        let is_empty = |list: PathBuf| fs::read_to_string(list).is_ok_and(|pids| pids.is_empty());
        if !self
            .folders
            .iter()
            .all(|(_, folder)| is_empty(folder.join("cgroup.procs")))
            || self.memory().is_none_or(|left| left > LEFT_AT_MOST)
            || fs::write(file("memory.max_usage_in_bytes"), "0").is_err()
        {
            return false;
        }
        self.used = Arc::default();
        true
    }

    fn limit_memory(&self, memory: ByteSize) -> io::Result<()> {
        let memory = memory.as_bytes().to_string();
        if self.v2 {
            self.set("", "memory.max", &memory)?;
            // Not every kernel counts swap.
            let _ = self.set("", "memory.swap.max", "0");
        } else {
            // One may never exceed the other, and which must go first depends on what was set before.
            let raised = self.set("memory", "memory.memsw.limit_in_bytes", &memory);
            self.set("memory", "memory.limit_in_bytes", &memory)?;
            if raised.is_err()
                && self
                    .set("memory", "memory.memsw.limit_in_bytes", &memory)
                    .is_err()
            {
                // Where swap is not counted, at least none is used as long as anything else helps.
                let _ = self.set("memory", "memory.swappiness", "0");
            }
        }
        Ok(())
    }

    /// From now on.
    ///
    /// What a period leaves over may be used in the next one. Without that, a small share stops who uses less than it: the kernel
    /// deals it out to the processors by 5 ms, and what one of them has, another lacks.
    pub(crate) fn limit_cpu(&self, cpu_milli: u32) -> io::Result<()> {
        match self.cpu_milli.swap(0, Ordering::Relaxed) {
            was if was == cpu_milli => {}
            0 if !self.v2 => {
                self.set("cpu", "cpu.cfs_period_us", &PERIOD_US.to_string())?;
                self.share_cpu(cpu_milli)?;
            }
            _ => self.share_cpu(cpu_milli)?,
        }
        self.cpu_milli.store(cpu_milli, Ordering::Relaxed);
        Ok(())
    }

    fn share_cpu(&self, cpu_milli: u32) -> io::Result<()> {
        let quota = (u64::from(cpu_milli) * PERIOD_US / 1_000).max(1_000);
        if self.set_quota(quota).is_err() {
            // It may be less than what was left over before may be.
            let _ = self.set_burst(0);
            self.set_quota(quota)?;
        }
        // Linux has it since 5.14.
        let _ = self.set_burst(quota);
        Ok(())
    }

    fn set_quota(&self, quota: u64) -> io::Result<()> {
        if self.v2 {
            self.set("", "cpu.max", &format!("{quota} {PERIOD_US}"))
        } else {
            self.set("cpu", "cpu.cfs_quota_us", &quota.to_string())
        }
    }

    fn set_burst(&self, burst: u64) -> io::Result<()> {
        let (controller, file) = match self.v2 {
            true => ("", "cpu.max.burst"),
            false => ("cpu", "cpu.cfs_burst_us"),
        };
        self.set(controller, file, &burst.to_string())
    }

    fn set(&self, controller: &str, file: &str, value: &str) -> io::Result<()> {
        let path = self.folder(controller).join(file);
        fs::write(&path, value)
            .map_err(|cause| io::Error::new(cause.kind(), format!("{}: {cause}", path.display())))
    }

    fn folder(&self, controller: &str) -> &Path {
        let found = self.folders.iter().find(|(name, _)| *name == controller);
        &found.expect("every group has all its controllers").1
    }

    /// How to hold all that is in it.
    pub(crate) fn freezing(&self) -> Means {
        let switch = match self.v2 {
            true => Some(self.folder("").join("cgroup.freeze")).filter(|file| file.exists()),
            false => None,
        };
        match switch {
            Some(file) => Means::Switch(file),
            None => Means::Members(self.folders[0].1.join("cgroup.procs")),
        }
    }

    /// The memory that is used now.
    pub(crate) fn memory(&self) -> Option<ByteSize> {
        let path = if self.v2 {
            self.folder("").join("memory.current")
        } else {
            self.folder("memory").join("memory.usage_in_bytes")
        };
        let text = fs::read_to_string(path).ok()?;
        text.trim().parse().ok().map(ByteSize::bytes)
    }

    /// Tells the most memory that was used at once.
    pub(crate) fn gauge(&self) -> Gauge {
        let file = if self.v2 {
            self.folder("").join("memory.peak")
        } else {
            self.folder("memory").join("memory.max_usage_in_bytes")
        };
        Gauge::new(&file, Arc::downgrade(&self.used))
    }

    /// Whether the kernel killed something in it for want of memory.
    pub(crate) fn out_of_memory(&self) -> bool {
        let path = if self.v2 {
            self.folder("").join("memory.events")
        } else {
            self.folder("memory").join("memory.oom_control")
        };
        let facts = fs::read_to_string(path).unwrap_or_default();
        let kills = facts
            .lines()
            .find_map(|line| line.strip_prefix("oom_kill "));
        kills.is_some_and(|count| count.trim() != "0")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for (_, folder) in &self.folders {
            remove(folder);
        }
    }
}

fn remove(folder: &Path) {
    for _ in 0..REMOVALS {
        match fs::remove_dir(folder) {
            Err(cause) if cause.raw_os_error() == Some(libc::EBUSY) => std::thread::yield_now(),
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(folder = %folder.display(), %cause, "a control group was not removed");
                return;
            }
            _ => return,
        }
    }
    // The next start sweeps it.
    tracing::debug!(folder = %folder.display(), "a control group is still busy");
}

/// Removes the groups of servers that are gone.
fn sweep(ours: &Path) {
    let Ok(servers) = fs::read_dir(ours) else {
        return;
    };
    for server in servers.flatten() {
        let name = server.file_name();
        // The kernel's own files are here too.
        let pid = name
            .to_str()
            .and_then(|name| name.split('-').next()?.parse::<u32>().ok());
        let Some(pid) = pid else {
            continue;
        };
        if pid == std::process::id() || Path::new("/proc").join(pid.to_string()).exists() {
            continue;
        }
        for group in fs::read_dir(server.path()).into_iter().flatten().flatten() {
            if group.path().is_dir() {
                // What was in it died with its server, perhaps only just now.
                remove(&group.path());
            }
        }
        let _ = fs::remove_dir(server.path());
    }
}

/// Tries where this process may make groups: at the top if it is root, else beside its own, else under its own,
/// else under one that it asks for.
fn find_v2(root: &Path, own: &str) -> Hierarchy {
    let ours = own_v2_group(root);
    let mut parents = Vec::new();
    if rustix::process::geteuid().is_root() {
        parents.push(root.to_owned());
    } else {
        parents.extend(ours.as_deref().and_then(Path::parent).map(Path::to_owned));
    }
    let mut why = "the host has no control groups".to_owned();
    for parent in parents {
        match prepare_v2(&parent, own) {
            Ok(folder) => return Hierarchy::V2(folder),
            Err(cause) => why = format!("{}: {cause}", parent.display()),
        }
    }
    if let Some(parent) = ours {
        match below(&parent, own) {
            Ok(folder) => return Hierarchy::V2(folder),
            Err(cause) => why = format!("{}: {cause}", parent.display()),
        }
    }
    if !rustix::process::geteuid().is_root() {
        match delegated(root, own) {
            Ok(folder) => return Hierarchy::V2(folder),
            Err(cause) => why = format!("{why}; systemd gives this user no group either: {cause}"),
        }
    }
    Hierarchy::None(why)
}

/// The group that this process is in.
fn own_v2_group(root: &Path) -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(root.join(path))
}

/// Under the group that this process is in, which it leaves for one beside them.
fn below(group: &Path, own: &str) -> io::Result<PathBuf> {
    step_aside(group)?;
    prepare_v2(group, own)
}

fn delegated(root: &Path, own: &str) -> io::Result<PathBuf> {
    delegate::ask()?;
    let group = own_v2_group(root).ok_or(io::ErrorKind::NotFound)?;
    tracing::info!(group = %group.display(), "systemd gave this user a control group");
    below(&group, own)
}

fn step_aside(group: &Path) -> io::Result<()> {
    let leaf = group.join(OWN_LEAF);
    fs::create_dir_all(&leaf)?;
    fs::write(leaf.join("cgroup.procs"), "0")
}

fn prepare_v2(parent: &Path, own: &str) -> io::Result<PathBuf> {
    sweep(&parent.join(OURS));
    // Each level hands the controllers down to the next.
    let enable = CONTROLLERS
        .map(|controller| format!("+{controller}"))
        .join(" ");
    let folder = parent.join(own);
    fs::write(parent.join("cgroup.subtree_control"), &enable)?;
    fs::create_dir_all(&folder)?;
    for level in [&parent.join(OURS), &folder] {
        fs::write(level.join("cgroup.subtree_control"), &enable)?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use base::ByteSize;

    use super::*;

    /// A group with these limits, where the host gives any.
    fn limited() -> Option<(Cgroup, Limits)> {
        let limits = Limits {
            memory: ByteSize::mib(64),
            cpu_milli: 100,
            starting_cpu_milli: 2_000,
            pids: 8,
            files: 64,
        };
        let Ok(Some(mut group)) = Hierarchy::find().make() else {
            eprintln!("  not enforced here: this host gives us no control groups");
            return None;
        };
        group.limit(&limits).unwrap();
        Some((group, limits))
    }

    #[test]
    fn what_starts_may_take_more_than_afterwards() {
        let Some((group, limits)) = limited() else {
            return;
        };
        let quota = || {
            let (controller, file) = match group.v2 {
                true => ("", "cpu.max"),
                false => ("cpu", "cpu.cfs_quota_us"),
            };
            let text = fs::read_to_string(group.folder(controller).join(file)).unwrap();
            let first = text.split_whitespace().next().unwrap_or_default();
            first.parse::<u64>().unwrap()
        };
        assert_eq!(quota(), 2 * PERIOD_US);
        group.limit_cpu(limits.cpu_milli).unwrap();
        assert_eq!(quota(), PERIOD_US / 10);

        // What is left over may be as much as the share, which a smaller one after it has to cope with.
        let (controller, file) = match group.v2 {
            true => ("", "cpu.max.burst"),
            false => ("cpu", "cpu.cfs_burst_us"),
        };
        if let Ok(burst) = fs::read_to_string(group.folder(controller).join(file)) {
            assert_eq!(burst.trim(), (PERIOD_US / 10).to_string());
            group.limit_cpu(limits.cpu_milli / 2).unwrap();
            assert_eq!(quota(), PERIOD_US / 20);
        }
    }

    #[test]
    fn another_instance_is_not_told_of_the_last_one() {
        let Some((mut group, limits)) = limited() else {
            return;
        };
        let gauge = group.gauge();
        let entrances: Vec<_> = group.members();
        let enter: String = entrances
            .iter()
            .map(|file| format!("echo 0 > {}; ", file.display()))
            .collect();
        let fill = "head -c 16777216 /dev/zero | tail -c 16777216 > /dev/null";
        let run = || {
            let mut shell = std::process::Command::new("/bin/sh");
            let status = shell.args(["-c", &format!("{enter}{fill}")]).status();
            assert!(status.unwrap().success());
        };
        run();
        let much = ByteSize::mib(16);
        let Some(peak) = gauge.peak() else {
            eprintln!(
                "  not enforced here: this kernel does not tell the most memory that was used"
            );
            return;
        };
        assert!(peak >= much, "{peak:?}");
        if group.v2 {
            assert!(!group.clear());
            return;
        }
        // Programs that were first read by this one are counted as its, and stay.
        fs::write(group.folder("memory").join("memory.force_empty"), "0").unwrap();
        assert!(group.clear());
        assert!(gauge.peak().is_none());
        assert!(group.gauge().peak().unwrap() < much);
        // What is not otherwise is not set anew, and what was set still is.
        group.limit(&limits).unwrap();
        run();
        assert!(group.gauge().peak().unwrap() >= much);
    }
}
