//! Records as octets.
//!
//! A version octet comes first. What scripts on the server read or write then
//! stands at fixed places (see `head.lua`), all numbers big-endian:
//!
//! | octets | what |
//! |---|---|
//! | 1 | version |
//! | 8, 8, 8 | issue, expiry, latest use, in ms |
//! | 4, 4 | generation, revision |
//! | 16 | login |
//! | 2 + n | subject |
//! | 2, then 2 + n each | count of roles, roles in ascending order |
//! | 2 + n | payload |
//!
//! There is one spelling of each record, and nothing else is read.

use std::ops::Range;

use authbench_core::{LoginId, PAYLOAD_OCTETS_MAX, Record, Roles, SubjectId, UnixMs};
use compact_str::CompactString;

const VERSION: u8 = 1;

/// Version, issue and expiry.
pub(super) const FRONT: Range<usize> = 0..17;
/// Generation and revision.
pub(super) const COUNTS: Range<usize> = 25..33;
/// Where the subject's length is.
const SUBJECT_AT: usize = 49;

/// The record has a part that this form has no room for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the record's {part} is too long to be stored")]
pub(super) struct TooLong {
    part: &'static str,
}

/// The octets are no record.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Unreadable {
    #[error("an unknown version of the form of records")]
    Version,
    #[error("the record ends too early")]
    Cut,
    #[error("octets follow the record")]
    Trailing,
    #[error("a name is no UTF-8")]
    Name,
    #[error("the roles are out of order")]
    Order,
    #[error("the payload is too long")]
    Payload,
}

/// The record as octets, with `revision` in place of its own.
pub(super) fn encode(record: &Record, revision: u32) -> Result<Vec<u8>, TooLong> {
    let Record {
        subject,
        login,
        roles,
        issued_at,
        expires_at,
        used_at,
        generation,
        revision: _,
        payload,
    } = record;
    let room = SUBJECT_AT + 6 + subject.as_str().len() + payload.len();
    let mut octets =
        Vec::with_capacity(room + roles.iter().map(|role| role.len() + 2).sum::<usize>());
    octets.push(VERSION);
    for instant in [issued_at, expires_at, used_at] {
        octets.extend_from_slice(&instant.0.to_be_bytes());
    }
    octets.extend_from_slice(&generation.to_be_bytes());
    octets.extend_from_slice(&revision.to_be_bytes());
    octets.extend_from_slice(&login.0);
    put(&mut octets, "subject", subject.as_str().as_bytes())?;
    put_count(&mut octets, "list of roles", roles.len())?;
    for role in roles.iter() {
        put(&mut octets, "role", role.as_bytes())?;
    }
    if payload.len() > PAYLOAD_OCTETS_MAX {
        return Err(TooLong { part: "payload" });
    }
    put(&mut octets, "payload", payload)?;
    Ok(octets)
}

/// Where roles and payload begin in octets that [`encode`] made of a record
/// of `subject`.
pub(super) fn tail_at(subject: &SubjectId) -> usize {
    SUBJECT_AT + 2 + subject.as_str().len()
}

/// The record that [`encode`] made these octets of.
pub(super) fn decode(octets: &[u8]) -> Result<Record, Unreadable> {
    let mut rest = octets;
    if take::<1>(&mut rest)? != [VERSION] {
        return Err(Unreadable::Version);
    }
    let mut instant = || take(&mut rest).map(|octets| UnixMs(u64::from_be_bytes(octets)));
    let (issued_at, expires_at, used_at) = (instant()?, instant()?, instant()?);
    let generation = u32::from_be_bytes(take(&mut rest)?);
    let revision = u32::from_be_bytes(take(&mut rest)?);
    let login = LoginId(take(&mut rest)?);
    let subject = SubjectId::new(take_name(&mut rest)?);
    let roles = take_roles(&mut rest)?;
    let payload: Box<[u8]> = take_part(&mut rest)?.into();
    if payload.len() > PAYLOAD_OCTETS_MAX {
        return Err(Unreadable::Payload);
    }
    if !rest.is_empty() {
        return Err(Unreadable::Trailing);
    }
    Ok(Record {
        subject,
        login,
        roles,
        issued_at,
        expires_at,
        used_at,
        generation,
        revision,
        payload,
    })
}

fn put(octets: &mut Vec<u8>, part: &'static str, value: &[u8]) -> Result<(), TooLong> {
    put_count(octets, part, value.len())?;
    octets.extend_from_slice(value);
    Ok(())
}

fn put_count(octets: &mut Vec<u8>, part: &'static str, count: usize) -> Result<(), TooLong> {
    let count = u16::try_from(count).map_err(|_| TooLong { part })?;
    octets.extend_from_slice(&count.to_be_bytes());
    Ok(())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Unreadable> {
    let (taken, left) = rest.split_first_chunk().ok_or(Unreadable::Cut)?;
    *rest = left;
    Ok(*taken)
}

fn take_count(rest: &mut &[u8]) -> Result<usize, Unreadable> {
    Ok(u16::from_be_bytes(take(rest)?).into())
}

fn take_part<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Unreadable> {
    let count = take_count(rest)?;
    let (taken, left) = rest.split_at_checked(count).ok_or(Unreadable::Cut)?;
    *rest = left;
    Ok(taken)
}

fn take_name<'a>(rest: &mut &'a [u8]) -> Result<&'a str, Unreadable> {
    std::str::from_utf8(take_part(rest)?).map_err(|_| Unreadable::Name)
}

