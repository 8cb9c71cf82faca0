//! What the terminal can show.

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result};
use comfy_table::presets::{ASCII_MARKDOWN, UTF8_FULL_CONDENSED};
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// The shape of tables on standard output.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Machine-readable.
    Json,
    /// Markdown.
    Md,
    /// For people.
    #[default]
    Table,
}

/// Prints `text` and a line's end. A reader that has gone (`| head`) is no
/// error: there is nobody to tell.
pub(crate) fn say(text: impl std::fmt::Display) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("the output cannot be written")
        }
        _ => Ok(()),
    }
}

/// `text` in red where standard error is a terminal and `NO_COLOR` is unset.
pub(crate) fn paint_error(text: &str) -> String {
    if colours() && std::io::stderr().is_terminal() {
        format!("\x1b[1;31m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// `text` in red where standard output is a terminal and `NO_COLOR` is unset.
pub(crate) fn paint(text: &str) -> String {
    if paints() {
        format!("\x1b[1;31m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Whether standard output is a terminal that may be painted.
pub(crate) fn paints() -> bool {
    colours() && std::io::stdout().is_terminal()
}

/// Whether colours are wanted (https://no-color.org).
pub(crate) fn colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A table; all columns but the first `left` are numbers and stand to the
/// right.
pub(crate) fn table(
    format: Format,
    left: usize,
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    match format {
        Format::Md => table.load_style(ASCII_MARKDOWN),
        Format::Json | Format::Table => table
            .load_style(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic),
    };
    table.set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for (number, column) in table.column_iter_mut().enumerate() {
        if number >= left {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}
