//! Virtual hosts: the bucket in front of the service's name.

/// Names under which the service is known. Requests of functions' SDKs arrive with the real ones, because their names
/// are redirected to us; `localhost.localstack.cloud` is in many people's set-ups and resolves to the loopback.
const SUFFIXES: [&str; 3] = ["localhost", "localhost.localstack.cloud", "amazonaws.com"];

/// The bucket that a `Host` header names, if it is `bucket.s3[.dualstack][.region].suffix[:port]`. Anything else is
/// path style.
pub(crate) fn bucket(host: &str) -> Option<&str> {
    let (front, service) = split(host, is_label)?;
    front.get(..service.checked_sub(1)?)
}

/// Whether a `Host` header is the service's own, with no bucket: `s3[.dualstack][.region].suffix[:port]`.
pub(crate) fn is_service(host: &str) -> bool {
    split(host, is_label).is_some_and(|(_, service)| service == 0)
}

/// The bucket that a `Host` header names as a website: `bucket.s3-website[(-|.)region].suffix[:port]`.
pub(crate) fn website(host: &str) -> Option<&str> {
    let (front, service) = split(host, is_website)?;
    front.get(..service.checked_sub(1)?)
}

/// What is in front of the suffix, and where in it the service's label begins: the last label of its name, because a
/// bucket may have labels that look like it.
fn split(host: &str, is_label: fn(&str) -> bool) -> Option<(&str, usize)> {
    let name = without_port(host);
    let front = SUFFIXES.iter().find_map(|suffix| {
        let cut = name.len().checked_sub(suffix.len())?;
        let (front, tail) = (name.get(..cut)?, name.get(cut..)?);
        front
            .strip_suffix('.')
            .filter(|_| tail.eq_ignore_ascii_case(suffix))
    })?;
    let labels: Vec<&str> = front.split('.').collect();
    let service = labels.iter().rposition(|label| is_label(label))?;
    let is_ours = match &labels[service + 1..] {
        [] | [_] => true,
        [kind, _] => *kind == "dualstack",
        _ => false,
    };
    let at = labels[..service].iter().map(|label| label.len() + 1).sum();
    is_ours.then_some((front, at))
}

/// `s3`, and the old form with the region in the same label.
fn is_label(label: &str) -> bool {
    label == "s3" || label.starts_with("s3-") && !is_website(label)
}

fn is_website(label: &str) -> bool {
    let rest = label.strip_prefix("s3-website");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::{bucket, is_service, website};

    #[test]
    fn hosts_with_a_bucket() {
        for (host, expected) in [
            ("photos.s3.localhost:4566", "photos"),
            ("photos.s3.us-east-1.localhost:4566", "photos"),
            ("photos.s3.amazonaws.com", "photos"),
            ("photos.s3.us-east-1.amazonaws.com", "photos"),
            ("photos.s3.dualstack.eu-west-1.amazonaws.com", "photos"),
            ("photos.s3-eu-west-1.amazonaws.com", "photos"),
            ("photos.s3.localhost.localstack.cloud:4566", "photos"),
            ("my.dotted.s3.localhost", "my.dotted"),
            ("my.s3.s3.localhost", "my.s3"),
        ] {
            assert_eq!(bucket(host), Some(expected), "{host}");
        }
    }

    #[test]
    fn hosts_of_websites() {
        for (host, expected) in [
            ("photos.s3-website-us-east-1.amazonaws.com", Some("photos")),
            (
                "photos.s3-website.eu-central-1.amazonaws.com",
                Some("photos"),
            ),
            ("a.b.s3-website-us-east-1.localhost:4566", Some("a.b")),
            ("photos.s3-website.localhost:4566", Some("photos")),
            (
                "photos.s3-website.localhost.localstack.cloud",
                Some("photos"),
            ),
            ("photos.s3.localhost", None),
            ("s3-website-us-east-1.amazonaws.com", None),
            ("photos.s3-website-us-east-1.example.com", None),
        ] {
            assert_eq!(website(host), expected, "{host}");
            if expected.is_some() {
                assert_eq!(bucket(host), None, "{host}");
            }
        }
    }

    #[test]
    fn the_service_itself() {
        assert!(is_service("s3.localhost:4566"));
        assert!(is_service("s3.us-east-1.amazonaws.com"));
        assert!(!is_service("photos.s3.amazonaws.com"));
        assert!(!is_service("lambda.us-east-1.amazonaws.com"));
    }

    #[test]
    fn hosts_without_one() {
        for host in [
            "localhost:4566",
            "127.0.0.1:4566",
            "[::1]:4566",
            "s3.localhost:4566",
            "s3.amazonaws.com",
            "s3.us-east-1.amazonaws.com",
            "bucket.localhost:4566",
            "example.com",
            "",
            "é.localhost",
        ] {
            assert_eq!(bucket(host), None, "{host}");
        }
    }
}
