use super::error::fault;
use super::write::{self, Input};
use super::{Asked, attribute, table};
use crate::protocol::Fault;

pub(super) async fn put(mut asked: Asked<'_>) -> Result<wire::Response, Fault> {
    write::check(&asked, "Item")?;
    let item = attribute::take(&mut asked.call, "Item")?.unwrap_or_default();
    let input: Input = asked.call.read()?;
    input.check()?;
    let table = table::name(asked.context, &input.table_name)?;
    let size = input.size(&item);
    let old = asked.tables.put(asked.space(), table, item).await;
    let old = old.map_err(fault)?;
    Ok(input.answer(&asked, table, old.as_ref(), size))
}
