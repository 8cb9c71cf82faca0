//! The chunked transfer coding (RFC 9112 7.1), undone in place.

use std::ops::Range;

use super::{HEAD_BYTES_MAX, HEADERS_MAX, Malformed, bounded};

/// The most octets of the line that begins a chunk.
const LINE_BYTES_MAX: usize = 1024;

/// What comes next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chunk {
    /// The line that says how long the next chunk is.
    Size,
    /// This many more octets of content.
    Data { left: usize },
    /// The line end after a chunk.
    LineEnd,
    /// The fields after the last chunk, and the empty line.
    Trailers,
}

/// Goes on from `read`, moving content to the end of `body`, which lies before
/// it. True when the coding has come to its end, with `read` just behind.
pub(super) fn join(
    next: &mut Chunk,
    bytes: &mut [u8],
    body: &mut Range<usize>,
    read: &mut usize,
) -> Result<bool, Malformed> {
    loop {
        let raw = &bytes[*read..];
        match *next {
            Chunk::Size => {
                let Some((length, size)) = size_line(raw)? else {
                    return Ok(false);
                };
                bounded(body.len().saturating_add(size))?;
                *read += length;
                *next = if size == 0 {
                    Chunk::Trailers
                } else {
                    Chunk::Data { left: size }
                };
            }
            Chunk::Data { left } => {
                let count = left.min(raw.len());
                if count == 0 {
                    return Ok(false);
                }
                bytes.copy_within(*read..*read + count, body.end);
                body.end += count;
                *read += count;
                *next = if left == count {
                    Chunk::LineEnd
                } else {
                    Chunk::Data { left: left - count }
                };
            }
            Chunk::LineEnd => match raw {
                [b'\r', b'\n', ..] => {
                    *read += 2;
                    *next = Chunk::Size;
                }
                [] | [b'\r'] => return Ok(false),
                _ => return Err(Malformed::Framing("a chunk is longer than stated")),
            },
            Chunk::Trailers => {
                let Some(length) = trailers(raw)? else {
                    return Ok(false);
                };
                *read += length;
                return Ok(true);
            }
        }
    }
}

/// Length of the size line and the size, once the line is there.
fn size_line(raw: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    const WRONG: Malformed = Malformed::Framing("a chunk's length is not a number");
    if raw.first().is_some_and(|byte| !byte.is_ascii_hexdigit()) {
        return Err(WRONG);
    }
    let parsed = httparse::parse_chunk_size(raw).map_err(|_| WRONG)?;
    let (length, line) = match parsed {
        httparse::Status::Complete((length, size)) => (
            length,
            Some((length, usize::try_from(size).map_err(|_| WRONG)?)),
        ),
        httparse::Status::Partial => (raw.len(), None),
    };
    if length > LINE_BYTES_MAX {
        return Err(Malformed::TooLong {
            part: "a chunk's first line",
            bytes_max: LINE_BYTES_MAX,
        });
    }
    Ok(line)
}

/// Length of the trailers, once they are there.
fn trailers(raw: &[u8]) -> Result<Option<usize>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let (length, found) = match httparse::parse_headers(raw, &mut headers)? {
        httparse::Status::Complete((length, _)) => (length, Some(length)),
        httparse::Status::Partial => (raw.len(), None),
    };
    if length > HEAD_BYTES_MAX {
        return Err(Malformed::TooLong {
            part: "the trailers",
            bytes_max: HEAD_BYTES_MAX,
        });
    }
    Ok(found)
}
