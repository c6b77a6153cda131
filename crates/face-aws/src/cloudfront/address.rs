//! Where distributions are reached: by a host name that begins with their id or with the label that the cloud makes of it,
//! or, where such names do not resolve or the host is to be another, by a path.

/// A request's address, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The distribution's id, in capitals.
    pub(crate) id: String,
    pub(crate) path: String,
    /// As it was sent.
    pub(crate) host: String,
}

const SUFFIXES: [&str; 3] = [
    ".cloudfront.localhost",
    ".cloudfront.localhost.localstack.cloud",
    ".cloudfront.net",
];
const PATH: &str = "/_aws/cloudfront/";

impl Address {
    /// None if it is no distribution's.
    pub(crate) fn read(host: &str, path: &str) -> Option<Self> {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let label = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
        let (label, path) = match label {
            Some(label) => (label, path.to_owned()),
            None => {
                let rest = path.strip_prefix(PATH)?;
                let (label, path) = rest.split_once('/').unwrap_or((rest, ""));
                (label, format!("/{path}"))
            }
        };
        Some(Self {
            id: id(label)?,
            path,
            host: host.to_owned(),
        })
    }
}

/// The id begins with an E where the label of the domain has a d.
fn id(label: &str) -> Option<String> {
    let rest = label.strip_prefix(['d', 'D', 'e', 'E'])?;
    let plain = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| format!("E{}", rest.to_ascii_uppercase()))
}

/// The domain that the cloud gives a distribution.
pub(super) fn domain(id: &str) -> String {
    let rest = id.get(1..).unwrap_or_default();
    format!("d{}.cloudfront.net", rest.to_ascii_lowercase())
}
