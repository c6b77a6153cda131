//! `ProjectionExpression`: paths, with commas between them.

use tables::{Path, Projection};

use super::reader::{Clash, Ranks, Reader, clash};
use super::token::Kind;
use crate::dynamodb::placeholders::Placeholders;
use crate::protocol::Fault;

const RANKS: Ranks = Ranks {
    reserved: (0, 0, 0),
    name: (1, 0, 0),
    value: (1, 0, 0),
};

pub(in crate::dynamodb) fn projection(
    text: &str,
    placeholders: &mut Placeholders,
) -> Result<Projection, Fault> {
    let mut reader = Reader::new("ProjectionExpression", text, placeholders)?;
    let mut paths: Vec<Path> = Vec::new();
    loop {
        let path = reader.path(RANKS)?;
        for other in &paths {
            if let Some(how) = clash(other, &path) {
                let rank = match how {
                    Clash::Overlap => (2, 0, 0),
                    Clash::Conflict => (3, 0, 0),
                };
                reader.blame(rank, how.message(other, &path));
            }
        }
        paths.push(path);
        if !reader.skip(Kind::Comma) {
            break;
        }
    }
    reader.finish()?;
    Ok(paths.into_iter().collect())
}
