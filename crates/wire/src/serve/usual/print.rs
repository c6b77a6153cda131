//! An answer, as HTTP/1.1 writes it.

use std::cell::RefCell;
use std::time::{Duration, UNIX_EPOCH};

use base::{Clock, SystemClock};
use http::response::Parts as Head;
use http::{Method, StatusCode, header};
use http_body::Body as _;
use hyper::ext::ReasonPhrase;

use crate::{Body, Response};

pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none, and the head is as it is.
    None,
    Length(u64),
    Chunks,
}

impl Framing {
    /// Of an answer that fits what was asked.
    pub(super) fn of(asked: &Method, head: &Head, body: &Body) -> Self {
        let has_none = matches!(
            head.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
        if has_none || asked == Method::HEAD {
            return Self::None;
        }
        let said = || {
            let said = head.headers.get(header::CONTENT_LENGTH)?;
            said.to_str().ok()?.parse().ok()
        };
        match body.size_hint().exact().or_else(said) {
            Some(length) => Self::Length(length),
            None => Self::Chunks,
        }
    }

    /// None if only the body itself knows.
    pub(super) fn length(self) -> Option<u64> {
        match self {
            Self::None => Some(0),
            Self::Length(length) => Some(length),
            Self::Chunks => None,
        }
    }
}

pub(super) fn says_close(response: &Response) -> bool {
    let said = response.headers().get(header::CONNECTION);
    said.is_some_and(|said| said.as_bytes().eq_ignore_ascii_case(b"close"))
}

pub(super) fn head(output: &mut Vec<u8>, head: &Head, framing: Framing, closes: bool) {
    // What is to come is not said before an answer, and to what nobody asked for nobody can switch.
    let status = match head.status.is_informational() {
        true => StatusCode::INTERNAL_SERVER_ERROR,
        false => head.status,
    };
    let reason = head.extensions.get::<ReasonPhrase>();
    if status == StatusCode::OK && reason.is_none() {
        output.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    } else {
        output.extend_from_slice(b"HTTP/1.1 ");
        output.extend_from_slice(status.as_str().as_bytes());
        output.push(b' ');
        let usual = status.canonical_reason().unwrap_or("<none>");
        output.extend_from_slice(reason.map_or(usual.as_bytes(), ReasonPhrase::as_bytes));
        output.extend_from_slice(b"\r\n");
    }
    let mut is_dated = false;
    for (name, value) in &head.headers {
        let is_ours = *name == header::TRANSFER_ENCODING
            || *name == header::CONTENT_LENGTH
                && (framing != Framing::None || status == StatusCode::NO_CONTENT)
            || *name == header::CONNECTION && closes;
        if is_ours {
            continue;
        }
        is_dated |= *name == header::DATE;
        line(output, name.as_str(), value.as_bytes());
    }
    match framing {
        Framing::None => {}
        Framing::Length(length) => {
            output.extend_from_slice(b"content-length: ");
            decimal(output, length);
            output.extend_from_slice(b"\r\n");
        }
        Framing::Chunks => line(output, "transfer-encoding", b"chunked"),
    }
    if closes {
        line(output, "connection", b"close");
    }
    if !is_dated {
        date(output);
    }
    output.extend_from_slice(b"\r\n");
}

/// What stands before a piece of the body.
pub(super) fn before(output: &mut Vec<u8>, data: &[u8], framing: Framing) {
    if framing == Framing::Chunks {
        output.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    }
}

pub(super) fn after(output: &mut Vec<u8>, framing: Framing) {
    if framing == Framing::Chunks {
        output.extend_from_slice(b"\r\n");
    }
}

fn line(output: &mut Vec<u8>, name: &str, value: &[u8]) {
    output.extend_from_slice(name.as_bytes());
    output.extend_from_slice(b": ");
    output.extend_from_slice(value);
    output.extend_from_slice(b"\r\n");
}

fn decimal(output: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let (mut at, mut left) = (digits.len(), number);
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    output.extend_from_slice(&digits[at..]);
}

thread_local! {
    /// The second that was written last, and how.
    static WRITTEN: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// The host's time, whatever users did to theirs.
fn date(output: &mut Vec<u8>) {
    let now = SystemClock.now().as_secs();
    WRITTEN.with_borrow_mut(|(second, text)| {
        if *second != now || text.is_empty() {
            *second = now;
            *text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now));
        }
        line(output, "date", text.as_bytes());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_was_given_stands_behind_the_status() {
        let printed = |reason: Option<&str>| {
            let mut response = Response::new(crate::empty());
            if let Some(reason) = reason {
                crate::say_reason(&mut response, reason);
            }
            let mut output = Vec::new();
            head(&mut output, &response.into_parts().0, Framing::None, false);
            String::from_utf8(output).unwrap()
        };
        assert!(printed(None).starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(printed(Some("Fine")).starts_with("HTTP/1.1 200 Fine\r\n"));
    }

    #[test]
    fn numbers_are_written_in_digits() {
        for number in [0, 7, 10, 999, 4_096, u64::MAX] {
            let mut output = Vec::new();
            decimal(&mut output, number);
            assert_eq!(output, number.to_string().as_bytes());
        }
    }
}
