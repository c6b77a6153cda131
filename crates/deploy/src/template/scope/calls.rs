//! What each function yields.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

mod foreign;

use super::Scope;
use crate::diagnostic::{Finding, Span};
use crate::template::declared::Target;
use crate::template::intrinsics::{Piece, pieces};
use crate::template::literal;
use crate::template::nearest::did_you_mean;
use crate::template::network;
use crate::template::scalar;
use crate::template::tree::{Call, Node, Value};

/// A call that yields nothing usable has said why; it is `None` here and `Broken` in the tree.
pub(super) fn call(scope: &Scope<'_>, call: &Call, span: Span) -> Node {
    let calling = Calling { scope, call, span };
    let node = match call.name.as_str() {
        "Ref" => call
            .argument
            .scalar()
            .map(|name| scope.reference(name, span)),
        "Fn::GetAtt" => {
            get_att(&call.argument).map(|(id, attribute)| scope.attribute(id, attribute, span))
        }
        "Fn::Sub" => calling.sub(),
        "Fn::Join" => calling.join(),
        "Fn::Select" => calling.select(),
        "Fn::Split" => calling.split(),
        "Fn::Cidr" => calling.cidr(),
        "Fn::GetAZs" => calling.zones(),
        "Fn::If" => calling.choose(),
        "Fn::FindInMap" => calling.find_in_map(),
        "Fn::Base64" => calling.base64(),
        "Fn::Length" => calling.length(),
        "Fn::ToJsonString" => calling.to_json(),
        "Fn::ImportValue" => calling.import(),
        "Fn::GetStackOutput" => calling.stack_output(),
        "Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Equals" | "Condition" => calling.misplaced(),
        "Fn::Contains" | "Fn::EachMemberEquals" | "Fn::EachMemberIn" => calling.for_rules(),
        // Unknown and refused functions are reported with the names.
        _ => None,
    };
    node.unwrap_or_else(|| Node::broken(span))
}

/// The resource and the attribute of `Fn::GetAtt`, whose long form is a list or `Resource.Attribute`.
pub(crate) fn get_att(argument: &Node) -> Option<(&str, &str)> {
    match &argument.value {
        Value::List(parts) => match parts.as_slice() {
            [resource, attribute] => Some((resource.scalar()?, attribute.scalar()?)),
            _ => None,
        },
        _ => argument.scalar()?.split_once('.'),
    }
}

struct Calling<'a> {
    scope: &'a Scope<'a>,
    call: &'a Call,
    span: Span,
}

