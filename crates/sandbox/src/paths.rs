//! The second wall around the file system: Landlock. What the mounts show but do not mean to give is refused here again,
//! by another mechanism, so that a hole in one is not a way out. It also ends what namespaces leave open where the
//! network is the host's: sockets with abstract names.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetError, Scope,
};

use crate::mounts::DEVICES;
use crate::spec::{Access, Order};

/// The first version of the interface that knows sockets with abstract names. An older kernel enforces what it knows.
const NEWEST: ABI = ABI::V6;
/// Of files. Later versions only add what devices are asked for, and there are none here that answer.
const FILES: ABI = ABI::V3;

/// Holds this process, and all that comes of it, to these paths. For after the root was changed.
pub(crate) fn restrict(order: &Order) -> Result<(), String> {
    rules(order).map_err(|cause| format!("restrict the paths: {cause}"))
}

fn rules(order: &Order) -> Result<(), RulesetError> {
    let everything = AccessFs::from_all(FILES);
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(everything)?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    let mut allow = |path: &Path, access: BitFlags<AccessFs>| -> Result<(), RulesetError> {
        // What this host has not is not there to be allowed.
        let Ok(path) = PathFd::new(path) else {
            return Ok(());
        };
        (&mut rules)
            .add_rule(PathBeneath::new(path, access))
            .map(drop)
    };
    if order.template.is_some() {
        // What its children are given is mounted later, and rules are for what is there: the private root, and what is
        // put into it, but nothing outside. Each child adds what follows for itself (`native/fork.rs`).
        allow(Path::new("/"), everything)?;
        return rules.restrict_self().map(drop);
    }
    allow(Path::new("/"), AccessFs::from_read(FILES))?;
    allow(Path::new("/tmp"), everything)?;
    allow(Path::new("/dev/shm"), everything)?;
    for name in DEVICES {
        allow(&Path::new("/dev").join(name), device)?;
    }
    for mount in &order.mounts {
        if mount.access == Access::ReadWrite {
            allow(&mount.target, everything)?;
        }
    }
    rules.restrict_self().map(drop)
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
