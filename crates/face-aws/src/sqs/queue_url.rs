//! The addresses of queues: `http://host/account/name`, with the host under which the caller reached us, so that what a
//! function is told works from within its sandbox, and what its user is told from outside.

use queues::Address;

use super::error;
use crate::context::Context;
use crate::place::Place;
use crate::protocol::Fault;

/// Whether a path is a queue's.
pub(crate) fn is_queue(path: &str) -> bool {
    account_and_name(path).is_some()
}

/// The queue at an address, whatever its host. An older form has the region in the path: `/queue/region/account/name`.
pub(super) fn read(context: &Context, url: &str) -> Result<Address, Fault> {
    let path = url.split_once("://").map_or(url, |(_, rest)| {
        rest.split_once('/').map_or("", |(_, path)| path)
    });
    if let Some((account, name)) = account_and_name(path) {
        let region = region(url).unwrap_or(&context.region);
        return Ok(Address::new(&Context::space(account, region), name));
    }
    // The real service takes a name alone, too.
    if !url.contains('/') && !url.is_empty() {
        return Ok(Address::new(&context.space, url));
    }
    Err(error::no_queue())
}

pub(super) fn print(host: &str, queue: &Address) -> String {
    let account = Place::of(&queue.space).account;
    format!("http://{host}/{account}/{}", queue.name)
}

fn account_and_name(path: &str) -> Option<(&str, &str)> {
    let path = path.split('?').next()?.trim_matches('/');
    let mut parts = path.rsplit('/');
    let (name, account) = (parts.next()?, parts.next()?);
    let rest: Vec<&str> = parts.collect();
    let known = match rest.as_slice() {
        [] => true,
        // From the end to the beginning.
        [_region, "queue"] => true,
        _ => false,
    };
    let number = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    (known && number && !name.is_empty()).then_some((account, name))
}

/// The region that an address names: in its host, or in its path.
fn region(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    if let Some(rest) = path.strip_prefix("queue/") {
        return rest.split('/').next();
    }
    let mut labels = host.split(':').next()?.split('.');
    match (labels.next()?, labels.next()?) {
        ("sqs", region) if region.contains('-') => Some(region),
        (region, "queue") if region.contains('-') => Some(region),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_whatever_its_host() {
        for (path, expected) in [
            ("/000000000000/q", Some(("000000000000", "q"))),
            (
                "/queue/eu-west-1/123456789012/q.fifo",
                Some(("123456789012", "q.fifo")),
            ),
            ("/", None),
            ("/bucket/key", None),
            ("/000000000000/", None),
            ("/a/b/000000000000/q", None),
        ] {
            assert_eq!(account_and_name(path), expected, "{path}");
        }
        assert_eq!(region("http://127.0.0.1:4566/000000000000/q"), None);
        for url in [
            "http://sqs.eu-west-1.localhost:4566/000000000000/q",
            "https://sqs.eu-west-1.amazonaws.com/000000000000/q",
            "http://localhost/queue/eu-west-1/000000000000/q",
            "http://eu-west-1.queue.localhost:4566/000000000000/q",
        ] {
            assert_eq!(region(url), Some("eu-west-1"), "{url}");
        }
    }
}
