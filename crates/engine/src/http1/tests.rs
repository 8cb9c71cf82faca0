use proptest::prelude::*;

use super::*;

/// What a reader makes of a response: status, content, cookie, keep-alive and
/// octets, or the words of the error.
type Read = Result<Option<(u16, Vec<u8>, Option<Vec<u8>>, bool, u64)>, String>;

fn own(reader: &Reader, answer: &Answer) -> Read {
    let view = reader.view(answer);
    let awaited = view
        .set_cookies()
        .filter(|cookie| cookie.name == b"__Host-auth");
    let cookie = awaited.last().map(|cookie| cookie.value.to_vec());
    Ok(Some((
        view.status,
        view.body.to_vec(),
        cookie,
        answer.keep_alive,
        answer.wire_bytes,
    )))
}

/// Feeds the pieces, then, if `closes`, the end of the stream.
fn read<'p>(pieces: impl IntoIterator<Item = &'p [u8]>, closes: bool) -> Read {
    let mut reader = Reader::new();
    for piece in pieces {
        let mut piece = piece;
        while !piece.is_empty() {
            let room = reader.room();
            let count = room.len().min(piece.len());
            room[..count].copy_from_slice(&piece[..count]);
            piece = &piece[count..];
            if let Some(answer) = reader.advance(count).map_err(|error| error.to_string())? {
                return own(&reader, &answer);
            }
        }
    }
    if !closes {
        return Ok(None);
    }
    let answer = reader.end_of_stream().map_err(|error| error.to_string())?;
    own(&reader, &answer)
}

fn whole(text: &str) -> Read {
    read([text.as_bytes()], true)
}

fn answered(text: &str) -> (u16, Vec<u8>, Option<Vec<u8>>, bool, u64) {
    whole(text).unwrap().unwrap()
}

#[test]
fn lengths_and_chunks_and_closing() {
    let (status, body, _, alive, wire) = answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    assert_eq!(
        (status, body.as_slice(), alive, wire),
        (200, &b"hi"[..], true, 40)
    );
    let (_, body, _, alive, _) = answered(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3;x=y\r\n me\r\n0\r\nT: 1\r\n\r\n",
    );
    assert_eq!((body.as_slice(), alive), (&b"hi me"[..], true));
    let (_, body, _, alive, _) = answered("HTTP/1.1 200 OK\r\n\r\nto the end");
    assert_eq!((body.as_slice(), alive), (&b"to the end"[..], false));
    let (status, body, ..) = answered("HTTP/1.1 204 None\r\nContent-Length: 9\r\n\r\n");
    assert_eq!((status, body.len()), (204, 0));
    let (status, ..) =
        answered("HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(status, 401);
}

#[test]
fn persistence() {
    let alive = |head: &str| answered(&format!("{head}\r\nContent-Length: 0\r\n\r\n")).3;
    assert!(alive("HTTP/1.1 200 OK"));
    assert!(!alive("HTTP/1.1 200 OK\r\nConnection: close"));
    assert!(!alive("HTTP/1.1 200 OK\r\nConnection: x, Close"));
    assert!(!alive("HTTP/1.0 200 OK"));
    assert!(alive("HTTP/1.0 200 OK\r\nConnection: Keep-Alive"));
    let (_, body, _, alive, wire) =
        answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi more than asked for");
    assert_eq!((body.as_slice(), alive, wire), (&b"hi"[..], false, 40));
}

#[test]
fn only_the_awaited_cookie() {
    let cookie = |head: &str| {
        answered(&format!(
            "HTTP/1.1 200 OK\r\n{head}Content-Length: 0\r\n\r\n"
        ))
        .2
    };
    assert_eq!(cookie(""), None);
    assert_eq!(
        cookie("Set-Cookie: auth=x\r\nSet-Cookie: __Host-authx=y\r\n"),
        None
    );
    assert_eq!(
        cookie("Set-Cookie: __Host-auth=abc; Path=/\r\nSet-Cookie: other=1\r\n"),
        Some(b"abc".to_vec())
    );
    assert_eq!(
        cookie("set-cookie: __Host-auth=abc\r\nset-cookie: __Host-auth=; Max-Age=0\r\n"),
        Some(Vec::new())
    );
}

#[test]
fn every_cookie_with_its_attributes() {
    let set = |fields: &str| {
        let text = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n");
        let mut reader = Reader::new();
        reader.room()[..text.len()].copy_from_slice(text.as_bytes());
        let answer = reader.advance(text.len()).unwrap().unwrap();
        let view = reader.view(&answer);
        assert_eq!(
            view.set_cookies().collect::<Vec<_>>(),
            View::new(200, b"", view.head)
                .set_cookies()
                .collect::<Vec<_>>()
        );
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        view.set_cookies()
            .map(|cookie| [cookie.name, cookie.value, cookie.attributes].map(text))
            .collect::<Vec<_>>()
    };
    assert!(set("").is_empty());
    assert!(set("X-Set-Cookie: a=b\r\nSet-Cookie: alone\r\nSet-Cookie: =x\r\n").is_empty());
    assert_eq!(
        set("SET-COOKIE:a = b=c ; Path=/; Secure\r\nServer: x\r\nSet-Cookie: d=\r\n"),
        [["a", "b=c", "Path=/; Secure"], ["d", "", ""]]
    );
}

#[test]
fn ambiguous_framing_is_refused() {
    for head in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: +1",
        "Content-Length: 99999999999999999999",
        "Content-Length: 5000000",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 1",
    ] {
        assert!(
            whole(&format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\nxx")).is_err(),
            "{head}"
        );
    }
    for content in [
        "\r\n",
        "z\r\n",
        "1\r\nab",
        "ffffffffffffffff\r\n",
        "400001\r\n",
    ] {
        let text = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{content}");
        assert!(whole(&text).is_err(), "{content:?}");
    }
    assert!(whole("HTTP/1.1 101 Switching\r\n\r\n").is_err());
    assert!(whole("SSH-2.0-OpenSSH\r\n").is_err());
    assert!(whole("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi").is_err());
    assert!(whole("").is_err());
}

#[test]
fn a_head_without_end_is_refused() {
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(HEAD_BYTES_MAX));
    assert!(read([endless.as_bytes()], false).is_err());
    let ending = format!("{endless}\r\nContent-Length: 0\r\n\r\n");
    assert!(read([ending.as_bytes()], false).is_err());
}

