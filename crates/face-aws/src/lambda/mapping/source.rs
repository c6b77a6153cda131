//! Where records come from.

use base::Space;
use queues::Address;
use triggers::MappingSource;

use super::super::error::invalid;
use crate::context::Context;
use crate::dynamodb::stream;
use crate::protocol::Fault;
use crate::sqs;

pub(super) fn read(context: &Context, given: Option<&str>) -> Result<MappingSource, Fault> {
    let Some(given) = given.filter(|given| !given.is_empty()) else {
        return Err(invalid("Unrecognized event source."));
    };
    match given.split(':').nth(2) {
        Some("dynamodb") if given.contains("/stream/") => {
            let named = stream::named(context, given);
            // Whatever is wrong with it, there is no such stream here.
            let (table, began) =
                named.map_err(|_| invalid(format!("Stream not found: {given}")))?;
            let table = table.to_owned();
            Ok(MappingSource::Table { table, began })
        }
        Some("sqs") => match sqs::by_arn(given) {
            Some(queue) if queue.space == context.space => {
                Ok(MappingSource::Queue { queue: queue.name })
            }
            _ => Err(no_queue()),
        },
        Some(later @ ("kinesis" | "kafka" | "mq" | "rds")) => Err(Fault::not_implemented(
            &format!("event source mappings of {later}"),
        )),
        _ => Err(invalid(format!(
            "Unrecognized event source, must be kinesis, dynamodb stream or sqs. Unsupported source arn : {given}"
        ))),
    }
}

pub(super) fn arn(space: &Space, source: &MappingSource) -> String {
    match source {
        MappingSource::Table { table, began } => stream::arn(space, table, *began),
        MappingSource::Queue { queue } => sqs::arn(&Address::new(space, queue)),
    }
}

/// What the service is told when it looks into a queue that is not there.
pub(super) fn no_queue() -> Fault {
    invalid(
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist for this wsdl version.",
    )
}
