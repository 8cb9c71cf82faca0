//! Reads HTTP/1.1 responses as they come in, piece by piece, into one buffer
//! that is used again and again.

mod chunked;

use std::mem::MaybeUninit;
use std::ops::Range;

use chunked::Chunk;

use crate::cookies::{self, SetCookies};

/// The most octets of a response's head, and of the trailers of a chunked one.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The most octets of a response's content.
pub(crate) const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most header fields of a response.
const HEADERS_MAX: usize = 96;
/// The least room that a read is given.
const READ_BYTES_MIN: usize = 4 * 1024;

/// The bytes are no HTTP/1.1 response that this reader follows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The head cannot be parsed.
    #[error("the head is not HTTP/1.1")]
    Head(#[from] httparse::Error),
    /// Where the content ends is not said, or said twice (RFC 9112 6.3).
    #[error("{0}")]
    Framing(&'static str),
    /// More than this reader holds.
    #[error("{part} is longer than {bytes_max} bytes")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// How long it may be.
        bytes_max: usize,
    },
    /// A library that reads it instead cannot.
    #[error("it is no response")]
    Foreign(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The peer closed the connection within the response.
    #[error("the connection was closed within the answer")]
    Truncated,
}

/// A whole response, as places in what the connection has read. See
/// [`Engine::view`](crate::Engine::view).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Whether the connection may carry another request (RFC 9112 9.3).
    pub keep_alive: bool,
    /// Octets of the response, framing and interim responses included, TLS not.
    pub wire_bytes: u64,
    /// Where the content is.
    pub(crate) body: Range<usize>,
    /// Where the field lines are.
    pub(crate) head: Range<usize>,
    /// Whether one of them is `Set-Cookie`.
    pub(crate) sets_cookies: bool,
}

/// What a response says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct View<'b> {
    /// The status code.
    pub status: u16,
    /// The content, chunks joined.
    pub body: &'b [u8],
    /// The field lines, `name: value` and a line end each (RFC 9112 5), without
    /// the status line before them; the empty line behind them may be there.
    pub head: &'b [u8],
    sets_cookies: bool,
}

impl<'b> View<'b> {
    /// An answer of these parts; `head` as in [`View::head`].
    #[must_use]
    pub fn new(status: u16, body: &'b [u8], head: &'b [u8]) -> Self {
        Self {
            status,
            body,
            head,
            sets_cookies: true,
        }
    }

    /// What `answer` says, whose places are places in `bytes`.
    pub(crate) fn of(answer: &Answer, bytes: &'b [u8]) -> Self {
        Self {
            status: answer.status,
            body: &bytes[answer.body.clone()],
            head: &bytes[answer.head.clone()],
            sets_cookies: answer.sets_cookies,
        }
    }

    /// The cookies that it sets, in order; each `Set-Cookie` field is parsed
    /// only when it is come to, and an answer without one costs nothing.
    #[must_use]
    pub fn set_cookies(&self) -> SetCookies<'b> {
        SetCookies::of(if self.sets_cookies { self.head } else { &[] })
    }
}

/// Collects one response at a time.
#[derive(Debug)]
pub(crate) struct Reader {
    buffer: Vec<u8>,
    filled: usize,
    wire_bytes: u64,
    head: Option<Head>,
}

#[derive(Debug)]
struct Head {
    answer: Answer,
    framing: Framing,
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    /// The content ends at this place.
    Until(usize),
    Chunked(Chunk),
    /// The content ends with the connection.
    Close,
}

