//! The names of the functions a template may call, and how their short forms are read.

use crate::template::tree::{Node, Value};

/// Whether a function can be called here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Yes,
    /// With a transform that the template must name.
    Extension,
    /// It exists, but is not obeyed; why.
    Refused(&'static str),
    No,
}

const OBEYED: &[&str] = &[
    "Ref",
    "Condition",
    "Fn::And",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
    "Fn::Equals",
    "Fn::FindInMap",
    "Fn::GetAtt",
    "Fn::GetAZs",
    "Fn::GetStackOutput",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Not",
    "Fn::Or",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
];

const EXTENSIONS: &[&str] = &["Fn::ForEach", "Fn::Length", "Fn::ToJsonString"];

const OF_TYPES: &str = "what parameters name in the cloud is not looked up";

const REFUSED: &[(&str, &str)] = &[
    ("Fn::RefAll", OF_TYPES),
    (
        "Fn::Transform",
        "macros run in the cloud; write out what the macro would yield",
    ),
    ("Fn::ValueOf", OF_TYPES),
    ("Fn::ValueOfAll", OF_TYPES),
];

pub(crate) fn known(long_name: &str) -> Known {
    if OBEYED.contains(&long_name) {
        return Known::Yes;
    }
    let is_loop = long_name.starts_with("Fn::ForEach::");
    if is_loop || EXTENSIONS.contains(&long_name) {
        return Known::Extension;
    }
    let refused = REFUSED.iter().find(|(name, _)| *name == long_name);
    refused.map_or(Known::No, |(_, why)| Known::Refused(why))
}

pub(crate) fn long_names() -> impl Iterator<Item = &'static str> {
    let refused = REFUSED.iter().map(|(name, _)| *name);
    let known = OBEYED.iter().chain(EXTENSIONS).copied();
    known.chain(refused)
}

/// `!Ref`, `!Sub` and so on, for suggestions.
pub(crate) fn short_names() -> impl Iterator<Item = &'static str> {
    [
        "!And",
        "!Base64",
        "!Cidr",
        "!Condition",
        "!Equals",
        "!FindInMap",
        "!GetAtt",
        "!GetAZs",
        "!If",
        "!ImportValue",
        "!Join",
        "!Not",
        "!Or",
        "!Ref",
        "!Select",
        "!Split",
        "!Sub",
    ]
    .into_iter()
}

/// `Sub` is `Fn::Sub`; `Ref` and `Condition` stand for themselves.
pub(crate) fn long_name(tag: &str) -> String {
    match tag {
        "Ref" | "Condition" => tag.to_owned(),
        _ => format!("Fn::{tag}"),
    }
}

/// The short form's argument in the long form's shape: `!GetAtt A.B.C` names the attribute `B.C` of `A`.
pub(crate) fn short_argument(long_name: &str, argument: Node) -> Node {
    if long_name != "Fn::GetAtt" {
        return argument;
    }
    let Some((resource, attribute)) = argument.scalar().and_then(|path| path.split_once('.'))
    else {
        return argument;
    };
    let parts = vec![
        Node::text(argument.span, resource),
        Node::text(argument.span, attribute),
    ];
    Node::new(argument.span, Value::List(parts))
}

/// A piece of the text of `Fn::Sub`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Literal(&'a str),
    /// `${!Name}`, which stands for `${Name}`.
    Escaped(&'a str),
    /// `${Name}` or `${Resource.Attribute}`.
    Variable(&'a str),
}

/// Takes the text of `Fn::Sub` apart. A `${` that is not closed is text.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start + 2..].find('}') else {
            break;
        };
        if start > 0 {
            pieces.push(Piece::Literal(&rest[..start]));
        }
        let name = &rest[start + 2..start + 2 + length];
        pieces.push(match name.strip_prefix('!') {
            Some(literal) => Piece::Escaped(literal),
            None => Piece::Variable(name.trim()),
        });
        rest = &rest[start + 2 + length + 1..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_sub_comes_apart() {
        let got = pieces("a-${B}-${!C}${D.Arn}${open");
        let want = [
            Piece::Literal("a-"),
            Piece::Variable("B"),
            Piece::Literal("-"),
            Piece::Escaped("C"),
            Piece::Variable("D.Arn"),
            Piece::Literal("${open"),
        ];
        assert_eq!(got, want);
    }
}
