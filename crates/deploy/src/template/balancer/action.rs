//! What a rule does with a request.

use triggers::balancer::{Action, Redirect, Share};

use super::{Assembly, Part};
use crate::desired::FixedAnswer;
use crate::diagnostic::{Finding, Span};
use crate::template::scalar;
use crate::template::shape::{Fields, Schema, Support};
use crate::template::tree::Node;
use Support::{Obeyed, Refused};

const NO_LOGIN: &str = "a load balancer asks nobody who he is";

const ACTION: Schema = &[
    ("AuthenticateCognitoConfig", Refused(NO_LOGIN)),
    ("AuthenticateOidcConfig", Refused(NO_LOGIN)),
    ("FixedResponseConfig", Obeyed),
    ("ForwardConfig", Obeyed),
    ("JwtValidationConfig", Refused(NO_LOGIN)),
    ("Order", Obeyed),
    ("RedirectConfig", Obeyed),
    ("TargetGroupArn", Obeyed),
    ("Type", Obeyed),
];
const FORWARD: Schema = &[
    ("TargetGroupStickinessConfig", Obeyed),
    ("TargetGroups", Obeyed),
];
const SHARE: Schema = &[("TargetGroupArn", Obeyed), ("Weight", Obeyed)];
const STICKINESS: Schema = &[("DurationSeconds", Obeyed), ("Enabled", Obeyed)];
const FIXED: Schema = &[
    ("ContentType", Obeyed),
    ("MessageBody", Obeyed),
    ("StatusCode", Obeyed),
];
const REDIRECT: Schema = &[
    ("Host", Obeyed),
    ("Path", Obeyed),
    ("Port", Obeyed),
    ("Protocol", Obeyed),
    ("Query", Obeyed),
    ("StatusCode", Obeyed),
];
const CONTENT_TYPES: [&str; 5] = [
    "application/javascript",
    "application/json",
    "text/css",
    "text/html",
    "text/plain",
];
const LONGEST_BODY: usize = 1_024;
const MAX_GROUPS: usize = 5;

