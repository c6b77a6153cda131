//! Which service a request is for: what its host, its path, its target or its signature says, in this order.

use http::{HeaderName, Method, header};

use super::known::Known;
use crate::cloudfront;
use crate::gateway::Address;
use crate::s3::{S3, SiteAddress};
use crate::{balancer, cloudformation, sns, sqs};

// As text, its name would be looked at letter by letter for each request.
static TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// Which service a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    S3,
    Whole(Known),
    /// A link to a topic's service, which is visited without a signature.
    Link,
    /// A function, by way of a gateway.
    Gateway(Address),
    /// A function, by way of a load balancer.
    Balancer(balancer::Address),
    /// An origin, by way of the functions at its edge.
    CloudFront(cloudfront::Address),
    /// A bucket's website.
    Site(SiteAddress),
    /// A deployment that waits for an answer.
    Answer,
    /// A service that the cloud has, and we have not.
    Unbuilt(String),
}

pub(super) fn destination<B>(request: &http::Request<B>) -> Destination {
    let host = host(request);
    if cloudformation::is_answer(host, request.uri().path()) {
        return Destination::Answer;
    }
    if S3::is_host(host) {
        return Destination::S3;
    }
    if let Some(address) = Address::read(host, request.uri().path()) {
        return Destination::Gateway(address);
    }
    if let Some(address) = balancer::Address::read(host, request.uri().path()) {
        return Destination::Balancer(address);
    }
    if let Some(address) = cloudfront::Address::read(host, request.uri().path()) {
        return Destination::CloudFront(address);
    }
    if let Some(address) = SiteAddress::read(host, request.uri().path()) {
        return Destination::Site(address);
    }
    if let Some(target) = text(request, &TARGET) {
        let service = target.split('.').next().unwrap_or_default();
        // `DynamoDB_20120810`; what stands before the version tells services apart.
        return match service.split('_').next() {
            Some("DynamoDB") => Destination::Whole(Known::DynamoDb),
            Some("AmazonSQS") => Destination::Whole(Known::Sqs),
            Some("DynamoDBStreams") => Destination::Whole(Known::DynamoDbStreams),
            Some("AWSEvents") => Destination::Whole(Known::Events),
            Some("Logs") => Destination::Whole(Known::Logs),
            _ => by_name(signed_for(request).unwrap_or(service)),
        };
    }
    if let Some(service) = signed_for(request) {
        return by_name(service);
    }
    if let Some(service) = named_by(host) {
        return by_name(service);
    }
    if sns::is_link(request) {
        return Destination::Link;
    }
    unsigned(request)
}

fn by_name(service: &str) -> Destination {
    match service {
        "s3" => Destination::S3,
        "apigateway" => Destination::Whole(Known::ApiGateway),
        "dynamodb" => Destination::Whole(Known::DynamoDb),
        "events" => Destination::Whole(Known::Events),
        "lambda" => Destination::Whole(Known::Lambda),
        "logs" => Destination::Whole(Known::Logs),
        "sns" => Destination::Whole(Known::Sns),
        "scheduler" => Destination::Whole(Known::Scheduler),
        "sqs" | "queue" => Destination::Whole(Known::Sqs),
        "sts" => Destination::Whole(Known::Sts),
        other => Destination::Unbuilt(other.to_owned()),
    }
}

/// Nothing says which service is meant but the request's own form. It will be refused, in that service's words.
fn unsigned<B>(request: &http::Request<B>) -> Destination {
    let form = text(request, &header::CONTENT_TYPE)
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let path = request.uri().path();
    if request.method() == Method::POST && form && sqs::is_queue(path) {
        Destination::Whole(Known::Sqs)
    } else if request.method() == Method::POST && path == "/" && form {
        Destination::Whole(Known::Sts)
    } else if path.starts_with("/2015-03-31/") {
        Destination::Whole(Known::Lambda)
    } else {
        Destination::S3
    }
}

fn host<B>(request: &http::Request<B>) -> &str {
    text(request, &header::HOST)
        .or_else(|| Some(request.uri().authority()?.as_str()))
        .unwrap_or_default()
}

