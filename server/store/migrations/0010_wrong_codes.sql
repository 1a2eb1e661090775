-- Codes of the second factor that were wrong one after the other. Counted here and not in memory: who has a password and guesses slowly, from replica to
-- replica, is stopped as well.
ALTER TABLE accounts ADD COLUMN wrong_codes BIGINT NOT NULL DEFAULT 0;
