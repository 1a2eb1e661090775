-- When each account was last given a worker: among those with equally many jobs under way, the one that waits longest is next.
CREATE TABLE turns (
  account TEXT PRIMARY KEY,
  at BIGINT NOT NULL
);
