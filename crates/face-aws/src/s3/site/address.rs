//! Where buckets are visited as websites: by a host name that begins with theirs, or, where such names do not resolve, by
//! a path.

use crate::s3::host;

/// A visit's address, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) bucket: String,
    /// As it was sent, with the slash that it begins with.
    pub(super) path: String,
    /// What comes before the path at the same host.
    pub(super) base: String,
    /// As it was sent.
    pub(super) host: String,
}

const PATH: &str = "/_aws/s3-website/";

impl Address {
    /// None if it is no website's.
    pub(crate) fn read(host: &str, path: &str) -> Option<Self> {
        let (bucket, path, base) = match host::website(host) {
            Some(bucket) => (bucket.to_ascii_lowercase(), path, String::new()),
            None => {
                let rest = path.strip_prefix(PATH)?;
                let end = rest.find('/').unwrap_or(rest.len());
                let (bucket, path) = rest.split_at(end);
                (bucket.to_owned(), path, format!("{PATH}{bucket}"))
            }
        };
        let path = match path.is_empty() {
            true => "/",
            false => path,
        };
        (!bucket.is_empty()).then(|| Self {
            bucket,
            path: path.to_owned(),
            base,
            host: host.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn websites_are_visited_by_host_or_by_path() {
        let host = "Photos.s3-website-us-east-1.localhost:4566";
        for (host, path, bucket, rest, base) in [
            (host, "/a/b", "photos", "/a/b", ""),
            (
                host,
                "/_aws/s3-website/x",
                "photos",
                "/_aws/s3-website/x",
                "",
            ),
            (
                "127.0.0.1:4566",
                "/_aws/s3-website/photos/a/",
                "photos",
                "/a/",
                "/_aws/s3-website/photos",
            ),
            (
                "localhost",
                "/_aws/s3-website/photos",
                "photos",
                "/",
                "/_aws/s3-website/photos",
            ),
        ] {
            let address = Address::read(host, path).unwrap();
            assert_eq!(address.bucket, bucket);
            assert_eq!((&*address.path, &*address.base), (rest, base));
        }
        assert_eq!(Address::read("localhost", "/_aws/s3-website/"), None);
        assert_eq!(Address::read("localhost", "/photos/a"), None);
    }
}
