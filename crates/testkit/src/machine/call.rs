//! Calls on nodes, one by one or two at a time, apart from what they show.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use authbench_core::oracle::Span;
use authbench_core::{
    Decision, Issued, Logins, Presented, Receipt, Refreshed, Roles, Scope, StrategyError, Subject,
    UnixMs,
};

use super::backing::Backing;
use super::world::World;

/// One call. What it names is resolved.
#[derive(Clone, Debug)]
pub(super) enum Call {
    Issue {
        account: usize,
    },
    Present {
        held: usize,
    },
    /// A text that nobody was given as an access credential.
    PresentStranger {
        text: String,
        action: String,
    },
    /// A refresh token is presented, for the login that it belongs to.
    Renew {
        login: usize,
        token: String,
    },
    /// Credentials are presented where they renew nothing, whatever the login.
    RenewStranger {
        access: Option<String>,
        refresh: Option<String>,
        action: String,
    },
    /// An access credential is presented to be swapped, or where nothing is
    /// offered.
    Swap {
        held: usize,
    },
    RevokeOne {
        held: usize,
        by: Option<usize>,
    },
    RevokeAll {
        account: usize,
        keep: Option<usize>,
    },
    ChangeRoles {
        account: usize,
        roles: Roles,
    },
    List {
        account: usize,
    },
}

impl Call {
    /// What must be recorded first: what ends something, before what may meet
    /// the end; whatever grants, before what it may have refused.
    pub(super) const fn phase(&self) -> u8 {
        match self {
            Self::RevokeOne { .. } | Self::RevokeAll { .. } | Self::ChangeRoles { .. } => 0,
            Self::Issue { .. } => 1,
            Self::Renew { .. } | Self::RenewStranger { .. } | Self::Swap { .. } => 2,
            Self::Present { .. } | Self::PresentStranger { .. } | Self::List { .. } => 3,
        }
    }
}

/// What came back.
pub(super) enum Answer {
    Issued(Result<Issued, StrategyError>),
    Decided(Result<Decision, StrategyError>),
    Refreshed(Result<Refreshed, StrategyError>),
    Received(Result<Receipt, StrategyError>),
    Listed(Result<Logins, StrategyError>),
}

/// A call that was made.
pub(super) struct Acted {
    pub(super) call: Call,
    pub(super) node: usize,
    pub(super) span: Span,
    pub(super) answer: Answer,
}

impl<B: Backing> World<'_, B> {
    /// Makes a call; looks at nothing.
    pub(super) async fn make(&self, call: &Call, node: usize, at: UnixMs) -> Answer {
        let node = &self.nodes[node];
        match call {
            Call::Issue { account } => {
                Answer::Issued(node.issue(&self.accounts[*account].subject, at).await)
            }
            Call::Present { held } => {
                let presented = Presented::access(self.held[*held].credentials.access.expose());
                Answer::Decided(node.authenticate(&presented, at).await)
            }
            Call::PresentStranger { text, .. } => {
                Answer::Decided(node.authenticate(&Presented::access(text), at).await)
            }
            Call::Renew { token, .. } => {
                let presented = Presented {
                    access: None,
                    refresh: Some(token),
                };
                Answer::Refreshed(node.refresh(&presented, at).await)
            }
            Call::RenewStranger {
                access, refresh, ..
            } => {
                let presented = Presented {
                    access: access.as_deref(),
                    refresh: refresh.as_deref(),
                };
                Answer::Refreshed(node.refresh(&presented, at).await)
            }
            Call::Swap { held } => {
                let presented = self.held[*held].credentials.present();
                Answer::Refreshed(node.refresh(&presented, at).await)
            }
            Call::RevokeOne { held, by } => {
                let credentials = &self.held[*held].credentials;
                let scope = match by {
                    None => Scope::Presented(credentials.present()),
                    Some(by) => Scope::Login {
                        subject: &self.accounts[*by].subject.id,
                        login: credentials.login,
                    },
                };
                Answer::Received(node.revoke(&scope, at).await)
            }
            Call::RevokeAll { account, keep } => {
                let subject = &self.accounts[*account].subject.id;
                let scope = match keep {
                    None => Scope::Subject(subject),
                    Some(keep) => Scope::Others {
                        subject,
                        keep: self.held[*keep].credentials.login,
                    },
                };
                Answer::Received(node.revoke(&scope, at).await)
            }
            Call::ChangeRoles { account, roles } => {
                let subject = Subject {
                    id: self.accounts[*account].subject.id.clone(),
                    roles: roles.clone(),
                };
                Answer::Received(node.change_roles(&subject, at).await)
            }
            Call::List { account } => {
                let subject = &self.accounts[*account].subject.id;
                Answer::Listed(node.logins(subject, at).await)
            }
        }
    }
}

/// Runs two futures at the same time. Whenever either can go on, two bits of
/// `schedule` say which is asked first and whether the other must wait; when
/// its bits are used up, none waits any more.
pub(super) async fn together<A: Future, B: Future>(
    a: A,
    b: B,
    mut schedule: u32,
) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut of_a, mut of_b) = (None, None);
    poll_fn(|context| {
        let (b_first, alone) = (schedule & 1 == 1, schedule & 2 == 2);
        schedule >>= 2;
        for b_now in [b_first, !b_first] {
            if b_now && of_b.is_none() {
                if let Poll::Ready(output) = b.as_mut().poll(context) {
                    of_b = Some(output);
                }
            } else if !b_now
                && of_a.is_none()
                && let Poll::Ready(output) = a.as_mut().poll(context)
            {
                of_a = Some(output);
            }
            if alone && b_now == b_first {
                // The other was not asked, so nothing else would wake it.
                context.waker().wake_by_ref();
                break;
            }
        }
        match (of_a.take(), of_b.take()) {
            (Some(of_a), Some(of_b)) => Poll::Ready((of_a, of_b)),
            halves => {
                (of_a, of_b) = halves;
                Poll::Pending
            }
        }
    })
    .await
}
