//! A recipe: one strategy, written as a TOML file.

use std::path::{Path, PathBuf};

use authbench_conf::{ConfError, ConfErrorKind, Located};
use authbench_wire::{CookieSettings, Transport};
use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::registry::{Scheme, Store, TransportChoice};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scenarios/strategies");

/// The folder that is searched before the shipped recipes, seen from the
/// current folder.
pub const FOLDER: &str = "scenarios/strategies";

/// One strategy as its recipe describes it.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The file's name without `.toml`, e.g. `session.memory.cookie`.
    pub name: String,
    /// What it is, in one sentence.
    pub summary: String,
    /// How a credential proves a login.
    pub scheme: Scheme,
    /// Where state lives; there is one exactly if the scheme needs one.
    pub store: Option<Store>,
    /// How credentials travel.
    pub transport: Transport,
    /// The folder that paths in the recipe are relative to.
    pub folder: PathBuf,
    /// The recipe's text.
    pub text: String,
}

/// A recipe could not be had.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// The file is there, but it is no good recipe.
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// No recipe has this name.
    #[error(
        "there is no strategy `{name}`{}; `authbench list strategies` names them all",
        nearest.as_ref().map(|near| format!(": did you mean `{near}`?")).unwrap_or_default()
    )]
    NoSuchName {
        /// What was asked for.
        name: String,
        /// The nearest name that exists.
        nearest: Option<String>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    summary: String,
    scheme: Located<Scheme>,
    #[serde(default)]
    store: Option<Located<Store>>,
    transport: Located<TransportChoice>,
}

impl Recipe {
    /// Reads a recipe from text; `file` gives it its name and stands in errors.
    ///
    /// # Errors
    /// [`ConfError`] with file, line and column: for what TOML or a setting
    /// forbids, and for parts that make no sense together.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfError> {
        let raw: Raw = authbench_conf::parse(file, text)?;
        let scheme = &raw.scheme.value;
        match (&raw.store, scheme.needs_store()) {
            (Some(store), false) => {
                let message = format!(
                    "scheme `{}` keeps nothing, so it has no use for a store: remove [store.{}]",
                    scheme.label(),
                    store.value.label()
                );
                return Err(ConfError::semantic(file, store, message));
            }
            (None, true) => {
                let message = format!(
                    "scheme `{}` keeps its logins in a store: add [store.memory] or [store.sqlite]",
                    scheme.label()
                );
                return Err(ConfError::semantic(file, &raw.scheme, message));
            }
            _ => {}
        }
        check_settings(file, &raw.scheme)?;
        let transport = transport(file, &raw.transport)?;
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let parts: Vec<&str> = name.split('.').collect();
        if parts.first() != Some(&scheme.label()) || parts.last() != Some(&transport.label()) {
            let message = format!(
                "a recipe is named SCHEME.DETAIL.TRANSPORT: this one must begin with `{}.` and end with `.{}`",
                scheme.label(),
                transport.label()
            );
            return Err(ConfError::semantic(file, &raw.scheme, message));
        }
        Ok(Self {
            name,
            summary: raw.summary,
            scheme: raw.scheme.value,
            store: raw.store.map(|store| store.value),
            transport,
            folder: file.parent().unwrap_or(Path::new("")).to_owned(),
            text: text.to_owned(),
        })
    }

    /// Reads a recipe from a file.
    ///
    /// # Errors
    /// As [`Recipe::parse`], and when the file cannot be read.
    pub fn read(file: &Path) -> Result<Self, ConfError> {
        let text = std::fs::read_to_string(file).map_err(|source| ConfError {
            file: file.to_owned(),
            line: 0,
            column: 0,
            kind: ConfErrorKind::Unreadable { source },
        })?;
        Self::parse(file, &text)
    }
}

/// The recipes that came with this build, by name.
///
/// # Panics
/// Never with the recipes of this repository: a test reads them all.
#[must_use]
pub fn shipped() -> Vec<Recipe> {
    let mut recipes: Vec<Recipe> = SHIPPED
        .files()
        .filter(|file| {
            file.path()
                .extension()
                .is_some_and(|ending| ending == "toml")
        })
        .map(|file| {
            let text = file.contents_utf8().unwrap_or_default();
            match Recipe::parse(&Path::new(FOLDER).join(file.path()), text) {
                Ok(recipe) => recipe,
                Err(error) => panic!("a recipe of this build is broken: {error}"),
            }
        })
        .collect();
    recipes.sort_by(|a, b| a.name.cmp(&b.name));
    recipes
}

