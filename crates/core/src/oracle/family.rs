//! Refresh tokens: which of them renew a login (RFC 9700 4.14.2).
//!
//! A call without an answer may have rotated the family, and two calls that
//! overlap may have come in either order. So a family is a set of worlds, all
//! that agree with what was seen; each answer leaves those that allow it, and
//! if none does, the promise is broken.

use super::{Change, Expectation, Ns, Span};
use crate::ids::Digest;

/// What a call with a refresh token was answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefreshAnswer {
    /// New credentials, whose refresh token has this digest.
    Renewed(Digest),
    /// Nothing is renewed.
    Refused,
    /// No answer: the token may be spent or not.
    Unanswered,
}

/// What an answer that was allowed made use of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefreshUse {
    /// The newest token was swapped for its successor.
    Renewed,
    /// A spent token was answered with its successor once more.
    Replayed {
        /// Since when the token had been spent.
        since: Ns,
    },
    /// Refused because the token, or one of its family, was used again.
    Reuse,
    /// Refused because the login had ended, by itself or by revocation.
    Ended,
    /// Refused because of the account.
    Barred,
    /// Refused where only a crash can have been the reason.
    Lost,
    /// There was no answer, or it says nothing.
    Unanswered,
}

/// How an answer broke the promise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefreshBreach {
    /// The newest token was refused.
    RefusedNewest,
    /// A token within its grace was refused.
    RefusedInGrace,
    /// A spent token was answered with another successor than its own.
    AnotherSuccessor,
    /// A spent token renewed, or a token of a family that reuse had ended.
    RenewedSpent,
    /// A token of a login that had been ended renewed it.
    RenewedRevoked,
    /// A token renewed after the end of all renewal, or of an idle login.
    RenewedExpired,
    /// A token renewed the login of an account that may not log in.
    RenewedBarred,
}

/// One call on one family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) token: Digest,
    pub(super) span: Span,
    pub(super) answer: RefreshAnswer,
    /// Whether the account may not log in, so that nothing is renewed.
    pub(super) barred: bool,
    /// What age and disuse say.
    pub(super) life: Expectation,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Revoked,
    Reused,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct World {
    /// The token that renews; none if nobody outside has seen it.
    newest: Option<Digest>,
    /// Its predecessor, and the call that spent it.
    spent: Option<(Digest, Span)>,
    end: Option<End>,
}

/// The refresh tokens of one login.
#[derive(Clone, Debug)]
pub(super) struct Family {
    worlds: Vec<World>,
    ends: Vec<Change>,
    grace_ms: u64,
}

impl Family {
    pub(super) fn new(first: Digest, grace_ms: u64) -> Self {
        let world = World {
            newest: Some(first),
            spent: None,
            end: None,
        };
        Self {
            worlds: vec![world],
            ends: Vec::new(),
            grace_ms,
        }
    }

    /// The login was to be ended. A rotation asks the store itself, so from the
    /// acknowledgement on nothing is renewed, whatever caches may still show.
    pub(super) fn end(&mut self, change: Change) {
        self.ends.push(change);
    }

    /// Whether the family lives, before a call: in all worlds, in none, or in
    /// some (`None`).
    pub(super) fn lives(&self, call: Span) -> Option<bool> {
        let worlds = self.before(call);
        let living = worlds.iter().filter(|world| world.end.is_none()).count();
        match living {
            0 => Some(false),
            all if all == worlds.len() => Some(true),
            _ => None,
        }
    }

    /// Whether reuse may have ended the family.
    pub(super) fn may_be_reused(&self) -> bool {
        self.worlds
            .iter()
            .any(|world| world.end == Some(End::Reused))
    }

    /// Judges calls on the family that overlap, or a single one, and learns
    /// from their answers. Says what each made use of, in one of the worlds
    /// that allow all.
    pub(super) fn observe(&mut self, calls: &[Call]) -> Result<Vec<RefreshUse>, RefreshBreach> {
        let Some(first) = calls.first() else {
            return Ok(Vec::new());
        };
        let whole = calls.iter().fold(first.span, |whole, call| Span {
            start: whole.start.min(call.span.start),
            end: whole.end.max(call.span.end),
        });
        let before = self.before(whole);
        let (mut uses, mut after) = (None, Vec::new());
        let mut breach = None;
        for order in orders(calls.len()) {
            for world in &before {
                match self.play(*world, calls, &order) {
                    Ok(ends) => {
                        for (world, made_use) in ends {
                            uses.get_or_insert(made_use);
                            if !after.contains(&world) {
                                after.push(world);
                            }
                        }
                    }
                    Err(found) => breach = breach.or(Some(found)),
                }
            }
        }
        match (uses, breach) {
            (Some(uses), _) => {
                self.worlds = after;
                Ok(uses)
            }
            (None, Some(breach)) => Err(breach),
            (None, None) => Ok(Vec::new()),
        }
    }

    /// The worlds as revocations left them for a call.
    fn before(&self, call: Span) -> Vec<World> {
        let ended = |world: &World| world.ended(End::Revoked);
        let mut worlds = self.worlds.clone();
        for change in &self.ends {
            if change.acknowledged && change.span.before(&call) {
                worlds = worlds.iter().map(ended).collect();
            } else if change.span.start <= call.end {
                let maybe: Vec<World> = worlds.iter().map(ended).collect();
                worlds.extend(maybe);
            }
        }
        let mut distinct = Vec::with_capacity(worlds.len());
        for world in worlds {
            if !distinct.contains(&world) {
                distinct.push(world);
            }
        }
        distinct
    }

