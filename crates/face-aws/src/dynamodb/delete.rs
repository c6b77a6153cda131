use super::error::fault;
use super::write::{self, Input};
use super::{Asked, attribute, table};
use crate::protocol::Fault;

pub(super) async fn delete(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    write::check(&asked, "Key")?;
    let key = attribute::take(&mut asked.call, "Key")?.unwrap_or_default();
    let input: Input = asked.call.read()?;
    input.check()?;
    let table = table::name(asked.context, &input.table_name)?;
    let old = asked.tables.delete(asked.space(), table, &key).await;
    let old = old.map_err(fault)?;
    Ok(input.answer(&asked, table, old.as_ref(), 0))
}
