//! Lists.

use crate::Error;
use crate::methods::place;
use crate::value::{List, Value};

pub(super) fn call(list: &List, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    match read(list, name, arguments)? {
        Some(found) => Ok(Some(found)),
        None => change(list, name, arguments),
    }
}

fn read(list: &List, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    let items = list.items.borrow();
    Ok(Some(match (name, arguments) {
        ("size", []) => Value::count(items.len()),
        ("isEmpty", []) => Value::Bool(items.is_empty()),
        ("get", [index]) => {
            place(index, items.len()).map_or(Value::Null, |index| items[index].clone())
        }
        ("contains", [item]) => Value::Bool(items.contains(item)),
        ("indexOf", [item]) => {
            let at = items.iter().position(|one| one == item);
            at.map_or(Value::Int(-1), Value::count)
        }
        ("subList", [from, to]) => {
            let end = |index: &Value| match index {
                Value::Int(at) => usize::try_from(*at).ok().filter(|at| *at <= items.len()),
                _ => None,
            };
            let (from, to) = (end(from), end(to));
            let part = from.zip(to).and_then(|(from, to)| items.get(from..to));
            Value::list(part.ok_or_else(outside)?.to_vec())?
        }
        _ => return Ok(None),
    }))
}

fn outside() -> Error {
    Error::Failed("this is outside of the list".into())
}

fn change(list: &List, name: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    let at = |index: &Value| place(index, list.items.borrow().len()).ok_or_else(outside);
    Ok(Some(match (name, arguments) {
        ("add", [item]) => {
            item.go_into(&list.level)?;
            list.items.borrow_mut().push(item.clone());
            Value::Bool(true)
        }
        ("add", [index, item]) => {
            item.go_into(&list.level)?;
            let is_end = *index == Value::count(list.items.borrow().len());
            let at = match is_end {
                true => list.items.borrow().len(),
                false => at(index)?,
            };
            list.items.borrow_mut().insert(at, item.clone());
            Value::Null
        }
        ("addAll", [Value::List(others)]) => {
            let others = others.items.borrow().clone();
            for item in &others {
                item.go_into(&list.level)?;
            }
            list.items.borrow_mut().extend(others);
            Value::Bool(true)
        }
        ("set", [index, item]) => {
            item.go_into(&list.level)?;
            let at = at(index)?;
            std::mem::replace(&mut list.items.borrow_mut()[at], item.clone())
        }
        ("remove", [index @ Value::Int(_)]) => {
            let at = at(index)?;
            list.items.borrow_mut().remove(at)
        }
        ("remove", [item]) => {
            let at = list.items.borrow().iter().position(|one| one == item);
            if let Some(at) = at {
                list.items.borrow_mut().remove(at);
            }
            Value::Bool(at.is_some())
        }
        ("clear", []) => {
            list.items.borrow_mut().clear();
            Value::Null
        }
        _ => return Ok(None),
    }))
}
