//! What a distribution does with requests for some paths.

use triggers::edge::{Moment, Passed};

use super::Reading;
use crate::desired::{EdgeBehavior, EdgeFunction, EdgeVersion};
use crate::diagnostic::Finding;
use crate::template::declared::MARK;
use crate::template::shape::{Fields, Schema, Support};
use crate::template::tree::Node;
use Support::{Notice, Obeyed, Refused};

const NO_CACHE: &str = "nothing is cached: each request goes to the origin";
const NO_KEYS: &str = "signed addresses are not checked";

const BEHAVIOR: Schema = &[
    ("AllowedMethods", Obeyed),
    ("CachePolicyId", Obeyed),
    ("CachedMethods", Obeyed),
    ("Compress", Notice("answers are not compressed")),
    ("DefaultTTL", Notice(NO_CACHE)),
    ("FieldLevelEncryptionId", Refused("nothing is encrypted")),
    ("ForwardedValues", Obeyed),
    (
        "FunctionAssociations",
        Refused("only Lambda functions run at an edge"),
    ),
    ("GrpcConfig", Refused("gRPC is not passed on")),
    ("LambdaFunctionAssociations", Obeyed),
    ("MaxTTL", Notice(NO_CACHE)),
    ("MinTTL", Notice(NO_CACHE)),
    ("OriginRequestPolicyId", Obeyed),
    ("PathPattern", Obeyed),
    (
        "RealtimeLogConfigArn",
        Notice("accesses are not logged yet"),
    ),
    (
        "ResponseHeadersPolicyId",
        Refused("headers of answers are functions' to set"),
    ),
    ("SmoothStreaming", Refused("nothing is streamed so")),
    ("TargetOriginId", Obeyed),
    ("TrustedKeyGroups", Refused(NO_KEYS)),
    ("TrustedSigners", Refused(NO_KEYS)),
    ("ViewerProtocolPolicy", Obeyed),
];
const FORWARDED: Schema = &[
    ("Cookies", Obeyed),
    ("Headers", Obeyed),
    ("QueryString", Obeyed),
    ("QueryStringCacheKeys", Notice(NO_CACHE)),
];
const COOKIES: Schema = &[("Forward", Obeyed), ("WhitelistedNames", Obeyed)];
const ATTACHED: Schema = &[
    ("EventType", Obeyed),
    ("IncludeBody", Obeyed),
    ("LambdaFunctionARN", Obeyed),
];
/// Left out of what passes unless they are listed.
const LEFT_OUT: [&str; 10] = [
    "accept",
    "accept-charset",
    "accept-language",
    "authorization",
    "host",
    "referer",
    "te",
    "user-agent",
    "x-http-method-override",
    "x-real-ip",
];

