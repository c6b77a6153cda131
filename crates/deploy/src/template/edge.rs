//! `AWS::CloudFront::Distribution`: what stands in front of origins, with functions at its edge.

mod behavior;
mod origin;

use triggers::edge::{ErrorPage, Moment};

use crate::Context;
use crate::desired::{Architecture, Edge, Function, Kind as Made};
use crate::diagnostic::{Finding, Span};
use crate::names::fingerprint;
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::Node;
use Support::{Access, Notice, Obeyed, Refused};

const TAGS: &str = "tags of distributions are not kept";
const ONE_NAME: &str = "a distribution is reached under its own name";

pub(crate) const DISTRIBUTION: Schema = &[("DistributionConfig", Obeyed), ("Tags", Notice(TAGS))];
/// Of an origin: they say who may read it, and nothing enforces that yet.
pub(crate) const CONTROL: Schema = &[("OriginAccessControlConfig", Access)];
pub(crate) const IDENTITY: Schema = &[("CloudFrontOriginAccessIdentityConfig", Access)];

const CONFIG: Schema = &[
    ("Aliases", Notice(ONE_NAME)),
    ("AnycastIpListId", Refused(ONE_NAME)),
    ("CNAMEs", Notice(ONE_NAME)),
    ("CacheBehaviors", Obeyed),
    ("Comment", Obeyed),
    ("ConnectionMode", Refused("a distribution is for one owner")),
    (
        "ContinuousDeploymentPolicyId",
        Refused("there is one configuration at a time"),
    ),
    ("CustomErrorResponses", Obeyed),
    ("CustomOrigin", Refused("write `Origins`")),
    ("DefaultCacheBehavior", Obeyed),
    ("DefaultRootObject", Obeyed),
    ("Enabled", Obeyed),
    ("HttpVersion", Obeyed),
    ("IPV6Enabled", Obeyed),
    ("Logging", Notice("accesses are not logged yet")),
    ("OriginGroups", Refused("an origin has no second one yet")),
    ("Origins", Obeyed),
    ("PriceClass", Obeyed),
    ("Restrictions", Notice("callers are let in from everywhere")),
    ("S3Origin", Refused("write `Origins`")),
    ("Staging", Refused("there is one configuration at a time")),
    ("TenantConfig", Refused("a distribution is for one owner")),
    (
        "ViewerCertificate",
        Notice("the server's own certificate is used, where it has one"),
    ),
    ("WebACLId", Notice("requests are not filtered")),
];
const PAGE: Schema = &[
    ("ErrorCachingMinTTL", Obeyed),
    ("ErrorCode", Obeyed),
    ("ResponseCode", Obeyed),
    ("ResponsePagePath", Obeyed),
];

/// The id by which a distribution is known: an E, and what its domain has behind the d.
pub(crate) fn id(logical_id: &str, context: &Context) -> String {
    let parts = [&context.suffix, &context.stack, logical_id].map(str::as_bytes);
    format!("E{}", fingerprint(&parts)[..13].to_ascii_uppercase())
}

/// Where the cloud has it.
pub(crate) fn domain(id: &str) -> String {
    let rest = id.get(1..).unwrap_or_default();
    format!("d{}.cloudfront.net", rest.to_ascii_lowercase())
}

/// What a distribution is read with.
pub(crate) struct Reading<'f, 'p> {
    pub(crate) context: &'p Context,
    pub(crate) findings: &'p Findings<'f>,
}

