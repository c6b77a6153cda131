//! The forms in which callers name a function: its name, an ARN of it, or a part of one, each with a qualifier or not.

use std::sync::Arc;

use functions::Function;

use super::Asked;
use super::error::{denied, fault};
use crate::context::Context;
use crate::place::Place;
use crate::protocol::Fault;

/// A function, as a caller names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    /// As it was given; `$LATEST` too.
    pub(super) qualifier: Option<String>,
}

/// What stands for the newest code.
pub(super) const LATEST: &str = "$LATEST";

impl Named {
    /// Reads a name and what was said beside it. Names of other accounts and regions are refused.
    pub(super) fn read(asked: &Asked<'_>, name: &str, beside: Option<&str>) -> Result<Self, Fault> {
        let action = action(asked.call.operation.name);
        Self::parse(asked.context, action, name, beside)
    }

    /// The same for what is no operation, with the name of the permission that it takes.
    pub(super) fn parse(
        context: &Context,
        action: &str,
        name: &str,
        beside: Option<&str>,
    ) -> Result<Self, Fault> {
        let parts: Vec<&str> = name.split(':').collect();
        let (place, rest) = match parts.as_slice() {
            ["arn", _, "lambda", region, account, "function", rest @ ..] => {
                (Some((Some(*region), *account)), rest)
            }
            [account, "function", rest @ ..] => (Some((None, *account)), rest),
            ["function", rest @ ..] => (None, rest),
            rest => (None, rest),
        };
        let (name, within) = match rest {
            [name] => (*name, None),
            [name, qualifier] => (*name, Some(*qualifier)),
            _ => {
                let message = format!("Invalid function name: {name}");
                return Err(Fault::new("InvalidParameterValueException", message));
            }
        };
        if let Some((region, account)) = place {
            check_place(context, action, (region, account), name)?;
        }
        if let (Some(within), Some(beside)) = (within, beside)
            && within != beside
        {
            let message = "The derived qualifier from the function name does not match the specified qualifier.";
            return Err(Fault::new("InvalidParameterValueException", message));
        }
        Ok(Self {
            name: name.to_owned(),
            qualifier: within.or(beside).map(str::to_owned),
        })
    }

    /// The qualifier, unless it stands for the newest code.
    pub(super) fn version(&self) -> Option<&str> {
        self.qualifier
            .as_deref()
            .filter(|qualifier| *qualifier != LATEST)
    }

    /// Refuses what names a version or an alias where only the whole function makes sense.
    pub(super) fn whole(self) -> Result<Self, Fault> {
        match self.version() {
            None => Ok(self),
            Some(_) => Err(super::error::invalid(
                "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
            )),
        }
    }

    pub(super) fn arn(&self, context: &Context) -> String {
        let place = Place::of(&context.space);
        place.function_arn(&self.name, self.qualifier.as_deref())
    }

    pub(super) fn find(&self, asked: &Asked<'_>) -> Result<Function, Fault> {
        let space = &asked.context.space;
        let found = asked
            .parts
            .functions
            .resolve(space, &self.name, self.version());
        found.map_err(|error| fault(asked.context, self, error))
    }

    /// For one call: of an alias for two versions, either.
    pub(super) fn find_for_call(&self, asked: &Asked<'_>) -> Result<Arc<Function>, Fault> {
        let (functions, space) = (&asked.parts.functions, &asked.context.space);
        let found = functions.resolve_call(space, &self.name, self.version());
        found.map_err(|error| fault(asked.context, self, error))
    }
}

/// What the permission for an operation is called.
fn action(operation: &str) -> &str {
    match operation {
        "Invoke" | "InvokeWithResponseStream" | "InvokeAsync" => "InvokeFunction",
        other => other,
    }
}

fn check_place(
    context: &Context,
    action: &str,
    (region, account): (Option<&str>, &str),
    name: &str,
) -> Result<(), Fault> {
    if let Some(region) = region.filter(|region| *region != context.region) {
        let ours = &context.region;
        let message =
            format!("Functions from '{region}' are not reachable in this region ('{ours}')");
        return Err(Fault::new("ResourceNotFoundException", message));
    }
    if account != context.account {
        let ours = Place::of(&context.space);
        let theirs = Place { account, ..ours };
        let arn = theirs.function_arn(name, None);
        return Err(denied(context, action, &arn));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use access::Principal;

    use super::*;

    fn context() -> Context {
        Context {
            space: Context::space("000000000000", "us-east-1"),
            account: "000000000000".into(),
            region: "us-east-1".into(),
            principal: Principal::Owner {
                account: "000000000000".into(),
            },
            request_id: "id".into(),
        }
    }

    fn read(name: &str, beside: Option<&str>) -> Result<(String, Option<String>), String> {
        Named::parse(&context(), "GetFunction", name, beside)
            .map(|named| (named.name, named.qualifier))
            .map_err(|fault| fault.code.into_owned())
    }

    #[test]
    fn every_form_of_a_name_is_read() {
        let plain = Ok(("f".to_owned(), None));
        let qualified = Ok(("f".to_owned(), Some("live".to_owned())));
        assert_eq!(read("f", None), plain);
        assert_eq!(read("000000000000:function:f", None), plain);
        assert_eq!(read("function:f", None), plain);
        assert_eq!(
            read("arn:aws:lambda:us-east-1:000000000000:function:f", None),
            plain
        );
        assert_eq!(read("f:live", None), qualified);
        assert_eq!(read("f", Some("live")), qualified);
        assert_eq!(read("f:live", Some("live")), qualified);
        assert_eq!(
            read(
                "arn:aws:lambda:us-east-1:000000000000:function:f:live",
                None
            ),
            qualified
        );
    }

    #[test]
    fn what_is_elsewhere_or_contradicts_itself_is_refused() {
        let code = |name, beside| read(name, beside).unwrap_err();
        let elsewhere = "arn:aws:lambda:eu-west-1:000000000000:function:f";
        assert_eq!(code(elsewhere, None), "ResourceNotFoundException");
        assert_eq!(
            code("111111111111:function:f", None),
            "AccessDeniedException"
        );
        assert_eq!(code("f:one", Some("two")), "InvalidParameterValueException");
        assert_eq!(code("a:b:c:d", None), "InvalidParameterValueException");
    }
}
