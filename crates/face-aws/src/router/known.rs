//! The services whose requests are read whole: what they are called, how much they take, and what they say to what cannot
//! be read.

use base::ByteSize;
use http::StatusCode;
use http::request::Parts as Head;
use wire::{BodyError, Response};

use crate::dynamodb::streams;
use crate::protocol::{self, Fault, Undecoded};
use crate::{apigateway, dynamodb, events, lambda, logs, scheduler, sns, sqs, sts};

/// The largest batch that tables take is 16 MB.
const LARGEST_ITEMS: ByteSize = ByteSize::mib(17);
/// Events of 1 MB, written as text within JSON.
const LARGEST_ENTRIES: ByteSize = ByteSize::mib(4);
const LARGEST_FORM: ByteSize = ByteSize::mib(1);
/// Encoded, a message takes up to three times its length, and a batch has names besides.
const LARGEST_PUBLICATION: ByteSize = ByteSize::mib(2);

/// The services whose requests are read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
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
    pub(super) fn name(self) -> &'static str {
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

    pub(super) fn protocol(self) -> &'static protocol::Service {
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

    pub(super) fn largest(self) -> ByteSize {
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

    /// A refusal as the service writes it, which may depend on how it was asked.
    pub(super) fn refuse(self, head: &Head, request_id: &str, fault: &Fault) -> Response {
        match self {
            Self::Sqs => sqs::refuse(head, request_id, fault),
            known => known.protocol().refuse(request_id, fault),
        }
    }

    pub(super) fn unread(self, error: &BodyError) -> Fault {
        match error {
            BodyError::TooLarge(limit) => self.too_large(*limit),
            BodyError::TooSlow => {
                let message = "The request's body came too slowly";
                Fault::new("RequestTimeoutException", message)
                    .with_status(StatusCode::REQUEST_TIMEOUT)
            }
            BodyError::Truncated(_) | BodyError::Source(_) => {
                Fault::serialization(Some("The request's body was cut short".into()))
            }
        }
    }

    /// As the real service says it of a body that is not compressed as its headers say.
    pub(super) fn undecoded(self, error: &Undecoded) -> Fault {
        match error {
            Undecoded::Wrong => Fault::internal("InternalServerError"),
            Undecoded::TooLarge(limit) => self.too_large(*limit),
        }
    }

    fn too_large(self, limit: ByteSize) -> Fault {
        let code = match self {
            Self::Lambda => "RequestTooLargeException",
            Self::ApiGateway
            | Self::DynamoDb
            | Self::DynamoDbStreams
            | Self::Logs
            | Self::Sns
            | Self::Events
            | Self::Scheduler
            | Self::Sqs
            | Self::Sts => "RequestEntityTooLarge",
        };
        let message = format!("Request must be smaller than {} bytes", limit.as_bytes());
        Fault::new(code, message).with_status(StatusCode::PAYLOAD_TOO_LARGE)
    }
}
