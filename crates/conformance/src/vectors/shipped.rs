//! The files that came with this build.

use authbench_conf::ConfError;
use include_dir::{Dir, File, include_dir};

use super::file::{VectorError, VectorFile};
use super::waivers::Waivers;

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scenarios/vectors");

/// The files of test vectors that came with this build, in the order of their
/// paths.
///
/// # Errors
/// [`VectorError`] when one is damaged.
pub fn shipped() -> Result<Vec<VectorFile>, VectorError> {
    let mut files = Vec::new();
    let mut folders = vec![&SHIPPED];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        files.extend(folder.files().filter(|file| is_json(file)));
    }
    files.sort_by_key(|file| file.path());
    let parsed = files.into_iter().map(|file| {
        let text = String::from_utf8_lossy(file.contents());
        VectorFile::parse(file.path(), &text)
    });
    parsed.collect()
}

/// The waivers that came with this build.
///
/// # Errors
/// [`ConfError`] when they are damaged.
pub fn shipped_waivers() -> Result<Waivers, ConfError> {
    let Some(file) = SHIPPED.get_file("waivers.toml") else {
        return Ok(Waivers::default());
    };
    Waivers::parse(file.path(), &String::from_utf8_lossy(file.contents()))
}

fn is_json(file: &File<'_>) -> bool {
    file.path()
        .extension()
        .is_some_and(|ending| ending == "json")
}
