//! What SQLite is asked.

use crate::sql::{Statement, record_columns};

/// The statement in SQLite's words.
pub(crate) const fn text(statement: Statement) -> &'static str {
    match statement {
        Statement::Insert => {
            "INSERT INTO records (digest, subject, login, roles, issued_at_ms, expires_at_ms, \
             used_at_ms, generation, payload, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) \
             ON CONFLICT (digest) DO NOTHING"
        }
        Statement::Get => concat!(
            "SELECT ",
            record_columns!(),
            " FROM records WHERE digest = ?"
        ),
        Statement::GetMany => concat!(
            "SELECT ",
            record_columns!(),
            ", digest FROM records WHERE digest IN (SELECT unhex(value) FROM json_each(?))"
        ),
        Statement::Touch | Statement::GetTouched => {
            "UPDATE records SET used_at_ms = ? \
             WHERE digest = ? AND used_at_ms BETWEEN ? AND ? AND expires_at_ms > ?"
        }
        Statement::Rotate => concat!(
            "UPDATE records SET generation = (generation + 1) & 4294967295, \
             revision = (revision + 1) & 4294967295, used_at_ms = max(used_at_ms, ?) \
             WHERE digest = ? AND generation = ? AND expires_at_ms > ? RETURNING ",
            record_columns!()
        ),
        Statement::Swap => {
            "UPDATE records SET roles = ?, issued_at_ms = ?, expires_at_ms = ?, \
             used_at_ms = max(used_at_ms, ?), generation = ?, payload = ?, revision = ? \
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
            "DELETE FROM records WHERE digest IN \
             (SELECT digest FROM records WHERE expires_at_ms <= ? LIMIT ?)"
        }
    }
}
