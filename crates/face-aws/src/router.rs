//! One address for every service: which one a request is for, and who asks.
//!
//! Object storage verifies its own signatures, because there a body is checked while it streams. For all other services
//! the whole body is read, the signature verified, and a [`Context`] handed on.

use std::sync::Arc;

use access::{Access, RootKey};
use base::{ByteSize, Clock, Random, Timestamp};
use buses::Buses;
use bytes::Bytes;
use functions::Functions;
use http::request::Parts as Head;
use http::{HeaderName, Method, StatusCode, header};
use objects::Objects;
use queues::Queues;
use schedules::Schedules;
use tables::Tables;
use tokio_util::sync::CancellationToken;
use topics::Topics;
use uuid::Uuid;
use wire::{BodyError, Holding, Request, Response, Service, ServiceFuture};

use crate::apigateway::{self, ApiGateway};
use crate::balancer::{self, Balancers};
use crate::callees::{self, Callees};
use crate::cloudformation;
use crate::cloudfront::{self, CloudFront};
use crate::context::Context;
use crate::dialect::AwsDialect;
use crate::dynamodb::streams::{self, Streams};
use crate::dynamodb::{self, DynamoDb, Transfers};
use crate::events::{self, Events};
use crate::gateway::{self, Address, Gateways};
use crate::lambda::{self, Lambda};
use crate::logs::{self, Logs};
use crate::presign::Presign;
use crate::protocol::{self, Fault, Undecoded};
use crate::s3::{Parts as S3Parts, S3, SiteAddress};
use crate::scheduler::{self, Scheduler};
use crate::signature::{self, Expected, Hex, PathStyle, SigningKeys};
use crate::sns::{self, Sns};
use crate::sqs::{self, Sqs};
use crate::sts::{self, Sts};
use crate::unbuilt;

/// The largest batch that tables take is 16 MB.
const LARGEST_ITEMS: ByteSize = ByteSize::mib(17);
/// Events of 1 MB, written as text within JSON.
const LARGEST_ENTRIES: ByteSize = ByteSize::mib(4);
const LARGEST_FORM: ByteSize = ByteSize::mib(1);
/// Encoded, a message takes up to three times its length, and a batch has names besides.
const LARGEST_PUBLICATION: ByteSize = ByteSize::mib(2);

/// What the services work with.
pub struct Parts {
    pub objects: Objects,
    pub tables: Tables,
    pub buses: Buses,
    pub schedules: Schedules,
    pub queues: Queues,
    pub functions: Functions,
    pub triggers: triggers::Triggers,
    pub topics: Topics,
    pub dialect: Arc<AwsDialect>,
    /// Where the makers of custom resources answer.
    pub answers: deploy::Answers,
    pub access: Access,
    pub clock: Arc<dyn Clock>,
    pub random: Random,
    /// Where large requests wait until they are there whole.
    pub holding: Holding,
}

/// All of this cloud's services behind one address.
pub struct Aws {
    s3: S3,
    apigateway: ApiGateway,
    streams: Streams,
    /// The services that others call, too.
    callees: Callees,
    sts: Sts,
    gateways: Gateways,
    balancers: Balancers,
    cloudfront: CloudFront,
    answers: deploy::Answers,
    access: Access,
    clock: Arc<dyn Clock>,
    random: Random,
    signing_keys: SigningKeys,
    holding: Holding,
}

/// Which service a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Destination {
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

/// The services whose requests are read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    ApiGateway,
    DynamoDb,
    DynamoDbStreams,
    Events,
    Lambda,
    Logs,
    Sns,
    Scheduler,
    Sqs,
    Sts,
}

