use authbench_core::UnixMs;
use proptest::prelude::*;

use super::*;
use crate::judge::tests::promises;

const NOW: Ns = Ns(0);

fn logged_in() -> User {
    let history = LoginHistory::new(Span::instant(UnixMs(0)), UnixMs(1_000));
    let mut user = User::default();
    user.log_in(b"credential", b"", history, &promises());
    user
}

fn habits(mix: &Mix) -> Habits {
    Habits::new(mix, promises())
}

fn mix(read: u32, mutate: u32, logout: u32) -> Mix {
    Mix {
        read: read.into(),
        mutate: mutate.into(),
        logout: logout.into(),
        ..Mix::default()
    }
}

fn rotating() -> Guarantees {
    Guarantees {
        refresh: RefreshOffer::RotatingKillsFamily {
            grace_ms: 0,
            chain_ms: 5_000,
        },
        ..promises()
    }
}

fn actions(seed: u64, mix: &Mix, count: usize) -> Vec<Action> {
    let (mut user, habits) = (logged_in(), habits(mix));
    (0..count)
        .map(|_| user.next_action(&habits, seed, NOW))
        .collect()
}

#[test]
fn a_logged_out_user_logs_in_and_the_others_keep_to_the_mix() {
    let first = User::default().next_action(&habits(&mix(1, 1, 1)), 0, NOW);
    assert_eq!(first, Action::Login);
    let drawn = actions(3, &mix(90, 8, 2), 1_000);
    let share = |wanted| drawn.iter().filter(|action| **action == wanted).count();
    for (action, range) in [
        (Action::Read, 860..940),
        (Action::Mutate, 50..115),
        (Action::Logout, 5..45),
    ] {
        assert!(
            range.contains(&share(action)),
            "{action:?} {}",
            share(action)
        );
    }
    assert_eq!(share(Action::Login), 0);
    let reads = actions(3, &mix(1, 0, 0), 1_000);
    assert!(reads.iter().all(|action| *action == Action::Read));
}

#[test]
fn every_weight_is_heard() {
    let all = Mix {
        read: 1.into(),
        mutate: 1.into(),
        login: 1.into(),
        refresh: 1.into(),
        logout: 1.into(),
        logout_all: 1.into(),
        role_change: 1.into(),
        forged: 1.into(),
        stale: 1.into(),
        malformed: 1.into(),
        wrong_password: 1.into(),
    };
    let drawn = |promises| {
        let (mut user, habits) = (logged_in(), Habits::new(&all, promises));
        user.rewind(&habits);
        let early = Action::ALL.map(|_| user.next_action(&habits, 1, NOW));
        assert!(!early.contains(&Action::Stale), "there is none yet");
        // One that is dead.
        let history = LoginHistory::new(Span::instant(UnixMs(0)), UnixMs(0));
        user.log_in(b"old", b"", history, &promises);
        let history = LoginHistory::new(Span::instant(UnixMs(0)), UnixMs(1_000));
        user.log_in(b"new", b"", history, &promises);
        let mut seen = [0; Action::COUNT];
        for _ in 0..11_000 {
            seen[user.next_action(&habits, 1, NOW) as usize] += 1;
        }
        seen
    };
    for count in drawn(Guarantees {
        refresh: RefreshOffer::SwapsAccess,
        ..promises()
    }) {
        assert!((850..1_150).contains(&count), "{count}");
    }
    let without = drawn(promises());
    assert_eq!(without[Action::Refresh as usize], 0);
    assert!(without[Action::Read as usize] > 1_700, "reads in its place");
}

#[test]
fn what_expires_is_renewed_where_there_is_a_token_and_else_begun_anew() {
    let reads = mix(1, 0, 0);
    let next = |promises: Guarantees, token: &[u8], ms| {
        let mut user = User::default();
        let history = LoginHistory::new(Span::instant(UnixMs(0)), UnixMs(1_000));
        user.log_in(b"access", token, history, &promises);
        user.next_action(&Habits::new(&reads, promises), 0, UnixMs(ms).into())
    };
    for (promises, token, ms, expected) in [
        (promises(), &b""[..], 999, Action::Read),
        (promises(), b"", 1_000, Action::Login),
        (rotating(), b"token", 949, Action::Read),
        (rotating(), b"token", 950, Action::Refresh),
        (rotating(), b"token", 4_999, Action::Refresh),
        (rotating(), b"token", 5_000, Action::Login),
    ] {
        assert_eq!(next(promises, token, ms), expected, "{ms}");
    }
    // Refused before that: the token may help, or there is none.
    let (mut with, mut without) = (User::default(), logged_in());
    let history = LoginHistory::new(Span::instant(UnixMs(0)), UnixMs(1_000));
    with.log_in(b"access", b"token", history, &rotating());
    with.refused(&rotating());
    without.refused(&promises());
    assert_eq!(with.due(&rotating(), NOW), Some(Action::Refresh));
    assert_eq!(without.due(&promises(), NOW), Some(Action::Login));
    let renewed = (Span::instant(UnixMs(5)), UnixMs(2_000));
    with.renew(b"second", b"next", renewed, &rotating());
    assert_eq!(with.due(&rotating(), NOW), None);
    assert_eq!(
        (with.spelling(), with.refresh_token()),
        (&b"second"[..], &b"next"[..])
    );
}

#[test]
fn a_stale_credential_is_shown_when_it_is_dead_for_certain() {
    let stale = Mix {
        stale: 1.into(),
        ..Mix::default()
    };
    let habits = habits(&stale);
    let mut user = logged_in();
    user.rewind(&habits);
    let history = LoginHistory::new(Span::instant(UnixMs(10)), UnixMs(5_000));
    user.log_in(b"newer", b"", history, &promises());
    let at = |ms| Ns::from(UnixMs(ms));
    assert_eq!(user.stale(at(999)), None);
    assert_eq!(user.next_action(&habits, 0, at(999)), Action::Forged);
    assert_eq!(user.stale(at(1_000)), Some(&b"credential"[..]));
    assert_eq!(user.next_action(&habits, 0, at(1_000)), Action::Stale);
    // A swap kills the old one at once.
    let swaps = Guarantees {
        refresh: RefreshOffer::SwapsAccess,
        ..promises()
    };
    user.renew(
        b"newest",
        b"",
        (Span::instant(UnixMs(20)), UnixMs(5_000)),
        &swaps,
    );
    assert_eq!(user.stale(at(20)), Some(&b"newer"[..]));
    assert!(user.life().unwrap().history().revoked.is_none());
    user.rewind(&Habits::new(&mix(1, 0, 0), promises()));
    assert_eq!(user.stale(at(9_000)), None, "nobody asks for it any more");
}

#[test]
fn a_body_is_known_for_one_login() {
    let mut user = logged_in();
    assert!(!user.knows(b"body"));
    user.remember(b"body");
    assert!(user.knows(b"body") && !user.knows(b"bodz") && !user.knows(b"body2"));
    user.hold(b"rotated");
    assert!(user.knows(b"body"));
    user.log_out();
    assert!(!user.knows(b"body") && user.spelling().is_empty());
}

#[test]
fn a_user_is_small() {
    assert!(size_of::<User>() <= 256, "{}", size_of::<User>());
}

proptest! {
    #[test]
    fn same_seed_same_actions(seed: u64) {
        let mix = mix(50, 30, 20);
        prop_assert_eq!(actions(seed, &mix, 100), actions(seed, &mix, 100));
        prop_assert_ne!(actions(seed, &mix, 100), actions(seed.wrapping_add(1), &mix, 100));
    }
}
