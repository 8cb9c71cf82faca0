-- Instants are milliseconds since 1970, in UTC. The digest is the SHA-256 of a
-- credential, which itself is nowhere in the file.
CREATE TABLE records (
    digest        BLOB    NOT NULL PRIMARY KEY,
    subject       TEXT    NOT NULL,
    login         BLOB    NOT NULL,
    roles         TEXT    NOT NULL, -- a JSON array of names
    issued_at_ms  INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    revision      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX records_by_subject ON records (subject);
CREATE INDEX records_by_expiry ON records (expires_at_ms);

PRAGMA user_version = 1;
