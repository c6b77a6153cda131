//! Which queues may give their dead letters where.

use store::Read;

use crate::error::{Error, Result};
use crate::schema::{Address, Allow, QUEUES, Redrive, row};

/// Whether `from`, which is ordered or is not, may give its dead letters as it wants to.
pub(crate) fn check(
    reads: &impl Read,
    from: &Address,
    ordered: bool,
    redrive: Option<&Redrive>,
) -> Result<()> {
    let Some(redrive) = redrive else {
        return Ok(());
    };
    let grave = QUEUES.get(reads, &row(&redrive.to))?;
    let grave = grave.ok_or_else(|| Error::NoSuchQueue(redrive.to.clone()))?;
    if grave.ordered != ordered {
        return Err(Error::OtherKind);
    }
    let allowed = match &grave.settings.allow {
        Allow::All => true,
        Allow::Nobody => false,
        Allow::Only(sources) => sources.contains(from),
    };
    if allowed {
        Ok(())
    } else {
        Err(Error::NotAllowed(redrive.to.clone()))
    }
}
