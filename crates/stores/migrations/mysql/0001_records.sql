-- Instants are milliseconds since 1970, in UTC. The digest is the SHA-256 of a
-- credential, which itself is nowhere in the database. Subjects are compared by
-- their octets: with a text column, "user" would equal "User " and "Üser".
CREATE TABLE records (
    digest        BINARY(32)      NOT NULL PRIMARY KEY,
    subject       VARBINARY(1024) NOT NULL,
    login         BINARY(16)      NOT NULL,
    roles         MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, -- a JSON array of names
    issued_at_ms  BIGINT          NOT NULL,
    expires_at_ms BIGINT          NOT NULL,
    used_at_ms    BIGINT          NOT NULL,
    generation    BIGINT          NOT NULL,
    revision      BIGINT          NOT NULL,
    payload       VARBINARY(1024) NOT NULL,
    INDEX records_by_subject (subject),
    INDEX records_by_expiry (expires_at_ms)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
