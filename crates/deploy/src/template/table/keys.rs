//! `KeySchema`, of tables and of their indexes.

use super::Definition;
use crate::desired::KeyAttribute;
use crate::diagnostic::{Finding, Span};
use crate::template::shape::Support::Obeyed;
use crate::template::shape::{Fields, Findings, Schema};

const KEY: Schema = &[("AttributeName", Obeyed), ("KeyType", Obeyed)];

/// Attributes of one role in the key of a global index.
const MOST_OF_ROLE: usize = 4;

/// A key attribute as `KeySchema` names it.
pub(super) struct Keyed<'a> {
    pub(super) name: String,
    range: bool,
    span: Span,
    fields: Fields<'a>,
}

/// A key's attributes by their roles.
#[derive(Clone, Copy)]
pub(super) struct Key<'k, 'a> {
    pub(super) partition: &'k Keyed<'a>,
    pub(super) more_partition: &'k [Keyed<'a>],
    pub(super) sort: Option<&'k Keyed<'a>>,
    pub(super) more_sort: &'k [Keyed<'a>],
}

pub(super) fn key<'k, 'a>(
    fields: &Fields<'a>,
    keys: &'k [Keyed<'a>],
    findings: &Findings<'a>,
) -> Option<Key<'k, 'a>> {
    const HELP: &str = "one attribute with `KeyType: HASH`, and after it at most one with RANGE";
    divided(fields, keys, 1, HELP, findings)
}

/// The key of a global index, which may have several attributes of each role.
pub(super) fn global_key<'k, 'a>(
    fields: &Fields<'a>,
    keys: &'k [Keyed<'a>],
    findings: &Findings<'a>,
) -> Option<Key<'k, 'a>> {
    const HELP: &str =
        "up to four attributes with `KeyType: HASH`, and after them up to four with RANGE";
    divided(fields, keys, MOST_OF_ROLE, HELP, findings)
}

fn divided<'k, 'a>(
    fields: &Fields<'a>,
    keys: &'k [Keyed<'a>],
    most: usize,
    help: &'static str,
    findings: &Findings<'a>,
) -> Option<Key<'k, 'a>> {
    let hashes = keys.iter().take_while(|key| !key.range).count();
    let (hashes, ranges) = keys.split_at(hashes);
    let fit = hashes.len() <= most && ranges.len() <= most && ranges.iter().all(|key| key.range);
    let Some((partition, more_partition)) = hashes.split_first().filter(|_| fit) else {
        let wrong = Finding::error(fields.place("KeySchema"), "this is no valid key").help(help);
        findings.report.add(wrong);
        return None;
    };
    for (at, key) in keys.iter().enumerate() {
        if keys[..at].iter().any(|other| other.name == key.name) {
            findings.report.add(Finding::error(
                key.span,
                format!("`{}` is in the key twice", key.name),
            ));
        }
    }
    Some(Key {
        partition,
        more_partition,
        sort: ranges.first(),
        more_sort: ranges.get(1..).unwrap_or_default(),
    })
}

pub(super) fn typed(
    key: &Keyed<'_>,
    types: &[Definition],
    findings: &Findings<'_>,
) -> Option<KeyAttribute> {
    let Some((_, kind, _)) = types.iter().find(|(name, ..)| *name == key.name) else {
        findings.report.add(
            Finding::error(
                key.fields.place("AttributeName"),
                format!("the key attribute `{}` has no type", key.name),
            )
            .help("define it in `AttributeDefinitions`"),
        );
        return None;
    };
    Some(KeyAttribute {
        name: key.name.clone(),
        r#type: *kind,
    })
}

/// The same of several.
pub(super) fn all_typed<'k, 'a: 'k>(
    keys: impl IntoIterator<Item = &'k Keyed<'a>>,
    types: &[Definition],
    findings: &Findings<'_>,
) -> Option<Vec<KeyAttribute>> {
    let typed = keys.into_iter().map(|key| typed(key, types, findings));
    typed.collect()
}

pub(super) fn key_schema<'a>(
    fields: &Fields<'a>,
    findings: &Findings<'a>,
) -> Option<Vec<Keyed<'a>>> {
    fields.required("KeySchema")?;
    let keys = fields.list("KeySchema")?.iter().map(|node| {
        let owner = "KeySchema element";
        let fields = Fields::open(node, node.span, owner, KEY, findings)?;
        let name = fields.required_text("AttributeName");
        fields.required("KeyType");
        let range = fields.choice("KeyType", &["HASH", "RANGE"])? == "RANGE";
        Some(Keyed {
            name: name?,
            range,
            span: node.span,
            fields,
        })
    });
    // All are read before the first that fails ends it, so that each says what is wrong with it.
    let keys: Vec<Option<Keyed<'a>>> = keys.collect();
    keys.into_iter().collect()
}
