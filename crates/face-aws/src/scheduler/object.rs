//! Universal targets about objects. Their service has no model here, so a request is made of the parameters one by one.

use http::Method;
use serde_json::{Map, Value};

use super::error::invalid;
use crate::callees::Asking;
use crate::protocol::Fault;

/// What is called, the method, whether it is about an object of the bucket, and the parameters that become headers.
type Called = (
    &'static str,
    Method,
    bool,
    &'static [(&'static str, &'static str)],
);

const ALL: [Called; 5] = [
    (
        "s3:copyObject",
        Method::PUT,
        true,
        &[
            ("CopySource", "x-amz-copy-source"),
            ("ContentType", "content-type"),
            ("MetadataDirective", "x-amz-metadata-directive"),
        ],
    ),
    ("s3:createBucket", Method::PUT, false, &[]),
    ("s3:deleteBucket", Method::DELETE, false, &[]),
    ("s3:deleteObject", Method::DELETE, true, &[]),
    (
        "s3:putObject",
        Method::PUT,
        true,
        &[
            ("CacheControl", "cache-control"),
            ("ContentDisposition", "content-disposition"),
            ("ContentEncoding", "content-encoding"),
            ("ContentLanguage", "content-language"),
            ("ContentType", "content-type"),
        ],
    ),
];

/// What the service's keys have at most.
const LONGEST_KEY: usize = 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Object(usize);

impl Object {
    pub(super) fn named(text: &str) -> Option<Self> {
        ALL.iter().position(|(name, ..)| *name == text).map(Self)
    }

    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        ALL.iter().map(|(name, ..)| *name)
    }

    pub(super) fn name(self) -> &'static str {
        ALL[self.0].0
    }

    pub(super) fn check(self, input: &str) -> Result<(), Fault> {
        self.asking(input.as_bytes()).map(drop)
    }

    pub(super) fn asking(self, input: &[u8]) -> Result<Asking, Fault> {
        let (name, method, of_object, headers) = &ALL[self.0];
        let wrong = |why: String| invalid(format!("Provided Input is not valid: {why}"));
        let mut input: Map<String, Value> =
            serde_json::from_slice(input).map_err(|cause| wrong(cause.to_string()))?;
        let mut text = |name: &str| match input.shift_remove(name) {
            Some(Value::String(text)) => Ok(Some(text)),
            None => Ok(None),
            Some(_) => Err(wrong(format!("{name} is not a text."))),
        };
        let needed = |found: Option<String>, name: &str| {
            let found = found.filter(|text| !text.is_empty());
            found.ok_or_else(|| wrong(format!("it has no {name}.")))
        };
        let mut path = format!("/{}", needed(text("Bucket")?, "Bucket")?);
        if *of_object {
            let key = needed(text("Key")?, "Key")?;
            if key.len() > LONGEST_KEY {
                return Err(wrong("Key is too long.".to_owned()));
            }
            path = format!("{path}/{key}");
        }
        let mut asked = Vec::new();
        for (parameter, header) in *headers {
            match text(parameter)? {
                Some(value) => asked.push(((*header).to_owned(), value)),
                None if *parameter == "CopySource" => {
                    return Err(wrong("it has no CopySource.".to_owned()));
                }
                None => {}
            }
        }
        let is_put = *name == "s3:putObject";
        let body = match is_put {
            true => text("Body")?.unwrap_or_default(),
            false => String::new(),
        };
        if is_put && let Some(metadata) = input.shift_remove("Metadata") {
            let Value::Object(metadata) = metadata else {
                return Err(wrong("Metadata is not an object.".to_owned()));
            };
            for (key, value) in metadata {
                let Value::String(value) = value else {
                    return Err(wrong(format!("the metadata {key} is not a text.")));
                };
                let key = key.to_ascii_lowercase();
                asked.push((format!("x-amz-meta-{key}"), value));
            }
        }
        if let Some(other) = input.keys().next() {
            return Err(Fault::not_implemented(&format!(
                "the parameter {other} of the universal target {name}"
            )));
        }
        Ok(Asking {
            method: method.clone(),
            path,
            headers: asked,
            body: body.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn parameters_become_a_request() {
        let put = Object::named("s3:putObject").unwrap();
        let asking = put
            .asking(br#"{"Bucket": "b", "Key": "a b/c", "Body": "text", "ContentType": "text/x", "Metadata": {"k": "v"}}"#)
            .unwrap();
        let expected = Asking {
            method: Method::PUT,
            path: "/b/a b/c".to_owned(),
            headers: vec![
                ("content-type".to_owned(), "text/x".to_owned()),
                ("x-amz-meta-k".to_owned(), "v".to_owned()),
            ],
            body: Bytes::from_static(b"text"),
        };
        assert_eq!(asking, expected);
    }

    #[test]
    fn what_is_missing_or_not_built_is_refused() {
        let code = |name: &str, input: &str| {
            let refused = Object::named(name).unwrap().check(input);
            refused.unwrap_err().code.into_owned()
        };
        for (name, input) in [
            ("s3:putObject", "{}"),
            ("s3:putObject", "none"),
            ("s3:putObject", r#"{"Bucket": "b"}"#),
            ("s3:putObject", r#"{"Bucket": "b", "Key": 1}"#),
            ("s3:copyObject", r#"{"Bucket": "b", "Key": "k"}"#),
        ] {
            assert_eq!(code(name, input), "ValidationException", "{name} {input}");
        }
        let classed = r#"{"Bucket": "b", "Key": "k", "StorageClass": "GLACIER"}"#;
        assert_eq!(code("s3:putObject", classed), "NotImplementedException");
        assert_eq!(Object::named("s3:getObject"), None);
    }
}
