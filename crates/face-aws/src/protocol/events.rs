//! Event streams (`application/vnd.amazon.eventstream`): messages that follow one another in a body.
//!
//! A message is the length of all of it, the length of its headers and a checksum of these two; then the headers, the
//! payload, and a checksum of everything before. Numbers are big-endian; header values here are all strings.

use bytes::{BufMut, Bytes, BytesMut};

pub(crate) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// A string, among the types that a header's value may have.
const STRING: u8 = 7;
/// Two lengths and a checksum before, and a checksum behind.
const AROUND: usize = 16;

/// One event of a stream, as it goes over the wire.
pub(crate) fn event(kind: &str, content_type: &str, payload: &[u8]) -> Bytes {
    let headers = [
        (":message-type", "event"),
        (":event-type", kind),
        (":content-type", content_type),
    ];
    let headers = encoded(&headers);
    let length = AROUND + headers.len() + payload.len();
    let mut message = BytesMut::with_capacity(length);
    message.put_u32(short(length));
    message.put_u32(short(headers.len()));
    message.put_u32(checksum(&message));
    message.put_slice(&headers);
    message.put_slice(payload);
    message.put_u32(checksum(&message));
    message.freeze()
}

fn encoded(headers: &[(&str, &str)]) -> BytesMut {
    let mut all = BytesMut::new();
    for (name, value) in headers {
        all.put_u8(u8::try_from(name.len()).expect("names are ours, and short"));
        all.put_slice(name.as_bytes());
        all.put_u8(STRING);
        all.put_u16(u16::try_from(value.len()).expect("values are ours, and short"));
        all.put_slice(value.as_bytes());
    }
    all
}

fn short(length: usize) -> u32 {
    u32::try_from(length).expect("a message is as long as one read of a connection, or an answer")
}

fn checksum(bytes: &[u8]) -> u32 {
    let sum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, bytes);
    u32::try_from(sum).expect("it has 32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_made_of_lengths_checksums_headers_and_payload() {
        let message = event("PayloadChunk", "application/octet-stream", b"hello");
        let number = |at: usize| u32::from_be_bytes(message[at..at + 4].try_into().unwrap());
        assert_eq!(number(0) as usize, message.len());
        let headers = number(4) as usize;
        assert_eq!(number(8), checksum(&message[..8]));
        assert_eq!(&message[12..26], b"\x0d:message-type");
        assert_eq!(&message[26..34], b"\x07\x00\x05event");
        assert_eq!(&message[12 + headers..message.len() - 4], b"hello");
        assert_eq!(
            number(message.len() - 4),
            checksum(&message[..message.len() - 4])
        );
        // The published test value of this checksum.
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }
}