fn take_roles(rest: &mut &[u8]) -> Result<Roles, Unreadable> {
    let count = take_count(rest)?;
    // Each takes two octets at least: no count can ask for more memory than
    // there are octets.
    let mut names: Vec<CompactString> = Vec::with_capacity(count.min(rest.len() / 2));
    for _ in 0..count {
        let name = take_name(rest)?;
        if names.last().is_some_and(|last| last.as_str() >= name) {
            return Err(Unreadable::Order);
        }
        names.push(name.into());
    }
    Ok(names.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> impl Strategy<Value = Record> {
        let instants = any::<[u64; 3]>();
        let (counts, login) = (any::<[u32; 2]>(), any::<[u8; 16]>());
        let roles = prop::collection::vec(".{0,12}", 0..6);
        let payload = prop::collection::vec(any::<u8>(), 0..40);
        (".{0,40}", roles, instants, counts, login, payload).prop_map(
            |(subject, roles, [issued_at, expires_at, used_at], counts, login, payload)| Record {
                subject: SubjectId::new(&subject),
                login: LoginId(login),
                roles: roles.iter().collect(),
                issued_at: UnixMs(issued_at),
                expires_at: UnixMs(expires_at),
                used_at: UnixMs(used_at),
                generation: counts[0],
                revision: counts[1],
                payload: payload.into(),
            },
        )
    }

    fn sample() -> Record {
        Record {
            subject: SubjectId::new("u1"),
            login: LoginId([9; 16]),
            roles: ["admin", "user"].iter().collect(),
            issued_at: UnixMs(1),
            expires_at: UnixMs(2),
            used_at: UnixMs(3),
            generation: 4,
            revision: 5,
            payload: [0xFF, 0].into(),
        }
    }

    proptest! {
        #[test]
        fn comes_back_as_it_was(record in record(), revision: u32) {
            let octets = encode(&record, revision).unwrap();
            let expected = Record { revision, ..record };
            prop_assert_eq!(decode(&octets), Ok(expected));
        }

        /// One spelling a record: whatever is read is written the same.
        #[test]
        fn other_spellings_are_refused(record in record(), at: prop::sample::Index, octet: u8) {
            let mut octets = encode(&record, record.revision).unwrap();
            let at = at.index(octets.len());
            octets[at] = octet;
            if let Ok(read) = decode(&octets) {
                prop_assert_eq!(encode(&read, read.revision).unwrap(), octets);
            }
        }

        #[test]
        fn noise_is_no_panic(octets in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = decode(&octets);
            let _ = decode(&[&[VERSION], octets.as_slice()].concat());
        }
    }

    #[test]
    fn every_cut_and_every_octet_more_is_refused() {
        let octets = encode(&sample(), 5).unwrap();
        for end in 0..octets.len() {
            assert_eq!(decode(&octets[..end]), Err(Unreadable::Cut), "{end}");
        }
        assert_eq!(
            decode(&[octets.as_slice(), &[0]].concat()),
            Err(Unreadable::Trailing)
        );
    }

    #[test]
    fn each_fault_has_its_name() {
        let spoil = |at: usize, octet: u8| {
            let mut octets = encode(&sample(), 5).unwrap();
            octets[at] = octet;
            decode(&octets)
        };
        assert_eq!(spoil(0, 2), Err(Unreadable::Version));
        assert_eq!(spoil(SUBJECT_AT + 2, 0xFF), Err(Unreadable::Name));
        // "admin" becomes "zdmin", which comes after "user".
        assert_eq!(
            spoil(tail_at(&sample().subject) + 4, b'z'),
            Err(Unreadable::Order)
        );
        let mut octets = encode(
            &Record {
                payload: Box::default(),
                ..sample()
            },
            5,
        )
        .unwrap();
        octets.truncate(octets.len() - 2);
        octets.extend_from_slice(&1_025_u16.to_be_bytes());
        octets.extend_from_slice(&[0; 1_025]);
        assert_eq!(decode(&octets), Err(Unreadable::Payload));
    }

    #[test]
    fn parts_stand_where_the_scripts_look() {
        let octets = encode(&sample(), 5).unwrap();
        assert_eq!(octets[FRONT][9..], 2_u64.to_be_bytes());
        assert_eq!(octets[FRONT.end..COUNTS.start], 3_u64.to_be_bytes());
        assert_eq!(octets[COUNTS], [0, 0, 0, 4, 0, 0, 0, 5]);
        assert_eq!(octets[COUNTS.end..SUBJECT_AT], [9; 16]);
        assert_eq!(octets[tail_at(&sample().subject)..][..2], [0, 2]);
        assert_eq!(octets.len(), 49 + 2 + 2 + 2 + 7 + 6 + 4);
    }

    #[test]
    fn what_has_no_room_is_refused() {
        let long = "x".repeat(65_536);
        let subject = Record {
            subject: SubjectId::new(&long),
            ..sample()
        };
        let role = Record {
            roles: [&long].into_iter().collect(),
            ..sample()
        };
        let roles = (0..65_536).map(|n| format!("{n:05}"));
        let roles = Record {
            roles: roles.collect(),
            ..sample()
        };
        let payload = Record {
            payload: vec![0; PAYLOAD_OCTETS_MAX + 1].into(),
            ..sample()
        };
        for (record, part) in [
            (subject, "subject"),
            (role, "role"),
            (roles, "list of roles"),
            (payload, "payload"),
        ] {
            assert_eq!(encode(&record, 0), Err(TooLong { part }));
        }
    }
}
