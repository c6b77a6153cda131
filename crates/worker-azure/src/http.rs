//! Requests and answers, between our form (a head as JSON, eight zero bytes, and the body) and the worker protocol's.

use std::collections::HashMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capabilities::Capabilities;
use crate::message::{Cookie, Data, Http, InvocationResponse, SameSite, Text, TypedData};

const END_OF_HEAD: [u8; 8] = [0; 8];
const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

#[derive(Deserialize)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// The path, and the query.
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default)]
    pub(crate) parameters: Vec<(String, String)>,
}

#[derive(Serialize)]
struct AnswerHead<'a> {
    status: u16,
    headers: &'a [(String, String)],
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn query(&self) -> &str {
        self.url.split_once('?').map_or("", |(_, query)| query)
    }
}

/// Takes a request apart.
pub(crate) fn split(payload: &Bytes) -> Result<(Head, Bytes), String> {
    let mut windows = payload.windows(END_OF_HEAD.len());
    let end = windows
        .position(|window| window == END_OF_HEAD)
        .ok_or("it has no end of its head")?;
    let head = serde_json::from_slice(&payload[..end]).map_err(|why| why.to_string())?;
    Ok((head, payload.slice(end + END_OF_HEAD.len()..)))
}

/// A request as the vendor's host describes it to such a worker; none to one that serves it itself.
pub(crate) fn request(head: &Head, body: &Bytes, can: &Capabilities) -> TypedData {
    let serves = can.serves_at.is_some();
    if serves && !can.wants_parameters {
        return TypedData::default();
    }
    let mut http = Http::default();
    let parameters = head.parameters.iter().cloned();
    match can.nullable {
        true => http.nullable_params = nullable(parameters),
        false => http.params = parameters.collect(),
    }
    if !serves {
        describe(&mut http, head, body, can);
    }
    of(Data::Http(Box::new(http)))
}

fn describe(http: &mut Http, head: &Head, body: &Bytes, can: &Capabilities) {
    let mut headers = joined(head.headers.iter().cloned());
    http.method.clone_from(&head.method);
    http.url = url(head, &headers);
    let query = joined(pairs(head.query()));
    let is_plain = kind_of_body(&headers);
    if !body.is_empty() {
        put_body(http, body, is_plain, can);
    }
    if can.nullable {
        http.nullable_headers = nullable(headers);
        http.nullable_query = nullable(query);
        return;
    }
    if can.without_empty_headers {
        headers.retain(|_, value| !value.is_empty());
    }
    http.headers = headers;
    http.query = query;
    http.query.retain(|_, value| !value.is_empty());
}

pub(crate) fn url(head: &Head, headers: &HashMap<String, String>) -> String {
    let scheme = headers.get("x-forwarded-proto");
    let scheme = scheme.and_then(|all| all.split(',').next());
    let host = headers.get("host").map_or("localhost", String::as_str);
    format!("{}://{host}{}", scheme.unwrap_or("http"), head.url)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Json,
    /// No text, whatever it holds.
    Bytes,
    Other,
}

fn kind_of_body(headers: &HashMap<String, String>) -> Kind {
    let said = headers.get("content-type").map_or("", String::as_str);
    let kind = said.split(';').next().unwrap_or_default();
    match kind.trim().to_ascii_lowercase().as_str() {
        "application/json" => Kind::Json,
        "application/octet-stream" => Kind::Bytes,
        kind if kind.contains("multipart/") => Kind::Bytes,
        _ => Kind::Other,
    }
}

fn put_body(http: &mut Http, body: &Bytes, kind: Kind, can: &Capabilities) {
    let bytes = || Data::Bytes(body.clone());
    let text = || Data::String(String::from_utf8_lossy(body).into_owned());
    let put = |data| Some(Box::new(of(data)));
    if can.body_only {
        let as_bytes = can.body_as_bytes || kind == Kind::Bytes;
        http.body = put(if as_bytes { bytes() } else { text() });
        return;
    }
    http.body = put(match kind {
        Kind::Bytes => bytes(),
        Kind::Json => parsed(body).unwrap_or_else(text),
        Kind::Other => text(),
    });
    http.raw_body = put(if can.body_as_bytes { bytes() } else { text() });
}

/// JSON without its spaces, as the vendor's host prints what it has read.
fn parsed(body: &[u8]) -> Option<Data> {
    match serde_json::from_slice(body).ok()? {
        Value::String(text) => Some(Data::String(text)),
        value => Some(Data::Json(value.to_string())),
    }
}