impl Reader {
    /// A reader that has read nothing.
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; 2 * READ_BYTES_MIN],
            filled: 0,
            wire_bytes: 0,
            head: None,
        }
    }

    /// Forgets everything, ready for the next response.
    pub(crate) fn reset(&mut self) {
        self.filled = 0;
        self.wire_bytes = 0;
        self.head = None;
    }

    /// Room for the next read.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.buffer.len() - self.filled < READ_BYTES_MIN {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        &mut self.buffer[self.filled..]
    }

    /// Takes note that `count` octets were read into the room, and gives the
    /// answer if they complete it. What follows the answer is dropped, and the
    /// connection with it: nobody asked for more.
    ///
    /// # Errors
    /// [`Malformed`]; the connection is then of no further use.
    pub(crate) fn advance(&mut self, count: usize) -> Result<Option<Answer>, Malformed> {
        self.filled += count;
        self.wire_bytes += count as u64;
        if self.head.is_none() && !self.read_head()? {
            return Ok(None);
        }
        let Some(end) = self.content_end()? else {
            return Ok(None);
        };
        let surplus = self.filled - end;
        Ok(self.head.take().map(|head| Answer {
            keep_alive: head.answer.keep_alive && surplus == 0,
            wire_bytes: self.wire_bytes - surplus as u64,
            ..head.answer
        }))
    }

    /// Takes note that the peer has closed, and gives the answer if that
    /// completes it.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] if it does not.
    pub(crate) fn end_of_stream(&mut self) -> Result<Answer, Malformed> {
        match self.head.take() {
            Some(Head {
                answer,
                framing: Framing::Close,
            }) => Ok(Answer {
                body: answer.body.start..self.filled,
                wire_bytes: self.wire_bytes,
                keep_alive: false,
                ..answer
            }),
            _ => Err(Malformed::Truncated),
        }
    }

    /// What `answer`, the last that this reader gave, says. Valid until
    /// [`Reader::reset`].
    pub(crate) fn view(&self, answer: &Answer) -> View<'_> {
        View::of(answer, &self.buffer)
    }

    /// Reads the head if all of it is there. Interim responses (RFC 9110 15.2)
    /// are skipped.
    fn read_head(&mut self) -> Result<bool, Malformed> {
        loop {
            let bytes = &self.buffer[..self.filled];
            let mut headers = [const { MaybeUninit::uninit() }; HEADERS_MAX];
            let mut response = httparse::Response::new(&mut []);
            let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
                &mut response,
                bytes,
                &mut headers,
            )?;
            let too_long = Malformed::TooLong {
                part: "the head",
                bytes_max: HEAD_BYTES_MAX,
            };
            let httparse::Status::Complete(length) = parsed else {
                return if self.filled > HEAD_BYTES_MAX {
                    Err(too_long)
                } else {
                    Ok(false)
                };
            };
            if length > HEAD_BYTES_MAX {
                return Err(too_long);
            }
            let head = Head::of(&response, bytes, length)?;
            if head.answer.status >= 200 {
                self.head = Some(head);
                return Ok(true);
            }
            if head.answer.status == 101 {
                return Err(Malformed::Framing(
                    "it switches to a protocol that nobody asked for",
                ));
            }
            self.buffer.copy_within(length..self.filled, 0);
            self.filled -= length;
        }
    }

    /// Where the content ends, if all of it is there.
    fn content_end(&mut self) -> Result<Option<usize>, Malformed> {
        let Some(head) = &mut self.head else {
            return Ok(None);
        };
        match &mut head.framing {
            Framing::Until(end) => Ok((self.filled >= *end).then_some(*end)),
            Framing::Close => {
                bounded(self.filled - head.answer.body.start)?;
                Ok(None)
            }
            Framing::Chunked(next) => {
                let body = &mut head.answer.body;
                let mut read = body.end;
                if chunked::join(next, &mut self.buffer[..self.filled], body, &mut read)? {
                    return Ok(Some(read));
                }
                // Closes the gap that the framing has left, so that the buffer
                // grows no larger than the content.
                self.buffer.copy_within(read..self.filled, body.end);
                self.filled -= read - body.end;
                Ok(None)
            }
        }
    }
}

impl Head {
    fn of(
        response: &httparse::Response<'_, '_>,
        bytes: &[u8],
        length: usize,
    ) -> Result<Self, Malformed> {
        let status = response.code.unwrap_or_default();
        let mut keep_alive = response.version == Some(1);
        let mut content_length = None;
        let mut chunked = false;
        let mut sets_cookies = false;
        for header in response.headers.iter() {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("content-length") {
                let stated = decimal(header.value)?;
                if content_length
                    .replace(stated)
                    .is_some_and(|before| before != stated)
                {
                    return Err(Malformed::Framing("it states two lengths"));
                }
            } else if is("transfer-encoding") {
                if chunked || !header.value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed::Framing("its transfer coding is not `chunked`"));
                }
                chunked = true;
            } else if is("connection") {
                keep_alive = persists(header.value, keep_alive);
            } else {
                sets_cookies |= cookies::is_set_cookie(header.name.as_bytes());
            }
        }
        let fields = response
            .headers
            .first()
            .map_or(length, |first| offset(first.name.as_bytes(), bytes));
        let framing = match (chunked, content_length) {
            (true, Some(_)) => {
                return Err(Malformed::Framing(
                    "it has both a length and a transfer coding",
                ));
            }
            // RFC 9112 6.3: these have no content, whatever they state.
            _ if status < 200 || status == 204 || status == 304 => Framing::Until(length),
            (true, None) => Framing::Chunked(Chunk::Size),
            (false, Some(stated)) => {
                bounded(stated)?;
                Framing::Until(length + stated)
            }
            (false, None) => Framing::Close,
        };
        let end = if let Framing::Until(end) = framing {
            end
        } else {
            length
        };
        let answer = Answer {
            status,
            keep_alive,
            wire_bytes: 0,
            body: length..end,
            head: fields..length,
            sets_cookies,
        };
        Ok(Self { answer, framing })
    }
}

fn bounded(body_bytes: usize) -> Result<(), Malformed> {
    if body_bytes > BODY_BYTES_MAX {
        return Err(Malformed::TooLong {
            part: "the content",
            bytes_max: BODY_BYTES_MAX,
        });
    }
    Ok(())
}

fn decimal(value: &[u8]) -> Result<usize, Malformed> {
    let digits = std::str::from_utf8(value)
        .ok()
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .and_then(|text| text.parse().ok())
        .ok_or(Malformed::Framing("its length is not a number"))
}

/// RFC 9112 9.3: `close` wins, `keep-alive` revives HTTP/1.0.
fn persists(connection: &[u8], otherwise: bool) -> bool {
    let has = |wanted: &[u8]| {
        connection
            .split(|byte| *byte == b',')
            .any(|option| option.trim_ascii().eq_ignore_ascii_case(wanted))
    };
    !has(b"close") && (otherwise || has(b"keep-alive"))
}

/// Where in `whole` its part `part` begins.
fn offset(part: &[u8], whole: &[u8]) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

#[cfg(test)]
mod tests;
