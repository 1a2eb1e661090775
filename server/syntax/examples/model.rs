//! Prints the model of a file: `cargo run -p syntax --example model -- FILE`.
#![allow(clippy::print_stdout, clippy::expect_used)]

use syntax::extract::{Depth, model};
use syntax::language::Language;

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let text = std::fs::read_to_string(&path).expect("readable text");
    let language = Language::from_path(path.as_ref()).expect("a known language");
    print!("{}", syntax::outline::outline(&model(language, text.into(), Depth::Full)));
}
