//! Items of comma-separated values (RFC 4180): quoted fields may hold delimiters, doubled quotes and line ends. Values
//! are strings, but those of keys, which have the type that the table says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tables::{Item, Value};

use super::load::{CsvOptions, Record};

/// A record that is longer is none.
const LONGEST: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Csv {
    delimiter: u8,
    /// None before the first line, where that is the header.
    header: Option<Vec<String>>,
    key_types: Vec<(String, String)>,
    fields: Vec<Vec<u8>>,
    state: At,
    length: usize,
}

/// Where in a field the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Start,
    Plain,
    Quoted,
    /// After a quote in a quoted field: its end, or half of a doubled one.
    Quote,
}

impl Csv {
    pub(super) fn new(options: CsvOptions, key_types: Vec<(String, String)>) -> Self {
        let delimiter = options.delimiter.as_deref().unwrap_or(",");
        Self {
            delimiter: delimiter.bytes().next().unwrap_or(b','),
            header: options.header_list,
            key_types,
            fields: vec![Vec::new()],
            state: At::Start,
            length: 0,
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Record> {
        let mut records = Vec::new();
        for byte in bytes {
            match (self.state, *byte) {
                (At::Start, b'"') => self.state = At::Quoted,
                (At::Quoted, b'"') => self.state = At::Quote,
                (At::Quote, b'"') => {
                    self.push(b'"');
                    self.state = At::Quoted;
                }
                (At::Quoted, byte) => self.push(byte),
                (_, b'\n') => records.extend(self.record()),
                (_, byte) if byte == self.delimiter => {
                    self.fields.push(Vec::new());
                    self.length += 1;
                    self.state = At::Start;
                }
                (At::Quote, b'\r') => {}
                (_, byte) => {
                    self.push(byte);
                    self.state = At::Plain;
                }
            }
        }
        records
    }

    pub(super) fn end(&mut self) -> Vec<Record> {
        self.record().into_iter().collect()
    }

    fn push(&mut self, byte: u8) {
        self.length += 1;
        if self.length > LONGEST {
            self.fields.truncate(1);
            self.fields[0].clear();
        } else if let Some(field) = self.fields.last_mut() {
            field.push(byte);
        }
    }

    /// What the fields so far make. Empty lines say nothing.
    fn record(&mut self) -> Option<Record> {
        let mut fields = std::mem::replace(&mut self.fields, vec![Vec::new()]);
        let state = std::mem::replace(&mut self.state, At::Start);
        let length = std::mem::take(&mut self.length);
        if state == At::Plain
            && let Some(last) = fields.last_mut()
            && last.last() == Some(&b'\r')
        {
            last.pop();
        }
        if length > LONGEST || state == At::Quoted {
            return Some(None);
        }
        if fields.len() == 1 && fields[0].is_empty() && state != At::Quote {
            return None;
        }
        let fields: Result<Vec<String>, _> = fields.into_iter().map(String::from_utf8).collect();
        let Ok(fields) = fields else {
            return Some(None);
        };
        match &self.header {
            Some(header) => Some(self.item(header, fields)),
            None => {
                self.header = Some(fields);
                None
            }
        }
    }

    fn item(&self, header: &[String], fields: Vec<String>) -> Record {
        if fields.len() != header.len() {
            return None;
        }
        let mut item = Item::new();
        for (name, field) in header.iter().zip(fields) {
            item.insert(name.clone(), self.value(name, field)?);
        }
        Some(item)
    }

    fn value(&self, name: &str, field: String) -> Option<Value> {
        let known = self.key_types.iter().find(|(key, _)| key == name);
        Some(match known.map(|(_, kind)| kind.as_str()) {
            Some("N") => Value::Number(field.trim().parse().ok()?),
            Some("B") => Value::Binary(STANDARD.decode(field).ok()?.into()),
            _ => Value::String(field),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(options: CsvOptions, text: &[u8], size: usize) -> Vec<Record> {
        let types = vec![("n".to_owned(), "N".to_owned())];
        let mut csv = Csv::new(options, types);
        let mut all: Vec<Record> = text
            .chunks(size)
            .flat_map(|piece| csv.feed(piece))
            .collect();
        all.extend(csv.end());
        all
    }

    fn item(n: u64, text: &str) -> Record {
        let n = Value::Number(n.into());
        let text = Value::String(text.into());
        Some([("n".into(), n), ("t".into(), text)].into())
    }

    #[test]
    fn values_are_the_same_however_they_come() {
        let text = b"n,t\r\n1,plain\r\n\n2,\"a, \"\"b\"\"\nc\"\n3,\n4,\"\"\n5\nx,y\n6,last";
        let expected = [
            item(1, "plain"),
            item(2, "a, \"b\"\nc"),
            item(3, ""),
            item(4, ""),
            None,
            None,
            item(6, "last"),
        ];
        for size in 1..=text.len() {
            assert_eq!(read(CsvOptions::default(), text, size), expected, "{size}");
        }
    }

    #[test]
    fn a_header_and_a_delimiter_may_be_told() {
        let options = CsvOptions {
            delimiter: Some(";".into()),
            header_list: Some(vec!["n".into(), "t".into()]),
        };
        assert_eq!(read(options, b"1;a,b\n", 100), [item(1, "a,b")]);
    }

    #[test]
    fn a_quote_without_end_is_no_item_and_takes_no_memory() {
        let text = [&b"n,t\n1,\""[..], &vec![b'x'; LONGEST + 10]].concat();
        assert_eq!(read(CsvOptions::default(), &text, 1 << 16), [None]);
    }
}
