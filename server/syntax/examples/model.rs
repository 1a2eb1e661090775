//! Prints the models of files: `cargo run -p syntax --example model -- FILE…`.
#![allow(clippy::print_stdout, clippy::expect_used)]

use syntax::extract::{Depth, model};
use syntax::language::Language;

fn main() {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    for path in &paths {
        let text = String::from_utf8_lossy(&std::fs::read(path).expect("a readable file")).into_owned();
        let Some(language) = Language::from_path(path.as_ref()) else { continue };
        if paths.len() > 1 {
            println!("== {path}");
        }
        print!("{}", syntax::outline::outline(&model(language, text.into(), Depth::Full)));
    }
}
