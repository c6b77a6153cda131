//! What a confined process says to the server over its status pipe: why it could not be confined, that the program has
//! begun, how it ended. Small writes to a pipe arrive whole.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Failed(String),
    Began,
    /// As `waitpid` gives it.
    Ended(i32),
}

const FAILED: u8 = b'F';
const BEGAN: u8 = b'B';
const ENDED: u8 = b'E';
/// A message longer than what a pipe takes whole would be cut; ours are far shorter.
const LONGEST: usize = 1_024;

impl Status {
    pub(crate) fn send(&self, pipe: BorrowedFd<'_>) {
        let mut message = Vec::with_capacity(16);
        match self {
            Self::Failed(why) => {
                let why = &why.as_bytes()[..why.len().min(LONGEST)];
                message.push(FAILED);
                message.extend_from_slice(&u32::try_from(why.len()).unwrap_or(0).to_le_bytes());
                message.extend_from_slice(why);
            }
            Self::Began => message.extend_from_slice(&[BEGAN, 0, 0, 0, 0]),
            Self::Ended(status) => {
                message.push(ENDED);
                message.extend_from_slice(&status.to_le_bytes());
            }
        }
        // If the server is gone, nobody needs to know.
        let _: Result<usize, Errno> = rustix::io::write(pipe.as_fd(), &message);
    }

    /// Reads one from the beginning of `bytes`, if it is all there; says how long it was.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&kind, rest) = bytes.split_first()?;
        let (number, rest) = rest.split_first_chunk::<4>()?;
        match kind {
            FAILED => {
                let len = usize::try_from(u32::from_le_bytes(*number)).ok()?;
                let why = rest.get(..len)?;
                Some((
                    Self::Failed(String::from_utf8_lossy(why).into_owned()),
                    5 + len,
                ))
            }
            BEGAN => Some((Self::Began, 5)),
            _ => Some((Self::Ended(i32::from_le_bytes(*number)), 5)),
        }
    }
}

#[cfg(test)]
pub(crate) fn encoded(status: &Status) -> Vec<u8> {
    let (reader, writer) = rustix::pipe::pipe().expect("a pipe");
    status.send(writer.as_fd());
    drop(writer);
    let mut bytes = Vec::new();
    let mut file = std::fs::File::from(reader);
    std::io::Read::read_to_end(&mut file, &mut bytes).expect("a pipe reads");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_read_back_and_a_part_is_waited_for() {
        for status in [
            Status::Failed("mount /proc: EPERM".into()),
            Status::Began,
            Status::Ended(0x8b),
        ] {
            let bytes = encoded(&status);
            for cut in 0..bytes.len() {
                assert_eq!(Status::parse(&bytes[..cut]), None);
            }
            assert_eq!(Status::parse(&bytes), Some((status, bytes.len())));
        }
    }
}
