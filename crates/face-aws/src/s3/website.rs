//! A bucket as a website: how that is set and shown. What visitors see is in `site`.

use objects::{NewKey, Pages, Rule, Scheme, Website};
use s3s::dto::{
    Condition, DeleteBucketWebsiteInput, DeleteBucketWebsiteOutput, ErrorDocument,
    GetBucketWebsiteInput, GetBucketWebsiteOutput, IndexDocument, Protocol, PutBucketWebsiteInput,
    PutBucketWebsiteOutput, Redirect, RedirectAllRequestsTo, RoutingRule, WebsiteConfiguration,
};
use s3s::{S3Request, S3Response};

use super::call::Call;
use super::fault::{Fault, Result};

const MAX_RULES: usize = 50;

pub(super) async fn get(
    call: &Call,
    request: S3Request<GetBucketWebsiteInput>,
) -> Result<S3Response<GetBucketWebsiteOutput>> {
    let bucket = &request.input.bucket;
    let website = call.parts.objects.website(bucket)?;
    let website = website.ok_or_else(|| not_set(bucket))?;
    Ok(S3Response::new(print(&website)))
}

pub(super) fn not_set(bucket: &str) -> Fault {
    let why = "The specified bucket does not have a website configuration";
    Fault::not_set("NoSuchWebsiteConfiguration", why, bucket)
}

pub(super) async fn put(
    call: &Call,
    request: S3Request<PutBucketWebsiteInput>,
) -> Result<S3Response<PutBucketWebsiteOutput>> {
    let input = request.input;
    let objects = &call.parts.objects;
    objects.bucket(&input.bucket)?;
    let website = read(input.website_configuration)?;
    objects.set_website(&input.bucket, Some(website)).await?;
    Ok(S3Response::new(PutBucketWebsiteOutput {}))
}

pub(super) async fn delete(
    call: &Call,
    request: S3Request<DeleteBucketWebsiteInput>,
) -> Result<S3Response<DeleteBucketWebsiteOutput>> {
    let objects = &call.parts.objects;
    objects.set_website(&request.input.bucket, None).await?;
    Ok(S3Response::new(DeleteBucketWebsiteOutput {}))
}

fn read(said: WebsiteConfiguration) -> Result<Website> {
    if let Some(everything) = &said.redirect_all_requests_to {
        return elsewhere(everything, &said);
    }
    let index = said.index_document.ok_or_else(|| {
        let why =
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty";
        Fault::invalid_argument("IndexDocument", "null", why)
    })?;
    let index = index.suffix;
    if index.is_empty() || index.contains('/') {
        let why = "The IndexDocument Suffix is not well formed";
        return Err(Fault::invalid_argument("IndexDocument", &index, why));
    }
    let error = said.error_document.map(|document| document.key);
    if error.as_ref().is_some_and(String::is_empty) {
        return Err(Fault::malformed_xml());
    }
    let rules = said.routing_rules;
    if rules.as_ref().is_some_and(Vec::is_empty) {
        return Err(Fault::malformed_xml());
    }
    let rules = rules.unwrap_or_default();
    if rules.len() > MAX_RULES {
        return Err(invalid(format!(
            "{} routing rules provided, the number of routing rules in a website configuration is limited to {MAX_RULES}.",
            rules.len()
        )));
    }
    Ok(Website::Pages(Pages {
        index,
        error,
        rules: rules.into_iter().map(rule).collect::<Result<_>>()?,
    }))
}

fn elsewhere(everything: &RedirectAllRequestsTo, said: &WebsiteConfiguration) -> Result<Website> {
    let is_alone = said.index_document.is_none()
        && said.error_document.is_none()
        && said.routing_rules.is_none();
    if !is_alone {
        let why =
            "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.";
        return Err(Fault::invalid_argument(
            "RedirectAllRequestsTo",
            "not null",
            why,
        ));
    }
    let host = everything.host_name.clone();
    if host.is_empty() {
        let why = "A host name must be provided to redirect all requests (e.g. \"example.com\").";
        return Err(invalid(why));
    }
    let scheme = everything.protocol.as_ref().map(scheme).transpose()?;
    Ok(Website::Elsewhere { host, scheme })
}