/// Query, headers and cookies that a policy of the service lets pass.
type Policy = (&'static str, fn() -> [Passed; 3]);

const NOTHING: fn() -> [Passed; 3] = || [Passed::Nothing, Passed::Nothing, Passed::Nothing];
/// CachingDisabled, CachingOptimized, CachingOptimizedForUncompressedObjects and the two that leave it to the origin.
const CACHE_POLICIES: [Policy; 5] = [
    ("4135ea2d-6df8-44a3-9df3-4b5a84be39ad", NOTHING),
    ("658327ea-f89d-4fab-a63d-7e88639e58f6", NOTHING),
    ("b2884449-e4de-46a7-ac36-70bc7f1ddd6d", NOTHING),
    ("83da9c7e-98b4-4e11-a168-04f0df8e2c65", || {
        [Passed::Nothing, origin_headers(), Passed::All]
    }),
    ("4cc15a8a-d715-48a4-82b8-cc0b614638fe", || {
        [Passed::All, origin_headers(), Passed::All]
    }),
];
/// AllViewer, AllViewerExceptHostHeader, CORS-S3Origin, CORS-CustomOrigin, UserAgentRefererHeaders.
const REQUEST_POLICIES: [Policy; 5] = [
    ("216adef6-5c7f-47e4-b989-5492eafa07d3", || {
        [Passed::All, Passed::All, Passed::All]
    }),
    ("b689b0a8-53d0-40ab-baf2-68738e2966ac", || {
        let all_but_host = Passed::Except(vec!["host".into()]);
        [Passed::All, all_but_host, Passed::All]
    }),
    ("88a5eaf4-2fd4-4709-b370-b4c650ea3fcf", || {
        let names = [
            "origin",
            "access-control-request-headers",
            "access-control-request-method",
        ];
        [Passed::Nothing, only(&names), Passed::Nothing]
    }),
    ("59781a5b-3903-41f3-afcb-af62929ccde1", || {
        [Passed::Nothing, only(&["origin"]), Passed::Nothing]
    }),
    ("acba4595-bd28-49b8-b9fe-13317c0390fa", || {
        let names = ["user-agent", "referer"];
        [Passed::Nothing, only(&names), Passed::Nothing]
    }),
];

fn only(names: &[&str]) -> Passed {
    Passed::Only(names.iter().map(|name| (*name).to_owned()).collect())
}

fn origin_headers() -> Passed {
    only(&[
        "host",
        "origin",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
    ])
}

impl<'f> Reading<'f, '_> {
    pub(super) fn behavior(
        &self,
        item: &'f Node,
        owner: &'static str,
        origins: &[&str],
    ) -> Option<EdgeBehavior> {
        let fields = Fields::open(item, item.span, owner, BEHAVIOR, self.findings)?;
        let pattern = match owner {
            "CacheBehaviors" => Some(fields.required_text("PathPattern")?),
            _ => None,
        };
        let origin = fields.required_text("TargetOriginId")?;
        if !origins.contains(&origin.as_str()) {
            let place = fields.place("TargetOriginId");
            self.say(place, format!("there is no origin `{origin}`"));
        }
        fields.required("ViewerProtocolPolicy");
        let policies = ["allow-all", "https-only", "redirect-to-https"];
        let policy = fields.choice("ViewerProtocolPolicy", &policies);
        if policy.is_some_and(|policy| policy != "allow-all") {
            let place = fields.place("ViewerProtocolPolicy");
            let message = "`ViewerProtocolPolicy` has no effect here";
            let why = "callers may come with and without encryption";
            self.findings
                .report
                .add(Finding::notice(place, message).why(why));
        }
        let [query, headers, cookies] = self.passed(&fields)?;
        Some(EdgeBehavior {
            pattern,
            origin,
            methods: self.methods(&fields),
            query,
            headers,
            cookies,
            functions: self.functions(&fields),
        })
    }

    fn methods(&self, fields: &Fields<'f>) -> Vec<String> {
        const SETS: [&[&str]; 3] = [
            &["GET", "HEAD"],
            &["GET", "HEAD", "OPTIONS"],
            &["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
        ];
        let listed = fields.list("AllowedMethods").unwrap_or_default().iter();
        let mut listed: Vec<&str> = listed.filter_map(Node::scalar).collect();
        listed.sort_unstable();
        if listed.is_empty() {
            listed = SETS[0].to_vec();
        }
        if !SETS.contains(&listed.as_slice())
            && let Some(node) = fields.node("AllowedMethods")
        {
            let shape = "GET and HEAD, these and OPTIONS, or all seven methods";
            fields.wrong::<()>("AllowedMethods", node, shape);
        }
        listed.into_iter().map(str::to_owned).collect()
    }

    fn passed(&self, fields: &Fields<'f>) -> Option<[Passed; 3]> {
        if !fields.has("CachePolicyId") {
            return self.forwarded(fields);
        }
        let known = |name: &'static str, all: &[Policy]| {
            let id = fields.text(name)?;
            let found = all.iter().find(|(known, _)| *known == id);
            if found.is_none() {
                self.findings.report.add(
                    Finding::error(
                        fields.place(name),
                        format!("the policy `{id}` is not known"),
                    )
                    .why("only policies that the service itself has are there yet"),
                );
            }
            found.map(|(_, passed)| passed())
        };
        let [query, headers, cookies] = known("CachePolicyId", &CACHE_POLICIES)?;
        if !fields.has("OriginRequestPolicyId") {
            return Some([query, headers, cookies]);
        }
        let more = known("OriginRequestPolicyId", &REQUEST_POLICIES)?;
        let [more_query, more_headers, more_cookies] = more;
        Some([
            query.or(more_query),
            headers.or(more_headers),
            cookies.or(more_cookies),
        ])
    }

    /// The older way to say it.
    fn forwarded(&self, fields: &Fields<'f>) -> Option<[Passed; 3]> {
        let Some(forwarded) = fields.nested("ForwardedValues", FORWARDED, self.findings) else {
            let place = fields.place("ForwardedValues");
            self.say(
                place,
                "a behavior needs a `CachePolicyId`, or `ForwardedValues`",
            );
            return None;
        };
        let query = match forwarded.boolean("QueryString") {
            Some(true) => Passed::All,
            _ => Passed::Nothing,
        };
        let headers: Vec<String> = forwarded.strings("Headers");
        let headers = match headers.as_slice() {
            [] => Passed::Usual,
            [all] if all == "*" => Passed::All,
            listed => {
                let is_listed =
                    |name: &str| listed.iter().any(|one| one.eq_ignore_ascii_case(name));
                let left = LEFT_OUT.iter().filter(|name| !is_listed(name));
                Passed::Except(left.map(|name| (*name).to_owned()).collect())
            }
        };
        let cookies = forwarded.nested("Cookies", COOKIES, self.findings);
        let cookies = match &cookies {
            None => Passed::Nothing,
            Some(cookies) => match cookies.choice("Forward", &["all", "none", "whitelist"]) {
                Some("all") => Passed::All,
                Some("whitelist") => Passed::Only(cookies.strings("WhitelistedNames")),
                _ => Passed::Nothing,
            },
        };
        Some([query, headers, cookies])
    }

    fn functions(&self, fields: &Fields<'f>) -> Vec<EdgeFunction> {
        let items = fields
            .list("LambdaFunctionAssociations")
            .unwrap_or_default();
        let mut functions: Vec<EdgeFunction> = Vec::new();
        for item in items {
            let Some(function) = self.attached(item) else {
                continue;
            };
            if functions.iter().any(|one| one.moment == function.moment) {
                let message = "a behavior has at most one function for each type of event";
                self.say(item.span, message);
            }
            functions.push(function);
        }
        functions
    }

    fn attached(&self, item: &'f Node) -> Option<EdgeFunction> {
        let owner = "LambdaFunctionAssociations";
        let fields = Fields::open(item, item.span, owner, ATTACHED, self.findings)?;
        fields.required("EventType");
        let types = [
            "origin-request",
            "origin-response",
            "viewer-request",
            "viewer-response",
        ];
        let moment = fields.choice("EventType", &types);
        let moment = moment.map(|moment| match moment {
            "origin-request" => Moment::OriginRequest,
            "origin-response" => Moment::OriginResponse,
            "viewer-request" => Moment::ViewerRequest,
            _ => Moment::ViewerResponse,
        });
        let with_body = fields.boolean("IncludeBody").unwrap_or(false);
        if with_body && moment.is_some_and(is_of_answers) {
            let place = fields.place("IncludeBody");
            self.say(place, "only requests are shown with their bodies");
        }
        let arn = fields.required_text("LambdaFunctionARN")?;
        let Some((function, version)) = self.version(&arn) else {
            let place = fields.place("LambdaFunctionARN");
            self.findings.report.add(
                Finding::error(
                    place,
                    "`LambdaFunctionARN` must be the ARN of a version, with its number",
                )
                .why("neither $LATEST nor an alias can run at an edge")
                .help("write !Ref TheVersion, or !Ref TheFunction.Version where the function has an AutoPublishAlias"),
            );
            return None;
        };
        Some(EdgeFunction {
            moment: moment?,
            function,
            version,
            with_body,
        })
    }

    fn version(&self, arn: &str) -> Option<(String, EdgeVersion)> {
        let start = self.context.arn("lambda", "function:");
        let (function, version) = arn.strip_prefix(&start)?.split_once(':')?;
        let function = function.to_owned();
        // Numbers of the template's own versions are known when they are made.
        let own = version
            .strip_prefix(MARK)
            .and_then(|rest| rest.strip_suffix(MARK));
        let version = match own {
            None => EdgeVersion::Number(version.parse().ok()?),
            Some(own) => match own.strip_prefix(':') {
                Some(alias) => EdgeVersion::Alias(alias.to_owned()),
                None => EdgeVersion::Published(format!("{function}:{own}")),
            },
        };
        Some((function, version))
    }
}

fn is_of_answers(moment: Moment) -> bool {
    matches!(moment, Moment::OriginResponse | Moment::ViewerResponse)
}
