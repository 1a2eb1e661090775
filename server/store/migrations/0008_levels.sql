-- Of which class the provider of sign-ins said the sign-in was (`acr`), so that a session can be held against what is demanded later. Sessions that began
-- before have none.
ALTER TABLE sessions ADD COLUMN acr TEXT;

-- When a person of a provider was last here, to a minute: many come with tokens of the provider alone, and never sign in here.
ALTER TABLE identities ADD COLUMN last_seen_at BIGINT;
