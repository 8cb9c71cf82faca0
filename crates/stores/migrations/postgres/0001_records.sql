-- Instants are milliseconds since 1970, in UTC. The digest is the SHA-256 of a
-- credential, which itself is nowhere in the database. Pages keep some room, so
-- that a touch or a rotation stays on its page and leaves the indexes alone.
CREATE TABLE records (
    digest        BYTEA  NOT NULL PRIMARY KEY,
    subject       TEXT   COLLATE "C" NOT NULL,
    login         BYTEA  NOT NULL,
    roles         TEXT   COLLATE "C" NOT NULL, -- a JSON array of names
    issued_at_ms  BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL,
    used_at_ms    BIGINT NOT NULL,
    generation    BIGINT NOT NULL,
    revision      BIGINT NOT NULL,
    payload       BYTEA  NOT NULL
) WITH (fillfactor = 85);

CREATE INDEX records_by_subject ON records (subject);
CREATE INDEX records_by_expiry ON records (expires_at_ms);
