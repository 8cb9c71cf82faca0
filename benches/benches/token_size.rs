//! How many octets an access credential has with 0, 5, 20 and 100 roles, and
//! from how many roles on a cookie cannot hold it: 4096 octets of name and
//! value together, beyond which a browser drops it (RFC 6265bis 5.6). Nothing is
//! timed.

use anyhow::{Context as _, Result, ensure};
use authbench_benches::cases::{self, Case};
use authbench_benches::figures;
use authbench_benches::ground::{Ground, Opened};
use authbench_benches::options::Options;
use authbench_core::{StrategyError, Subject, SubjectId};
use authbench_results::BenchFigure;
use authbench_wire::CookieSettings;

const ROLES: [usize; 4] = [0, 5, 20, 100];

/// What a cookie holds, name and value.
const COOKIE_OCTETS: usize = authbench_wire::cookie::COOKIE_OCTETS_MAX;

/// More roles than this nobody has; a credential that a cookie holds with as
/// many does not grow with them.
const ROLES_MAX: usize = 1_000;

fn main() -> Result<()> {
    let options = Options::from_args();
    let ground = Ground::new()?;
    let mut found = Vec::new();
    println!(
        "octets of an access credential; a role is like `{}`",
        role(7)
    );
    println!(
        "{:<28} {:>8} {:>8} {:>8} {:>8} {:>22}",
        "scheme", "0 roles", "5", "20", "100", "roles beyond a cookie"
    );
    for case in one_per_credential() {
        if options.wants(&case.name) {
            let opened = ground.open_stand_in(&case)?;
            let sizes = Sizes {
                ground: &ground,
                opened: &opened,
            };
            found.extend(sizes.row(&case)?);
        }
    }
    figures::write(env!("CARGO_TARGET_TMPDIR"), "token_size", &found)
}

/// One case for each scheme and its settings: in which store the state is does
/// not change what a client is given, only whether there is one.
fn one_per_credential() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for case in cases::distinct() {
        let same = |it: &Case| {
            it.recipe.scheme == case.recipe.scheme && it.is_stateless() == case.is_stateless()
        };
        if !cases.iter().any(same) {
            cases.push(case);
        }
    }
    cases
}

struct Sizes<'s> {
    ground: &'s Ground,
    opened: &'s Opened,
}

impl Sizes<'_> {
    fn row(&self, case: &Case) -> Result<Vec<BenchFigure>> {
        let mut figures = Vec::new();
        let mut cells = String::new();
        for roles in ROLES {
            let octets = self.octets(roles)?;
            let octets = octets.with_context(|| format!("{}: no credential", case.name))?;
            cells += &format!(" {octets:>8}");
            figures.push(figure(case, &format!("{roles}-roles"), "octets", octets));
        }
        let crossed = self.crossed()?;
        let words = match crossed {
            Some(roles) => format!("from {roles} on"),
            None => "never".to_owned(),
        };
        println!("{:<28}{cells} {words:>22}", case.name);
        figures.extend(crossed.map(|roles| figure(case, "beyond-a-cookie", "roles", roles)));
        Ok(figures)
    }

    /// The least number of roles with which a cookie cannot hold the
    /// credential; none if there is no such number.
    fn crossed(&self) -> Result<Option<usize>> {
        let fits = |roles| -> Result<bool> {
            let name = CookieSettings::DEFAULT_NAME.len();
            let octets = self.octets(roles)?;
            Ok(octets.is_some_and(|octets| name + octets <= COOKIE_OCTETS))
        };
        if fits(ROLES_MAX)? {
            return Ok(None);
        }
        let (mut fitting, mut crossing) = (0, ROLES_MAX);
        ensure!(fits(fitting)?, "a cookie cannot hold it without roles");
        while crossing - fitting > 1 {
            let middle = fitting.midpoint(crossing);
            *(if fits(middle)? {
                &mut fitting
            } else {
                &mut crossing
            }) = middle;
        }
        Ok(Some(crossing))
    }

    /// Octets with so many roles; none if the scheme makes no credential as
    /// large as that.
    fn octets(&self, roles: usize) -> Result<Option<usize>> {
        let names: Vec<String> = (0..roles).map(role).collect();
        let subject = Subject {
            id: SubjectId::new(&format!("acct-{roles:08}")),
            roles: names.iter().map(String::as_str).collect(),
        };
        let issued = self.opened.strategy().issue(&subject, self.ground.at());
        match self.ground.runtime().block_on(issued) {
            Ok(issued) => {
                let credentials = issued.granted().context("a login is one too many")?;
                Ok(Some(credentials.access.expose().len()))
            }
            Err(StrategyError::Sealing { .. }) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }
}

/// A role as accounts have them.
fn role(n: usize) -> String {
    format!("project-{n:04}:edit")
}

fn figure(case: &Case, what: &str, unit: &str, value: usize) -> BenchFigure {
    BenchFigure {
        bench: "token_size".to_owned(),
        case: format!("{}/{what}", case.name),
        unit: unit.to_owned(),
        value: value as f64,
        low: None,
        high: None,
    }
}