/// The service in a signature's scope: `key/date/region/service/aws4_request`. Keys may hold slashes.
fn signed_for<B>(request: &http::Request<B>) -> Option<&str> {
    let in_header = text(request, &header::AUTHORIZATION).and_then(|value| {
        let (_, scope) = value.split_once("Credential=")?;
        scope.split([',', ' ']).next()?.rsplit('/').nth(1)
    });
    in_header.or_else(|| {
        let query = request.uri().query()?;
        let credential = query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.eq_ignore_ascii_case("X-Amz-Credential")
                .then_some(value)
        })?;
        let encoded = credential.rsplit("%2F").nth(1);
        encoded
            .or_else(|| credential.rsplit("%2f").nth(1))
            .or_else(|| credential.rsplit('/').nth(1))
    })
}

/// The service that a host of the cloud, or one under our own names, begins with: `lambda.us-east-1.amazonaws.com`.
fn named_by(host: &str) -> Option<&str> {
    const SUFFIXES: [&str; 3] = [
        ".amazonaws.com",
        ".localhost.localstack.cloud",
        ".localhost",
    ];
    let name = host.split(':').next().unwrap_or_default();
    let front = SUFFIXES
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))?;
    let label = front.split('.').next().unwrap_or_default();
    (!label.is_empty()).then_some(label)
}

fn text<'a, B>(request: &'a http::Request<B>, name: &HeaderName) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(method: Method, uri: &str, headers: &[(&str, &str)]) -> Destination {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        destination(&request.body(()).unwrap())
    }

    fn signed(service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=a/b/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        )
    }

    const HERE: (&str, &str) = ("host", "127.0.0.1:4566");

    #[test]
    fn a_signature_names_the_service() {
        for (service, expected) in [
            ("s3", Destination::S3),
            ("dynamodb", Destination::Whole(Known::DynamoDb)),
            ("lambda", Destination::Whole(Known::Lambda)),
            ("sts", Destination::Whole(Known::Sts)),
            ("sqs", Destination::Whole(Known::Sqs)),
            ("kinesis", Destination::Unbuilt("kinesis".into())),
        ] {
            let header = signed(service);
            let headers = [HERE, ("authorization", header.as_str())];
            assert_eq!(to(Method::POST, "/", &headers), expected);
            let query =
                format!("/?X-Amz-Credential=a%2F20260101%2Fus-east-1%2F{service}%2Faws4_request");
            assert_eq!(to(Method::GET, &query, &[HERE]), expected);
        }
    }

    #[test]
    fn a_bucket_in_the_host_is_object_storage_whatever_the_path() {
        for host in ["photos.s3.localhost:4566", "s3.us-east-1.amazonaws.com"] {
            let found = to(Method::GET, "/2015-03-31/functions", &[("host", host)]);
            assert_eq!(found, Destination::S3, "{host}");
        }
    }

    #[test]
    fn a_website_in_the_host_or_the_path_is_visited() {
        for (host, path) in [
            ("photos.s3-website-us-east-1.localhost:4566", "/a"),
            ("photos.s3-website.eu-central-1.amazonaws.com", "/"),
            ("127.0.0.1:4566", "/_aws/s3-website/photos/a"),
        ] {
            let found = to(Method::GET, path, &[("host", host)]);
            assert!(matches!(found, Destination::Site(_)), "{host}: {found:?}");
        }
    }

    #[test]
    fn targets_and_hosts_name_services_too() {
        let lambda = ("host", "lambda.us-east-1.amazonaws.com");
        assert_eq!(
            to(Method::GET, "/", &[lambda]),
            Destination::Whole(Known::Lambda)
        );
        let target = [HERE, ("x-amz-target", "DynamoDB_20120810.ListTables")];
        assert_eq!(
            to(Method::POST, "/", &target),
            Destination::Whole(Known::DynamoDb)
        );
        // Streams share the beginning of the name, but not the service.
        let target = [
            HERE,
            ("x-amz-target", "DynamoDBStreams_20120810.ListStreams"),
        ];
        assert_eq!(
            to(Method::POST, "/", &target),
            Destination::Whole(Known::DynamoDbStreams)
        );
    }

    #[test]
    fn what_nothing_names_is_told_apart_by_its_form() {
        let form = (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        assert_eq!(
            to(Method::POST, "/", &[HERE, form]),
            Destination::Whole(Known::Sts)
        );
        assert_eq!(
            to(Method::GET, "/2015-03-31/functions/", &[HERE]),
            Destination::Whole(Known::Lambda)
        );
        assert_eq!(to(Method::GET, "/bucket/key", &[HERE]), Destination::S3);
        assert_eq!(to(Method::GET, "/", &[]), Destination::S3);
    }
}
