-- Who is who at a provider of sign-ins: a person is known by the provider's name for itself and its name for the person, never by an e-mail address.
CREATE TABLE identities (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  account TEXT NOT NULL REFERENCES accounts (id),
  created_at BIGINT NOT NULL,
  PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX identity_of_account ON identities (account);

-- Devices that wait for somebody to let them in (RFC 8628), known by the hashes of both of their codes. Who lets one in does it by a session; where
-- that is ended first, so is this.
CREATE TABLE devices (
  hash TEXT PRIMARY KEY,
  user_hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  wait BIGINT NOT NULL,
  polled_at BIGINT NOT NULL,
  state TEXT NOT NULL,
  session TEXT REFERENCES sessions (id)
);
CREATE INDEX devices_by_end ON devices (expires_at);
