//! The upkeep of archives: what is too old is forgotten, and so is all that a deleted archive held.

use std::time::Duration;

use base::Timestamp;
use store::{Lease, Record};
use tokio_util::sync::CancellationToken;

use crate::archive::{Expiry, kept, size, time_in};
use crate::schema::{ARCHIVED, ARCHIVES, HOLDINGS, archive_key, archived, expiries, holdings_key};
use crate::{Buses, Result};

const LEASE: Duration = Duration::from_secs(60);
/// Events that are forgotten in one transaction.
const AT_ONCE: usize = 256;

impl Buses {
    /// Forgets what is too old, as it becomes so, until `stop`. One of these runs for each store.
    pub async fn run_expiries(&self, stop: CancellationToken) {
        let mut bells = [self.store.timer_bell(&expiries())];
        let some = || async {
            let expired = self.expire_some().await;
            expired.inspect_err(|error| {
                tracing::error!(%error, "archives could not be looked after; trying again");
            })
        };
        store::attend(&mut bells, &*self.clock, stop.cancelled(), some).await;
    }

    /// Says when there is something to do, if there is nothing now.
    pub async fn expire_some(&self) -> Result<Option<Timestamp>> {
        let now = self.clock.now();
        let leases = expiries().lease(&self.store, now, LEASE, 1).await?;
        let Some(lease) = leases.first() else {
            let next = expiries().next(&self.store.read()?)?;
            return Ok(Some(next.unwrap_or(Timestamp::MAX)));
        };
        self.expire(lease, now).await?;
        Ok(None)
    }

    async fn expire(&self, lease: &Lease, now: Timestamp) -> Result<()> {
        let of = Expiry::decode(&lease.body)?;
        self.store
            .write_buffered(|tx| {
                let archive = ARCHIVES.get(tx, &archive_key(&of.space, &of.name))?;
                let archive = archive.filter(|archive| archive.number == of.number);
                let is_gone = archive.is_none();
                let kept = archive.as_ref().and_then(kept);
                let prefix = archived(of.number);
                let oldest = ARCHIVED.scan_front(tx, &prefix, None, AT_ONCE)?;
                let is_last = oldest.len() < AT_ONCE;
                let holdings_at = holdings_key(of.number);
                let mut holdings = HOLDINGS.get(tx, &holdings_at)?.unwrap_or_default();
                let mut next = None;
                for (key, event) in oldest {
                    let until = time_in(&key).zip(kept).map(|(at, kept)| at + kept);
                    if !is_gone && until.is_none_or(|until| until > now) {
                        next = until;
                        break;
                    }
                    tx.delete(key);
                    holdings.events = holdings.events.saturating_sub(1);
                    holdings.bytes = holdings.bytes.saturating_sub(size(&event));
                    next = (!is_last).then_some(now);
                }
                if is_gone && is_last {
                    HOLDINGS.delete(tx, holdings_at);
                } else {
                    HOLDINGS.put(tx, holdings_at, &holdings);
                }
                match next {
                    Some(next) => expiries().postpone(tx, lease, next, lease.body.clone())?,
                    None => expiries().finish(tx, lease)?,
                };
                Ok(())
            })
            .await
    }
}