/// A response that is well-formed or nearly so.
fn response() -> impl Strategy<Value = Vec<u8>> {
    let chunk = proptest::collection::vec(any::<u8>(), 1..40).prop_map(|data| {
        let mut chunk = format!("{:x};e\r\n", data.len()).into_bytes();
        chunk.extend(data);
        chunk.extend(b"\r\n");
        chunk
    });
    let chunked = proptest::collection::vec(chunk, 0..5).prop_map(|chunks| {
        let mut text = b"Transfer-Encoding: chunked\r\n\r\n".to_vec();
        text.extend(chunks.concat());
        text.extend(b"0\r\nTrailer: x\r\n\r\n");
        text
    });
    // Longer than one read takes, without the cost of drawing each octet.
    let long = (4_000_usize..9_000, any::<u8>()).prop_map(|(length, octet)| {
        let head = format!("Content-Length: {length}\r\n\r\n").into_bytes();
        [head, vec![octet; length]].concat()
    });
    let sized = proptest::collection::vec(any::<u8>(), 0..600).prop_map(|body| {
        let mut text = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        text.extend(body);
        text
    });
    let to_the_end = proptest::collection::vec(any::<u8>(), 0..100)
        .prop_map(|body| [b"\r\n".as_slice(), &body].concat());
    let wrong = prop_oneof![
        Just(b"Content-Length: x\r\n\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n\r\n1".to_vec()),
    ];
    let interim = prop_oneof![Just(""), Just("HTTP/1.1 100 Continue\r\nx: y\r\n\r\n")];
    let content = prop_oneof![3 => chunked, 3 => sized, 1 => long, 1 => to_the_end, 1 => wrong];
    // 204 and 304 have no content, so that theirs would be surplus.
    let status = (200_u16..600).prop_filter("content", |status| ![204, 304].contains(status));
    (interim, status, content).prop_map(|(interim, status, content)| {
        let head = format!("{interim}HTTP/1.1 {status} X\r\nSet-Cookie: __Host-auth=a{status}\r\n");
        [head.as_bytes(), &content].concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_split_reads_the_same(
        response in response(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(response.len())).collect();
        cuts.extend([0, response.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| &response[pair[0]..pair[1]]);
        prop_assert_eq!(read(pieces, true), read([response.as_slice()], true));
        let single = response.chunks(1);
        prop_assert_eq!(read(single, true), read([response.as_slice()], true));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        head in prop_oneof![
            Just(""),
            Just("HTTP/1.1 200 OK\r\n"),
            Just("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ],
        size in 1_usize..50,
    ) {
        let bytes = [head.as_bytes(), &bytes].concat();
        let _ = read(bytes.chunks(size), true);
    }

    #[test]
    fn a_reader_can_be_used_again(first in response(), second in response()) {
        let mut reader = Reader::new();
        for response in [&first, &second] {
            reader.reset();
            let mut result = Ok(None);
            for piece in response.chunks(READ_BYTES_MIN) {
                reader.room()[..piece.len()].copy_from_slice(piece);
                match reader.advance(piece.len()) {
                    Ok(None) => {}
                    Ok(Some(answer)) => result = own(&reader, &answer),
                    Err(error) => result = Err(error.to_string()),
                }
                if result != Ok(None) {
                    break;
                }
            }
            prop_assert_eq!(result, read([response.as_slice()], false));
        }
    }
}

proptest! {
    /// Fuzzing: whatever a server sends, in whatever pieces, the reader neither
    /// panics nor takes it for two different answers.
    #[test]
    fn fuzz_responses(
        seed in prop::sample::select(vec![
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: __Host-auth=x\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            "HTTP/1.0 401 no\r\n\r\nbody until the end",
            "",
        ]),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut text = [seed.as_bytes(), &noise].concat();
        for (place, octet) in flips {
            if !text.is_empty() {
                let place = place.index(text.len());
                text[place] = octet;
            }
        }
        let (front, back) = text.split_at(cut.index(text.len() + 1));
        let said = |read: Read| read.map(|answer| answer.map(|(status, body, ..)| (status, body)));
        let (whole, parts) = (said(read([&text[..]], true)), said(read([front, back], true)));
        prop_assert_eq!(whole.is_ok(), parts.is_ok());
        if let (Ok(whole), Ok(parts)) = (whole, parts) {
            prop_assert_eq!(whole, parts);
        }
    }
}
