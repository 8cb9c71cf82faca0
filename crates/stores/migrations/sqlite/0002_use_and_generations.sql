-- What schemes with idle timeouts and rotating credentials keep. For older
-- records the latest known use is the login.
ALTER TABLE records ADD COLUMN used_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE records ADD COLUMN payload    BLOB    NOT NULL DEFAULT x'';
UPDATE records SET used_at_ms = issued_at_ms;

PRAGMA user_version = 2;
