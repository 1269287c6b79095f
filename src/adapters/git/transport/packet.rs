//! Packet lines: how everything but a pack's own bytes travels in Git's protocol.
//!
//! Each is its length in four hexadecimal digits, these included, and its bytes; three lengths that
//! nothing can have are signs. (`gitprotocol-common`, `gitprotocol-v2`.)

use std::io::{self, Read};

/// What ends a message.
pub(super) const FLUSH: &[u8] = b"0000";

/// What ends a part of a message.
pub(super) const DELIMITER: &[u8] = b"0001";

/// The digits of a length.
const HEAD: usize = 4;

/// How long a packet may be, its length included.
const LONGEST: usize = 65_520;

/// A packet that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// Bytes.
    Data(Vec<u8>),
    /// A part ended.
    Delimiter,
    /// A message ended.
    Flush,
}

/// Appends a packet that holds a text. What hoist says is far shorter than a packet may be.
pub(super) fn write(into: &mut Vec<u8>, text: &str) {
    into.extend_from_slice(format!("{:04x}", text.len() + HEAD).as_bytes());
    into.extend_from_slice(text.as_bytes());
}

/// Reads packets from whoever sends them.
pub(super) struct Packets<R> {
    from: R,
}

impl<R: Read> Packets<R> {
    pub(super) fn of(from: R) -> Self {
        Self { from }
    }

    /// The next packet. One that says `ERR` is the server's refusal of it all.
    pub(super) fn next(&mut self) -> io::Result<Packet> {
        let mut head = [0; HEAD];
        self.from.read_exact(&mut head)?;
        // A sign would pass for a digit.
        let digits = head.iter().all(u8::is_ascii_hexdigit).then_some(&head[..]);
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let length = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok());
        match length {
            Some(0) => Ok(Packet::Flush),
            Some(1) => Ok(Packet::Delimiter),
            Some(length @ HEAD..=LONGEST) => {
                let mut bytes = vec![0; length - HEAD];
                self.from.read_exact(&mut bytes)?;
                match bytes.strip_prefix(b"ERR ") {
                    Some(refusal) => Err(io::Error::other(Refusal(text_of(refusal)))),
                    None => Ok(Packet::Data(bytes)),
                }
            }
            Some(_) | None => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "no packet begins like that"))
            }
        }
    }

    /// Reads what follows a message that is understood, which is nothing: only what was read to its
    /// end leaves its connection to the next question.
    pub(super) fn end(mut self) -> io::Result<()> {
        io::copy(&mut self.from, &mut io::sink())?;
        Ok(())
    }

    /// The lines until the message or its part ends.
    pub(super) fn lines(&mut self) -> io::Result<Vec<String>> {
        let mut lines = Vec::new();
        while let Packet::Data(bytes) = self.next()? {
            lines.push(text_of(&bytes));
        }
        Ok(lines)
    }
}

/// What a server says instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the server refuses: {0}")]
pub(super) struct Refusal(String);

/// A packet's text, without the end of its line.
pub(super) fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut bytes = Vec::new();
        write(&mut bytes, "command=ls-refs\n");
        bytes.extend_from_slice(DELIMITER);
        write(&mut bytes, "");
        bytes.extend_from_slice(FLUSH);
        assert!(bytes.starts_with(b"0014command=ls-refs\n"));
        let mut packets = Packets::of(bytes.as_slice());
        assert_eq!(packets.lines().unwrap(), ["command=ls-refs"]);
        assert_eq!(packets.next().unwrap(), Packet::Data(Vec::new()));
        assert_eq!(packets.next().unwrap(), Packet::Flush);
        assert_eq!(packets.next().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_is_no_packet_is_an_error_and_no_panic() {
        for bad in ["", "00", "0002", "0003", "zzzz", "fff1", "0009abc", "+005a", "\u{fc}\u{fc}"] {
            Packets::of(bad.as_bytes()).next().unwrap_err();
        }
        let told = Packets::of(&b"000fERR no way\n"[..]).next().unwrap_err();
        assert_eq!(told.to_string(), "the server refuses: no way");
    }
}
