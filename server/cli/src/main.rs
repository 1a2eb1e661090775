//! The key: commands, and the only place where concrete parts are named. Holds no logic.

fn main() {}
