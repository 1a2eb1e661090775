//! The key: commands, and the only place where concrete parts are named. Holds no logic.

mod commands;
mod memory;
mod output;
mod wiring;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    commands::run(commands::Arguments::parse())
}
