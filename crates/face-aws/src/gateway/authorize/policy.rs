//! Policies as authorizers answer them: statements that allow or deny to call some of an API's methods.

use serde_json::Value;

const ACTION: &str = "execute-api:Invoke";

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Policy(Vec<Statement>);

#[derive(Clone, Debug, PartialEq)]
struct Statement {
    allows: bool,
    actions: Vec<String>,
    resources: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    /// A statement denies it, whatever others say.
    Denied,
    Unmentioned,
}

impl Policy {
    /// Reads a `policyDocument`, or says what is wrong with it.
    pub(super) fn read(document: &Value) -> Result<Self, String> {
        let statements = &document["Statement"];
        let statements = match statements {
            Value::Array(statements) => statements.as_slice(),
            Value::Object(_) => std::slice::from_ref(statements),
            _ => return Err("policyDocument.Statement must be a list".into()),
        };
        statements
            .iter()
            .map(statement)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn verdict(&self, resource: &str) -> Verdict {
        let about = self.0.iter().filter(|statement| {
            let acts = statement
                .actions
                .iter()
                .any(|action| fits(&action.to_ascii_lowercase(), &ACTION.to_ascii_lowercase()));
            acts && statement
                .resources
                .iter()
                .any(|pattern| fits(pattern, resource))
        });
        about.fold(Verdict::Unmentioned, |verdict, statement| {
            match (verdict, statement.allows) {
                (Verdict::Denied, _) | (_, false) => Verdict::Denied,
                (_, true) => Verdict::Allowed,
            }
        })
    }
}

fn statement(value: &Value) -> Result<Statement, String> {
    let known = ["Sid", "Effect", "Action", "Resource"];
    let fields = value.as_object().ok_or("a statement must be an object")?;
    // What would make it mean less, or more, than it seems to.
    if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("a statement's {name} is not supported yet"));
    }
    Ok(Statement {
        allows: match value["Effect"].as_str() {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("a statement's Effect must be Allow or Deny".into()),
        },
        actions: texts(&value["Action"]).ok_or("a statement needs an Action")?,
        resources: texts(&value["Resource"]).ok_or("a statement needs a Resource")?,
    })
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    }
}

/// `*` stands for any text, `?` for any one character. Takes time in proportion to the product of the lengths at most.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star was, and what it stood for so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, taken)) = star {
            p = at + 1;
            t = taken + 1;
            star = Some((at, taken + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:abc/Prod/GET/items/7";

    #[expect(clippy::needless_pass_by_value, reason = "literals are handed over")]
    fn verdict(statements: Value) -> Verdict {
        Policy::read(&json!({ "Version": "2012-10-17", "Statement": statements }))
            .unwrap()
            .verdict(ARN)
    }

    fn says(effect: &str, resource: &str) -> Value {
        json!({ "Effect": effect, "Action": "execute-api:Invoke", "Resource": resource })
    }

    #[test]
    fn resources_have_wildcards() {
        for (resource, expected) in [
            (ARN, Verdict::Allowed),
            ("*", Verdict::Allowed),
            ("arn:aws:execute-api:*:*:abc/Prod/GET/*", Verdict::Allowed),
            ("arn:aws:execute-api:*:*:abc/*/items/?", Verdict::Allowed),
            (
                "arn:aws:execute-api:*:*:abc/Prod/POST/*",
                Verdict::Unmentioned,
            ),
            (
                "arn:aws:execute-api:*:*:abc/Prod/GET/items",
                Verdict::Unmentioned,
            ),
            ("", Verdict::Unmentioned),
        ] {
            assert_eq!(
                verdict(json!([says("Allow", resource)])),
                expected,
                "{resource}"
            );
        }
    }

    #[test]
    fn a_denial_wins() {
        let deny = says("Deny", "*/items/*");
        assert_eq!(verdict(json!([says("Allow", "*"), deny])), Verdict::Denied);
        assert_eq!(verdict(json!([deny, says("Allow", "*")])), Verdict::Denied);
        assert_eq!(verdict(deny), Verdict::Denied);
        let other = json!({ "Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"] });
        assert_eq!(verdict(other), Verdict::Unmentioned);
        let all = json!({ "Effect": "Allow", "Action": ["*"], "Resource": ["a", ARN] });
        assert_eq!(verdict(all), Verdict::Allowed);
    }

    #[test]
    fn what_is_no_policy_is_not_taken_for_one() {
        for document in [
            json!(null),
            json!({ "Statement": "Allow" }),
            json!({ "Statement": [{ "Effect": "allow", "Action": "*", "Resource": "*" }] }),
            json!({ "Statement": [{ "Effect": "Allow", "Action": "*" }] }),
            json!({ "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {} }] }),
        ] {
            assert!(Policy::read(&document).is_err(), "{document}");
        }
    }
}