impl<'f> Assembly<'f, '_> {
    pub(super) fn action(&self, fields: &Fields<'f>, name: &'static str) -> Option<Action> {
        let node = fields.required(name)?;
        let actions = fields.list(name)?;
        let [action] = actions else {
            // Only those that ask who somebody is may stand before another.
            self.say(node.span, format!("`{name}` must be one action"));
            return None;
        };
        let fields = Fields::open(action, action.span, name, ACTION, self.findings)?;
        let types = ["fixed-response", "forward", "redirect"];
        match fields.required_text("Type")?.as_str() {
            "forward" => self.forward(&fields),
            "fixed-response" => self.fixed(&fields),
            "redirect" => self.redirect(&fields),
            other => {
                let message = format!("actions of type `{other}` are not supported yet");
                let finding = Finding::error(fields.place("Type"), message);
                let help = format!("supported are {}", types.join(", "));
                self.findings.report.add(finding.help(help));
                None
            }
        }
    }

    fn say(&self, span: Span, message: impl Into<String>) {
        self.findings.report.add(Finding::error(span, message));
    }

    fn forward(&self, fields: &Fields<'f>) -> Option<Action> {
        let Some(config) = fields.nested("ForwardConfig", FORWARD, self.findings) else {
            let node = fields.required("TargetGroupArn")?;
            let group = self.known(node)?;
            return Some(Action::Forward(vec![Share { group, weight: 1 }]));
        };
        let sticky = config.nested("TargetGroupStickinessConfig", STICKINESS, self.findings);
        if sticky.is_some_and(|sticky| sticky.boolean("Enabled") == Some(true)) {
            let place = config.place("TargetGroupStickinessConfig");
            self.say(place, "callers are not kept with one target group yet");
        }
        config.required("TargetGroups");
        let groups = config.list("TargetGroups")?;
        if groups.is_empty() || groups.len() > MAX_GROUPS {
            let place = config.place("TargetGroups");
            self.say(
                place,
                format!("an action has 1 to {MAX_GROUPS} target groups"),
            );
        }
        let shares = groups.iter().filter_map(|group| {
            let fields = Fields::open(group, group.span, "TargetGroups", SHARE, self.findings)?;
            let weight = fields.integer("Weight", 0..=999).unwrap_or(1);
            let group = self.known(fields.required("TargetGroupArn")?)?;
            Some(Share { group, weight })
        });
        Some(Action::Forward(shares.collect()))
    }

    fn known(&self, node: &Node) -> Option<String> {
        let arn = scalar::text(node, self.findings.report)?;
        let mut groups = self.pieces.iter().filter(|one| one.part == Part::Group);
        if groups.any(|group| group.arn == arn) {
            return Some(arn);
        }
        self.findings.report.add(
            Finding::error(
                node.span,
                "`TargetGroupArn` must be a target group of this template",
            )
            .help("write !Ref and its logical id"),
        );
        None
    }

    fn fixed(&self, fields: &Fields<'f>) -> Option<Action> {
        fields.required("FixedResponseConfig")?;
        let fixed = fields.nested("FixedResponseConfig", FIXED, self.findings)?;
        fixed.required("StatusCode");
        let status = fixed.integer("StatusCode", 200..=599);
        let status = status.filter(|status| {
            let fine = !(300..400).contains(status);
            if let (false, Some(node)) = (fine, fixed.node("StatusCode")) {
                fixed.wrong::<()>("StatusCode", node, "a status of 2XX, 4XX or 5XX");
            }
            fine
        });
        let kind = fixed.choice("ContentType", &CONTENT_TYPES);
        let body = fixed.text("MessageBody").unwrap_or_default();
        if body.len() > LONGEST_BODY {
            let message = format!("`MessageBody` must be at most {LONGEST_BODY} bytes long");
            self.say(fixed.place("MessageBody"), message);
        }
        let kind = kind.unwrap_or("text/plain");
        Some(Action::Answer(FixedAnswer {
            status: u16::try_from(status?).ok()?,
            headers: match body.is_empty() {
                true => Vec::new(),
                false => vec![("content-type".into(), format!("{kind}; charset=utf-8"))],
            },
            body,
        }))
    }

    fn redirect(&self, fields: &Fields<'f>) -> Option<Action> {
        fields.required("RedirectConfig")?;
        let config = fields.nested("RedirectConfig", REDIRECT, self.findings)?;
        config.required("StatusCode");
        let status = config.choice("StatusCode", &["HTTP_301", "HTTP_302"]);
        let or = |name: &str, usual: &str| config.text(name).unwrap_or_else(|| usual.to_owned());
        let protocol = or("Protocol", "#{protocol}");
        if !["HTTP", "HTTPS", "#{protocol}"].contains(&protocol.as_str())
            && let Some(node) = config.node("Protocol")
        {
            config.wrong::<()>("Protocol", node, "one of HTTP, HTTPS, #{protocol}");
        }
        let redirect = Redirect {
            status: if status? == "HTTP_301" { 301 } else { 302 },
            protocol,
            host: or("Host", "#{host}"),
            port: or("Port", "#{port}"),
            path: or("Path", "/#{path}"),
            query: or("Query", "#{query}"),
        };
        if !redirect.path.starts_with('/')
            && let Some(node) = config.node("Path")
        {
            config.wrong::<()>("Path", node, "a path that begins with a slash");
        }
        let parts = (
            &redirect.protocol,
            &redirect.host,
            &redirect.port,
            &redirect.path,
        );
        if parts
            == (
                &"#{protocol}".to_owned(),
                &"#{host}".to_owned(),
                &"#{port}".to_owned(),
                &"/#{path}".to_owned(),
            )
        {
            let place = fields.place("RedirectConfig");
            self.findings.report.add(
                Finding::error(place, "this redirect leads to where it comes from")
                    .help("change at least one of Protocol, Host, Port and Path"),
            );
        }
        Some(Action::Redirect(redirect))
    }
}
