//! What PostgreSQL is asked.
//!
//! Every statement is a transaction by itself, at the level "read committed".
//! A row that somebody else is changing is waited for, and then the condition
//! is tried again on what it has become. Statements that lock several rows take
//! them in the order of their digests, so none waits for one that waits for it.
//! A purge waits, too, and does not pass over locked rows (SKIP LOCKED): what it
//! reports as purged must be all that there was.

use crate::sql::{Statement, record_columns};

/// The statement in PostgreSQL's words.
pub(crate) const fn text(statement: Statement) -> &'static str {
    match statement {
        Statement::Insert => {
            "INSERT INTO records (digest, subject, login, roles, issued_at_ms, expires_at_ms, \
             used_at_ms, generation, payload, revision) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0) ON CONFLICT (digest) DO NOTHING"
        }
        Statement::Get => concat!(
            "SELECT ",
            record_columns!(),
            " FROM records WHERE digest = $1"
        ),
        Statement::GetMany => concat!(
            "SELECT ",
            record_columns!(),
            ", digest FROM records WHERE digest = ANY ($1)"
        ),
        // The parts of a statement see the rows as they were when it began, so
        // the read does not see the touch.
        Statement::GetTouched => concat!(
            "WITH touch AS (UPDATE records SET used_at_ms = $1 \
             WHERE digest = $2 AND used_at_ms BETWEEN $3 AND $4 AND expires_at_ms > $5) SELECT ",
            record_columns!(),
            " FROM records WHERE digest = $2"
        ),
        Statement::Touch => {
            "UPDATE records SET used_at_ms = $1 \
             WHERE digest = $2 AND used_at_ms BETWEEN $3 AND $4 AND expires_at_ms > $5"
        }
        Statement::Rotate => concat!(
            "UPDATE records SET generation = (generation + 1) & 4294967295, \
             revision = (revision + 1) & 4294967295, used_at_ms = greatest(used_at_ms, $1) \
             WHERE digest = $2 AND generation = $3 AND expires_at_ms > $4 RETURNING ",
            record_columns!()
        ),
        Statement::Swap => {
            "UPDATE records SET roles = $1, issued_at_ms = $2, expires_at_ms = $3, \
             used_at_ms = greatest(used_at_ms, $4), generation = $5, payload = $6, revision = $7 \
             WHERE digest = $8 AND revision = $9"
        }
        Statement::Delete => "DELETE FROM records WHERE digest = $1",
        Statement::DeleteBySubject => {
            "DELETE FROM records WHERE digest = ANY (ARRAY( \
             SELECT digest FROM records WHERE subject = $1 ORDER BY digest FOR UPDATE))"
        }
        Statement::DeleteOthers => {
            "DELETE FROM records WHERE digest = ANY (ARRAY( \
             SELECT digest FROM records WHERE subject = $1 AND login <> $2 \
             ORDER BY digest FOR UPDATE))"
        }
        Statement::List => concat!(
            "SELECT ",
            record_columns!(),
            ", digest FROM records WHERE subject = $1"
        ),
        Statement::All => concat!("SELECT ", record_columns!(), ", digest FROM records"),
        Statement::Purge => {
            "DELETE FROM records WHERE digest = ANY (ARRAY( \
             SELECT digest FROM records WHERE expires_at_ms <= $1 AND digest = ANY (ARRAY( \
             SELECT digest FROM records WHERE expires_at_ms <= $1 ORDER BY expires_at_ms \
             LIMIT $2)) ORDER BY digest FOR UPDATE))"
        }
    }
}
