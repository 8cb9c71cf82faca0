//! Random histories: which steps, how often. What a strategy does not promise
//! is tried seldom, so that what it does promise is met often enough.

use authbench_core::{Guarantees, OutageBehaviour, RefreshOffer, Staleness};
use proptest::prelude::*;
use proptest::strategy::Union;

use super::backing::Fault;
use super::law::Law;
use super::op::{Advance, Change, Mutation, Op, Pair, Sequence, Token};

/// Histories of `length` steps for a strategy with these promises.
pub fn ops(
    length: std::ops::RangeInclusive<usize>,
    promises: &Guarantees,
) -> impl Strategy<Value = Vec<Op>> + use<> {
    prop::collection::vec(op(promises), length)
}

/// Steps with their weights; together they weigh some 120.
type Choices = Vec<(u32, BoxedStrategy<Op>)>;

fn op(promises: &Guarantees) -> impl Strategy<Value = Op> + use<> {
    let groups = [
        uses(promises),
        renewals(promises),
        changes(promises),
        world(promises),
    ];
    let sequences = sequences(promises).into_iter().map(|(weight, sequence)| {
        let step = (credential(), sequence).prop_map(|(credential, sequence)| Op::Sequence {
            credential,
            sequence,
        });
        choice(weight, step)
    });
    weighted(groups.into_iter().flatten().chain(sequences).collect())
}

/// What seldom comes about by chance.
fn sequences(promises: &Guarantees) -> Vec<(u32, BoxedStrategy<Sequence>)> {
    let grace = Law::Reuse.leaves_room(promises);
    let rotates = grace_ms(promises).is_some();
    let lags = matches!(promises.revoke_one, Staleness::WithinMs(_));
    let coasts = promises.outage == OutageBehaviour::Coasts;
    let seldom = || prop::bool::weighted(0.3);
    vec![
        choice(
            when(promises.idle.is_some(), 5),
            (seldom(), offset_ms())
                .prop_map(|(early, offset_ms)| Sequence::LetIdle { early, offset_ms }),
        ),
        choice(
            3,
            offset_ms().prop_map(|offset_ms| Sequence::LetExpire { offset_ms }),
        ),
        choice(
            when(coasts, 4),
            offset_ms().prop_map(|offset_ms| Sequence::LetCoast { offset_ms }),
        ),
        choice(
            when(grace, 5),
            (seldom(), offset_ms())
                .prop_map(|(twice, offset_ms)| Sequence::OutliveGrace { twice, offset_ms }),
        ),
        choice(
            when(rotates, 3),
            offset_ms().prop_map(|offset_ms| Sequence::OutliveChain { offset_ms }),
        ),
        choice(2 + when(lags, 4), change().prop_map(Sequence::Behind)),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::One),
        Just(Change::All),
        (0..4_usize).prop_map(Change::Roles),
    ]
}

/// Logging in, being let in, listing.
fn uses(promises: &Guarantees) -> Choices {
    let limited = promises.login_limit.is_some();
    let rotates = grace_ms(promises).is_some();
    vec![
        choice(12, subject().prop_map(|subject| Op::Issue { subject })),
        choice(
            when(limited, 4),
            subject().prop_map(|subject| Op::Fill { subject }),
        ),
        choice(
            20,
            (credential(), node())
                .prop_map(|(credential, node)| Op::Authenticate { credential, node }),
        ),
        choice(
            4 + when(rotates, 2),
            (credential(), mutation()).prop_map(|(credential, mutation)| Op::AuthenticateMutated {
                credential,
                mutation,
            }),
        ),
        choice(6, subject().prop_map(|subject| Op::List { subject })),
    ]
}

/// Refresh, and whatever two nodes do at the same time.
fn renewals(promises: &Guarantees) -> Choices {
    let swaps = promises.refresh == RefreshOffer::SwapsAccess;
    let rotates = grace_ms(promises).is_some();
    vec![
        choice(
            2 + when(swaps, 6) + when(rotates, 20),
            (credential(), token())
                .prop_map(|(credential, token)| Op::Refresh { credential, token }),
        ),
        choice(
            6 + when(swaps || rotates, 8),
            (pair(swaps || rotates), schedule())
                .prop_map(|(pair, schedule)| Op::Together { pair, schedule }),
        ),
    ]
}

/// Ends of logins, roles, accounts.
fn changes(promises: &Guarantees) -> Choices {
    let rotates = grace_ms(promises).is_some();
    vec![
        choice(
            6,
            credential().prop_map(|credential| Op::RevokePresented { credential }),
        ),
        choice(
            6,
            (credential(), prop::bool::weighted(0.3)).prop_map(|(credential, foreign)| {
                Op::RevokeLogin {
                    credential,
                    foreign,
                }
            }),
        ),
        choice(4, subject().prop_map(|subject| Op::RevokeAll { subject })),
        choice(
            4,
            credential().prop_map(|credential| Op::RevokeOthers { credential }),
        ),
        choice(
            6,
            (subject(), 0..4_usize).prop_map(|(subject, roles)| Op::ChangeRoles { subject, roles }),
        ),
        choice(
            when(rotates, 3),
            (subject(), prop::bool::weighted(0.6))
                .prop_map(|(subject, active)| Op::SetActive { subject, active }),
        ),
        choice(
            when(rotates, 2),
            (credential(), any::<bool>())
                .prop_map(|(credential, keep)| Op::ChangeProof { credential, keep }),
        ),
    ]
}