impl Known {
    /// As it stands in a signature's scope.
    fn name(self) -> &'static str {
        match self {
            Self::ApiGateway => "apigateway",
            Self::DynamoDb | Self::DynamoDbStreams => "dynamodb",
            Self::Events => "events",
            Self::Lambda => "lambda",
            Self::Logs => "logs",
            Self::Sns => "sns",
            Self::Scheduler => "scheduler",
            Self::Sqs => "sqs",
            Self::Sts => "sts",
        }
    }

    fn protocol(self) -> &'static protocol::Service {
        match self {
            Self::ApiGateway => &apigateway::SERVICE,
            Self::DynamoDb => &dynamodb::SERVICE,
            Self::DynamoDbStreams => &streams::SERVICE,
            Self::Events => &events::SERVICE,
            Self::Lambda => &lambda::SERVICE,
            Self::Logs => &logs::SERVICE,
            Self::Sns => &sns::SERVICE,
            Self::Scheduler => &scheduler::SERVICE,
            Self::Sqs => &sqs::SERVICE,
            Self::Sts => &sts::SERVICE,
        }
    }

    fn largest(self) -> ByteSize {
        match self {
            Self::DynamoDb => LARGEST_ITEMS,
            Self::Lambda => lambda::LARGEST_REQUEST,
            Self::Logs => logs::LARGEST_REQUEST,
            Self::Sns => LARGEST_PUBLICATION,
            Self::Sqs => sqs::LARGEST_REQUEST,
            Self::Events => LARGEST_ENTRIES,
            Self::ApiGateway | Self::DynamoDbStreams | Self::Scheduler | Self::Sts => LARGEST_FORM,
        }
    }
}

impl Aws {
    pub fn new(parts: Parts) -> Self {
        let Parts {
            objects,
            tables,
            buses,
            schedules,
            queues,
            functions,
            triggers,
            topics,
            dialect,
            answers,
            access,
            clock,
            random,
            holding,
        } = parts;
        let balancers = Balancers::new(
            triggers.clone(),
            functions.clone(),
            clock.clone(),
            random.clone(),
            holding.clone(),
        );
        let s3 = S3::new(S3Parts {
            objects: objects.clone(),
            access: access.clone(),
            triggers: triggers.clone(),
            functions: functions.clone(),
            random: random.clone(),
        });
        let callees = Callees {
            tables: DynamoDb::new(
                tables.clone(),
                Transfers::new(
                    tables.clone(),
                    objects.clone(),
                    clock.clone(),
                    random.clone(),
                ),
            ),
            queues: Sqs::new(queues, clock.clone()),
            topics: Sns::new(sns::Parts {
                topics,
                triggers: triggers.clone(),
                dialect,
            }),
            buses: Events::new(buses, triggers.clone(), clock.clone(), random.clone()),
            schedules: Scheduler::new(schedules),
            lines: Logs::new(functions.ledger().clone(), triggers.clone(), clock.clone()),
            functions: Lambda::new(
                functions.clone(),
                triggers.clone(),
                objects,
                access.clone(),
                clock.clone(),
            ),
            objects: callees::Objects {
                s3: s3.clone(),
                access: access.clone(),
                clock: clock.clone(),
            },
        };
        let gateways = Gateways::new(gateway::Parts {
            triggers: triggers.clone(),
            functions: functions.clone(),
            access: access.clone(),
            clock: clock.clone(),
            random: random.clone(),
            holding: holding.clone(),
            callees: callees.clone(),
        });
        let cloudfront = CloudFront {
            triggers: triggers.clone(),
            functions,
            access: access.clone(),
            clock: clock.clone(),
            random: random.clone(),
            s3: s3.clone(),
            gateways: gateways.clone(),
            balancers: balancers.clone(),
            holding: holding.clone(),
        };
        Self {
            gateways,
            balancers,
            cloudfront,
            answers,
            apigateway: ApiGateway::new(triggers),
            s3,
            streams: Streams::new(tables, clock.clone()),
            callees,
            sts: Sts::new(access.clone(), clock.clone()),
            access,
            clock,
            random,
            signing_keys: SigningKeys::default(),
            holding,
        }
    }

    /// Copies tables to buckets and from them, until told to stop.
    pub fn run_transfers(&self, stop: CancellationToken) -> impl Future<Output = ()> + use<> {
        let transfers = self.callees.tables.transfers().clone();
        async move { transfers.run(stop).await }
    }

