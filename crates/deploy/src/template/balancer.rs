//! `AWS::ElasticLoadBalancingV2::*`: load balancers, their listeners and rules, and the groups of functions behind them.
//! A balancer is declared in pieces that refer to one another by ARN; here they become one.

mod action;
mod condition;
mod group;

use crate::Context;
use crate::desired::{Balancer, Group};
use crate::diagnostic::{Finding, Span};
use crate::names::fingerprint;
use crate::template::declared::{Attribute, Attributes};
use crate::template::shape::{Fields, Findings, Schema, Support};
use crate::template::tree::Node;
use Support::{Notice, Obeyed, Refused};
use triggers::balancer::{Forwarded, Listener, Rule};

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Balancer,
    Listener,
    Rule,
    Group,
}

const NO_NETWORK: &str =
    "there is no network of one's own; a load balancer is reached under its name";
const TAGS: &str = "tags of load balancers are not kept";

const BALANCER: Schema = &[
    (
        "EnableCapacityReservationProvisionStabilize",
        Notice("there is nothing to reserve"),
    ),
    (
        "EnablePrefixForIpv6SourceNat",
        Refused("only application load balancers are there"),
    ),
    (
        "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
        Refused("only application load balancers are there"),
    ),
    ("IpAddressType", Notice(NO_NETWORK)),
    ("Ipv4IpamPoolId", Notice(NO_NETWORK)),
    ("LoadBalancerAttributes", Obeyed),
    (
        "MinimumLoadBalancerCapacity",
        Notice("there is nothing to reserve"),
    ),
    ("Name", Obeyed),
    ("Scheme", Obeyed),
    ("SecurityGroups", Notice(NO_NETWORK)),
    ("SubnetMappings", Notice(NO_NETWORK)),
    ("Subnets", Notice(NO_NETWORK)),
    ("Tags", Notice(TAGS)),
    ("Type", Obeyed),
];

const LISTENER: Schema = &[
    (
        "AlpnPolicy",
        Refused("only application load balancers are there"),
    ),
    (
        "Certificates",
        Notice("the server's own certificate is used, where it has one"),
    ),
    ("DefaultActions", Obeyed),
    (
        "ListenerAttributes",
        Notice("headers are not changed by a listener"),
    ),
    ("LoadBalancerArn", Obeyed),
    (
        "MutualAuthentication",
        Refused("callers' certificates are not asked for"),
    ),
    ("Port", Obeyed),
    ("Protocol", Obeyed),
    (
        "SslPolicy",
        Notice("the server's own certificate is used, where it has one"),
    ),
];

const RULE: Schema = &[
    ("Actions", Obeyed),
    ("Conditions", Obeyed),
    ("ListenerArn", Obeyed),
    ("Priority", Obeyed),
    ("Transforms", Refused("requests are not rewritten")),
];

const ATTRIBUTE: Schema = &[("Key", Obeyed), ("Value", Obeyed)];
const FORWARDED: &str = "routing.http.xff_header_processing.mode";
/// The service's largest.
const MAX_PRIORITY: u32 = 50_000;

impl Part {
    pub(crate) fn schema(self) -> Schema {
        match self {
            Self::Balancer => BALANCER,
            Self::Listener => LISTENER,
            Self::Rule => RULE,
            Self::Group => group::PROPERTIES,
        }
    }

    pub(crate) fn attributes(self) -> Attributes {
        use Attribute::{Obeyed, Refused};
        match self {
            Self::Balancer => &[
                (
                    "CanonicalHostedZoneID",
                    Refused("there are no zones of names"),
                ),
                ("DNSName", Obeyed),
                ("LoadBalancerArn", Obeyed),
                ("LoadBalancerFullName", Obeyed),
                ("LoadBalancerName", Obeyed),
                ("SecurityGroups", Refused(NO_NETWORK)),
            ],
            Self::Listener => &[("ListenerArn", Obeyed)],
            Self::Rule => &[
                ("IsDefault", Refused("a rule of its own never is")),
                ("RuleArn", Obeyed),
            ],
            Self::Group => &[
                (
                    "LoadBalancerArns",
                    Refused("they are known when all is read"),
                ),
                ("TargetGroupArn", Obeyed),
                ("TargetGroupFullName", Obeyed),
                ("TargetGroupName", Obeyed),
            ],
        }
    }

    /// The property by which its ARN is made from another piece's.
    pub(crate) fn parent(self) -> Option<&'static str> {
        match self {
            Self::Balancer | Self::Group => None,
            Self::Listener => Some("LoadBalancerArn"),
            Self::Rule => Some("ListenerArn"),
        }
    }
}

/// A piece, and where it is declared.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) part: Part,
    pub(crate) logical_id: String,
    /// Physical; of what has none, nothing is named so.
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) span: Span,
    pub(crate) properties: Node,
}

