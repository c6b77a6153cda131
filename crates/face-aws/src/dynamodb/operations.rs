//! Which file does which operation.

use super::{Asked, create, delete, describe, drop, get, list, put, query, scan};
use crate::protocol::Fault;

pub(super) async fn answer(asked: Asked<'_>) -> Result<wire::Response, Fault> {
    match asked.call.operation.name {
        "CreateTable" => create::create(asked).await,
        "DescribeTable" => describe::describe(asked),
        "ListTables" => list::list(asked),
        "DeleteTable" => drop::drop(asked).await,
        "PutItem" => put::put(asked).await,
        "GetItem" => get::get(asked),
        "DeleteItem" => delete::delete(asked).await,
        "Query" => query::query(asked),
        "Scan" => scan::scan(asked),
        _ => Err(asked.call.unknown()),
    }
}
