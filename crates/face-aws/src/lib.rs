//! The wire protocols of one cloud: requests are authenticated, parsed and handed to an engine; outcomes are printed.
//!
//! Must never know: another cloud, or how an engine keeps what it is told.

mod apigateway;
mod balancer;
mod batches;
mod callees;
mod cloudformation;
mod cloudfront;
mod context;
mod destination;
mod dialect;
mod dynamodb;
mod events;
mod gateway;
mod lambda;
mod logs;
mod moment;
mod place;
mod policy;
mod presign;
mod protocol;
mod router;
mod s3;
mod scheduler;
mod signature;
mod signed;
mod signing;
mod sns;
mod sqs;
mod sts;
mod tags;
mod trace;
mod unbuilt;
mod undelivered;

pub use dialect::AwsDialect;
pub use presign::presigned_upload;
pub use router::{Aws, Parts};
pub use s3::S3;
pub use scheduler::{AwsOrders, universal_targets};
