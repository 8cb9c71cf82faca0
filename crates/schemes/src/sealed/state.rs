//! What is in a sealed cookie, and how it is written: 16 octets of login, the
//! instant of sealing, the life from there, a stamp or none, how many roles
//! there are, the lengths of the subject and of each role, and then their
//! texts, roles in ascending order. Numbers are LEB128. There is one spelling
//! for each state and no other one is read, which the usual compact formats do
//! not promise (a number may be padded, a set be in disorder); and all texts
//! are known to be UTF-8 after one look, which makes reading some times faster
//! than one text after the other.

use authbench_core::{Identity, LoginId, Roles, SubjectId, UnixMs};

use crate::token::Opened;

/// What a cookie says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct State {
    /// When it was sealed.
    pub(super) issued_at: UnixMs,
    /// The identity, and the stamp if there is one.
    pub(super) opened: Opened,
}

/// Appends a state to `out`; a life that would end before it begins is none.
pub(super) fn write(out: &mut Vec<u8>, identity: &Identity, stamp: Option<u64>, issued_at: UnixMs) {
    out.extend_from_slice(&identity.login.0);
    number(out, issued_at.0);
    number(out, identity.expires_at.since(issued_at));
    match stamp {
        None => out.push(0),
        Some(stamp) => {
            out.push(1);
            number(out, stamp);
        }
    }
    number(out, identity.roles.len() as u64);
    let texts = || std::iter::once(identity.subject.as_str()).chain(identity.roles.iter());
    texts().for_each(|text| number(out, text.len() as u64));
    texts().for_each(|text| out.extend_from_slice(text.as_bytes()));
}

/// Reads a state; none if `octets` are anything else.
pub(super) fn read(octets: &[u8]) -> Option<State> {
    let mut rest = Rest(octets);
    let login = LoginId(*rest.0.split_off(..16)?.first_chunk()?);
    let issued_at = UnixMs(rest.number()?);
    let expires_at = UnixMs(issued_at.0.checked_add(rest.number()?)?);
    let stamp = match rest.0.split_off_first()? {
        0 => None,
        1 => Some(rest.number()?),
        _ => return None,
    };
    let count = rest.length()?;
    let mut texts = rest.texts(count + 1)?;
    let subject = SubjectId::new(texts.next()?);
    let roles = texts.roles(count)?;
    let identity = Identity {
        subject,
        roles,
        login,
        expires_at,
    };
    Some(State {
        issued_at,
        opened: Opened { identity, stamp },
    })
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let octet = *self.0.split_off_first()?;
            let bits = u64::from(octet & 0x7F);
            // Of the tenth octet one bit is left.
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if octet < 0x80 {
                // A last octet of nothing could have been left out.
                return (octet != 0 || shift == 0).then_some(number);
            }
        }
        None
    }

    /// A number of something that takes an octet or more each.
    fn length(&mut self) -> Option<usize> {
        let length = usize::try_from(self.number()?).ok()?;
        (length < self.0.len()).then_some(length)
    }

    /// All the rest: `count` lengths, and texts that together are as long.
    fn texts(&self, count: usize) -> Option<Texts<'a>> {
        let mut rest = Self(self.0);
        let mut octets = 0_usize;
        for _ in 0..count {
            octets = octets.checked_add(usize::try_from(rest.number()?).ok()?)?;
        }
        let text = std::str::from_utf8(rest.0).ok()?;
        (text.len() == octets).then_some(Texts {
            lengths: Self(self.0),
            text,
        })
    }
}

/// Texts, all there and all UTF-8, but perhaps cut in the middle of a
/// character.
struct Texts<'a> {
    lengths: Rest<'a>,
    text: &'a str,
}

impl<'a> Texts<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.lengths.number()?).ok()?;
        let (text, rest) = self.text.split_at_checked(length)?;
        self.text = rest;
        Some(text)
    }

    /// The last `count` texts, if they ascend.
    fn roles(mut self, count: usize) -> Option<Roles> {
        let mut previous: Option<&str> = None;
        let mut good = true;
        // Empty names stand for bad ones, so that the length is known.
        let names = (0..count).map(|_| {
            let name = self.next();
            good &= name.is_some() && name > previous;
            previous = name;
            name.unwrap_or_default()
        });
        let roles = names.collect();
        good.then_some(roles)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn states() -> impl Strategy<Value = State> {
        let roles = prop::collection::vec(".{0,20}", 0..12);
        (
            ".{0,40}",
            roles,
            any::<[u8; 16]>(),
            any::<(u64, u64)>(),
            any::<Option<u64>>(),
        )
            .prop_map(|(subject, roles, login, (issued_ms, life_ms), stamp)| {
                let issued_at = UnixMs(issued_ms);
                State {
                    issued_at,
                    opened: Opened {
                        identity: Identity {
                            subject: SubjectId::new(&subject),
                            roles: roles.iter().collect(),
                            login: LoginId(login),
                            expires_at: issued_at.plus_ms(life_ms),
                        },
                        stamp,
                    },
                }
            })
    }

    fn written(state: &State) -> Vec<u8> {
        let mut out = Vec::new();
        write(
            &mut out,
            &state.opened.identity,
            state.opened.stamp,
            state.issued_at,
        );
        out
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(state in states()) {
            let octets = written(&state);
            prop_assert_eq!(read(&octets), Some(state));
        }

        /// Whatever is read is spelt as it would be written: no two spellings.
        #[test]
        fn there_is_one_spelling(state in states(), place: usize, octet: u8, more in any::<[u8; 2]>()) {
            let good = written(&state);
            let mut changed = good.clone();
            let place = place % changed.len();
            changed[place] = octet;
            let mut longer = good.clone();
            longer.extend(more);
            let mut padded = good.clone();
            padded[place] |= 0x80;
            padded.insert(place + 1, 0);
            for octets in [changed, longer, padded, good[..place].to_vec()] {
                if let Some(read) = read(&octets) {
                    prop_assert_eq!(written(&read), octets);
                }
            }
        }

        #[test]
        fn nothing_makes_the_reader_fall_over(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(read) = read(&octets) {
                prop_assert_eq!(written(&read), octets);
            }
        }
    }

    /// At most a tenth more than what it says: subject, login, roles, two
    /// instants of eight octets and a generation of four.
    #[test]
    fn it_is_compact() {
        for roles in [0, 5, 20, 100] {
            let roles: Roles = (0..roles).map(|n| format!("project-{n}-editor")).collect();
            let plain = "user-000017".len() + 16 + roles.iter().map(str::len).sum::<usize>() + 20;
            let issued_at = UnixMs(1_800_000_000_000);
            let identity = Identity {
                subject: SubjectId::new("user-000017"),
                roles,
                login: LoginId([7; 16]),
                expires_at: issued_at.plus_ms(3_600_000),
            };
            let mut out = Vec::new();
            write(&mut out, &identity, Some(3), issued_at);
            assert!(out.len() * 10 <= plain * 11, "{} of {plain}", out.len());
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_none() {
        for octets in [&[0xFF; 10][..], &[0x80, 0x80], &[0x80, 0], &[]] {
            assert_eq!(Rest(octets).number(), None, "{octets:?}");
        }
        let mut most = Vec::new();
        number(&mut most, u64::MAX);
        assert_eq!((most.len(), Rest(&most).number().unwrap()), (10, u64::MAX));
        *most.last_mut().unwrap() = 2;
        assert_eq!(Rest(&most).number(), None);
    }
}
