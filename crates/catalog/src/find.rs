//! Where recipes are found: in a folder, and among those of this build.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use authbench_conf::{ConfError, ConfErrorKind};
use include_dir::{Dir, include_dir};

use crate::recipe::Recipe;

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scenarios/strategies");

/// The folder that is searched before the shipped recipes, seen from the
/// current folder.
pub const FOLDER: &str = "scenarios/strategies";

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

/// The recipes that came with this build, by name.
///
/// # Panics
/// Never with the recipes of this repository: a test reads them all.
#[must_use]
pub fn shipped() -> Vec<Recipe> {
    let mut recipes: Vec<Recipe> = SHIPPED
        .files()
        .filter(|file| is_recipe(file.path()))
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

/// The recipes that [`find`] finds by name: those in [`FOLDER`], and the
/// shipped ones of other names. By name.
///
/// # Errors
/// [`RecipeError::Conf`] when the folder is there but cannot be read, or one
/// of its recipes is not good.
pub fn available() -> Result<Vec<Recipe>, RecipeError> {
    available_in(Path::new(FOLDER))
}

fn available_in(folder: &Path) -> Result<Vec<Recipe>, RecipeError> {
    let mut recipes: BTreeMap<String, Recipe> = BTreeMap::new();
    for recipe in shipped() {
        recipes.insert(recipe.name.clone(), recipe);
    }
    for file in files(folder)? {
        let recipe = Recipe::read(&file)?;
        recipes.insert(recipe.name.clone(), recipe);
    }
    Ok(recipes.into_values().collect())
}

/// The recipe that `wanted` names: a path to a file (it ends with `.toml`), or
/// a name, looked for in [`FOLDER`] first and then among the shipped ones.
///
/// # Errors
/// [`RecipeError`] when the file is not a good recipe, or there is none.
pub fn find(wanted: &str) -> Result<Recipe, RecipeError> {
    find_in(Path::new(FOLDER), wanted)
}

fn find_in(folder: &Path, wanted: &str) -> Result<Recipe, RecipeError> {
    if is_recipe(Path::new(wanted)) {
        return Ok(Recipe::read(Path::new(wanted))?);
    }
    let local = folder.join(format!("{wanted}.toml"));
    if !wanted.contains(['/', '\\']) && local.is_file() {
        return Ok(Recipe::read(&local)?);
    }
    let mut names = Vec::new();
    for recipe in shipped() {
        if recipe.name == wanted {
            return Ok(recipe);
        }
        names.push(recipe.name);
    }
    for file in files(folder)? {
        names.extend(file.file_stem().map(|stem| stem.to_string_lossy().into()));
    }
    Err(RecipeError::NoSuchName {
        name: wanted.to_owned(),
        nearest: authbench_conf::nearest(wanted, &names).map(str::to_owned),
    })
}

/// The recipes' files in a folder; none if there is no such folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ConfError> {
    let paths = || -> io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            paths.push(entry?.path());
        }
        Ok(paths)
    };
    match paths() {
        Ok(mut paths) => {
            paths.retain(|path| is_recipe(path));
            paths.sort();
            Ok(paths)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(ConfError {
            file: folder.to_owned(),
            line: 0,
            column: 0,
            kind: ConfErrorKind::Unreadable { source },
        }),
    }
}

fn is_recipe(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "toml")
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_wrong_name_is_told_the_nearest() {
        let error = find("session.memory.cokie").unwrap_err().to_string();
        assert!(
            error.contains("did you mean `session.memory.cookie`"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_comes_before_the_build() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, summary: &str| {
            let recipe = format!(
                "summary = \"{summary}\"\n[scheme.jwt]\nalgorithm = \"HS256\"\n[transport.bearer]\n"
            );
            std::fs::write(folder.path().join(name), recipe).unwrap();
        };
        write("jwt.hs256.bearer.toml", "mine");
        write("jwt.another.bearer.toml", "another");
        std::fs::write(folder.path().join("notes.txt"), "no recipe").unwrap();
        let found = available_in(folder.path()).unwrap();
        assert_eq!(found.len(), shipped().len() + 1);
        assert!(found.is_sorted_by(|a, b| a.name < b.name));
        let summary = |name: &str| find_in(folder.path(), name).unwrap().summary;
        for recipe in &found {
            assert_eq!(recipe.summary, summary(&recipe.name), "{}", recipe.name);
        }
        assert_eq!(summary("jwt.hs256.bearer"), "mine");
        let near = find_in(folder.path(), "jwt.anoter.bearer").unwrap_err();
        assert!(near.to_string().contains("`jwt.another.bearer`"), "{near}");

        let nowhere = available_in(&folder.path().join("nowhere")).unwrap();
        assert_eq!(nowhere.len(), shipped().len());
        std::fs::write(folder.path().join("jwt.bad.bearer.toml"), "x").unwrap();
        assert!(matches!(
            available_in(folder.path()),
            Err(RecipeError::Conf(_))
        ));
    }
}