/// Time, nodes, the store, keys.
fn world(promises: &Guarantees) -> Choices {
    let idles = promises.idle.is_some();
    let coasts = promises.outage == OutageBehaviour::Coasts;
    vec![
        choice(
            12 + when(idles, 6),
            advance(promises).prop_map(Op::AdvanceTime),
        ),
        choice(2, node().prop_map(|node| Op::RestartNode { node })),
        choice(4, Just(Op::SwitchNode)),
        choice(
            2 + when(coasts, 3),
            prop_oneof![Just(Fault::Refuse), Just(Fault::LoseAnswer)].prop_map(Op::CutStore),
        ),
        choice(6, Just(Op::MendStore)),
        choice(2, Just(Op::CrashStore)),
        choice(2, Just(Op::RotateKeys)),
    ]
}

fn choice<T>(weight: u32, strategy: impl Strategy<Value = T> + 'static) -> (u32, BoxedStrategy<T>) {
    (weight, strategy.boxed())
}

const fn when(holds: bool, weight: u32) -> u32 {
    if holds { weight } else { 0 }
}

/// The grace of a spent refresh token, where there are such.
const fn grace_ms(promises: &Guarantees) -> Option<u64> {
    match promises.refresh {
        RefreshOffer::RotatingKillsFamily { grace_ms, .. } => Some(grace_ms),
        _ => None,
    }
}

/// A choice by weight; what weighs nothing is left out.
fn weighted<T: std::fmt::Debug + 'static>(
    mut choices: Vec<(u32, BoxedStrategy<T>)>,
) -> Union<BoxedStrategy<T>> {
    choices.retain(|(weight, _)| *weight > 0);
    Union::new_weighted(choices)
}

fn credential() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 0..3_usize, 1 => 0..16_usize]
}

fn subject() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), 0..3_usize]
}

fn node() -> impl Strategy<Value = usize> {
    0..2_usize
}

fn token() -> impl Strategy<Value = Token> {
    prop_oneof![
        12 => Just(Token::Newest),
        4 => Just(Token::Predecessor),
        2 => (0..4_usize).prop_map(Token::Older),
        2 => Just(Token::Access),
        1 => mutation().prop_map(Token::Mutated),
    ]
}

/// At an instant, or a millisecond beside it.
fn offset_ms() -> impl Strategy<Value = i8> {
    prop_oneof![2 => Just(0), 1 => Just(-1), 1 => Just(1)]
}

/// Half of them fair: the nodes take turns.
fn schedule() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), any::<u32>()]
}

fn pair(renews: bool) -> impl Strategy<Value = Pair> {
    weighted(vec![
        choice(
            when(renews, 6),
            credential().prop_map(|credential| Pair::Refreshes { credential }),
        ),
        choice(
            when(renews, 6),
            (credential(), any::<bool>())
                .prop_map(|(credential, all)| Pair::RefreshAndRevoke { credential, all }),
        ),
        choice(1, subject().prop_map(|subject| Pair::Issues { subject })),
        choice(
            2,
            subject().prop_map(|subject| Pair::IssueAndRevokeAll { subject }),
        ),
        choice(
            2,
            credential().prop_map(|credential| Pair::AuthenticateAndRevoke { credential }),
        ),
        choice(
            1,
            (credential(), 0..4_usize).prop_map(|(credential, roles)| {
                Pair::AuthenticateAndChangeRoles { credential, roles }
            }),
        ),
    ])
}

fn advance(promises: &Guarantees) -> impl Strategy<Value = Advance> + use<> {
    let grace_ms = grace_ms(promises);
    weighted(vec![
        choice(6, (0..10_u64).prop_map(Advance::Ms)),
        choice(4, (0..2_000_u64).prop_map(Advance::Ms)),
        choice(2, (0..100_000_u64).prop_map(Advance::Ms)),
        choice(
            4,
            (0..16_usize, offset_ms()).prop_map(|(credential, offset_ms)| Advance::ToExpiry {
                credential,
                offset_ms,
            }),
        ),
        choice(
            4,
            offset_ms().prop_map(|offset_ms| Advance::ToDeadline { offset_ms }),
        ),
        choice(
            when(grace_ms.is_some(), 1),
            (credential(), offset_ms()).prop_map(|(credential, offset_ms)| Advance::ToLoginEnd {
                credential,
                offset_ms,
            }),
        ),
        choice(
            when(grace_ms > Some(0), 4),
            offset_ms().prop_map(|offset_ms| Advance::ToGrace { offset_ms }),
        ),
        choice(
            when(promises.idle.is_some(), 10),
            (credential(), any::<bool>(), offset_ms()).prop_map(
                |(credential, early, offset_ms)| Advance::ToIdle {
                    credential,
                    early,
                    offset_ms,
                },
            ),
        ),
    ])
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        6 => any::<u16>().prop_map(Mutation::Flip),
        1 => Just(Mutation::DropLast),
        1 => Just(Mutation::DropFirst),
        1 => Just(Mutation::Append),
        3 => Just(Mutation::Refresh),
    ]
}