/// What a host tells of a trigger beside it.
pub(crate) fn metadata(
    head: &Head,
    trigger: &str,
    request: &TypedData,
    can: &Capabilities,
) -> HashMap<String, TypedData> {
    let texts = |all: HashMap<String, String>| {
        of(Data::Json(serde_json::to_string(&all).unwrap_or_default()))
    };
    let mut metadata = HashMap::from([
        ("Query".to_owned(), texts(joined(pairs(head.query())))),
        (
            "Headers".to_owned(),
            texts(joined(head.headers.iter().cloned())),
        ),
    ]);
    if !can.request_once {
        metadata.insert(trigger.to_owned(), request.clone());
        metadata.insert("$request".to_owned(), request.clone());
    }
    let parameters = head.parameters.iter();
    metadata
        .extend(parameters.map(|(name, value)| (name.clone(), of(Data::String(value.clone())))));
    metadata
}

fn of(data: Data) -> TypedData {
    TypedData { data: Some(data) }
}

fn nullable(all: impl IntoIterator<Item = (String, String)>) -> HashMap<String, Text> {
    let all = all.into_iter();
    all.map(|(name, value)| (name, Text { value })).collect()
}

/// Names that come several times have their values in one text.
pub(crate) fn joined(pairs: impl Iterator<Item = (String, String)>) -> HashMap<String, String> {
    let mut found: HashMap<String, String> = HashMap::new();
    for (name, value) in pairs {
        match found.get_mut(&name) {
            Some(all) => *all = format!("{all},{value}"),
            None => drop(found.insert(name, value)),
        }
    }
    found
}

pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let hex = others.get(..2).filter(|_| first == b'%');
        let hex = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match hex {
            Some(byte) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What the vendor's host makes of what a worker answers: the head in our form, and the body.
pub(crate) fn answer(outcome: &InvocationResponse, output: &str) -> (Vec<u8>, Bytes) {
    let data = outcome.return_value.as_ref().or_else(|| {
        let mut outputs = outcome.output_data.iter();
        outputs.find(|one| one.name == output)?.data.as_ref()
    });
    let Some(data) = data.and_then(|data| data.data.as_ref()) else {
        return (head(204, &[]), Bytes::new());
    };
    let Data::Http(http) = data else {
        let (body, kind) = body(Some(data));
        return (head(200, &[("content-type".into(), kind.into())]), body);
    };
    let (body, kind) = body(http.body.as_ref().and_then(|body| body.data.as_ref()));
    let mut headers: Vec<(String, String)> = http
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .collect();
    headers.sort();
    let is_typed = headers.iter().any(|(name, _)| name == "content-type");
    if !is_typed && !body.is_empty() {
        headers.push(("content-type".into(), kind.into()));
    }
    let cookies = http.cookies.iter();
    headers.extend(cookies.map(|cookie| ("set-cookie".to_owned(), written(cookie))));
    // What is no number of a status counts as none.
    let status = http.status_code.trim().parse();
    let status = status.ok().filter(|status| (100..=999).contains(status));
    let status = status.unwrap_or(200);
    (head(status, &headers), body)
}

pub(crate) fn head(status: u16, headers: &[(String, String)]) -> Vec<u8> {
    let head = AnswerHead { status, headers };
    let mut head = serde_json::to_vec(&head).expect("texts are JSON");
    head.extend_from_slice(&END_OF_HEAD);
    head
}

fn body(data: Option<&Data>) -> (Bytes, &'static str) {
    match data {
        None => (Bytes::new(), TEXT),
        Some(Data::Bytes(bytes) | Data::Stream(bytes)) => (bytes.clone(), BYTES),
        Some(Data::String(text)) => (text.clone().into(), TEXT),
        Some(Data::Int(number)) => (number.to_string().into(), TEXT),
        Some(Data::Double(number)) => (number.to_string().into(), TEXT),
        Some(Data::Json(text)) => (printed(text).into(), TEXT),
        Some(Data::Http(_)) => (Bytes::new(), TEXT),
    }
}

/// Objects are printed over several lines there, and truths begin with a capital.
pub(crate) fn printed(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(Value::Null) => String::new(),
        Ok(Value::Bool(true)) => "True".into(),
        Ok(Value::Bool(false)) => "False".into(),
        Ok(Value::String(text)) => text,
        Ok(value @ (Value::Array(_) | Value::Object(_))) => {
            serde_json::to_string_pretty(&value).unwrap_or_default()
        }
        Ok(number) => number.to_string(),
        Err(_) => json.to_owned(),
    }
}

