//! Keeps many files in: the only writer of documents; everybody else reads cheap immutable snapshots.
