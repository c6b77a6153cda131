//! Which file does which operation.

use super::{
    Answer, Asked, account, asynchronous, concurrency, create, delete, get, invoke, list,
    permission, tags, update,
};
use crate::protocol::Fault;

pub(super) async fn answer(asked: Asked<'_>) -> Result<Answer, Fault> {
    match asked.call.operation.name {
        "CreateFunction" => create::create(asked).await,
        "GetFunction" => get::function(asked),
        "GetFunctionConfiguration" => get::configuration(asked),
        "ListFunctions" => list::list(asked),
        "UpdateFunctionCode" => update::code(asked).await,
        "UpdateFunctionConfiguration" => update::configuration(asked).await,
        "DeleteFunction" => delete::delete(asked).await,
        "Invoke" => invoke::invoke(asked).await,
        "PutFunctionConcurrency" => concurrency::put(asked).await,
        "GetFunctionConcurrency" => concurrency::get(asked),
        "DeleteFunctionConcurrency" => concurrency::delete(asked).await,
        "PutFunctionEventInvokeConfig" => asynchronous::put(asked).await,
        "UpdateFunctionEventInvokeConfig" => asynchronous::update(asked).await,
        "GetFunctionEventInvokeConfig" => asynchronous::get(asked),
        "DeleteFunctionEventInvokeConfig" => asynchronous::delete(asked).await,
        "AddPermission" => permission::add(asked).await,
        "RemovePermission" => permission::remove(asked).await,
        "GetPolicy" => permission::get(asked),
        "ListTags" => tags::list(asked),
        "TagResource" => tags::add(asked).await,
        "UntagResource" => tags::remove(asked).await,
        "GetAccountSettings" => account::settings(&asked),
        _ => Err(asked.call.unknown()),
    }
}