fn rule(said: RoutingRule) -> Result<Rule> {
    let has_condition = said.condition.is_some();
    let condition = said.condition.unwrap_or_default();
    let (prefix, error) = (
        condition.key_prefix_equals,
        condition.http_error_code_returned_equals,
    );
    if has_condition && prefix.is_none() && error.is_none() {
        return Err(invalid(
            "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.",
        ));
    }
    let error = error.map(|code| status(&code, "error", "4XX or 5XX", |code| code >= 400));
    let redirect = said.redirect;
    let key = match (redirect.replace_key_with, redirect.replace_key_prefix_with) {
        (Some(_), Some(_)) => {
            let why = "You can only define ReplaceKeyPrefix or ReplaceKey but not both.";
            return Err(invalid(why));
        }
        (Some(whole), None) => Some(NewKey::Whole(whole)),
        (None, Some(prefix)) => Some(NewKey::Prefix(prefix)),
        (None, None) => None,
    };
    let code = redirect.http_redirect_code;
    let code = code.map(|code| status(&code, "redirect", "3XX except 300", is_redirect));
    Ok(Rule {
        prefix,
        error: error.transpose()?,
        redirect: objects::Redirect {
            host: redirect.host_name,
            scheme: redirect.protocol.as_ref().map(scheme).transpose()?,
            status: code.transpose()?,
            key,
        },
    })
}

fn is_redirect(code: u16) -> bool {
    (301..400).contains(&code)
}

fn status(text: &str, what: &str, valid: &str, fits: impl Fn(u16) -> bool) -> Result<u16> {
    let code: u16 = text.parse().map_err(|_| Fault::malformed_xml())?;
    if code < 600 && fits(code) {
        return Ok(code);
    }
    Err(invalid(format!(
        "The provided HTTP {what} code ({text}) is not valid. Valid codes are {valid}."
    )))
}

fn scheme(protocol: &Protocol) -> Result<Scheme> {
    match protocol.as_str() {
        Protocol::HTTP => Ok(Scheme::Http),
        Protocol::HTTPS => Ok(Scheme::Https),
        _ => Err(invalid(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.",
        )),
    }
}

fn invalid(why: impl Into<String>) -> Fault {
    Fault::bad("InvalidRequest", why)
}

fn print(website: &Website) -> GetBucketWebsiteOutput {
    match website {
        Website::Elsewhere { host, scheme } => GetBucketWebsiteOutput {
            redirect_all_requests_to: Some(RedirectAllRequestsTo {
                host_name: host.clone(),
                protocol: scheme.map(protocol),
            }),
            ..GetBucketWebsiteOutput::default()
        },
        Website::Pages(pages) => {
            let rules: Vec<RoutingRule> = pages.rules.iter().map(print_rule).collect();
            let error = pages.error.clone();
            GetBucketWebsiteOutput {
                index_document: Some(IndexDocument {
                    suffix: pages.index.clone(),
                }),
                error_document: error.map(|key| ErrorDocument { key }),
                redirect_all_requests_to: None,
                routing_rules: (!rules.is_empty()).then_some(rules),
            }
        }
    }
}

fn print_rule(rule: &Rule) -> RoutingRule {
    let redirect = &rule.redirect;
    let (whole, prefix) = match redirect.key.clone() {
        None => (None, None),
        Some(NewKey::Whole(key)) => (Some(key), None),
        Some(NewKey::Prefix(prefix)) => (None, Some(prefix)),
    };
    let has_condition = rule.prefix.is_some() || rule.error.is_some();
    RoutingRule {
        condition: has_condition.then(|| Condition {
            http_error_code_returned_equals: rule.error.map(|code| code.to_string()),
            key_prefix_equals: rule.prefix.clone(),
        }),
        redirect: Redirect {
            host_name: redirect.host.clone(),
            http_redirect_code: redirect.status.map(|code| code.to_string()),
            protocol: redirect.scheme.map(protocol),
            replace_key_prefix_with: prefix,
            replace_key_with: whole,
        },
    }
}

fn protocol(scheme: Scheme) -> Protocol {
    Protocol::from_static(match scheme {
        Scheme::Http => Protocol::HTTP,
        Scheme::Https => Protocol::HTTPS,
    })
}