/// The recipe that `wanted` names: a path to a file (it ends with `.toml`), or
/// a name, looked for in [`FOLDER`] first and then among the shipped ones.
///
/// # Errors
/// [`RecipeError`] when the file is not a good recipe, or there is none.
pub fn find(wanted: &str) -> Result<Recipe, RecipeError> {
    if Path::new(wanted)
        .extension()
        .is_some_and(|ending| ending == "toml")
    {
        return Ok(Recipe::read(Path::new(wanted))?);
    }
    let local = Path::new(FOLDER).join(format!("{wanted}.toml"));
    if !wanted.contains(['/', '\\']) && local.is_file() {
        return Ok(Recipe::read(&local)?);
    }
    let shipped = shipped();
    if let Some(recipe) = shipped.iter().find(|recipe| recipe.name == wanted) {
        return Ok(recipe.clone());
    }
    let names: Vec<&str> = shipped.iter().map(|recipe| recipe.name.as_str()).collect();
    let nearest = authbench_conf::nearest(wanted, &names).map(str::to_owned);
    Err(RecipeError::NoSuchName {
        name: wanted.to_owned(),
        nearest,
    })
}

fn check_settings(file: &Path, scheme: &Located<Scheme>) -> Result<(), ConfError> {
    let message = match &scheme.value {
        Scheme::Jwt(jwt) if !(1..=2_592_000).contains(&jwt.ttl_s) => {
            "`ttl_s` must be 1 to 2592000 seconds (30 days)"
        }
        Scheme::Session(session) if session.lifetime_ms == 0 => {
            "`lifetime_ms` must be at least 1 millisecond"
        }
        _ => return Ok(()),
    };
    Err(ConfError::semantic(file, scheme, message.to_owned()))
}

fn transport(file: &Path, choice: &Located<TransportChoice>) -> Result<Transport, ConfError> {
    match &choice.value {
        TransportChoice::Bearer(_) => Ok(Transport::Bearer),
        TransportChoice::Cookie(cookie) => {
            let name = cookie
                .name
                .as_deref()
                .unwrap_or(CookieSettings::DEFAULT_NAME);
            CookieSettings::new(name, cookie.same_site)
                .map(Transport::Cookie)
                .map_err(|error| ConfError::semantic(file, choice, error.to_string()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, text: &str) -> Result<Recipe, String> {
        Recipe::parse(&Path::new("x").join(format!("{name}.toml")), text)
            .map_err(|error| error.to_string())
    }

    const JWT: &str = "summary = \"s\"\n[scheme.jwt]\nalgorithm = \"HS256\"\n[transport.bearer]\n";

    #[test]
    fn every_shipped_recipe_is_good() {
        let names: Vec<String> = shipped().into_iter().map(|recipe| recipe.name).collect();
        for quick in [
            "session.memory.cookie",
            "session.sqlite.cookie",
            "jwt.hs256.bearer",
            "jwt.es256.bearer",
            "jwt.hs256.cookie",
        ] {
            assert!(names.iter().any(|name| name == quick), "{quick} is missing");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_at_its_place() {
        let error = parse("jwt.hs256.bearer", &format!("{JWT}[store.memory]\n")).unwrap_err();
        assert!(error.contains("x/jwt.hs256.bearer.toml:5:"), "{error}");
        assert!(error.contains("remove [store.memory]"), "{error}");
        let session = "summary = \"s\"\n[scheme.session]\n[transport.cookie]\n";
        let error = parse("session.memory.cookie", session).unwrap_err();
        assert!(
            error.contains(":2:") && error.contains("add [store.memory]"),
            "{error}"
        );
        let error = parse("session.bearer", JWT).unwrap_err();
        assert!(error.contains("must begin with `jwt.`"), "{error}");
        let cookie = JWT.replace("[transport.bearer]", "[transport.cookie]\nname = \"sid\"");
        let error = parse("jwt.hs256.cookie", &cookie).unwrap_err();
        assert!(error.contains("__Host-"), "{error}");
        let error = parse("jwt.hs256.bearer", &JWT.replace("HS256", "HS25")).unwrap_err();
        assert!(
            error.contains(":3:") && error.contains("`HS256`"),
            "{error}"
        );
        let error = parse(
            "jwt.hs256.bearer",
            &JWT.replace("[scheme.jwt]", "[scheme.jwtt]"),
        );
        assert!(error.unwrap_err().contains("did you mean `jwt`"));
    }

    #[test]
    fn a_wrong_name_is_told_the_nearest() {
        let error = find("session.memory.cokie").unwrap_err().to_string();
        assert!(
            error.contains("did you mean `session.memory.cookie`"),
            "{error}"
        );
    }
}
