//! YAML with CloudFormation's short tags, from the parser's events.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::{Entries, MAX_DEPTH, MAX_NODES, too_deep, too_many};
use crate::diagnostic::{Finding, Span};
use crate::template::intrinsics::{self, Known};
use crate::template::nearest::did_you_mean;
use crate::template::tree::{Call, Entry, Node, Value};

pub(super) fn read(text: &str, findings: &mut Vec<Finding>) -> Result<Node, Finding> {
    let mut reader = Reader {
        text,
        parser: Parser::new_from_str(text),
        offsets: Offsets::of(text),
        anchors: HashMap::new(),
        nodes: 0,
        findings,
    };
    reader.document()
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    offsets: Offsets,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    findings: &'a mut Vec<Finding>,
}

/// What an alias stands for, and how many values that is.
struct Anchored {
    node: Node,
    size: usize,
}

type Marked<'a> = (Event<'a>, Span);

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Finding> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart
                | Event::DocumentStart(_)
                | Event::DocumentEnd
                | Event::Nothing => {}
                _ if root.is_some() => {
                    return Err(Finding::error(span, "a second document begins here")
                        .help("a template is one document: remove the `---` line"));
                }
                event => root = Some(self.node((event, span), 0)?),
            }
        }
        Ok(root.unwrap_or_else(|| Node::new(Span::default(), Value::Null)))
    }

    fn next(&mut self) -> Result<Marked<'a>, Finding> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                let span = Span::new(self.offsets.byte(span.start), self.offsets.byte(span.end));
                Ok((event, span))
            }
            Some(Err(error)) => Err(self.syntax(&error)),
            None => Ok((
                Event::StreamEnd,
                Span::new(self.text.len(), self.text.len()),
            )),
        }
    }

    fn syntax(&self, error: &ScanError) -> Finding {
        let at = self.offsets.byte(*error.marker()).min(self.text.len());
        let end = self.text[at..]
            .char_indices()
            .nth(1)
            .map_or(self.text.len(), |(next, _)| at + next);
        let finding = Finding::error(
            Span::new(at, end),
            format!("this is not YAML: {}", error.info()),
        );
        let line_start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        if self.text[line_start..end].contains('\t') {
            return finding.help("YAML is indented by spaces; there is a tab in this line");
        }
        finding.help("check the indentation, and quote text that holds `: `, ` #` or begins with a special character")
    }

    fn node(&mut self, (event, span): Marked<'a>, depth: usize) -> Result<Node, Finding> {
        if depth > MAX_DEPTH {
            return Err(too_deep(span));
        }
        self.count(1, span)?;
        let before = self.nodes;
        // Long texts count as several values, because an alias copies them.
        if let Event::Scalar(text, ..) = &event {
            self.count(text.len() / 64, span)?;
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let node = plain_or_text(&text, style, tag.as_deref(), span);
                (self.tagged(node, tag.as_deref(), span), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                let node = self.sequence(span, depth)?;
                (self.tagged(node, tag.as_deref(), span), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                let node = self.mapping(span, depth)?;
                (self.tagged(node, tag.as_deref(), span), anchor)
            }
            Event::Alias(anchor) => return self.alias(anchor, span),
            _ => return Err(Finding::error(span, "this is not YAML: a value is missing")),
        };
        if anchor != 0 {
            let size = self.nodes - before + 1;
            let node = node.clone();
            self.anchors.insert(anchor, Anchored { node, size });
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Finding> {
        // An anchor that is still being read is not there yet, so an alias of its own parent ends here.
        let Some(size) = self.anchors.get(&anchor).map(|anchored| anchored.size) else {
            return Err(Finding::error(
                span,
                "this alias stands for a value that contains it",
            ));
        };
        self.count(size, span)?;
        Ok(self.anchors[&anchor].node.clone())
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Finding> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(too_many(span));
        }
        Ok(())
    }

    fn sequence(&mut self, start: Span, depth: usize) -> Result<Node, Finding> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, end) => {
                    let span = Span::new(start.start, end.end.max(start.end));
                    return Ok(Node::new(span, Value::List(items)));
                }
                item => items.push(self.node(item, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, start: Span, depth: usize) -> Result<Node, Finding> {
        let mut entries = Entries::default();
        let mut merges = Vec::new();
        loop {
            let (event, key_span) = self.next()?;
            if event == Event::MappingEnd {
                for merge in merges {
                    self.merge(&mut entries, merge);
                }
                let span = Span::new(start.start, key_span.end.max(start.end));
                return Ok(Node::map(span, entries.entries));
            }
            let key = self.node((event, key_span), depth + 1)?;
            let value = self.next()?;
            let value = self.node(value, depth + 1)?;
            match key.value {
                Value::Plain(merge) if merge == "<<" => merges.push(value),
                Value::Text(key) | Value::Plain(key) => {
                    let entry = Entry {
                        key,
                        key_span,
                        value,
                    };
                    entries.push(entry, self.text, self.findings);
                }
                Value::Null => {
                    let entry = Entry {
                        key: String::new(),
                        key_span,
                        value,
                    };
                    entries.push(entry, self.text, self.findings);
                }
                _ => self.findings.push(
                    Finding::error(key_span, "a key must be a plain word or a string")
                        .help("if this is a placeholder such as {{name}}, quote it"),
                ),
            }
        }
    }

    /// `<<: *defaults`, which the vendor's command line tools write out before they upload a template.
    fn merge(&mut self, entries: &mut Entries, from: Node) {
        match from.value {
            Value::Map(merged) => {
                for entry in merged {
                    if !entries.seen.contains_key(&entry.key) {
                        entries.push(entry, self.text, self.findings);
                    }
                }
            }
            Value::List(maps) if maps.iter().all(|map| map.entries().is_some()) => {
                for map in maps {
                    self.merge(entries, map);
                }
            }
            _ => self.findings.push(Finding::error(
                from.span,
                "`<<` takes a mapping, or a list of mappings, to be merged",
            )),
        }
    }

    fn tagged(&mut self, node: Node, tag: Option<&Tag>, span: Span) -> Node {
        let Some(tag) = tag else {
            return node;
        };
        if tag.handle != "!" {
            return self.core_tagged(node, tag, span);
        }
        if tag.suffix.is_empty() {
            return node;
        }
        // The parser's place of a tagged scalar is the scalar's; the tag stands before it, perhaps a line above.
        let written = format!("!{}", tag.suffix);
        let name_span = self.tag_span(&written, span);
        let long = intrinsics::long_name(&tag.suffix);
        if intrinsics::known(&long) == Known::No {
            self.findings.push(
                Finding::error(name_span, format!("there is no function `{written}`"))
                    .maybe_help(did_you_mean(&written, intrinsics::short_names())),
            );
            return Node::broken(span);
        }
        let argument = intrinsics::short_argument(&long, node);
        let whole = Span::new(name_span.start, argument.span.end.max(name_span.end));
        let call = Call {
            name: long,
            name_span,
            argument,
        };
        Node::new(whole, Value::Call(Box::new(call)))
    }

    fn tag_span(&self, written: &str, span: Span) -> Span {
        let text = self.text;
        if text
            .get(span.start..)
            .is_some_and(|rest| rest.starts_with(written))
        {
            return Span::new(span.start, span.start + written.len());
        }
        match text
            .get(..span.start)
            .and_then(|before| before.rfind(written))
        {
            Some(at) => Span::new(at, at + written.len()),
            None => span,
        }
    }

    fn core_tagged(&mut self, node: Node, tag: &Tag, span: Span) -> Node {
        let known = ["str", "int", "float", "bool", "null", "seq", "map"];
        if tag.is_yaml_core_schema() && known.contains(&tag.suffix.as_str()) {
            return node;
        }
        let written = match tag.is_yaml_core_schema() {
            true => format!("!!{}", tag.suffix),
            false => tag.to_string(),
        };
        self.findings.push(
            Finding::error(
                span,
                format!("the tag `{written}` is not allowed in a template"),
            )
            .help("quote the value instead"),
        );
        Node::broken(span)
    }
}

fn plain_or_text(text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node {
    let is =
        |suffix: &str| tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == suffix);
    let value = match style {
        ScalarStyle::Plain if is("str") => Value::Text(text.to_owned()),
        // A function's argument that is left out is an empty string, as in `!Ref ""`.
        ScalarStyle::Plain if matches!(text, "" | "~" | "null" | "Null" | "NULL") => Value::Null,
        ScalarStyle::Plain => Value::Plain(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    };
    Node::new(span, value)
}

/// From the parser's character indices to byte offsets.
enum Offsets {
    /// Every character is a byte.
    Ascii,
    Table(Vec<usize>),
}

impl Offsets {
    fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Ascii;
        }
        let starts = text.char_indices().map(|(at, _)| at);
        Self::Table(starts.chain([text.len()]).collect())
    }

    fn byte(&self, marker: Marker) -> usize {
        match self {
            Self::Ascii => marker.index(),
            Self::Table(starts) => {
                let last = starts.last().copied().unwrap_or(0);
                starts.get(marker.index()).copied().unwrap_or(last)
            }
        }
    }
}
