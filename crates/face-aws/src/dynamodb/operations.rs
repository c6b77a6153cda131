//! Which file does which operation.

use super::{
    Asked, account, alter, batch, create, describe, drop, expiry, get, list, policy, query, scan,
    statement, tags, transact, transfer, write,
};
use crate::protocol::Fault;

/// All but writes of single items wait in a place of their own: one that held the largest would be moved about for each
/// request.
pub(super) async fn answer(asked: Asked<'_>) -> Result<wire::Response, Fault> {
    match asked.call.operation.name {
        "CreateTable" => Box::pin(create::create(asked)).await,
        "DescribeTable" => describe::describe(asked),
        "ListTables" => list::list(asked),
        "DeleteTable" => Box::pin(drop::drop(asked)).await,
        "UpdateTable" => Box::pin(alter::alter(asked)).await,
        "UpdateTimeToLive" => Box::pin(expiry::set(asked)).await,
        "DescribeTimeToLive" => expiry::describe(asked),
        "TagResource" => Box::pin(tags::tag(asked)).await,
        "UntagResource" => Box::pin(tags::untag(asked)).await,
        "ListTagsOfResource" => tags::list(asked),
        "DescribeContinuousBackups" => account::backups(asked),
        "UpdateContinuousBackups" => Box::pin(account::set_backups(asked)).await,
        "ExportTableToPointInTime" => Box::pin(transfer::export(asked)).await,
        "DescribeExport" => transfer::describe_export(asked),
        "ListExports" => transfer::list_exports(asked),
        "ImportTable" => Box::pin(transfer::import(asked)).await,
        "DescribeImport" => transfer::describe_import(asked),
        "ListImports" => transfer::list_imports(asked),
        "CreateBackup" => Box::pin(transfer::create_backup(asked)).await,
        "DescribeBackup" => transfer::describe_backup(asked),
        "ListBackups" => transfer::list_backups(asked),
        "DeleteBackup" => Box::pin(transfer::delete_backup(asked)).await,
        "RestoreTableFromBackup" => Box::pin(transfer::restore(asked)).await,
        "RestoreTableToPointInTime" => Box::pin(transfer::recover(asked)).await,
        "PutResourcePolicy" => Box::pin(policy::put(asked)).await,
        "GetResourcePolicy" => policy::get(asked),
        "DeleteResourcePolicy" => Box::pin(policy::delete(asked)).await,
        "DescribeLimits" => account::limits(&asked),
        "DescribeEndpoints" => account::endpoints(&asked),
        "PutItem" => write::put(asked).await,
        "GetItem" => get::get(asked),
        "UpdateItem" => write::update(asked).await,
        "DeleteItem" => write::delete(asked).await,
        "BatchGetItem" => batch::get(asked),
        "BatchWriteItem" => Box::pin(batch::write(asked)).await,
        "TransactGetItems" => transact::get(asked),
        "TransactWriteItems" => Box::pin(transact::write(asked)).await,
        "ExecuteStatement" => Box::pin(statement::execute(asked)).await,
        "BatchExecuteStatement" => Box::pin(statement::batch(asked)).await,
        "ExecuteTransaction" => Box::pin(statement::transaction(asked)).await,
        "Query" => query::query(asked),
        "Scan" => scan::scan(asked),
        _ => Err(asked.call.unknown()),
    }
}