    /// What schedules can call.
    pub fn operations(&self) -> triggers::Operations {
        let (callees, access) = (self.callees.clone(), self.access.clone());
        let random = self.random.clone();
        triggers::Operations::new(move |call| {
            let callees = callees.clone();
            let context = callees::owner(&access, &call.operation.space, &random);
            async move { scheduler::call(&callees, &context, call).await }
        })
    }

    async fn whole(&self, known: Known, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let mut request_id = Uuid::encode_buffer();
        let request_id = self
            .random
            .uuid()
            .hyphenated()
            .encode_lower(&mut request_id);
        let body = match self.holding.whole(body, known.largest()).await {
            Ok(body) => body,
            Err(error) => {
                let fault = unread(known, &error);
                return refuse(known, &head, request_id, &fault);
            }
        };
        let context = match self.context(known, &head, &body, request_id) {
            Ok(context) => context,
            Err(fault) => return refuse(known, &head, request_id, &fault),
        };
        // What is signed is the body as it came.
        let body = match known.protocol().decoded(&head, body, known.largest()) {
            Ok(body) => body,
            Err(error) => return refuse(known, &head, request_id, &undecoded(known, &error)),
        };
        let answer = match known {
            Known::ApiGateway => self.apigateway.call(&context, &head, body).await,
            Known::DynamoDb => self.callees.tables.call(&context, &head, body).await,
            Known::DynamoDbStreams => self.streams.call(&context, &head, body).await,
            Known::Events => Box::pin(self.callees.buses.call(&context, &head, body)).await,
            Known::Lambda => Box::pin(self.callees.functions.call(&context, &head, body)).await,
            Known::Logs => Box::pin(self.callees.lines.call(&context, &head, body)).await,
            Known::Sns => Box::pin(self.callees.topics.call(&context, &head, body)).await,
            Known::Scheduler => Box::pin(self.callees.schedules.call(&context, &head, body)).await,
            Known::Sqs => self.callees.queues.call(&context, &head, body).await,
            Known::Sts => self.sts.call(&context, &head, body).await,
        };
        known.protocol().encoded(&head, request_id, answer).await
    }

    async fn visit(&self, request: Request) -> Response {
        let (head, _) = request.into_parts();
        let account = self.access.account().to_owned();
        // Which region it is about is in what is visited.
        let context = Context {
            space: Context::space(&account, ""),
            principal: access::Principal::Owner {
                account: account.clone(),
            },
            account,
            region: String::new(),
            request_id: self.random.uuid().to_string(),
        };
        self.callees.topics.visit(&context, &head).await
    }

    /// Who asks.
    fn context(
        &self,
        known: Known,
        head: &Head,
        body: &Bytes,
        request_id: &str,
    ) -> Result<Context, Fault> {
        let expected = Expected {
            // A client signs with the time of its machine.
            now: self.clock.host().now(),
            service: known.name(),
            path: PathStyle::Normalized,
            keys: &self.signing_keys,
        };
        let mut failed = None;
        let verified =
            signature::verify(head, hashed(head, body).as_str(), &expected, |id, token| {
                let found = self.access.credential(id, token);
                let credential = found.map_err(|error| refused(error, &mut failed))?;
                Ok((credential.secret, credential.principal))
            });
        if let Some(error) = failed {
            tracing::error!(%error, "a key could not be looked up");
            return Err(Fault::internal("InternalFailure"));
        }
        let (claim, principal) = verified.map_err(|error| known.protocol().denied(&error))?;
        let account = self.access.account().to_owned();
        Ok(Context {
            space: Context::space(&account, &claim.region),
            account,
            region: claim.region.into_owned(),
            principal,
            request_id: request_id.to_owned(),
        })
    }
}

