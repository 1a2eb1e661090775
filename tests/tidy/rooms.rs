//! Which room may import which, as data, compared with what Cargo says; and which room keeps which library in.

use super::assert_clean;
use crate::support::repository::root;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// A room and the rooms that it may import. A new arrow is a change to this table.
const ARROWS: &[(&str, &[&str])] = &[
    ("syntax", &[]),
    ("security", &[]),
    ("workspace", &["syntax"]),
    ("analysis", &["security", "syntax"]),
    ("llm", &["security"]),
    ("store", &["security"]),
    ("actions", &["syntax", "workspace", "analysis", "llm"]),
    ("docs", &["syntax", "workspace", "analysis"]),
    ("engine", &["security", "syntax", "workspace", "analysis", "llm", "store", "actions", "docs"]),
    ("lsp", &["engine"]),
    ("acp", &["engine"]),
    ("gateway", &["security", "engine"]),
    ("connectors", &["security", "engine"]),
    ("plugin-host", &["security", "engine"]),
    ("cli", &["security", "llm", "store", "engine", "lsp", "acp", "gateway", "connectors", "plugin-host"]),
    ("plugin-sdk", &[]),
];

/// A library and the only rooms that may depend on it.
const KEPT_IN: &[(&str, &[&str])] = &[
    // Nobody: `acp` is a small loop of its own.
    ("agent-client-protocol", &[]),
    ("agent-client-protocol-schema", &[]),
    ("argon2", &["gateway"]),
    ("axum", &["gateway"]),
    ("cedar-policy", &["gateway"]),
    ("chacha20poly1305", &["security"]),
    ("clap", &["cli"]),
    ("h2", &["llm"]),
    ("hyper", &["gateway", "llm"]),
    ("ignore", &["workspace"]),
    ("indicatif", &["cli"]),
    ("lsp-types", &["lsp"]),
    ("gen-lsp-types", &["lsp"]),
    ("mimalloc", &["cli"]),
    ("moka", &["llm"]),
    ("redis", &["llm"]),
    ("jsonwebtoken", &["gateway"]),
    ("ropey", &["syntax"]),
    ("rustls", &["gateway", "llm"]),
    ("sqlx", &["store"]),
    ("tower-lsp", &["lsp"]),
    ("tower-lsp-server", &["lsp"]),
    ("utoipa", &["gateway"]),
    ("zstd", &["llm"]),
    ("tokio", &["engine", "lsp", "acp", "gateway", "connectors", "plugin-host", "llm", "store", "cli"]),
];

/// Room, then everything that it depends on outside of its own tests.
type Imports = BTreeMap<String, Vec<String>>;

fn imports_of_the_workspace() -> Imports {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo speaks JSON");
    let mut imports = Imports::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name").to_owned();
        let folder = package["manifest_path"].as_str().expect("a path").replace('\\', "/");
        assert!(folder.ends_with(&format!("/server/{name}/Cargo.toml")), "{name} must live in server/{name}");
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        let names = dependencies
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
            .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned));
        imports.insert(name, names.collect());
    }
    imports
}

fn arrows_that_run_up(imports: &Imports) -> Vec<String> {
    let mut offences = Vec::new();
    for (room, imported) in imports {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == room) else {
            offences.push(format!("the room {room} is not in the table"));
            continue;
        };
        for other in imported {
            let is_room = ARROWS.iter().any(|(name, _)| name == other);
            if is_room && !allowed.contains(&other.as_str()) {
                offences.push(format!("{room} must not import {other}"));
            }
        }
    }
    offences
}

fn libraries_out_of_their_room(imports: &Imports) -> Vec<String> {
    let mut offences = Vec::new();
    for (room, imported) in imports {
        for library in imported {
            let tree_sitter = library.starts_with("tree-sitter") && room != "syntax";
            let kept = KEPT_IN.iter().any(|(name, rooms)| name == library && !rooms.contains(&room.as_str()));
            if tree_sitter || kept {
                offences.push(format!("{room} must not depend on {library}"));
            }
        }
    }
    offences
}

fn imports(room: &str, imported: &[&str]) -> Imports {
    Imports::from([(room.to_owned(), imported.iter().map(|&name| name.to_owned()).collect())])
}

#[test]
fn no_arrow_runs_up() {
    assert_clean("arrows", &arrows_that_run_up(&imports_of_the_workspace()));
}

#[test]
fn an_arrow_that_runs_up_is_caught() {
    assert_eq!(arrows_that_run_up(&imports("syntax", &["engine"])), ["syntax must not import engine"]);
    assert_eq!(arrows_that_run_up(&imports("lsp", &["syntax", "serde"])), ["lsp must not import syntax"]);
    assert_eq!(arrows_that_run_up(&imports("attic", &[])), ["the room attic is not in the table"]);
}

#[test]
fn the_table_of_rooms_has_no_circle() {
    // Rooms are listed floor by floor, so an allowed arrow always points to an earlier line.
    for (place, (room, allowed)) in ARROWS.iter().enumerate() {
        for other in *allowed {
            let target = ARROWS.iter().position(|(name, _)| name == other).expect("a known room");
            assert!(target < place, "{room} -> {other}");
        }
    }
}

#[test]
fn libraries_stay_in_their_room() {
    assert_clean("libraries", &libraries_out_of_their_room(&imports_of_the_workspace()));
}

#[test]
fn a_library_out_of_its_room_is_caught() {
    let offences = libraries_out_of_their_room(&imports("analysis", &["tree-sitter-go", "tokio", "serde"]));
    assert_eq!(offences, ["analysis must not depend on tree-sitter-go", "analysis must not depend on tokio"]);
}
