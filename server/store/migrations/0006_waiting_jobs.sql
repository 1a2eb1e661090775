-- How many jobs of an account wait is counted with each that is created, while nobody else can write.
CREATE INDEX jobs_waiting ON jobs (account, state);
