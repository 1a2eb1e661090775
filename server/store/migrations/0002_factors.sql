-- How the owner of a session showed who he is (the ways of RFC 8176, with blanks between them), and when he last did.
-- Sessions that began before count as long ago.
ALTER TABLE sessions ADD COLUMN amr TEXT NOT NULL DEFAULT 'pwd';
ALTER TABLE sessions ADD COLUMN auth_time BIGINT NOT NULL DEFAULT 0;