fn written(cookie: &Cookie) -> String {
    let mut words = vec![format!(
        "{}={}",
        escaped(&cookie.name),
        escaped(&cookie.value)
    )];
    if let Some(instant) = cookie.expires.as_ref().and_then(|at| at.value.as_ref()) {
        let at = http_date(instant.seconds);
        words.push(format!("expires={at}"));
    }
    if let Some(age) = &cookie.max_age {
        words.push(format!("max-age={}", age.value.trunc()));
    }
    if let Some(domain) = cookie
        .domain
        .as_ref()
        .filter(|domain| !domain.value.is_empty())
    {
        words.push(format!("domain={}", domain.value));
    }
    let path = cookie.path.as_ref().map_or("", |path| path.value.as_str());
    words.push(format!("path={}", if path.is_empty() { "/" } else { path }));
    if cookie.secure.as_ref().is_some_and(|secure| secure.value) {
        words.push("secure".into());
    }
    match cookie.same_site() {
        SameSite::Unsaid => {}
        SameSite::Lax => words.push("samesite=lax".into()),
        SameSite::Strict => words.push("samesite=strict".into()),
        SameSite::ExplicitNone => words.push("samesite=none".into()),
    }
    if cookie.http_only.as_ref().is_some_and(|only| only.value) {
        words.push("httponly".into());
    }
    words.join("; ")
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    let bytes = text.bytes();
    bytes
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// RFC 9110, section 5.6.7.
fn http_date(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let at = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let day = DAYS[usize::try_from(seconds.div_euclid(86_400).rem_euclid(7)).unwrap_or(0)];
    let month = MONTHS[usize::try_from(at.month() - 1).unwrap_or(0)];
    format!(
        "{day}, {:02} {month} {} {:02}:{:02}:{:02} GMT",
        at.day(),
        at.year(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Instant, Moment, Number, Parameter, StatusResult, Text, Truth};

    #[test]
    fn a_request_is_described() {
        let payload = Bytes::from_static(
            b"{\"method\":\"PUT\",\"url\":\"/api/a?x=1&x=2&y=%20+%zz&e=\",\"headers\":[[\"host\",\"h:1\"],[\"a\",\"b\"],[\"a\",\"c\"]],\"parameters\":[[\"id\",\"7\"]]}\0\0\0\0\0\0\0\0hi",
        );
        let (head, body) = split(&payload).unwrap();
        let http = described(&head, &body, &Capabilities::default());
        assert_eq!(http.url, "http://h:1/api/a?x=1&x=2&y=%20+%zz&e=");
        assert_eq!((&*http.query["x"], &*http.query["y"]), ("1,2", "  %zz"));
        assert!(!http.query.contains_key("e"));
        assert_eq!((&*http.headers["a"], &*http.params["id"]), ("b,c", "7"));
        let body = http.body.unwrap().data;
        assert_eq!(body, Some(Data::String("hi".into())));
        assert!(split(&Bytes::from_static(b"{}")).is_err());
    }

    fn described(head: &Head, body: &Bytes, can: &Capabilities) -> Http {
        match request(head, body, can).data {
            Some(Data::Http(http)) => *http,
            other => panic!("{other:?}"),
        }
    }

    fn posted(kind: &str) -> Head {
        Head {
            method: "POST".into(),
            url: "/api/a?e=".into(),
            headers: vec![
                ("content-type".into(), kind.into()),
                ("x".into(), "".into()),
            ],
            parameters: vec![("id".into(), "7".into())],
        }
    }

    #[test]
    fn a_body_is_what_its_kind_says() {
        let plain = Capabilities::default();
        let bodies = |kind: &str, body: &'static [u8], can: &Capabilities| {
            let http = described(&posted(kind), &Bytes::from_static(body), can);
            let data = |typed: Option<Box<TypedData>>| typed.and_then(|typed| typed.data);
            (data(http.body), data(http.raw_body))
        };
        let text = |text: &str| Some(Data::String(text.into()));
        let bytes = |bytes: &'static [u8]| Some(Data::Bytes(Bytes::from_static(bytes)));
        assert_eq!(
            bodies("application/json; charset=utf-8", b"{ \"a\": 1 }", &plain),
            (Some(Data::Json("{\"a\":1}".into())), text("{ \"a\": 1 }"))
        );
        let broken = bodies("application/json", b"{", &plain);
        assert_eq!(broken, (text("{"), text("{")));
        let octets = bodies("application/octet-stream", b"\xff", &plain);
        assert_eq!(octets, (bytes(b"\xff"), text("\u{fffd}")));
        let once = Capabilities {
            body_only: true,
            ..Capabilities::default()
        };
        assert_eq!(bodies("application/json", b"{}", &once), (text("{}"), None));
        let as_bytes = Capabilities {
            body_as_bytes: true,
            ..once
        };
        assert_eq!(bodies("text/plain", b"x", &as_bytes), (bytes(b"x"), None));
        assert_eq!(bodies("text/plain", b"", &as_bytes), (None, None));
    }

    #[test]
    fn a_worker_is_told_what_it_can_do_with() {
        let (head, none) = (posted("text/plain"), Bytes::new());
        let nullable = Capabilities {
            nullable: true,
            ..Capabilities::default()
        };
        let http = described(&head, &none, &nullable);
        assert_eq!(http.nullable_query["e"].value, "");
        assert_eq!(http.nullable_params["id"].value, "7");
        assert!(http.query.is_empty() && http.headers.is_empty() && http.params.is_empty());
        let careful = Capabilities {
            without_empty_headers: true,
            ..Capabilities::default()
        };
        assert!(
            described(&head, &none, &Capabilities::default())
                .headers
                .contains_key("x")
        );
        assert!(!described(&head, &none, &careful).headers.contains_key("x"));
        let serving = Capabilities {
            serves_at: Some("http://127.0.0.1:1".into()),
            ..Capabilities::default()
        };
        assert_eq!(request(&head, &none, &serving).data, None);
        let wanting = Capabilities {
            wants_parameters: true,
            ..serving
        };
        let http = described(&head, &none, &wanting);
        assert_eq!((&*http.params["id"], &*http.url), ("7", ""));
    }

    #[test]
    fn a_trigger_is_told_of() {
        let can = Capabilities::default();
        let head = posted("text/plain");
        let typed = request(&head, &Bytes::new(), &can);
        let told = metadata(&head, "req", &typed, &can);
        assert_eq!(told["id"].data, Some(Data::String("7".into())));
        assert_eq!(told["Query"].data, Some(Data::Json("{\"e\":\"\"}".into())));
        assert_eq!(told["req"], typed);
        let once = Capabilities {
            request_once: true,
            ..can
        };
        assert!(!metadata(&head, "req", &typed, &once).contains_key("req"));
    }

    fn answered(data: Option<Data>) -> (String, Bytes) {
        let outcome = InvocationResponse {
            invocation_id: "i".into(),
            output_data: vec![Parameter {
                name: "res".into(),
                data: Some(TypedData { data }),
            }],
            result: Some(StatusResult::default()),
            return_value: None,
        };
        let (head, body) = answer(&outcome, "res");
        (
            String::from_utf8_lossy(&head[..head.len() - 8]).into_owned(),
            body,
        )
    }

    #[test]
    fn an_answer_is_what_the_vendors_host_makes_of_it() {
        assert_eq!(answered(None).0, r#"{"status":204,"headers":[]}"#);
        let http = Http {
            status_code: "201".into(),
            headers: HashMap::from([("X-A".into(), "b".into())]),
            body: Some(Box::new(TypedData {
                data: Some(Data::Json(r#"{"a":[1]}"#.into())),
            })),
            cookies: vec![Cookie {
                name: "n".into(),
                value: "a b".into(),
                expires: Some(Moment {
                    value: Some(Instant {
                        seconds: 784_111_777,
                    }),
                }),
                max_age: Some(Number { value: 60.0 }),
                path: Some(Text { value: "/p".into() }),
                secure: Some(Truth { value: true }),
                same_site: SameSite::Strict.into(),
                ..Cookie::default()
            }],
            ..Http::default()
        };
        let (head, body) = answered(Some(Data::Http(Box::new(http))));
        assert_eq!(
            head,
            r#"{"status":201,"headers":[["x-a","b"],["content-type","text/plain; charset=utf-8"],["set-cookie","n=a%20b; expires=Sun, 06 Nov 1994 08:49:37 GMT; max-age=60; path=/p; secure; samesite=strict"]]}"#
        );
        assert_eq!(&body[..], b"{\n  \"a\": [\n    1\n  ]\n}");
        assert_eq!(&answered(Some(Data::Json("true".into()))).1[..], b"True");
    }
}
