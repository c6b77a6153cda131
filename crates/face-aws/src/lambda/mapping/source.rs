//! Where records come from.

use base::Space;
use triggers::MappingSource;

use super::super::error::invalid;
use crate::context::Context;
use crate::dynamodb::stream;
use crate::protocol::Fault;

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
        Some(later @ ("kinesis" | "sqs" | "kafka" | "mq" | "rds")) => Err(Fault::not_implemented(
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
    }
}
