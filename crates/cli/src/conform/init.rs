//! `authbench conform init`: a first profile, from flags or by asking.

mod ask;
mod text;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use authbench_wire::Profile;

use crate::exit::{Outcome, UsageError};
use crate::term;

/// Write a profile of a server: by asking, or from flags.
///
/// What is not given is asked for on a terminal; elsewhere it must be given.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file to write.
    #[arg(default_value = "profile.toml")]
    file: PathBuf,
    /// A short name for reports.
    #[arg(long)]
    name: Option<String>,
    /// Where the server listens, e.g. http://127.0.0.1:8080.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// How the server remembers callers.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// The credential travels in this cookie.
    #[arg(long, value_name = "NAME", conflicts_with = "bearer")]
    cookie: Option<String>,
    /// The credential travels as `Authorization: Bearer`; the answer to the
    /// login holds it at this JSON pointer, e.g. /token.
    #[arg(long, value_name = "POINTER")]
    bearer: Option<String>,
    /// An account for tests; give two, so that checks can tell them apart.
    #[arg(long = "user", value_name = "NAME:PASSWORD")]
    users: Vec<String>,
    /// The path of the login.
    #[arg(long, default_value = "/login", value_name = "PATH")]
    login_path: String,
    /// Its body, with the gaps {user} and {password}.
    #[arg(long, default_value = text::LOGIN_BODY, value_name = "TEXT")]
    login_body: String,
    /// Its body's media type.
    #[arg(long, default_value = "application/json", value_name = "TYPE")]
    login_content_type: String,
    /// The path that says who the caller is.
    #[arg(long, default_value = "/me", value_name = "PATH")]
    whoami_path: String,
    /// The JSON pointer to the caller's name in its answer.
    #[arg(long, default_value = "/user", value_name = "POINTER")]
    subject: String,
    /// The path of the logout.
    #[arg(long, default_value = "/logout", value_name = "PATH")]
    logout_path: String,
    /// Replace the file if it is there.
    #[arg(long)]
    force: bool,
}

/// How a server remembers callers.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// A record on the server, found by a random identifier.
    Session,
    /// A signed token that holds everything.
    Jwt,
}

/// Everything that a first profile says.
#[derive(Debug)]
struct Answers {
    name: String,
    base_url: String,
    kind: Kind,
    carrier: Carrier,
    users: Vec<(String, String)>,
    login_path: String,
    login_body: String,
    login_content_type: String,
    whoami_path: String,
    subject: String,
    logout_path: String,
}

/// Where the credential travels.
#[derive(Debug)]
enum Carrier {
    Cookie(String),
    Bearer(String),
}

pub(crate) fn execute(args: &Args) -> Result<Outcome> {
    refuse_overwriting(&args.file, args.force)?;
    let answers = ask::complete(args)?;
    let text = text::profile(&answers);
    // What is written must be readable; an odd answer shows here.
    Profile::parse(&args.file, &text).map_err(|error| {
        anyhow::Error::from(error).context(UsageError(
            "these answers make no profile; nothing was written".to_owned(),
        ))
    })?;
    if let Some(folder) = args.file.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("the folder `{}` cannot be made", folder.display()))?;
    }
    std::fs::write(&args.file, text)
        .with_context(|| format!("`{}` cannot be written", args.file.display()))?;
    let file = args.file.display();
    term::say(format!(
        "wrote {file}; next: start the server, then `authbench conform doctor {file}`"
    ))?;
    Ok(Outcome::Good)
}

fn refuse_overwriting(file: &Path, force: bool) -> Result<(), UsageError> {
    if file.exists() && !force {
        return Err(UsageError(format!(
            "`{}` is there already; --force replaces it",
            file.display()
        )));
    }
    Ok(())
}
