-- Tokens of a provider that were given back are known by their line here alone, and each request that comes by one asks for it.
CREATE INDEX revocations_by_target ON revocations (kind, target);