impl Calling<'_> {
    fn wrong(&self, shape: &str) -> Finding {
        let name = &self.call.name;
        Finding::error(self.span, format!("`{name}` takes {shape}"))
    }

    /// Reports that the call is not as it must be.
    fn refuse<T>(&self, shape: &str) -> Option<T> {
        self.scope.report.add(self.wrong(shape));
        None
    }

    fn arguments<const N: usize>(&self, shape: &str) -> Option<[&Node; N]> {
        let items = match &self.call.argument.value {
            Value::List(items) => items.iter().collect::<Vec<_>>(),
            _ => return self.refuse(shape),
        };
        items.try_into().ok().or_else(|| self.refuse(shape))
    }

    /// The text that an argument yields.
    fn text(&self, node: &Node, shape: &str) -> Option<String> {
        let node = self.scope.eval(node);
        if node.is_broken() {
            return None;
        }
        self.scope.text(&node).or_else(|| {
            let wrong = self.wrong(shape).why(format!("this is {}", node.kind()));
            self.scope.report.add(wrong);
            None
        })
    }

    fn list(&self, node: &Node, shape: &str) -> Option<Vec<Node>> {
        match self.scope.eval(node).value {
            Value::List(items) => Some(items),
            Value::Broken => None,
            _ => self.refuse(shape),
        }
    }

    fn join(&self) -> Option<Node> {
        let shape = "a delimiter and a list of strings, `[\",\", [a, b]]`";
        let [delimiter, items] = self.arguments(shape)?;
        let delimiter = self.text(delimiter, shape)?;
        let items = self.list(items, shape)?;
        let texts: Option<Vec<String>> = items.iter().map(|item| self.text(item, shape)).collect();
        Some(self.scope.yielded(self.span, texts?.join(&delimiter)))
    }

    fn split(&self) -> Option<Node> {
        let shape = "a delimiter and a string, `[\",\", \"a,b\"]`";
        let [delimiter, text] = self.arguments(shape)?;
        let delimiter = self.text(delimiter, shape)?;
        let text = self.text(text, shape)?;
        if delimiter.is_empty() {
            return self.refuse("a delimiter that is not empty");
        }
        let parts = text.split(&delimiter);
        let parts: Vec<Node> = parts.map(|part| Node::text(self.span, part)).collect();
        let list = Node::new(self.span, Value::List(parts));
        Some(self.scope.copied(self.span, &list))
    }

    fn listed(&self, texts: impl Iterator<Item = String>) -> Node {
        let items = texts.map(|text| Node::text(self.span, &text)).collect();
        let list = Node::new(self.span, Value::List(items));
        self.scope.copied(self.span, &list)
    }

    /// A network of which nothing is made may still be divided.
    fn cidr(&self) -> Option<Node> {
        let shape = "a block, how many to make of it, and how many bits each leaves to its hosts, `[10.0.0.0/16, 4, 8]`";
        let [block, count, bits] = self.arguments(shape)?;
        let block = self.text(block, shape)?;
        let (count, bits) = (self.text(count, shape)?, self.text(bits, shape)?);
        let (Ok(count), Ok(bits)) = (count.parse(), bits.parse()) else {
            return self.refuse(shape);
        };
        match network::divide(&block, count, bits) {
            Some(blocks) => Some(self.listed(blocks.into_iter())),
            None => self.refuse("a block that so many blocks of that size fit into"),
        }
    }

    /// As the cloud's largest regions have them.
    fn zones(&self) -> Option<Node> {
        let said = self.text(&self.call.argument, "the name of a region, or nothing")?;
        let region = match said.as_str() {
            "" => self.scope.context.region.clone(),
            _ => said,
        };
        Some(
            self.listed(
                ["a", "b", "c"]
                    .into_iter()
                    .map(|zone| format!("{region}{zone}")),
            ),
        )
    }

    fn select(&self) -> Option<Node> {
        let shape = "an index and a list, `[0, [a, b]]`";
        let [index, items] = self.arguments(shape)?;
        let index = self.scope.eval(index);
        if index.is_broken() {
            return None;
        }
        let Some(index) = scalar::integer(&index).and_then(|index| usize::try_from(index).ok())
        else {
            return self.refuse("an index that is a whole number from zero on");
        };
        let mut items = self.list(items, shape)?;
        if index >= items.len() {
            let finding = self.wrong("an index that is in the list").why(format!(
                "the list has {} items, the index is {index}",
                items.len()
            ));
            self.scope.report.add(finding);
            return None;
        }
        Some(items.swap_remove(index))
    }

    fn choose(&self) -> Option<Node> {
        let shape = "a condition's name and two values, `[Name, if true, if false]`";
        let [name, yes, no] = self.arguments(shape)?;
        let Some(name) = name.scalar() else {
            return self.refuse(shape);
        };
        let holds = self.scope.holds(name, self.span)?;
        Some(self.scope.eval(if holds { yes } else { no }))
    }

    fn find_in_map(&self) -> Option<Node> {
        let shape = "the name of a mapping and two keys, `[Map, first, second]`";
        let [map, first, second] = match self.default_value() {
            Some((others, _)) => others,
            None => self.arguments(shape)?,
        };
        let map = self.text(map, shape)?;
        let first = self.text(first, shape)?;
        let second = self.text(second, shape)?;
        let mut at = self.scope.document.root.get("Mappings")?;
        for (key, kind) in [
            (&map, "mapping"),
            (&first, "first key"),
            (&second, "second key"),
        ] {
            let entries = at.entries().unwrap_or_default();
            let Some(found) = entries.iter().find(|entry| entry.key == *key) else {
                if kind == "mapping" && self.call_names_literally() {
                    // Reported with the names.
                    return None;
                }
                if let Some((_, default)) = self.default_value() {
                    return Some(self.scope.eval(default));
                }
                let keys = entries.iter().map(|entry| entry.key.as_str());
                self.scope.report.add(
                    Finding::error(self.span, format!("there is no {kind} `{key}`"))
                        .why(format!("looked up {map} / {first} / {second}"))
                        .maybe_help(did_you_mean(key, keys)),
                );
                return None;
            };
            at = &found.value;
        }
        Some(self.scope.copied(self.span, at))
    }

    /// What stands before it, and it.
    fn default_value(&self) -> Option<([&Node; 3], &Node)> {
        let Value::List(items) = &self.call.argument.value else {
            return None;
        };
        let [map, first, second, last] = items.as_slice() else {
            return None;
        };
        Some(([map, first, second], last.get("DefaultValue")?))
    }

    fn length(&self) -> Option<Node> {
        let items = self.list(&self.call.argument, "a list")?;
        let length = Value::Plain(items.len().to_string());
        Some(Node::new(self.span, length))
    }

    fn to_json(&self) -> Option<Node> {
        let node = self.scope.eval(&self.call.argument);
        match node.value {
            Value::List(_) | Value::Map(_) => {
                let text = literal::text(&node)?;
                Some(self.scope.yielded(self.span, text))
            }
            Value::Broken => None,
            _ => self.refuse("a mapping or a list"),
        }
    }

    fn call_names_literally(&self) -> bool {
        match &self.call.argument.value {
            Value::List(items) => items.first().is_some_and(|map| map.scalar().is_some()),
            _ => false,
        }
    }

    fn base64(&self) -> Option<Node> {
        let text = self.text(&self.call.argument, "a string")?;
        Some(self.scope.yielded(self.span, STANDARD.encode(text)))
    }

    fn sub(&self) -> Option<Node> {
        let shape = "a string, or a list of a string and a mapping of variables";
        let (text, variables) = match &self.call.argument.value {
            Value::List(items) => match items.as_slice() {
                [text, variables] => (text, variables.entries()),
                _ => return self.refuse(shape),
            },
            _ => (&self.call.argument, None),
        };
        let Some(text) = text.scalar() else {
            return self.refuse(shape);
        };
        let mut out = String::new();
        for piece in pieces(text) {
            match piece {
                Piece::Literal(literal) => out.push_str(literal),
                Piece::Escaped(name) => {
                    out.push_str("${");
                    out.push_str(name);
                    out.push('}');
                }
                Piece::Variable(name) => {
                    let value = self.variable(name, variables.unwrap_or_default())?;
                    if !self.scope.charge(self.span, value.len()) {
                        return None;
                    }
                    out.push_str(&value);
                }
            }
        }
        Some(self.scope.yielded(self.span, out))
    }

    fn variable(&self, name: &str, own: &[crate::template::tree::Entry]) -> Option<String> {
        let node = match own.iter().find(|entry| entry.key == name) {
            Some(entry) => self.scope.eval(&entry.value),
            None => match name.split_once('.') {
                Some(_) if Target::find(self.scope.declared, name).is_some() => {
                    self.scope.reference(name, self.span)
                }
                Some((id, attribute)) => self.scope.attribute(id, attribute, self.span),
                None => self.scope.reference(name, self.span),
            },
        };
        if node.is_broken() {
            return None;
        }
        self.scope.text(&node).or_else(|| {
            let finding = Finding::error(self.span, format!("`${{{name}}}` is no text"))
                .why(format!("it is {}", node.kind()))
                .help("make one text of a list with `!Join`");
            self.scope.report.add(finding);
            None
        })
    }

    fn for_rules(&self) -> Option<Node> {
        let name = &self.call.name;
        let finding = Finding::error(self.span, format!("`{name}` yields no value here"));
        self.scope.report.add(finding.why("it belongs into Rules"));
        None
    }

    fn misplaced(&self) -> Option<Node> {
        let name = &self.call.name;
        self.scope.report.add(
            Finding::error(self.span, format!("`{name}` yields no value"))
                .why("it belongs into Conditions")
                .help(
                    "name the condition in the section Conditions and choose by `!If [Name, …, …]`",
                ),
        );
        None
    }
}
