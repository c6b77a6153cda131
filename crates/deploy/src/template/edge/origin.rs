//! Where a distribution's answers come from.

use triggers::edge::{Origin, Protocol, Server, Web};

use super::Reading;
use crate::diagnostic::Finding;
use crate::template::shape::{Fields, Schema, Support};
use crate::template::tree::Node;
use Support::{Access, Notice, Obeyed, Refused};

const ONE_TRY: &str = "an origin is asked once, and is near";

const ORIGIN: Schema = &[
    ("ConnectionAttempts", Notice(ONE_TRY)),
    ("ConnectionTimeout", Notice(ONE_TRY)),
    ("CustomOriginConfig", Obeyed),
    ("DomainName", Obeyed),
    ("Id", Obeyed),
    ("OriginAccessControlId", Access),
    ("OriginCustomHeaders", Obeyed),
    ("OriginPath", Obeyed),
    ("OriginShield", Notice("nothing is cached")),
    ("ResponseCompletionTimeout", Notice(ONE_TRY)),
    ("S3OriginConfig", Obeyed),
    (
        "VpcOriginConfig",
        Refused("there is no network of one's own"),
    ),
];
const BUCKET: Schema = &[
    ("OriginAccessIdentity", Access),
    ("OriginReadTimeout", Notice("a bucket is near")),
];
const WEB: Schema = &[
    ("HTTPPort", Obeyed),
    ("HTTPSPort", Obeyed),
    ("IpAddressType", Obeyed),
    ("OriginKeepaliveTimeout", Obeyed),
    ("OriginProtocolPolicy", Obeyed),
    ("OriginReadTimeout", Obeyed),
    ("OriginSSLProtocols", Obeyed),
];
const HEADER: Schema = &[("HeaderName", Obeyed), ("HeaderValue", Obeyed)];

impl<'f> Reading<'f, '_> {
    pub(super) fn origin(&self, item: &'f Node) -> Option<Origin> {
        let fields = Fields::open(item, item.span, "Origins", ORIGIN, self.findings)?;
        let id = fields.required_text("Id");
        let domain = fields.required_text("DomainName");
        let path = fields.text("OriginPath").unwrap_or_default();
        if !path.is_empty()
            && (!path.starts_with('/') || path.ends_with('/'))
            && let Some(node) = fields.node("OriginPath")
        {
            let shape = "a path with a slash before it and none behind";
            fields.wrong::<()>("OriginPath", node, shape);
        }
        let (domain, id) = (domain?, id?);
        let server = self.server(&fields, &domain)?;
        let headers = fields.list("OriginCustomHeaders").unwrap_or_default();
        let header = |item: &'f Node| {
            let owner = "OriginCustomHeaders";
            let fields = Fields::open(item, item.span, owner, HEADER, self.findings)?;
            let name = fields.required_text("HeaderName");
            let value = fields.required_text("HeaderValue");
            Some((name?, value?))
        };
        Some(Origin {
            id,
            domain,
            path,
            headers: headers.iter().filter_map(header).collect(),
            server,
        })
    }

    fn server(&self, fields: &Fields<'f>, domain: &str) -> Option<Server> {
        let place = fields.place("DomainName");
        match (
            fields.has("S3OriginConfig"),
            fields.has("CustomOriginConfig"),
        ) {
            (true, false) => {
                let config = fields.nested("S3OriginConfig", BUCKET, self.findings)?;
                if !domain.contains(".s3.") && !domain.contains(".s3-") {
                    self.findings.report.add(
                        Finding::error(place, "`DomainName` must be a bucket's")
                            .help("write `!GetAtt TheBucket.RegionalDomainName`"),
                    );
                }
                let identity = config.text("OriginAccessIdentity").unwrap_or_default();
                Some(Server::Bucket {
                    signed: !identity.is_empty(),
                })
            }
            (false, true) => {
                let config = fields.nested("CustomOriginConfig", WEB, self.findings)?;
                if domain.contains(['/', ':']) {
                    let message = "`DomainName` must be a name, without scheme, port and path";
                    self.say(place, message);
                }
                self.web(&config).map(Server::Web)
            }
            _ => {
                let message = "an origin has either `S3OriginConfig` or `CustomOriginConfig`";
                self.say(place, message);
                None
            }
        }
    }

    fn web(&self, config: &Fields<'f>) -> Option<Web> {
        config.required("OriginProtocolPolicy");
        let policies = ["http-only", "https-only", "match-viewer"];
        let protocol = match config.choice("OriginProtocolPolicy", &policies)? {
            "http-only" => Protocol::Plain,
            "https-only" => Protocol::Secure,
            _ => Protocol::Same,
        };
        let port = |name: &str, usual: u16| {
            let port = config.integer(name, 1..=65_535);
            port.and_then(|port| u16::try_from(port).ok())
                .unwrap_or(usual)
        };
        let seconds = |name: &str, usual| config.integer(name, 1..=120).unwrap_or(usual);
        let listed = config.list("OriginSSLProtocols").unwrap_or_default().iter();
        let listed: Vec<String> = listed
            .filter_map(|item| item.scalar().map(str::to_owned))
            .collect();
        Some(Web {
            protocol,
            port: port("HTTPPort", 80),
            secure_port: port("HTTPSPort", 443),
            read_timeout_s: seconds("OriginReadTimeout", 30),
            keep_alive_s: seconds("OriginKeepaliveTimeout", 5),
            encryption: match listed.is_empty() {
                true => ["TLSv1", "SSLv3"].map(str::to_owned).to_vec(),
                false => listed,
            },
        })
    }
}
