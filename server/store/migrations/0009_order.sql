-- The next job of an account, and how many of it wait, are found at the beginning of what stands under it, however long that is.
CREATE INDEX jobs_in_order ON jobs (state, account, priority DESC, id);
DROP INDEX jobs_waiting;
-- Lists of one state, the newest first.
CREATE INDEX jobs_listed_by_state ON jobs (state, id);
