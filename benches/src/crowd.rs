//! Many logins of a strategy, and what is presented of them.

use std::future::Future;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use authbench_core::{
    Credentials, Decision, DynStrategy, Entropy as _, Presented, Refusal, Roles, Scope,
    SeededEntropy, Staleness, Subject, SubjectId, UnixMs,
};

use crate::cases::Case;
use crate::ground::Opened;

/// The most credentials that are kept to be presented: their records are more
/// than caches hold, and the credentials themselves fit into memory.
pub const SAMPLE: usize = 200_000;

/// Logins that are made before the next are begun to be sampled.
const BATCH: usize = 5_000;

/// Texts to present, in random order, side by side in memory.
#[derive(Debug, Default)]
pub struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    fn new(texts: &[String]) -> Self {
        let mut side_by_side = Self::default();
        for text in texts {
            side_by_side.text.push_str(text);
            side_by_side.ends.push(side_by_side.text.len());
        }
        side_by_side
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them, again and again.
    pub fn cycle(&self) -> impl Iterator<Item = &str> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let text = |(begin, end): (usize, &usize)| &self.text[begin..*end];
        let spans: Vec<&str> = begins.zip(&self.ends).map(text).collect();
        (0..spans.len()).cycle().map(move |n| spans[n])
    }
}

/// The logins of one strategy.
#[derive(Debug)]
pub struct Crowd {
    /// Credentials that are accepted.
    pub hits: Texts,
    /// Credentials that are refused: of logins that were ended; of a strategy
    /// that cannot end any, with a signature that does not fit.
    pub misses: Texts,
}

impl Crowd {
    /// Logs in `population` subjects, once each, or, where the store holds what
    /// has ended ([`Case::keeps_the_dead`]), ends as many logins; beside these
    /// as many as are to be presented.
    ///
    /// # Errors
    /// When the strategy refuses what it must accept, or the other way round.
    pub async fn fill(opened: &Opened, case: &Case, population: usize, at: UnixMs) -> Result<Self> {
        let sample = population.clamp(1_000.min(SAMPLE), SAMPLE);
        let size = match (case.is_stateless(), case.keeps_the_dead()) {
            (true, _) => Size::exactly(1_000, 1_000),
            (false, true) => Size::exactly(sample, population),
            (false, false) => Size::exactly(population, population.min(SAMPLE)),
        };
        Self::fill_to(opened, case, size, at, Ok).await
    }

    /// The same with exactly so many logins; `spell` has a look at each
    /// credential before it is presented to anybody.
    ///
    /// # Errors
    /// As [`Crowd::fill`], and what `spell` says.
    pub async fn fill_to(
        opened: &Opened,
        case: &Case,
        size: Size,
        at: UnixMs,
        spell: impl Fn(String) -> Result<String>,
    ) -> Result<Self> {
        let strategy = opened.strategy();
        let filler = Filler {
            strategy,
            width: case.width(),
            at,
        };
        let spelt = |texts: Vec<String>| texts.into_iter().map(&spell).collect();
        let live: Result<Vec<String>> = spelt(filler.live(0, size.live).await?);
        let mut hits = live?;
        let mut misses = match end_of(opened) {
            End::Never => filler.spoilt(&hits).await?,
            end => {
                let dead: Result<Vec<String>> =
                    spelt(filler.dead(size.live, size.dead, end).await?);
                dead?
            }
        };
        shuffle(&mut hits, 2)?;
        shuffle(&mut misses, 3)?;
        for (texts, expected) in [(&hits, true), (&misses, false)] {
            for text in texts.iter().take(10) {
                let decision = strategy.authenticate(&Presented::access(text), at).await?;
                let accepted = decision.accepted().is_some();
                ensure!(
                    accepted == expected,
                    "{}: accepted is {accepted} where it must be {expected}",
                    case.name
                );
            }
        }
        Ok(Self {
            hits: Texts::new(&hits),
            misses: Texts::new(&misses),
        })
    }
}

/// How many logins there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Size {
    live: usize,
    dead: usize,
}

impl Size {
    /// So many that live, and so many that were ended, where logins can be.
    #[must_use]
    pub const fn exactly(live: usize, dead: usize) -> Self {
        Self { live, dead }
    }
}

/// Subject number `n`, with two roles that all share.
#[must_use]
pub fn subject(n: usize, roles: &Roles) -> Subject {
    Subject {
        id: SubjectId::new(&format!("acct-{n:08}")),
        roles: roles.clone(),
    }
}

/// Two roles.
#[must_use]
pub fn roles() -> Roles {
    ["user", "editor"].into_iter().collect()
}

/// One login of each of `subjects`, `width` of them on the way at once.
///
/// # Errors
/// When a login fails or is refused.
pub async fn log_in(
    strategy: &Arc<dyn DynStrategy>,
    subjects: Vec<Subject>,
    width: usize,
    at: UnixMs,
) -> Result<Vec<Credentials>> {
    each(subjects, width, |subject| {
        let strategy = Arc::clone(strategy);
        async move {
            let issued = strategy.issue(&subject, at).await;
            let granted = issued.context("a login failed")?.granted();
            granted.context("a login is one too many")
        }
    })
    .await
}

/// Does `work` with each of `items`, `width` of them at once; the outcomes are
/// in the order of the items.
///
/// # Errors
/// The first one of `work`.
pub async fn each<I, T, F>(
    items: Vec<I>,
    width: usize,
    work: impl Fn(I) -> F + Send,
) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let mut outcomes = Vec::with_capacity(items.len());
    let mut items = items.into_iter();
    loop {
        if width <= 1 {
            let Some(item) = items.next() else { break };
            outcomes.push(work(item).await?);
            continue;
        }
        let tasks: Vec<_> = items
            .by_ref()
            .take(width)
            .map(|item| tokio::spawn(work(item)))
            .collect();
        if tasks.is_empty() {
            break;
        }
        for task in tasks {
            outcomes.push(task.await??);
        }
    }
    Ok(outcomes)
}

