//! Lines of what comes in pieces.

/// Longer than any item may be as it is written here.
const LONGEST: usize = 4 << 20;

#[derive(Debug, Default)]
pub(super) struct Lines {
    /// What has come of the line that is not at its end.
    begun: Vec<u8>,
    too_long: bool,
}

impl Lines {
    /// The lines that end in these bytes; none for one that is too long. Empty lines say nothing.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut ended = Vec::new();
        let mut parts = bytes.split(|byte| *byte == b'\n');
        let last = parts.next_back().unwrap_or_default();
        for part in parts {
            self.add(part);
            ended.extend(self.end());
        }
        self.add(last);
        ended
    }

    pub(super) fn end(&mut self) -> Option<Option<Vec<u8>>> {
        let line = std::mem::take(&mut self.begun);
        if std::mem::take(&mut self.too_long) {
            return Some(None);
        }
        (!line.trim_ascii().is_empty()).then_some(Some(line))
    }

    fn add(&mut self, bytes: &[u8]) {
        if self.begun.len() + bytes.len() > LONGEST {
            self.too_long = true;
            self.begun.clear();
        }
        if !self.too_long {
            self.begun.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_they_come() {
        let text = b"one\n\n  \ntwo\r\nthree";
        let whole = |size: usize| {
            let mut lines = Lines::default();
            let mut all: Vec<_> = text
                .chunks(size)
                .flat_map(|piece| lines.feed(piece))
                .collect();
            all.extend(lines.end());
            all
        };
        for size in 1..=text.len() {
            let expected = [&b"one"[..], b"two\r", b"three"].map(|line| Some(line.to_vec()));
            assert_eq!(whole(size), expected, "{size}");
        }
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let mut lines = Lines::default();
        for _ in 0..LONGEST / 1_000 + 2 {
            assert_eq!(lines.feed(&[b'x'; 1_000]), []);
        }
        assert!(lines.begun.is_empty());
        assert_eq!(lines.feed(b"\ny\n"), [None, Some(b"y".to_vec())]);
    }
}
