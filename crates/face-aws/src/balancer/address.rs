//! Where load balancers are reached: by a host name that begins with their name, or, where such names do not resolve or
//! the host is to be another, by a path. One of several listeners is named by its port.

/// A request's address, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The balancer's name.
    pub(crate) name: String,
    /// Of the listener; none for the usual one.
    pub(crate) port: Option<u16>,
    pub(crate) path: String,
    /// As it was sent.
    pub(crate) host: String,
}

/// `<name>[.<port>].elb.localhost`.
const LOCAL: [&str; 2] = [".elb.localhost", ".elb.localhost.localstack.cloud"];
/// `<name>-<number>.<region>.elb.amazonaws.com`.
const CLOUD: &str = ".elb.amazonaws.com";
/// `/_aws/elb/<name>[:<port>]/...`.
const PATH: &str = "/_aws/elb/";

impl Address {
    /// None if it is no load balancer's.
    pub(crate) fn read(host: &str, path: &str) -> Option<Self> {
        let (named, path) = match by_host(split(host).0) {
            Some(named) => (named, path.to_owned()),
            None => {
                let rest = path.strip_prefix(PATH)?;
                let (front, path) = rest.split_once('/').unwrap_or((rest, ""));
                let (name, port) = split(front);
                ((name, port), format!("/{path}"))
            }
        };
        let (name, port) = named;
        (!name.is_empty()).then(|| Self {
            name: name.to_owned(),
            port,
            path,
            host: host.to_owned(),
        })
    }

    /// The host and the port that the caller names.
    pub(crate) fn host_and_port(&self) -> (&str, Option<u16>) {
        split(&self.host)
    }
}

fn by_host(host: &str) -> Option<(&str, Option<u16>)> {
    if let Some(front) = LOCAL.iter().find_map(|suffix| host.strip_suffix(suffix)) {
        return match front.split_once('.') {
            None => Some((front, None)),
            Some((name, port)) => Some((name, Some(port.parse().ok()?))),
        };
    }
    let (name, _region) = host.strip_suffix(CLOUD)?.split_once('.')?;
    let (name, number) = name.rsplit_once('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    // No name begins so: it says that the balancer is not for everybody.
    let name = name.strip_prefix("internal-").unwrap_or(name);
    is_number.then_some((name, None))
}

fn split(host: &str) -> (&str, Option<u16>) {
    match host.rsplit_once(':') {
        Some((name, port)) => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (host, None),
        },
        None => (host, None),
    }
}
