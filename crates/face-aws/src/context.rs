//! Who asks, and from where: what the router knows about a request before a service sees it.

use access::Principal;
use base::Space;

#[derive(Clone, Debug)]
pub(crate) struct Context {
    /// Where names live: the account and the region.
    pub(crate) space: Space,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) principal: Principal,
    pub(crate) request_id: String,
}

impl Context {
    /// The space of an account in a region.
    pub(crate) fn space(account: &str, region: &str) -> Space {
        Space::new(&[account, "/", region].concat())
    }
}
