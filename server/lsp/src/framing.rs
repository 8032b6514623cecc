//! Messages on a stream of bytes: headers with a `Content-Length`, an empty line, that many bytes of JSON.
//!
//! The library's own codec ends the session at the first malformed message. Here each one is reported and passed over,
//! and reading goes on with the next header that names a length.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// Longest header line that is looked at. What is longer is no header.
const MAX_HEADER_BYTES: u64 = 8 << 10;
/// Largest message that is taken in. The largest sensible one opens a file of some 50 MB.
const MAX_MESSAGE_BYTES: usize = 256 << 20;
/// What is reserved before the first byte of a message is there: a length is only a claim.
const RESERVED_BYTES: usize = 1 << 20;
/// The header that counts, in lower case.
const LENGTH_HEADER: &[u8] = b"content-length:";

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The bytes of a message.
    Message(Vec<u8>),
    /// Bytes that are no message, and what is wrong with them.
    Malformed(String),
}

/// Reads messages from a stream.
pub(crate) struct FrameReader<R> {
    input: BufReader<R>,
    /// Length of the message that follows, when a fault before its headers had to be told first.
    next_length: Option<usize>,
}

/// One line of a header block.
enum Header {
    /// The empty line that ends it.
    End,
    Length(Result<usize, String>),
    /// A header without a meaning for us, such as `Content-Type`.
    Other,
    /// Not a header.
    Garbage,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(64 << 10, input), next_length: None }
    }

    /// The next message; `None` at the end of the stream, also when it ends in the middle of a message.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Frame>> {
        if let Some(length) = self.next_length.take() {
            return self.message(length).await;
        }
        let mut length = None;
        let mut garbage = 0_usize;
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut self.input).take(MAX_HEADER_BYTES).read_until(b'\n', &mut line).await?;
            if read == 0 {
                return Ok((garbage > 0).then(|| Frame::Malformed(skipped(garbage))));
            }
            match header(&line, &mut garbage) {
                Header::Length(value) => length = Some(value),
                Header::Other => {}
                Header::Garbage => garbage += read,
                Header::End => match length.take() {
                    Some(Ok(length)) if garbage == 0 => return self.message(length).await,
                    Some(Ok(length)) => {
                        self.next_length = Some(length);
                        return Ok(Some(Frame::Malformed(skipped(garbage))));
                    }
                    Some(Err(fault)) => return Ok(Some(Frame::Malformed(fault))),
                    None if garbage > 0 => return Ok(Some(Frame::Malformed(skipped(garbage)))),
                    // An empty line between two messages does no harm.
                    None => {}
                },
            }
        }
    }

    async fn message(&mut self, length: usize) -> io::Result<Option<Frame>> {
        let mut body = (&mut self.input).take(length as u64);
        if length > MAX_MESSAGE_BYTES {
            tokio::io::copy_buf(&mut BufReader::new(body), &mut tokio::io::sink()).await?;
            let fault = format!("a message of {length} bytes is larger than {MAX_MESSAGE_BYTES}");
            return Ok(Some(Frame::Malformed(fault)));
        }
        let mut bytes = Vec::with_capacity(length.min(RESERVED_BYTES));
        body.read_to_end(&mut bytes).await?;
        Ok((bytes.len() == length).then_some(Frame::Message(bytes)))
    }
}

fn skipped(bytes: usize) -> String {
    format!("{bytes} bytes were passed over that are neither a header nor a message")
}

/// Reads a line of a header block. Garbage that stands before a length on the same line, as the body of a message whose
/// length was wrong does, is counted.
fn header(line: &[u8], garbage: &mut usize) -> Header {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    if text.is_empty() {
        return Header::End;
    }
    let found = text.windows(LENGTH_HEADER.len()).rposition(|part| part.eq_ignore_ascii_case(LENGTH_HEADER));
    if let Some(at) = found {
        *garbage += at;
        let value = String::from_utf8_lossy(&text[at + LENGTH_HEADER.len()..]);
        let value = value.trim();
        return Header::Length(value.parse().map_err(|_| format!("{value:?} is not a content length")));
    }
    let name = text.split(|&byte| byte == b':').next().unwrap_or_default();
    let is_name = name.len() < text.len()
        && !name.is_empty()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    if is_name { Header::Other } else { Header::Garbage }
}

/// The bytes of a message with its header.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn frames(bytes: &[u8]) -> Vec<String> {
        let mut reader = FrameReader::new(bytes);
        let mut frames = Vec::new();
        while let Some(frame) = reader.next().await.expect("memory does not fail") {
            frames.push(match frame {
                Frame::Message(bytes) => String::from_utf8(bytes).expect("text"),
                Frame::Malformed(fault) => format!("! {fault}"),
            });
        }
        frames
    }

    #[tokio::test]
    async fn every_message_is_found_again() {
        let skipped = "bytes were passed over that are neither a header nor a message";
        for (bytes, expected) in [
            ("", vec![]),
            ("Content-Length: 2\r\n\r\n{}", vec!["{}".to_owned()]),
            ("content-length:2\nContent-Type: x; charset=utf8\n\n{}", vec!["{}".to_owned()]),
            ("Content-Length: 2\r\n\r\n{}\r\n\r\nContent-Length: 1\r\n\r\n1", vec!["{}".to_owned(), "1".to_owned()]),
            (
                "Content-Length: 2\r\n\r\n{\"a\":1}Content-Length: 1\r\n\r\n1",
                vec!["{\"".to_owned(), format!("! 5 {skipped}"), "1".to_owned()],
            ),
            ("hello\r\n\r\nContent-Length: 1\r\n\r\n1", vec![format!("! 7 {skipped}"), "1".to_owned()]),
            (
                "Content-Length: x\r\n\r\nContent-Length: 1\r\n\r\n1",
                vec!["! \"x\" is not a content length".to_owned(), "1".to_owned()],
            ),
            ("Content-Length: -1\r\n\r\n", vec!["! \"-1\" is not a content length".to_owned()]),
            ("Content-Length: 10\r\n\r\n{\"cut\":", vec![]),
            ("Content-Length: 10", vec![]),
            ("rubbish", vec![format!("! 7 {skipped}")]),
        ] {
            assert_eq!(frames(bytes.as_bytes()).await, expected, "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn a_length_is_only_a_claim() {
        let mut bytes = format!("Content-Length: {}\r\n\r\n", usize::MAX).into_bytes();
        bytes.extend(std::iter::repeat_n(b'x', 1 << 20));
        assert_eq!(frames(&bytes).await.len(), 1, "reported, nothing of that size reserved");
    }
}
