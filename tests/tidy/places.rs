//! What may be done only in one place: reading the environment, spawning, starting processes, printing, and the top level.

use super::assert_clean;
use crate::support::repository::{SourceFile, root, rust_files};

/// Everything at the top of the repository that is not a dotfile.
const TOP_LEVEL: &[&str] =
    &["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "editors", "queries", "server", "tests"];

/// Something that may be done only in some files.
struct Place {
    what: &'static str,
    marks: &'static [&'static str],
    /// Paths, or beginnings of paths that end with a slash.
    allowed: &'static [&'static str],
}

const PLACES: &[Place] = &[
    Place {
        what: "reads the environment",
        marks: &["env::var(", "env::vars(", "env::var_os(", "env::vars_os("],
        allowed: &["server/engine/src/config.rs", "server/engine/src/config/"],
    },
    Place {
        what: "spawns a task or a thread",
        marks: &[
            "spawn(",
            "spawn_blocking(",
            "spawn_local(",
            "spawn_on(",
            "spawn_scoped(",
            "thread::scope(",
            "thread::Builder",
        ],
        allowed: &[
            "server/engine/src/tasks.rs",
            "server/engine/src/tasks/",
            // A process, and what reads its two outputs at once.
            "server/security/src/cage.rs",
            // What drives a connection ends with it.
            "server/llm/src/pool.rs",
            "server/llm/src/pool/",
            // The scripted model server drives its connections; they end with the runtime of the test or measurement that began it.
            "server/llm/src/scripted.rs",
            "server/llm/src/scripted/",
            // The first word to the shared Redis, which is answered or given up in a bounded time.
            "server/llm/src/shared.rs",
            // What nobody waits for: few, one for a question, and they end with the manager.
            "server/llm/src/revalidate.rs",
            // Connections to the service: each ends with its client, or with the grace of the end; and the look at the certificate, with its last handle.
            "server/gateway/src/listen.rs",
            "server/gateway/src/listen/tls.rs",
            // The language server of a WebSocket, which ends with its connection; and the other end of one, which ends with its program.
            "server/gateway/src/socket/connection.rs",
            "server/gateway/src/client.rs",
            // What was begun for a request and must not be left half done: each is a few writes long.
            "server/gateway/src/deed.rs",
            // That somebody is here is written beside his request, which the end waits for; the keys of a provider are read for all who wait for them, in a bounded time.
            "server/gateway/src/auth/seen.rs",
            "server/gateway/src/auth/oidc/known.rs",
            // What gives the place of a large body back: it ends with the answer, or two minutes after that began.
            "server/gateway/src/routes/openai/room.rs",
            // Processes of a measurement, whose connections end with them.
            "server/gateway/benches/door/",
            "server/gateway/benches/socket.rs",
            // Reading, working and writing, which end with the connection of an editor.
            "server/lsp/src/lib.rs",
            "server/lsp/src/serve.rs",
            "server/lsp/src/serve/",
        ],
    },
    Place {
        what: "starts a process",
        marks: &["Command::new(", "process::Command"],
        allowed: &["server/security/src/cage.rs"],
    },
    Place {
        what: "opens standard output",
        marks: &["io::stdout(", "println!(", "print!(", "allow(clippy::print_stdout"],
        allowed: &[
            "server/cli/src/",
            "server/llm/benches/",
            "server/actions/benches/",
            "server/gateway/benches/",
            "server/gateway/examples/",
        ],
    },
    Place {
        what: "opens standard error",
        marks: &["io::stderr(", "eprintln!(", "eprint!(", "allow(clippy::print_stderr"],
        allowed: &["server/cli/src/"],
    },
    Place {
        what: "names a concrete part of the core",
        marks: &["EditorMode", "BatchMode", "DiskFiles"],
        allowed: &[
            "server/cli/src/wiring.rs",
            "server/cli/src/wiring/",
            "server/engine/src/config.rs",
            "server/engine/src/mode.rs",
            "server/workspace/src/files.rs",
            "server/gateway/benches/socket.rs",
        ],
    },
    Place { what: "ends the process", marks: &["process::exit(", "process::abort("], allowed: &["server/cli/src/"] },
    // One function of the allocator that is safe, and that its crate has no name for.
    Place {
        what: "holds unsafe code",
        marks: &["allow(unsafe_code", "unsafe {", "unsafe extern"],
        allowed: &["server/cli/src/memory.rs"],
    },
];

