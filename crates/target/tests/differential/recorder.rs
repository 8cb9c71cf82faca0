//! A strategy that notes whom it was asked about: to act in somebody's name,
//! the target presents a credential of that login, which is a use of it.

use std::sync::{Arc, Mutex};

use authbench_core::{
    AuthStrategy, Decision, DynStrategy, Guarantees, Issued, Logins, Presented, Receipt, Refreshed,
    Scope, StrategyError, Subject, SubjectId, UnixMs,
};

pub(crate) struct Recorder {
    inner: Arc<dyn DynStrategy>,
    shown: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    pub(crate) fn new(inner: Arc<dyn DynStrategy>, shown: Arc<Mutex<Vec<String>>>) -> Self {
        Self { inner, shown }
    }
}

impl AuthStrategy for Recorder {
    fn guarantees(&self) -> Guarantees {
        self.inner.guarantees()
    }

    async fn issue(&self, subject: &Subject, at: UnixMs) -> Result<Issued, StrategyError> {
        self.inner.issue(subject, at).await
    }

    async fn authenticate(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Decision, StrategyError> {
        let text = presented.access.map(str::to_owned);
        self.shown.lock().unwrap().extend(text);
        self.inner.authenticate(presented, at).await
    }

    async fn refresh(
        &self,
        presented: &Presented<'_>,
        at: UnixMs,
    ) -> Result<Refreshed, StrategyError> {
        self.inner.refresh(presented, at).await
    }

    async fn revoke(&self, scope: &Scope<'_>, at: UnixMs) -> Result<Receipt, StrategyError> {
        self.inner.revoke(scope, at).await
    }

    async fn logins(&self, subject: &SubjectId, at: UnixMs) -> Result<Logins, StrategyError> {
        self.inner.logins(subject, at).await
    }

    async fn change_roles(&self, subject: &Subject, at: UnixMs) -> Result<Receipt, StrategyError> {
        self.inner.change_roles(subject, at).await
    }
}