/// How a login of a strategy can be ended before its time.
#[derive(Clone, Copy)]
enum End {
    One,
    All,
    Never,
}

fn end_of(opened: &Opened) -> End {
    let promised = opened.strategy().guarantees();
    match (promised.revoke_one, promised.revoke_all) {
        (Staleness::UntilExpiry, Staleness::UntilExpiry) => End::Never,
        (Staleness::UntilExpiry, _) => End::All,
        _ => End::One,
    }
}

struct Filler<'f> {
    strategy: &'f Arc<dyn DynStrategy>,
    width: usize,
    at: UnixMs,
}

impl Filler<'_> {
    /// `count` logins of the subjects from number `first` on; the credentials
    /// of up to [`SAMPLE`] of them.
    async fn live(&self, first: usize, count: usize) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        let stride = count.div_ceil(SAMPLE).max(1);
        self.batches(first, count, async |made| {
            let sampled = made.iter().step_by(stride);
            texts.extend(sampled.map(|(_, it)| it.access.expose().to_owned()));
            Ok(())
        })
        .await?;
        Ok(texts)
    }

    /// The same, and each login is ended.
    async fn dead(&self, first: usize, count: usize, end: End) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        let stride = count.div_ceil(SAMPLE).max(1);
        self.batches(first, count, async |made| {
            let sampled = made.iter().step_by(stride);
            texts.extend(sampled.map(|(_, it)| it.access.expose().to_owned()));
            let at = self.at;
            each(made, self.width, |(subject, credentials)| {
                let strategy = Arc::clone(self.strategy);
                async move {
                    let scope = match end {
                        End::One => Scope::Presented(credentials.present()),
                        End::All | End::Never => Scope::Subject(&subject),
                    };
                    strategy.revoke(&scope, at).await?;
                    Ok(())
                }
            })
            .await?;
            Ok(())
        })
        .await?;
        Ok(texts)
    }

    async fn batches(
        &self,
        first: usize,
        count: usize,
        mut done: impl AsyncFnMut(Vec<(SubjectId, Credentials)>) -> Result<()>,
    ) -> Result<()> {
        let roles = roles();
        let end = first + count;
        for begin in (first..end).step_by(BATCH) {
            let numbers = begin..end.min(begin + BATCH);
            let subjects: Vec<Subject> = numbers.map(|n| subject(n, &roles)).collect();
            let ids: Vec<SubjectId> = subjects.iter().map(|it| it.id.clone()).collect();
            let made = log_in(self.strategy, subjects, self.width, self.at).await?;
            done(ids.into_iter().zip(made).collect()).await?;
        }
        Ok(())
    }

    /// Each text with one character changed: where the change makes a signature
    /// that does not fit, if there is such a place, so that whoever refuses it
    /// has had all the work.
    async fn spoilt(&self, texts: &[String]) -> Result<Vec<String>> {
        let first = texts.first().context("no login")?;
        let mut refused_at = None;
        for from_end in [10, 40, 80, 160, first.len() / 2] {
            let text = spoil(first, from_end);
            let presented = Presented::access(&text);
            match self.strategy.authenticate(&presented, self.at).await? {
                Decision::Refused(Refusal::BadSignature) => {
                    refused_at = Some(from_end);
                    break;
                }
                Decision::Refused(_) => refused_at = refused_at.or(Some(from_end)),
                Decision::Accepted(_) => {}
            }
        }
        let Some(from_end) = refused_at else {
            bail!("a changed credential is accepted");
        };
        Ok(texts.iter().map(|text| spoil(text, from_end)).collect())
    }
}

/// `text` with another character `from_end` places before its end.
fn spoil(text: &str, from_end: usize) -> String {
    let place = text.len().saturating_sub(from_end);
    let old = text.as_bytes().get(place);
    let new = if old == Some(&b'A') { "B" } else { "A" };
    let mut text = text.to_owned();
    if old.is_some() {
        text.replace_range(place..=place, new);
    }
    text
}

/// Puts them into the random order of `seed` (Fisher and Yates).
fn shuffle(texts: &mut [String], seed: u64) -> Result<()> {
    let mut numbers = vec![[0_u8; 8]; texts.len()];
    SeededEntropy::new(seed).fill(numbers.as_flattened_mut())?;
    for (n, number) in numbers.into_iter().enumerate() {
        let other = u64::from_le_bytes(number) % (n as u64 + 1);
        texts.swap(n, usize::try_from(other)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_in_turn() {
        let texts = Texts::new(&["a".to_owned(), "bcd".to_owned()]);
        let found: Vec<&str> = texts.cycle().take(5).collect();
        assert_eq!(found, ["a", "bcd", "a", "bcd", "a"]);
        assert_eq!(Texts::default().cycle().next(), None);
    }

    #[test]
    fn a_spoilt_text_differs_in_one_place() {
        assert_eq!(spoil("xAz", 2), "xBz");
        assert_eq!(spoil("xyz", 3), "Ayz");
        assert_eq!(spoil("", 2), "");
    }

    #[tokio::test]
    async fn work_is_done_once_each_and_in_order() {
        for width in [1, 3] {
            let doubled = each(vec![1, 2, 3, 4, 5], width, async |n| Ok(2 * n));
            assert_eq!(doubled.await.unwrap(), [2, 4, 6, 8, 10]);
        }
    }
}
