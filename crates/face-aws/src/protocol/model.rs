//! A service's model in memory: names borrowed from the embedded text, shapes in one array, references as indices.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use http::{HeaderName, Method, StatusCode};
use regex::Regex;
use serde::Deserialize;

pub(crate) struct Model {
    pub(crate) service: &'static str,
    pub(crate) protocol: Protocol,
    /// What stands before the dot in `X-Amz-Target`.
    pub(crate) target: &'static str,
    pub(crate) namespace: &'static str,
    /// In the order of their names.
    pub(crate) operations: Vec<Operation>,
    shapes: Vec<Shape>,
    /// Errors by code, in the order of the codes.
    errors: BTreeMap<&'static str, ShapeId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Json { content_type: &'static str },
    RestJson,
    Query,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShapeId(u16);

#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    /// The path without what may follow its last slash.
    pub(crate) path: Vec<Segment>,
    /// What the query string must hold for this operation to be meant.
    pub(crate) query: Option<(&'static str, &'static str)>,
    pub(crate) status: StatusCode,
    pub(crate) input: Option<ShapeId>,
    pub(crate) output: Option<ShapeId>,
    pub(crate) result_wrapper: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Literal(&'static str),
    /// The value of the member with this wire name.
    Label(&'static str),
}

#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) allowed: Vec<Cow<'static, str>>,
    pub(crate) pattern: Option<Pattern>,
    error: Option<ErrorRow>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Structure(Structure),
    List(Member),
    Map { key: Member, value: Member },
    String,
    Blob,
    Boolean,
    Integer,
    Long,
    Double,
    Timestamp,
}

#[derive(Debug)]
pub(crate) struct Structure {
    pub(crate) members: Vec<Member>,
    /// The member that is the whole body.
    pub(crate) payload: Option<&'static str>,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    /// Its name on the wire.
    pub(crate) wire: &'static str,
    pub(crate) shape: ShapeId,
    pub(crate) place: Place,
    /// The header that it is in: as text, its name would be read anew for each request.
    pub(crate) header: Option<HeaderName>,
    pub(crate) required: bool,
    pub(crate) flattened: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Body,
    Path,
    Query,
    Header,
    Status,
}

/// A pattern as messages quote it, compiled when it is first needed.
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) text: Cow<'static, str>,
    test: Option<Cow<'static, str>>,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    /// Whether the whole of `value` matches.
    pub(crate) fn matches(&self, value: &str) -> bool {
        let regex = self.compiled.get_or_init(|| {
            let test = self.test.as_ref().unwrap_or(&self.text);
            Regex::new(&format!(r"\A(?:{test})\z"))
                .expect("`cargo xtask models` keeps no pattern that does not compile")
        });
        regex.is_match(value)
    }
}

impl Model {
    /// # Panics
    /// When `source` is not what `cargo xtask models` writes; a test reads every model that is embedded.
    pub(crate) fn read(source: &'static str) -> Self {
        let file: File = serde_json::from_str(source).expect("an embedded model reads");
        let mut names: Vec<&'static str> = file.shapes.keys().copied().collect();
        names.sort_unstable();
        let ids: HashMap<&'static str, ShapeId> = (0..)
            .map(ShapeId)
            .zip(names.iter().copied())
            .map(|(id, name)| (name, id))
            .collect();
        let mut rows = file.shapes;
        let shapes: Vec<Shape> = names
            .iter()
            .map(|name| shape(name, rows.remove(name).expect("each name was a key"), &ids))
            .collect();
        let mut operations: Vec<Operation> = file
            .operations
            .into_iter()
            .map(|(name, row)| operation(name, &row, &ids))
            .collect();
        operations.sort_unstable_by_key(|operation| operation.name);
        let errors = shapes
            .iter()
            .filter_map(|shape| {
                Some((
                    shape.error.as_ref()?.code.unwrap_or(shape.name),
                    ids[shape.name],
                ))
            })
            .collect();
        Self {
            service: file.service,
            protocol: protocol(file.protocol, file.json_version),
            target: file.target.unwrap_or_default(),
            namespace: file.namespace.unwrap_or_default(),
            operations,
            shapes,
            errors,
        }
    }

    pub(crate) fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[usize::from(id.0)]
    }

    pub(crate) fn shape_named(&self, name: &str) -> Option<ShapeId> {
        let found = self
            .shapes
            .binary_search_by(|shape| shape.name.cmp(name))
            .ok()?;
        u16::try_from(found).ok().map(ShapeId)
    }

    pub(crate) fn operation_named(&self, name: &str) -> Option<&Operation> {
        let found = self
            .operations
            .binary_search_by(|operation| operation.name.cmp(name))
            .ok()?;
        Some(&self.operations[found])
    }

    /// The members of a modelled error, and its status.
    pub(crate) fn error(&self, code: &str) -> Option<(&Structure, StatusCode)> {
        let shape = self.shape(*self.errors.get(code)?);
        let status = StatusCode::from_u16(shape.error.as_ref()?.status).ok()?;
        match &shape.kind {
            Kind::Structure(structure) => Some((structure, status)),
            _ => None,
        }
    }

    pub(crate) fn structure(&self, id: ShapeId) -> Option<&Structure> {
        match &self.shape(id).kind {
            Kind::Structure(structure) => Some(structure),
            _ => None,
        }
    }
}