/// The ARN of a piece with this name, or of one that belongs to another.
pub(crate) fn arn(
    part: Part,
    logical_id: &str,
    name: &str,
    parent: Option<&str>,
    context: &Context,
) -> Option<String> {
    let tail = tail(logical_id, context);
    let own = |kind: &str| {
        let resource = format!("{kind}/{name}/{tail}");
        context.arn("elasticloadbalancing", &resource)
    };
    let below = |from: &str, to: &str| {
        let parent = parent?;
        let found = parent.contains(from);
        found.then(|| format!("{}/{tail}", parent.replacen(from, to, 1)))
    };
    match part {
        Part::Balancer => Some(own("loadbalancer/app")),
        Part::Group => Some(own("targetgroup")),
        Part::Listener => below(":loadbalancer/", ":listener/"),
        Part::Rule => below(":listener/", ":listener-rule/"),
    }
}

/// Where the cloud has it.
pub(crate) fn address(logical_id: &str, name: &str, internal: bool, context: &Context) -> String {
    let digits = u64::from_str_radix(&tail(logical_id, context)[..12], 16).unwrap_or_default();
    let front = if internal { "internal-" } else { "" };
    let (region, suffix) = (&context.region, context.url_suffix());
    format!(
        "{front}{name}-{:010}.{region}.elb.{suffix}",
        digits % 10_000_000_000
    )
}

fn tail(logical_id: &str, context: &Context) -> String {
    let parts = [&context.suffix, &context.stack, logical_id].map(str::as_bytes);
    let mut tail = fingerprint(&parts);
    tail.truncate(16);
    tail
}

/// Puts pieces together.
pub(crate) struct Assembly<'f, 'p> {
    pub(crate) pieces: &'f [Piece],
    pub(crate) context: &'p Context,
    pub(crate) findings: &'p Findings<'f>,
}

