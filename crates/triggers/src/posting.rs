//! Notices that are posted to others' servers.

use std::time::Duration;

use store::Tx;

use crate::outgoing::{DeadLetter, Judge, Outgoing, Owner, Post, Retries, Waits, Work};
use crate::publication::Letter;
use crate::{Result, Triggers};

/// How long an answer is waited for: the published time.
const PATIENCE: Duration = Duration::from_secs(15);

impl Triggers {
    /// The published rule: an error of the client is in vain, but for those that ask for patience.
    pub(crate) fn post_letter(&self, tx: &mut Tx, url: &str, letter: &Letter) -> Result<()> {
        let dead = letter.dead_letters.as_ref().map(|to| DeadLetter {
            to: to.clone(),
            message: letter.message.clone(),
        });
        let waits = letter.waits.clone();
        let post = Post {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers: letter.notice.headers.clone(),
            query: Vec::new(),
            body: letter.notice.body.clone(),
            through: None,
            fill: Vec::new(),
            patience: PATIENCE,
            judge: Judge {
                good: vec![(200, 299)],
                again: vec![(300, 399), (429, 429), (500, 599)],
            },
        };
        let outgoing = Outgoing {
            id: self.random.uuid().to_string(),
            owner: Owner::Subscription,
            work: Work::Post(post),
            retries: Retries {
                most: u32::try_from(waits.len()).unwrap_or(u32::MAX),
                age: None,
                waits: Waits::Listed(waits),
            },
            dead,
        };
        self.post(tx, &outgoing)
    }
}
