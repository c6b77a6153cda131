//! Where gateways are reached: by a host name that begins with their id, or, where such names do not resolve, by a path.

/// A request's address, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The gateway's id.
    pub(crate) gateway: String,
    /// The stage and what follows it.
    pub(crate) path: String,
    /// As the function is to see it.
    pub(crate) host: String,
}

/// What stands behind the id in a host name.
const SERVICES: [&str; 2] = ["execute-api", "lambda-url"];
const SUFFIXES: [&str; 5] = [
    "localhost",
    "localhost.localstack.cloud",
    "amazonaws.com",
    "amazonaws.com.cn",
    "on.aws",
];
/// The paths that do without a host name, as users of other local clouds know them.
const PATHS: [&str; 2] = ["/_aws/execute-api/", "/_aws/lambda-url/"];
const OLD_PATH: &str = "/restapis/";
const OLD_MARK: &str = "/_user_request_";

impl Address {
    /// None if it is no gateway's.
    pub(crate) fn read(host: &str, path: &str) -> Option<Self> {
        if let Some(gateway) = by_host(host) {
            return Some(Self {
                gateway: gateway.to_ascii_lowercase(),
                path: path.to_owned(),
                host: host.to_owned(),
            });
        }
        let rest = PATHS.iter().find_map(|prefix| path.strip_prefix(prefix));
        if let Some(rest) = rest {
            let (gateway, path) = rest.split_once('/').unwrap_or((rest, ""));
            return Some(Self {
                gateway: gateway.to_owned(),
                path: format!("/{path}"),
                host: host.to_owned(),
            });
        }
        let (front, path) = path.strip_prefix(OLD_PATH)?.split_once(OLD_MARK)?;
        let (gateway, stage) = front.split_once('/')?;
        Some(Self {
            gateway: gateway.to_owned(),
            path: format!("/{stage}{path}"),
            host: host.to_owned(),
        })
    }
}

/// The id in `id.execute-api[.region].suffix[:port]`.
fn by_host(host: &str) -> Option<&str> {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let front = SUFFIXES
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix)?.strip_suffix('.'))?;
    let mut labels = front.split('.');
    let (id, service) = (labels.next()?, labels.next()?);
    let region = labels.next();
    let fits = SERVICES.contains(&service) && labels.next().is_none() && region != Some("");
    (fits && !id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_paths_name_gateways() {
        for (host, path, gateway, rest) in [
            (
                "abc.execute-api.localhost:4566",
                "/Prod/x",
                "abc",
                "/Prod/x",
            ),
            ("abc.execute-api.us-east-1.amazonaws.com", "/", "abc", "/"),
            (
                "abc.execute-api.cn-north-1.amazonaws.com.cn",
                "/",
                "abc",
                "/",
            ),
            (
                "abc.execute-api.localhost.localstack.cloud:4566",
                "/a",
                "abc",
                "/a",
            ),
            ("abc.lambda-url.us-east-1.on.aws", "/a", "abc", "/a"),
            ("abc.lambda-url.localhost:4566", "/a", "abc", "/a"),
            (
                "localhost:4566",
                "/_aws/execute-api/abc/Prod/x/y",
                "abc",
                "/Prod/x/y",
            ),
            ("localhost:4566", "/_aws/lambda-url/abc", "abc", "/"),
            (
                "localhost:4566",
                "/restapis/abc/Prod/_user_request_/x",
                "abc",
                "/Prod/x",
            ),
        ] {
            let found = Address::read(host, path).unwrap();
            assert_eq!(
                (found.gateway.as_str(), found.path.as_str()),
                (gateway, rest),
                "{host}{path}"
            );
        }
        for (host, path) in [
            ("localhost:4566", "/bucket/key"),
            ("photos.s3.localhost", "/execute-api"),
            ("execute-api.us-east-1.amazonaws.com", "/"),
            ("lambda.us-east-1.amazonaws.com", "/2015-03-31/functions"),
            ("localhost:4566", "/restapis/abc"),
        ] {
            assert_eq!(Address::read(host, path), None, "{host}{path}");
        }
    }
}
