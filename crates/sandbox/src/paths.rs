//! The second wall around the file system: Landlock. What the mounts show but do not mean to give is refused here again,
//! by another mechanism, so that a hole in one is not a way out. It also ends what namespaces leave open where the
//! network is the host's: sockets with abstract names.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};

/// The first version of the interface that knows sockets with abstract names. An older kernel enforces what it knows.
const NEWEST: ABI = ABI::V6;
/// Of files. Later versions only add what devices are asked for, and there are none here that answer.
const FILES: ABI = ABI::V3;

/// What an instance may reach, put together before it is known what runs in it.
pub(crate) struct Rules(RulesetCreated);

impl Rules {
    /// For after the root was changed and the instance's own mounts made.
    pub(crate) fn usual() -> Result<Self, String> {
        usual().map(Self).map_err(failed)
    }

    /// What a template may reach. What its children are given is mounted later, and rules are for what is there: the private
    /// root, and what is put into it, but nothing outside. Each child adds what follows for itself (`native/fork.rs`).
    pub(crate) fn templates() -> Result<Self, String> {
        let rules = none().and_then(|mut rules| {
            allow(&mut rules, Path::new("/"), AccessFs::from_all(FILES))?;
            Ok(rules)
        });
        rules.map(Self).map_err(failed)
    }

    /// Holds this process, and all that comes of it, to these paths and what is bound writable.
    pub(crate) fn restrict(mut self, writable: &[PathBuf]) -> Result<(), String> {
        for target in writable {
            allow(&mut self.0, target, AccessFs::from_all(FILES)).map_err(failed)?;
        }
        self.0.restrict_self().map(drop).map_err(failed)
    }
}

fn none() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(FILES))?
        .scope(Scope::from_all(NEWEST))?
        .create()
}

fn usual() -> Result<RulesetCreated, RulesetError> {
    let everything = AccessFs::from_all(FILES);
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let mut rules = none()?;
    allow(&mut rules, Path::new("/"), AccessFs::from_read(FILES))?;
    allow(&mut rules, Path::new("/tmp"), everything)?;
    allow(&mut rules, Path::new("/dev/shm"), everything)?;
    // There is nothing else in it that could be written to.
    allow(&mut rules, Path::new("/dev"), device)?;
    Ok(rules)
}

fn allow(
    rules: &mut RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<(), RulesetError> {
    // What this host has not is not there to be allowed.
    let Ok(path) = PathFd::new(path) else {
        return Ok(());
    };
    rules.add_rule(PathBeneath::new(path, access)).map(drop)
}

#[expect(clippy::needless_pass_by_value, reason = "it is for `map_err`")]
fn failed(cause: RulesetError) -> String {
    format!("restrict the paths: {cause}")
}

/// Which version of the interface this kernel has, if any.
pub(crate) fn version() -> Option<u32> {
    const ASK_FOR_THE_VERSION: u32 = 1;
    // SAFETY: with this flag the call takes no attributes, and reads nothing.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0,
            ASK_FOR_THE_VERSION,
        )
    };
    u32::try_from(version).ok().filter(|version| *version > 0)
}
