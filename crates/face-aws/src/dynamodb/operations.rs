//! Which file does which operation.

use super::{
    Asked, account, alter, batch, create, describe, drop, expiry, get, list, query, scan,
    statement, tags, transact, transfer, write,
};
use crate::protocol::Fault;

pub(super) async fn answer(asked: Asked<'_>) -> Result<wire::Response, Fault> {
    match asked.call.operation.name {
        "CreateTable" => create::create(asked).await,
        "DescribeTable" => describe::describe(asked),
        "ListTables" => list::list(asked),
        "DeleteTable" => drop::drop(asked).await,
        "UpdateTable" => alter::alter(asked).await,
        "UpdateTimeToLive" => expiry::set(asked).await,
        "DescribeTimeToLive" => expiry::describe(asked),
        "TagResource" => tags::tag(asked).await,
        "UntagResource" => tags::untag(asked).await,
        "ListTagsOfResource" => tags::list(asked),
        "DescribeContinuousBackups" => account::backups(asked),
        "UpdateContinuousBackups" => account::set_backups(asked).await,
        "ExportTableToPointInTime" => transfer::export(asked).await,
        "DescribeExport" => transfer::describe_export(asked),
        "ListExports" => transfer::list_exports(asked),
        "ImportTable" => transfer::import(asked).await,
        "DescribeImport" => transfer::describe_import(asked),
        "ListImports" => transfer::list_imports(asked),
        "DescribeLimits" => account::limits(&asked),
        "DescribeEndpoints" => account::endpoints(&asked),
        "PutItem" => write::put(asked).await,
        "GetItem" => get::get(asked),
        "UpdateItem" => write::update(asked).await,
        "DeleteItem" => write::delete(asked).await,
        "BatchGetItem" => batch::get(asked),
        "BatchWriteItem" => batch::write(asked).await,
        "TransactGetItems" => transact::get(asked),
        "TransactWriteItems" => transact::write(asked).await,
        "ExecuteStatement" => statement::execute(asked).await,
        "BatchExecuteStatement" => statement::batch(asked).await,
        "ExecuteTransaction" => statement::transaction(asked).await,
        "Query" => query::query(asked),
        "Scan" => scan::scan(asked),
        _ => Err(asked.call.unknown()),
    }
}
