//! A request, read from the bytes that have come.

use std::mem::MaybeUninit;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Method, Uri, Version};
use httparse::{Header, Status};

use crate::{Request, empty, full};

/// More lines are unusual.
const MOST_LINES: usize = 64;
/// Longer ones are better taken piece by piece.
const LARGEST_BODY: usize = 32 << 10;

#[expect(
    clippy::large_enum_variant,
    reason = "it is moved twice; a box would be an allocation for each request"
)]
pub(super) enum Read {
    Asked(Asked),
    Unusual,
    /// More is to come of the head.
    Head,
    /// More is to come of the body.
    Body,
}

pub(super) struct Asked {
    pub(super) request: Request,
    /// The peer wants no other answer.
    pub(super) closes: bool,
}

/// Where what is said stands, from the beginning of the head.
struct Lines {
    target: Range<usize>,
    names: [Range<u32>; MOST_LINES],
    values: [Range<u32>; MOST_LINES],
    count: usize,
    head: usize,
}

/// Takes the next request, if it is there; otherwise it takes nothing.
pub(super) fn read(input: &mut BytesMut) -> Read {
    let mut room = [const { MaybeUninit::<Header<'_>>::uninit() }; MOST_LINES];
    let mut parsed = httparse::Request::new(&mut []);
    let head = match parsed.parse_with_uninit_headers(input, &mut room) {
        Ok(Status::Complete(head)) => head,
        Ok(Status::Partial) => return Read::Head,
        Err(_) => return Read::Unusual,
    };
    let (Some(method), Some(target), Some(1)) = (parsed.method, parsed.path, parsed.version) else {
        return Read::Unusual;
    };
    let Some(said) = Said::of(parsed.headers) else {
        return Read::Unusual;
    };
    let Some(method) = Method::from_bytes(method.as_bytes())
        .ok()
        .filter(|method| *method != Method::CONNECT)
    else {
        return Read::Unusual;
    };
    if input.len() < head + said.length {
        return Read::Body;
    }
    let lines = Lines::of(input, head, target, parsed.headers);
    let whole = input.split_to(head + said.length).freeze();
    match lines.request(method, &whole) {
        Some(request) => Read::Asked(Asked {
            request,
            closes: said.closes,
        }),
        None => {
            let mut again = BytesMut::from(&whole[..]);
            again.extend_from_slice(input);
            *input = again;
            Read::Unusual
        }
    }
}

/// What a head says about the connection and the body.
#[derive(Default)]
struct Said {
    length: usize,
    closes: bool,
}

impl Said {
    /// None if it is unusual.
    fn of(lines: &[Header<'_>]) -> Option<Self> {
        let (mut length, mut closes) = (None, false);
        for Header { name, value } in lines {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            match name.len() {
                6 if is("expect") => return None,
                7 if is("upgrade") => return None,
                10 if is("connection") && value.eq_ignore_ascii_case(b"close") => closes = true,
                10 if is("connection") && !value.eq_ignore_ascii_case(b"keep-alive") => {
                    return None;
                }
                14 if is("content-length") && length.is_some() => return None,
                14 if is("content-length") => length = Some(number(value)?),
                17 if is("transfer-encoding") => return None,
                _ => {}
            }
        }
        let length = length.unwrap_or_default();
        (length <= LARGEST_BODY).then_some(Self { length, closes })
    }
}

/// Nothing but digits (RFC 9110, section 8.6).
fn number(value: &[u8]) -> Option<usize> {
    let is_one = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    is_one.then(|| std::str::from_utf8(value).ok()?.parse().ok())?
}

impl Lines {
    fn of(input: &[u8], head: usize, target: &str, lines: &[Header<'_>]) -> Self {
        let start = input.as_ptr() as usize;
        let at = |part: &[u8]| {
            let from = part.as_ptr() as usize - start;
            from..from + part.len()
        };
        let short = |part: &[u8]| {
            let Range { start, end } = at(part);
            // A head is far shorter; what does not fit is not found again, and unusual.
            u32::try_from(start).unwrap_or_default()..u32::try_from(end).unwrap_or_default()
        };
        let mut found = Self {
            target: at(target.as_bytes()),
            names: [const { 0..0 }; MOST_LINES],
            values: [const { 0..0 }; MOST_LINES],
            count: lines.len(),
            head,
        };
        for (at, Header { name, value }) in lines.iter().enumerate() {
            found.names[at] = short(name.as_bytes());
            found.values[at] = short(value);
        }
        found
    }

    fn request(&self, method: Method, whole: &Bytes) -> Option<Request> {
        let slice = |part: &Range<u32>| part.start as usize..part.end as usize;
        let body = match whole.len() > self.head {
            true => full(whole.slice(self.head..)),
            false => empty(),
        };
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = Uri::from_maybe_shared(whole.slice(self.target.clone())).ok()?;
        let headers = request.headers_mut();
        headers.reserve(self.count);
        for (name, value) in self.names.iter().zip(&self.values).take(self.count) {
            let name = HeaderName::from_bytes(whole.get(slice(name))?).ok()?;
            let value = HeaderValue::from_maybe_shared(whole.slice(slice(value))).ok()?;
            headers.append(name, value);
        }
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    fn read_text(text: &str) -> (Read, String) {
        let mut input = BytesMut::from(text);
        let read = read(&mut input);
        (read, String::from_utf8(input.to_vec()).unwrap())
    }

    #[test]
    fn a_request_is_taken_whole_and_nothing_of_the_next() {
        let text = "POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nx-two: 2\r\nContent-Length: 5\r\n\r\nhelloGET /";
        let (Read::Asked(asked), left) = read_text(text) else {
            panic!("it is usual");
        };
        let request = asked.request;
        assert_eq!(
            (request.method(), request.uri().to_string().as_str()),
            (&Method::POST, "/a?b=c")
        );
        let two: Vec<_> = request.headers().get_all("x-two").iter().collect();
        assert_eq!(two, ["1", "2"]);
        assert_eq!(request.headers()["host"], "h");
        assert_eq!(request.body().size_hint().exact(), Some(5));
        assert_eq!((asked.closes, left.as_str()), (false, "GET /"));
    }

    #[test]
    fn who_wants_no_other_answer_says_so() {
        let read = |line: &str| read_text(&format!("GET / HTTP/1.1\r\n{line}\r\n\r\n")).0;
        assert!(matches!(
            read("connection: Close"),
            Read::Asked(Asked { closes: true, .. })
        ));
        assert!(matches!(
            read("connection: keep-alive"),
            Read::Asked(Asked { closes: false, .. })
        ));
    }

    #[test]
    fn what_has_not_come_is_waited_for_and_what_is_unusual_is_left_as_it_is() {
        for text in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: a\r\n"] {
            assert!(matches!(read_text(text).0, Read::Head), "{text}");
        }
        let (read, left) = read_text("PUT / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhell");
        assert!(matches!(read, Read::Body) && left.ends_with("hell"));
        for text in [
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "GET / HTTP/1.0\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nexpect: 100-continue\r\n\r\n",
            "GET / HTTP/1.1\r\nupgrade: websocket\r\n\r\n",
            "GET / HTTP/1.1\r\nconnection: keep-alive, upgrade\r\n\r\n",
            "GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n1",
            "GET / HTTP/1.1\r\ncontent-length: +1\r\n\r\n1",
            "GET / HTTP/1.1\r\ncontent-length: \r\n\r\n1",
            "GET / HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n1",
            "GET / HTTP/1.1\r\ncontent-length: 32769\r\n\r\n1",
            "GET / HTTP/1.1\r\nx: \x01\r\n\r\n",
            "GET nowhere at all HTTP/1.1\r\n\r\n",
            "GET no-path HTTP/1.1\r\n\r\nGET /",
        ] {
            let (read, left) = read_text(text);
            let is_usual = !matches!(read, Read::Unusual);
            // A target without a path may be an authority, as far as its form goes.
            assert!(!is_usual || text.contains("no-path"), "{text}");
            assert!(is_usual || left == text, "{text}");
        }
        let many = "a: b\r\n".repeat(MOST_LINES + 1);
        let text = format!("GET / HTTP/1.1\r\n{many}\r\n");
        assert!(matches!(read_text(&text).0, Read::Unusual));
    }
}