impl<'f> Assembly<'f, '_> {
    /// The balancers, by their logical ids.
    pub(crate) fn balancers(&self) -> Vec<(String, Balancer)> {
        self.check_parents();
        // Also what no rule leads to is looked at.
        let groups = self.of(Part::Group);
        let groups: Vec<Group> = groups
            .filter_map(|(piece, fields)| self.group(piece, &fields))
            .collect();
        let balancers = self.of(Part::Balancer);
        balancers
            .map(|(piece, fields)| {
                let balancer = self.balancer(piece, &fields, &groups);
                (piece.logical_id.clone(), balancer)
            })
            .collect()
    }

    fn of(&self, part: Part) -> impl Iterator<Item = (&'f Piece, Fields<'f>)> {
        let pieces = self.pieces.iter().filter(move |piece| piece.part == part);
        pieces.filter_map(|piece| {
            let fields = Fields::trusted(&piece.properties, piece.span, self.findings)?;
            Some((piece, fields))
        })
    }

    /// The pieces that belong to the one with this ARN.
    fn below(&self, part: Part, arn: &str) -> impl Iterator<Item = (&'f Piece, Fields<'f>)> {
        let property = part.parent().unwrap_or_default();
        self.of(part)
            .filter(move |(_, fields)| fields.node(property).and_then(Node::scalar) == Some(arn))
    }

    /// What belongs to nothing that the template makes would be nothing.
    fn check_parents(&self) {
        for (part, of, what) in [
            (Part::Listener, Part::Balancer, "a load balancer"),
            (Part::Rule, Part::Listener, "a listener"),
        ] {
            for (_, fields) in self.of(part) {
                let property = part.parent().unwrap_or_default();
                let Some(arn) = fields.required_text(property) else {
                    continue;
                };
                let there = self.pieces.iter();
                if !there.clone().any(|one| one.part == of && one.arn == arn) {
                    self.findings.report.add(
                        Finding::error(
                            fields.place(property),
                            format!("`{property}` must be {what} of this template"),
                        )
                        .help("write !Ref and its logical id"),
                    );
                }
            }
        }
    }

    fn balancer(&self, piece: &Piece, fields: &Fields<'f>, groups: &[Group]) -> Balancer {
        fields.choice("Scheme", &["internet-facing", "internal"]);
        if let Some(kind) = fields.text("Type")
            && kind != "application"
        {
            self.findings.report.add(
                Finding::error(
                    fields.place("Type"),
                    format!("load balancers of type `{kind}` are not supported yet"),
                )
                .help("supported are application load balancers"),
            );
        }
        self.check_name(piece, fields);
        let forwarded = self.forwarded(fields);
        let listeners = self.below(Part::Listener, &piece.arn);
        let listeners: Vec<Listener> = listeners
            .filter_map(|(piece, fields)| self.listener(piece, &fields))
            .collect();
        // The others are other balancers', or nobody's.
        let groups = groups.iter().filter(|group| {
            let mut listeners = listeners.iter();
            listeners.any(|listener| forwards(listener, &group.id))
        });
        let groups = groups.cloned().collect();
        self.check_ports(piece, &listeners);
        Balancer {
            name: piece.name.clone(),
            listeners,
            groups,
            forwarded,
        }
    }

    fn check_name(&self, piece: &Piece, fields: &Fields<'f>) {
        let name = &piece.name;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let fine = (1..=32).contains(&name.len())
            && name.bytes().all(plain)
            && !name.starts_with('-')
            && !name.ends_with('-')
            && !name.starts_with("internal-");
        if let (false, Some(node)) = (fine, fields.node("Name")) {
            fields.wrong::<()>(
                "Name",
                node,
                "at most 32 letters, digits and dashes, with no dash first or last",
            );
        }
    }

    fn check_ports(&self, piece: &Piece, listeners: &[Listener]) {
        let mut ports: Vec<u16> = listeners.iter().map(|one| one.port).collect();
        ports.sort_unstable();
        if let Some(twice) = ports.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!(
                "two listeners of `{}` have port {}",
                piece.logical_id, twice[0]
            );
            self.findings
                .report
                .add(Finding::error(piece.span, message));
        }
    }

    fn forwarded(&self, fields: &Fields<'f>) -> Forwarded {
        let mut forwarded = Forwarded::Append;
        for (key, value, span) in attributes(fields, "LoadBalancerAttributes", self.findings) {
            match (key.as_str(), value.as_str()) {
                (FORWARDED, "append") => forwarded = Forwarded::Append,
                (FORWARDED, "preserve") => forwarded = Forwarded::Preserve,
                (FORWARDED, "remove") => forwarded = Forwarded::Remove,
                (FORWARDED, _) => self.findings.report.add(Finding::error(
                    span,
                    format!("`{FORWARDED}` must be one of append, preserve, remove"),
                )),
                _ => self.findings.report.add(
                    Finding::notice(span, format!("`{key}` has no effect here"))
                        .why(format!("only `{FORWARDED}` is obeyed")),
                ),
            }
        }
        forwarded
    }

    fn listener(&self, piece: &Piece, fields: &Fields<'f>) -> Option<Listener> {
        fields.required("Port");
        fields.required("Protocol");
        let port = fields.integer("Port", 1..=65_535);
        let protocol = fields.choice("Protocol", &["HTTP", "HTTPS"]);
        let otherwise = self.action(fields, "DefaultActions");
        let mut rules: Vec<(u32, Rule)> = self
            .below(Part::Rule, &piece.arn)
            .filter_map(|(_, fields)| self.rule(&fields))
            .collect();
        rules.sort_by_key(|(priority, _)| *priority);
        if let Some(twice) = rules.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let message = format!(
                "two rules of `{}` have priority {}",
                piece.logical_id, twice[0].0
            );
            self.findings
                .report
                .add(Finding::error(piece.span, message));
        }
        Some(Listener {
            port: u16::try_from(port?).ok()?,
            secure: protocol? == "HTTPS",
            rules: rules.into_iter().map(|(_, rule)| rule).collect(),
            otherwise: otherwise?,
        })
    }

    fn rule(&self, fields: &Fields<'f>) -> Option<(u32, Rule)> {
        fields.required("Priority");
        let priority = fields.integer("Priority", 1..=MAX_PRIORITY);
        let conditions = self.conditions(fields);
        let action = self.action(fields, "Actions");
        let rule = Rule {
            conditions: conditions?,
            action: action?,
        };
        Some((priority?, rule))
    }
}

fn forwards(listener: &Listener, group: &str) -> bool {
    let rules = listener.rules.iter().map(|rule| &rule.action);
    let mut actions = rules.chain([&listener.otherwise]);
    actions.any(|action| match action {
        triggers::balancer::Action::Forward(shares) => {
            shares.iter().any(|share| share.group == group)
        }
        _ => false,
    })
}

/// Keys, values and places of a list of attributes.
fn attributes<'f>(
    fields: &Fields<'f>,
    name: &'static str,
    findings: &Findings<'f>,
) -> Vec<(String, String, Span)> {
    let items = fields.list(name).unwrap_or_default().iter();
    items
        .filter_map(|item| {
            let fields = Fields::open(item, item.span, name, ATTRIBUTE, findings)?;
            let key = fields.required_text("Key");
            let value = fields.required_text("Value");
            Some((key?, value?, item.span))
        })
        .collect()
}

/// A list of texts.
fn texts(fields: &Fields<'_>, name: &str) -> Vec<String> {
    let items = fields.list(name).unwrap_or_default().iter();
    items
        .filter_map(|item| {
            let text = item.scalar().map(str::to_owned);
            text.or_else(|| fields.wrong(name, item, "a list of strings"))
        })
        .collect()
}