fn out_of_place(place: &Place, files: &[SourceFile]) -> Vec<String> {
    let mut offences = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("server/") && !file.is_test()) {
        let allowed = place
            .allowed
            .iter()
            .any(|allowed| file.path == *allowed || (allowed.ends_with('/') && file.path.starts_with(allowed)));
        if allowed {
            continue;
        }
        for line in file.code().lines() {
            if place.marks.iter().any(|mark| begins_with_word(line, mark)) {
                offences.push(format!("{} {}: {}", file.path, place.what, line.trim()));
            }
        }
    }
    offences
}

/// Whether the line has the mark where it is not the tail of a longer word (`eprintln!` holds `println!`).
fn begins_with_word(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(offset, _)| {
        !line[..offset].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_' || letter == '"')
    })
}

fn strangers_at_the_top(entries: &[String]) -> Vec<String> {
    let mut strangers: Vec<String> = entries
        .iter()
        .filter(|entry| !entry.starts_with('.') && *entry != "target" && !TOP_LEVEL.contains(&entry.as_str()))
        .cloned()
        .collect();
    strangers.extend(
        TOP_LEVEL
            .iter()
            .filter(|name| !entries.iter().any(|entry| entry == *name))
            .map(|name| format!("{name} is missing")),
    );
    strangers
}

#[test]
fn everything_is_done_in_its_place() {
    let files = rust_files();
    for place in PLACES {
        assert_clean(place.what, &out_of_place(place, &files));
    }
}

#[test]
fn a_thing_out_of_place_is_caught() {
    let samples = [
        "    let home = std::env::var(\"HOME\");",
        "    tokio::spawn(work());",
        "    let child = Command::new(\"ls\");",
        "    println!(\"hello\");",
        "    eprintln!(\"hello\");",
        "    let mode = Arc::new(EditorMode);",
        "    std::process::exit(1);",
        "    unsafe { work() }",
    ];
    assert_eq!(samples.len(), PLACES.len());
    for (place, sample) in PLACES.iter().zip(samples) {
        let bad = SourceFile::new("server/workspace/src/a.rs", &format!("//! A.\nfn f() {{\n{sample}\n}}\n"));
        let tests = format!("//! A.\n#[cfg(test)]\nmod tests {{\n{sample}\n}}\n// {sample}\n");
        let good = SourceFile::new("server/workspace/src/b.rs", &tests);
        assert_eq!(out_of_place(place, &[bad, good]).len(), 1, "{}", place.what);
    }
}

#[test]
fn standard_error_is_not_mistaken_for_standard_output() {
    assert!(!begins_with_word("    eprintln!(\"x\")", "println!("));
    assert!(begins_with_word("    println!(\"x\")", "println!("));
}

#[test]
fn the_top_level_is_fixed() {
    let entries: Vec<String> = std::fs::read_dir(root())
        .expect("the root is a folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert_clean("top level", &strangers_at_the_top(&entries));
}

#[test]
fn a_stranger_at_the_top_is_caught() {
    let mut entries: Vec<String> = TOP_LEVEL.iter().map(|&name| name.to_owned()).collect();
    entries.push(".github".to_owned());
    assert!(strangers_at_the_top(&entries).is_empty());
    entries.push("notes.txt".to_owned());
    entries.retain(|entry| entry != "LICENSE");
    assert_eq!(strangers_at_the_top(&entries), ["notes.txt", "LICENSE is missing"]);
}
