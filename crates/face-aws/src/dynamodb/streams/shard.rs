//! What a shard is called: `shardId-`, when it began, and in the last eight digits which one it is.

use tables::{Shard, ShardId};

/// Hexadecimal digits of a generation and of a partition.
const GENERATION: usize = 5;
const PARTITION: usize = 3;

pub(crate) fn id(shard: &Shard) -> String {
    let ShardId {
        generation,
        partition,
    } = shard.id;
    let began = shard.began.as_millis();
    format!("shardId-{began:020}-{generation:0GENERATION$x}{partition:0PARTITION$x}")
}

/// Which shard it could be. Whether there is such a one, and whether it began then, the caller sees.
pub(super) fn read(id: &str) -> Option<ShardId> {
    let (_, which) = id.strip_prefix("shardId-")?.split_once('-')?;
    let (generation, partition) = which.split_at_checked(which.len().checked_sub(PARTITION)?)?;
    Some(ShardId {
        generation: u32::from_str_radix(generation, 16).ok()?,
        partition: u32::from_str_radix(partition, 16).ok()?,
    })
}