impl<'f> Reading<'f, '_> {
    pub(crate) fn read(&self, fields: &Fields<'f>, id: String) -> Option<Edge> {
        fields.required("DistributionConfig")?;
        let config = fields.nested("DistributionConfig", CONFIG, self.findings)?;
        config.required("Enabled");
        let enabled = config.boolean("Enabled");
        let root = config.text("DefaultRootObject");
        let root = root.filter(|root| !root.is_empty());
        if let Some(root) = &root
            && root.starts_with('/')
            && let Some(node) = config.node("DefaultRootObject")
        {
            config.wrong::<()>(
                "DefaultRootObject",
                node,
                "a name without a slash before it",
            );
        }
        config.required("Origins");
        let listed = config.list("Origins").unwrap_or_default();
        let origins = listed.iter().filter_map(|item| self.origin(item)).collect();
        // Also of those that cannot be read.
        let known = listed.iter().filter_map(|item| item.get("Id")?.scalar());
        let known: Vec<&str> = known.collect();
        let mut behaviors: Vec<_> = config
            .list("CacheBehaviors")
            .unwrap_or_default()
            .iter()
            .filter_map(|item| self.behavior(item, "CacheBehaviors", &known))
            .collect();
        let last = config.required("DefaultCacheBehavior")?;
        behaviors.extend(self.behavior(last, "DefaultCacheBehavior", &known));
        let pages = config.list("CustomErrorResponses").unwrap_or_default();
        Some(Edge {
            id,
            enabled: enabled?,
            root,
            origins,
            behaviors,
            pages: pages.iter().filter_map(|item| self.page(item)).collect(),
        })
    }

    fn page(&self, item: &'f Node) -> Option<ErrorPage> {
        let owner = "CustomErrorResponses";
        let fields = Fields::open(item, item.span, owner, PAGE, self.findings)?;
        fields.required("ErrorCode");
        let status = fields.integer("ErrorCode", 400..=599)?;
        let status = u16::try_from(status).ok()?;
        let shown = fields.integer("ResponseCode", 200..=599);
        let shown = shown.and_then(|shown| u16::try_from(shown).ok());
        let path = fields.text("ResponsePagePath");
        if path.is_some() != shown.is_some() {
            let message = "`ResponsePagePath` and `ResponseCode` need one another";
            self.say(item.span, message);
        }
        if let Some(path) = &path
            && !path.starts_with('/')
            && let Some(node) = fields.node("ResponsePagePath")
        {
            fields.wrong::<()>("ResponsePagePath", node, "a path that begins with a slash");
        }
        Some(ErrorPage {
            status,
            page: path.zip(shown),
        })
    }

    fn say(&self, span: Span, message: impl Into<String>) {
        self.findings.report.add(Finding::error(span, message));
    }
}

/// What the service does not let run at an edge is not let here either: it would work here and fail there.
pub(crate) fn check_functions(
    edges: &[(String, Edge, Span)],
    made: &[(String, Made)],
    findings: &Findings<'_>,
) {
    for (_, edge, span) in edges {
        let attached = edge.behaviors.iter().flat_map(|one| &one.functions);
        for one in attached {
            let function = made.iter().find_map(|(_, made)| match made {
                Made::Function(function) if function.name == one.function => Some(function),
                _ => None,
            });
            let why = function.and_then(|function| unfit(function, one.moment));
            if let Some(why) = why {
                let message = format!("`{}` cannot be a function at an edge", one.function);
                findings.report.add(Finding::error(*span, message).why(why));
            }
        }
    }
}

fn unfit(function: &Function, moment: Moment) -> Option<String> {
    let longest = match moment {
        Moment::ViewerRequest | Moment::ViewerResponse => 5,
        Moment::OriginRequest | Moment::OriginResponse => 30,
    };
    let runtime = &function.runtime;
    if !runtime.starts_with("nodejs") && !runtime.starts_with("python") {
        return Some(format!("its runtime is {runtime}, not Node or Python"));
    }
    if function.timeout_s > longest {
        let timeout = function.timeout_s;
        return Some(format!(
            "its timeout is {timeout} s, longer than {longest} s"
        ));
    }
    if !function.environment.is_empty() {
        return Some("it has environment variables".to_owned());
    }
    if !function.layers.is_empty() {
        return Some("it has layers".to_owned());
    }
    if function.architecture != Architecture::X86 {
        return Some("its architecture is not x86_64".to_owned());
    }
    None
}
