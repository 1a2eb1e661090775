-- One text for SQLite and PostgreSQL: ids and JSON are TEXT, moments are BIGINT milliseconds, truth is BIGINT 0 or 1.

-- Numbers that only grow. Whoever changes a row holds it until the end of its transaction,
-- so numbers become visible in the order in which they were given: a reader that asks for "all after n" misses none.
-- The rows admins and leases are only held, never counted up.
CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('audit', 0), ('revocations', 0), ('job_events', 0), ('admins', 0), ('leases', 0);

CREATE TABLE accounts (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  disabled BIGINT NOT NULL DEFAULT 0,
  password_hash TEXT,
  totp_secret TEXT,
  totp_confirmed BIGINT NOT NULL DEFAULT 0,
  totp_step BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
  account TEXT NOT NULL REFERENCES accounts (id),
  hash TEXT NOT NULL,
  used_at BIGINT,
  PRIMARY KEY (account, hash)
);

CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (id),
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT,
  last_used_at BIGINT
);
CREATE INDEX tokens_of_account ON tokens (account, id);

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts (id),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT
);
CREATE INDEX sessions_of_account ON sessions (account, id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- All refresh tokens that a session ever had; only the newest is unused.
CREATE TABLE refreshes (
  hash TEXT PRIMARY KEY,
  session TEXT NOT NULL REFERENCES sessions (id),
  used_at BIGINT
);
CREATE INDEX refreshes_of_session ON refreshes (session);

CREATE TABLE revocations (
  seq BIGINT PRIMARY KEY,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  at BIGINT NOT NULL
);

CREATE TABLE audit (
  seq BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  resource TEXT NOT NULL,
  allowed BIGINT NOT NULL,
  policy TEXT NOT NULL,
  correlation TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash TEXT NOT NULL
);

CREATE TABLE idempotency (
  account TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  status BIGINT,
  body TEXT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (account, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  account TEXT NOT NULL,
  priority BIGINT NOT NULL,
  state TEXT NOT NULL,
  input TEXT NOT NULL,
  result TEXT,
  error TEXT,
  progress BIGINT NOT NULL DEFAULT 0,
  message TEXT NOT NULL DEFAULT '',
  attempts BIGINT NOT NULL DEFAULT 0,
  max_attempts BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  started_at BIGINT,
  finished_at BIGINT,
  run_at BIGINT NOT NULL,
  worker TEXT,
  lease TEXT,
  lease_until BIGINT,
  cancel BIGINT NOT NULL DEFAULT 0
);
-- Whoever looks for the next job reads this and no rows.
CREATE INDEX jobs_by_state ON jobs (state, kind, run_at, account, priority, id);
CREATE INDEX jobs_of_account ON jobs (account, id);
CREATE INDEX jobs_by_end ON jobs (finished_at);

CREATE TABLE job_effects (
  job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (job, key)
);

CREATE TABLE job_events (
  seq BIGINT PRIMARY KEY,
  job TEXT NOT NULL,
  account TEXT NOT NULL,
  state TEXT NOT NULL,
  progress BIGINT NOT NULL,
  message TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX job_events_by_job ON job_events (job, seq);
CREATE INDEX job_events_by_age ON job_events (at);
