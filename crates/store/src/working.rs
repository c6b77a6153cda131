//! What of a set of timers is being worked on in this process.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::timer::Lease;

/// The newest lease of each job that runs in this process.
///
/// A lease is longer than any attempt, but a machine that sleeps makes it run out all the same. The job is then due
/// again while it still runs here, and must not run twice at once: the new lease is the running attempt's.
#[derive(Debug, Default)]
pub struct Working(Mutex<HashMap<Vec<u8>, Lease>>);

impl Working {
    /// Whether the job is to be begun; if it runs already, that goes on under this lease.
    pub fn begin(&self, lease: &Lease) -> bool {
        let earlier = self.0.lock().insert(lease.id.clone(), lease.clone());
        earlier.is_none()
    }

    /// The lease that followed this one, if there is one.
    pub fn renewed(&self, lease: &Lease) -> Option<Lease> {
        let working = self.0.lock();
        let newest = working.get(&lease.id);
        newest.filter(|newest| *newest != lease).cloned()
    }

    /// Ends the work under this lease, unless another has followed it.
    pub fn end(&self, lease: &Lease) -> Option<Lease> {
        let mut working = self.0.lock();
        match working.get(&lease.id) {
            Some(newest) if newest != lease => Some(newest.clone()),
            _ => {
                working.remove(&lease.id);
                None
            }
        }
    }
}