    /// The calls one after the other, in `order`: every world that may be left,
    /// with the uses in the order of `calls`.
    fn play(
        &self,
        world: World,
        calls: &[Call],
        order: &[usize],
    ) -> Result<Vec<(World, Vec<RefreshUse>)>, RefreshBreach> {
        let mut states = vec![(world, vec![RefreshUse::Unanswered; calls.len()])];
        for place in order {
            let mut next = Vec::new();
            let mut breach = None;
            for (world, uses) in &states {
                match world.step(&calls[*place], self.grace_ms) {
                    Ok(after) => next.extend(after.into_iter().map(|(world, made_use)| {
                        let mut uses = uses.clone();
                        uses[*place] = made_use;
                        (world, uses)
                    })),
                    Err(found) => breach = breach.or(Some(found)),
                }
            }
            if let (true, Some(breach)) = (next.is_empty(), breach) {
                return Err(breach);
            }
            states = next;
        }
        Ok(states)
    }
}

/// What may be left of a world, and what the answer made use of.
type Left = Result<Vec<(World, RefreshUse)>, RefreshBreach>;

impl World {
    fn ended(self, end: End) -> Self {
        Self {
            end: self.end.or(Some(end)),
            ..self
        }
    }

    /// One generation on; the successor is known unless its answer was lost.
    const fn rotated(self, call: &Call, next: Option<Digest>) -> Self {
        Self {
            newest: next,
            spent: Some((call.token, call.span)),
            end: self.end,
        }
    }

    /// One call in this world.
    fn step(self, call: &Call, grace_ms: u64) -> Left {
        match self.end {
            Some(End::Revoked) => {
                return self.refuses(
                    call,
                    RefreshUse::Ended,
                    RefreshBreach::RenewedRevoked,
                    [self],
                );
            }
            Some(End::Reused) => {
                return self.refuses(call, RefreshUse::Reuse, RefreshBreach::RenewedSpent, [self]);
            }
            None => {}
        }
        // Whether a call that may renew nothing spends the token all the same,
        // or ends the login, is the strategy's choice.
        let rotated = (self.newest == Some(call.token)).then(|| self.rotated(call, None));
        let left = [self, self.ended(End::Revoked)].into_iter().chain(rotated);
        if call.life == Expectation::MustRefuse {
            return self.refuses(call, RefreshUse::Ended, RefreshBreach::RenewedExpired, left);
        }
        if call.barred {
            return self.refuses(call, RefreshUse::Barred, RefreshBreach::RenewedBarred, left);
        }
        let living = self.step_living(call, grace_ms);
        match (call.life, call.answer) {
            (Expectation::Either(_), RefreshAnswer::Refused) => {
                let refused = left.map(|world| (world, RefreshUse::Ended));
                Ok(living
                    .unwrap_or_default()
                    .into_iter()
                    .chain(refused)
                    .collect())
            }
            _ => living,
        }
    }

    /// The same while nothing but the token counts.
    fn step_living(self, call: &Call, grace_ms: u64) -> Left {
        if self.newest == Some(call.token) {
            return match call.answer {
                RefreshAnswer::Renewed(next) => {
                    Ok(vec![(self.rotated(call, Some(next)), RefreshUse::Renewed)])
                }
                RefreshAnswer::Refused => Err(RefreshBreach::RefusedNewest),
                RefreshAnswer::Unanswered => {
                    let worlds = [self, self.rotated(call, None)];
                    Ok(worlds.map(|world| (world, RefreshUse::Unanswered)).into())
                }
            };
        }
        let since = match self.spent {
            Some((token, spent)) if token == call.token => spent,
            _ => return self.reuse(call),
        };
        if grace_ms == 0 || since.end.plus_ms(grace_ms) <= call.span.start {
            return self.reuse(call);
        }
        let in_grace = call.span.end < since.start.plus_ms(grace_ms);
        match call.answer {
            RefreshAnswer::Renewed(next) if self.newest.is_none_or(|newest| newest == next) => {
                let after = Self {
                    newest: Some(next),
                    ..self
                };
                Ok(vec![(after, RefreshUse::Replayed { since: since.end })])
            }
            RefreshAnswer::Renewed(_) => Err(RefreshBreach::AnotherSuccessor),
            RefreshAnswer::Refused if in_grace => Err(RefreshBreach::RefusedInGrace),
            RefreshAnswer::Unanswered if in_grace => Ok(vec![(self, RefreshUse::Unanswered)]),
            RefreshAnswer::Refused | RefreshAnswer::Unanswered => self.reuse(call),
        }
    }

    /// A spent token came back: it is refused, and the family ends.
    fn reuse(self, call: &Call) -> Left {
        let left = [self.ended(End::Reused)];
        self.refuses(call, RefreshUse::Reuse, RefreshBreach::RenewedSpent, left)
    }

    /// Nothing may be renewed, and one of `left` is what the refusal leaves.
    fn refuses(
        self,
        call: &Call,
        why: RefreshUse,
        breach: RefreshBreach,
        left: impl IntoIterator<Item = Self>,
    ) -> Left {
        match call.answer {
            RefreshAnswer::Renewed(_) => Err(breach),
            RefreshAnswer::Refused => Ok(left.into_iter().map(|world| (world, why)).collect()),
            RefreshAnswer::Unanswered => {
                let worlds = left.into_iter().chain([self]);
                Ok(worlds
                    .map(|world| (world, RefreshUse::Unanswered))
                    .collect())
            }
        }
    }
}

/// The orders in which `count` calls may have happened.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for place in 0..count {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, place);
                    longer
                })
            })
            .collect();
    }
    orders
}