impl Service for Aws {
    fn call(&self, request: Request) -> ServiceFuture<'_> {
        let destination = destination(&request);
        if let Destination::Gateway(address) = &destination
            && let Some(answer) = self.gateways.at_once(address, &request)
        {
            return Box::pin(std::future::ready(answer));
        }
        Box::pin(async move {
            match destination {
                // Each in a place of its own, or every request would be moved about in the largest.
                Destination::S3 => Box::pin(self.s3.call(request)).await,
                Destination::Whole(known) => self.whole(known, request).await,
                Destination::Link => Box::pin(self.visit(request)).await,
                Destination::Gateway(address) => {
                    Box::pin(self.gateways.call(address, request)).await
                }
                Destination::Balancer(address) => {
                    Box::pin(self.balancers.call(address, request)).await
                }
                Destination::CloudFront(address) => {
                    Box::pin(self.cloudfront.call(address, request)).await
                }
                Destination::Site(address) => Box::pin(self.s3.visit(address, request)).await,
                Destination::Answer => Box::pin(cloudformation::take(&self.answers, request)).await,
                Destination::Unbuilt(service) => {
                    let request_id = self.random.uuid().to_string();
                    Box::pin(unbuilt::answer(&service, request, &request_id)).await
                }
            }
        })
    }
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Aws")
    }
}

/// An address to which whoever has it may upload one object: the owner's own permission, good for a week.
pub fn presigned_upload(
    key: &RootKey,
    host: &str,
    region: &str,
    bucket: &str,
    object: &str,
    now: Timestamp,
) -> String {
    let presign = Presign {
        key,
        service: "s3",
        region,
        method: "PUT",
        host,
        headers: &[],
        path: &format!("/{bucket}/{object}"),
        now,
        good_for: std::time::Duration::from_secs(7 * 24 * 3_600),
    };
    format!("http://{host}{}", presign.target())
}

// As text, their names would be looked at letter by letter for each request.
static CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
static TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// What is signed in the body's place.
pub(crate) enum Hashed {
    Unsigned,
    Body(Hex),
}

impl Hashed {
    const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Unsigned => Self::UNSIGNED,
            Self::Body(hex) => hex.as_str(),
        }
    }
}

pub(crate) fn hashed(head: &Head, body: &[u8]) -> Hashed {
    match head.headers.get(&CONTENT_SHA256) {
        Some(value) if value == Hashed::UNSIGNED => Hashed::Unsigned,
        _ => Hashed::Body(signature::sha256(body)),
    }
}

pub(crate) fn refused(error: access::Error, failed: &mut Option<store::Error>) -> signature::Error {
    use access::Error;
    match error {
        Error::UnknownKey | Error::MissingToken | Error::InvalidToken => {
            signature::Error::UnknownKey
        }
        Error::Expired => signature::Error::ExpiredToken,
        Error::Store(error) => {
            *failed = Some(error);
            signature::Error::UnknownKey
        }
    }
}

/// A refusal as the service writes it, which may depend on how it was asked.
fn refuse(known: Known, head: &Head, request_id: &str, fault: &Fault) -> Response {
    match known {
        Known::Sqs => sqs::refuse(head, request_id, fault),
        known => known.protocol().refuse(request_id, fault),
    }
}

fn unread(known: Known, error: &BodyError) -> Fault {
    match error {
        BodyError::TooLarge(limit) => too_large(known, *limit),
        BodyError::TooSlow => {
            let message = "The request's body came too slowly";
            Fault::new("RequestTimeoutException", message).with_status(StatusCode::REQUEST_TIMEOUT)
        }
        BodyError::Truncated(_) | BodyError::Source(_) => {
            Fault::serialization(Some("The request's body was cut short".into()))
        }
    }
}

fn too_large(known: Known, limit: ByteSize) -> Fault {
    let code = match known {
        Known::Lambda => "RequestTooLargeException",
        Known::ApiGateway
        | Known::DynamoDb
        | Known::DynamoDbStreams
        | Known::Logs
        | Known::Sns
        | Known::Events
        | Known::Scheduler
        | Known::Sqs
        | Known::Sts => "RequestEntityTooLarge",
    };
    let message = format!("Request must be smaller than {} bytes", limit.as_bytes());
    Fault::new(code, message).with_status(StatusCode::PAYLOAD_TOO_LARGE)
}

/// As the real service says it of a body that is not compressed as its headers say.
fn undecoded(known: Known, error: &Undecoded) -> Fault {
    match error {
        Undecoded::Wrong => Fault::internal("InternalServerError"),
        Undecoded::TooLarge(limit) => too_large(known, *limit),
    }
}

fn destination<B>(request: &http::Request<B>) -> Destination {
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