fn protocol(name: &str, json_version: Option<&str>) -> Protocol {
    match (name, json_version) {
        ("json", Some("1.0")) => Protocol::Json {
            content_type: "application/x-amz-json-1.0",
        },
        ("json", _) => Protocol::Json {
            content_type: "application/x-amz-json-1.1",
        },
        ("rest-json", _) => Protocol::RestJson,
        ("query", _) => Protocol::Query,
        _ => unreachable!("a service with the protocol {name} was embedded but nothing speaks it"),
    }
}

fn operation(
    name: &'static str,
    row: &OperationRow,
    ids: &HashMap<&'static str, ShapeId>,
) -> Operation {
    let (path, query) = match row.path.split_once('?') {
        Some((path, query)) => (path, query.split_once('=')),
        None => (row.path, None),
    };
    Operation {
        name,
        method: row.method.parse().unwrap_or(Method::POST),
        path: path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(segment)
            .collect(),
        query,
        status: row
            .status
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or_default(),
        input: row.input.map(|shape| ids[shape]),
        output: row.output.map(|shape| ids[shape]),
        result_wrapper: row.result_wrapper,
    }
}

fn segment(part: &'static str) -> Segment {
    match part
        .strip_prefix('{')
        .and_then(|part| part.strip_suffix('}'))
    {
        Some(label) => Segment::Label(label),
        None => Segment::Literal(part),
    }
}

fn shape(name: &'static str, row: ShapeRow, ids: &HashMap<&'static str, ShapeId>) -> Shape {
    let part = |part: Option<MemberRow>| {
        member(
            "member",
            &part.expect("a collection names what it holds"),
            ids,
        )
    };
    let kind = match row.kind {
        "structure" => Kind::Structure(Structure {
            members: row
                .members
                .into_iter()
                .map(|Named(name, row)| member(name, &row, ids))
                .collect(),
            payload: row.payload,
        }),
        "list" => Kind::List(part(row.member)),
        "map" => Kind::Map {
            key: part(row.key),
            value: part(row.value),
        },
        "blob" => Kind::Blob,
        "boolean" => Kind::Boolean,
        "integer" => Kind::Integer,
        "long" => Kind::Long,
        "double" | "float" => Kind::Double,
        "timestamp" => Kind::Timestamp,
        _ => Kind::String,
    };
    Shape {
        name,
        kind,
        min: row.min,
        max: row.max,
        allowed: row.allowed,
        pattern: row.pattern.map(|text| Pattern {
            text,
            test: row.test,
            compiled: OnceLock::new(),
        }),
        error: row.error,
    }
}

fn member(name: &'static str, row: &MemberRow, ids: &HashMap<&'static str, ShapeId>) -> Member {
    let wire = row.name.unwrap_or(name);
    let place = match row.place {
        Some("uri") => Place::Path,
        Some("querystring") => Place::Query,
        Some("header" | "headers") => Place::Header,
        Some("statusCode") => Place::Status,
        _ => Place::Body,
    };
    let is_header = place == Place::Header;
    Member {
        name,
        wire,
        shape: ids[row.shape],
        place,
        header: is_header.then(|| wire.parse().ok()).flatten(),
        required: row.required,
        flattened: row.flattened,
    }
}

#[derive(Deserialize)]
struct File {
    service: &'static str,
    protocol: &'static str,
    #[serde(rename = "jsonVersion")]
    json_version: Option<&'static str>,
    #[serde(rename = "targetPrefix")]
    target: Option<&'static str>,
    #[serde(rename = "xmlNamespace")]
    namespace: Option<&'static str>,
    operations: HashMap<&'static str, OperationRow>,
    shapes: HashMap<&'static str, ShapeRow>,
}

#[derive(Deserialize)]
struct OperationRow {
    method: &'static str,
    path: &'static str,
    status: Option<u16>,
    input: Option<&'static str>,
    output: Option<&'static str>,
    #[serde(rename = "resultWrapper")]
    result_wrapper: Option<&'static str>,
}

#[derive(Deserialize)]
struct ShapeRow {
    #[serde(rename = "type")]
    kind: &'static str,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(rename = "enum", default, borrow)]
    allowed: Vec<Cow<'static, str>>,
    #[serde(borrow)]
    pattern: Option<Cow<'static, str>>,
    #[serde(borrow)]
    test: Option<Cow<'static, str>>,
    payload: Option<&'static str>,
    #[serde(default, deserialize_with = "in_order")]
    members: Vec<Named>,
    member: Option<MemberRow>,
    key: Option<MemberRow>,
    value: Option<MemberRow>,
    error: Option<ErrorRow>,
}

#[derive(Deserialize)]
struct MemberRow {
    shape: &'static str,
    #[serde(rename = "in")]
    place: Option<&'static str>,
    name: Option<&'static str>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    flattened: bool,
}

#[derive(Debug, Deserialize)]
struct ErrorRow {
    code: Option<&'static str>,
    status: u16,
}

struct Named(&'static str, MemberRow);

/// A JSON object's entries as they are written: the order of members is the order of messages about them.
fn in_order<'de: 'static, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Named>, D::Error> {
    struct Entries;

    impl<'de: 'static> serde::de::Visitor<'de> for Entries {
        type Value = Vec<Named>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object of members")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some((name, row)) = map.next_entry()? {
                entries.push(Named(name, row));
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_map(Entries)
}
