-- Links by which owners of accounts give themselves a password, known by the hash of the code in them. An account has one at most, and one that was used is
-- gone. Who made it is named without a reference, for which his account would be held: two who make links for each other would wait for each other.
CREATE TABLE invitations (
  account TEXT PRIMARY KEY REFERENCES accounts (id),
  hash TEXT NOT NULL UNIQUE,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  made_by TEXT NOT NULL,
  clear_factor BIGINT NOT NULL
);
CREATE INDEX invitations_by_end ON invitations (expires_at);
