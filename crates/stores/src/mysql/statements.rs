//! What MariaDB is asked.
//!
//! Every statement is a transaction by itself, at the level "read committed":
//! no gaps between rows are locked, and an insertion seldom waits. Statements
//! that lock several rows can still meet others that come by another index;
//! the server undoes one of the two at once, and it is run again.

use crate::sql::{Statement, record_columns};

/// The statement in MariaDB's words.
pub(crate) const fn text(statement: Statement) -> &'static str {
    match statement {
        // A taken digest is an error here: IGNORE would forgive others too.
        Statement::Insert => {
            "INSERT INTO records (digest, subject, login, roles, issued_at_ms, expires_at_ms, \
             used_at_ms, generation, payload, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"
        }
        Statement::Get => concat!(
            "SELECT ",
            record_columns!(),
            " FROM records WHERE digest = ?"
        ),
        Statement::GetMany => concat!(
            "SELECT ",
            record_columns!(),
            ", digest FROM JSON_TABLE(?, '$[*]' COLUMNS (wanted CHAR(64) PATH '$')) AS keys_ \
             STRAIGHT_JOIN records ON digest = UNHEX(wanted)"
        ),
        Statement::Touch | Statement::GetTouched => {
            "UPDATE records SET used_at_ms = ? \
             WHERE digest = ? AND used_at_ms BETWEEN ? AND ? AND expires_at_ms > ?"
        }
        Statement::Rotate => {
            "UPDATE records SET generation = ?, revision = ?, used_at_ms = ? \
             WHERE digest = ? AND login = ? AND generation = ? AND revision = ? \
             AND used_at_ms = ? AND expires_at_ms = ?"
        }
        Statement::Swap => {
            "UPDATE records SET roles = ?, issued_at_ms = ?, expires_at_ms = ?, \
             used_at_ms = greatest(used_at_ms, ?), generation = ?, payload = ?, revision = ? \
             WHERE digest = ? AND revision = ?"
        }
        Statement::Delete => "DELETE FROM records WHERE digest = ?",
        Statement::DeleteBySubject => "DELETE FROM records WHERE subject = ?",
        Statement::DeleteOthers => "DELETE FROM records WHERE subject = ? AND login <> ?",
        Statement::List => concat!(
            "SELECT ",
            record_columns!(),
            ", digest FROM records WHERE subject = ?"
        ),
        Statement::All => concat!("SELECT ", record_columns!(), ", digest FROM records"),
        Statement::Purge => {
            "DELETE FROM records WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?"
        }
    }
}
