//! One address for every service: which one a request is for, and who asks.
//!
//! Object storage verifies its own signatures, because there a body is checked while it streams. For all other services
//! the whole body is read, the signature verified, and a [`Context`] handed on.

mod destination;
mod known;

use std::sync::Arc;

use access::Access;
use base::{Clock, Random};
use buses::Buses;
use bytes::Bytes;
use functions::Functions;
use http::request::Parts as Head;
use objects::Objects;
use queues::Queues;
use schedules::Schedules;
use tables::Tables;
use tokio_util::sync::CancellationToken;
use topics::Topics;
use uuid::Uuid;
use wire::{Holding, Request, Response, Service, ServiceFuture};

use self::destination::{Destination, destination};
use self::known::Known;
use crate::apigateway::ApiGateway;
use crate::balancer::Balancers;
use crate::callees::{self, Callees};
use crate::cloudformation;
use crate::cloudfront::CloudFront;
use crate::context::Context;
use crate::dialect::AwsDialect;
use crate::dynamodb::streams::Streams;
use crate::dynamodb::{DynamoDb, Transfers};
use crate::events::Events;
use crate::gateway::{self, Gateways};
use crate::lambda::Lambda;
use crate::logs::Logs;
use crate::protocol::Fault;
use crate::s3::{Parts as S3Parts, S3};
use crate::scheduler::{self, Scheduler};
use crate::signature::{Expected, PathStyle, SigningKeys};
use crate::signed::{self, Refused};
use crate::sns::{self, Sns};
use crate::sqs::Sqs;
use crate::sts::Sts;
use crate::unbuilt;

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

impl Parts {
    /// The services that others call, too.
    fn callees(&self, s3: &S3) -> Callees {
        let clock = || self.clock.clone();
        let transfers = Transfers::new(
            self.tables.clone(),
            self.objects.clone(),
            clock(),
            self.random.clone(),
        );
        Callees {
            tables: DynamoDb::new(self.tables.clone(), transfers),
            queues: Sqs::new(self.queues.clone(), clock()),
            topics: Sns::new(sns::Parts {
                topics: self.topics.clone(),
                triggers: self.triggers.clone(),
                dialect: self.dialect.clone(),
            }),
            buses: Events::new(
                self.buses.clone(),
                self.triggers.clone(),
                clock(),
                self.random.clone(),
            ),
            schedules: Scheduler::new(self.schedules.clone()),
            lines: Logs::new(
                self.functions.ledger().clone(),
                self.triggers.clone(),
                clock(),
            ),
            functions: Lambda::new(
                self.functions.clone(),
                self.triggers.clone(),
                self.objects.clone(),
                self.access.clone(),
                clock(),
            ),
            objects: callees::Objects {
                s3: s3.clone(),
                access: self.access.clone(),
                clock: clock(),
            },
        }
    }
}

impl Aws {
    pub fn new(parts: Parts) -> Self {
        let s3 = S3::new(S3Parts {
            objects: parts.objects.clone(),
            access: parts.access.clone(),
            triggers: parts.triggers.clone(),
            functions: parts.functions.clone(),
            random: parts.random.clone(),
        });
        let callees = parts.callees(&s3);
        let Parts {
            tables,
            functions,
            triggers,
            answers,
            access,
            clock,
            random,
            holding,
            ..
        } = parts;
        let balancers = Balancers::new(
            triggers.clone(),
            functions.clone(),
            clock.clone(),
            random.clone(),
            holding.clone(),
        );
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
                return known.refuse(&head, request_id, &known.unread(&error));
            }
        };
        let context = match self.context(known, &head, &body, request_id) {
            Ok(context) => context,
            Err(fault) => return known.refuse(&head, request_id, &fault),
        };
        // What is signed is the body as it came.
        let body = match known.protocol().decoded(&head, body, known.largest()) {
            Ok(body) => body,
            Err(error) => return known.refuse(&head, request_id, &known.undecoded(&error)),
        };
        let answer = self.answer(known, &context, &head, body).await;
        known.protocol().encoded(&head, request_id, answer).await
    }

    async fn answer(&self, known: Known, context: &Context, head: &Head, body: Bytes) -> Response {
        match known {
            Known::ApiGateway => self.apigateway.call(context, head, body).await,
            Known::DynamoDb => self.callees.tables.call(context, head, body).await,
            Known::DynamoDbStreams => self.streams.call(context, head, body).await,
            Known::Events => Box::pin(self.callees.buses.call(context, head, body)).await,
            Known::Lambda => Box::pin(self.callees.functions.call(context, head, body)).await,
            Known::Logs => Box::pin(self.callees.lines.call(context, head, body)).await,
            Known::Sns => Box::pin(self.callees.topics.call(context, head, body)).await,
            Known::Scheduler => Box::pin(self.callees.schedules.call(context, head, body)).await,
            Known::Sqs => self.callees.queues.call(context, head, body).await,
            Known::Sts => self.sts.call(context, head, body).await,
        }
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
        let signed = signed::who(&self.access, head, body, &expected);
        let (claim, principal) = signed.map_err(|refused| match refused {
            Refused::Signature(error) => known.protocol().denied(&error),
            Refused::NotKnown => Fault::internal("InternalFailure"),
        })?;
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
