//! The façade as a door sees it: documents, findings, actions, settings, files; no protocol, no disk.

use super::*;
use crate::answers::{BatchOptions, Command, OfferKind, PlaceAt, WorkspaceReport};
use crate::config::Sources;
use crate::error::CoreError;
use crate::events::ProgressStep;
use crate::mode::{EditorMode, Offline};
use crate::tasks::TaskError;
use rustc_hash::FxHashMap;
use std::time::Duration;
use syntax::text::{Position, Span, apply_edits};
use workspace::files::MemoryFiles;
use workspace::log::Conflict;

const URI: &str = "file:///w/a.py";
/// The parameter was renamed, the documentation was not.
const DRIFTED: &str = "def area(width, height):\n    \"\"\"Return the area 🎉.\n\n    Args:\n        widht: The width.\n        height: The height.\n    \"\"\"\n    return width * height\n";

fn core_with(files: &Arc<MemoryFiles>) -> ServerCore {
    let sources = Sources { file_system: files.clone(), ..Sources::none() };
    ServerCore::new(Parts {
        journal: || None,
        file_system: files.clone(),
        config: Arc::new(ConfigurationManager::new(sources).0),
        metrics: Arc::default(),
        mode: Arc::new(EditorMode),
        strategy: Arc::new(Offline),
    })
}

fn core() -> ServerCore {
    core_with(&Arc::new(MemoryFiles::default()))
}

fn typed(line: u32, character: u32, text: &str) -> Vec<Change> {
    let place = Position { line, character };
    vec![Change { range: Some((place, place)), text: text.into() }]
}

/// A place in the text of now.
fn place(core: &ServerCore, span: Span) -> PlaceAt {
    PlaceAt { span, revision: core.snapshot(URI).unwrap().revision }
}

fn rules(diagnosis: &crate::answers::Diagnosis) -> Vec<&'static str> {
    diagnosis.findings.iter().map(|finding| finding.rule).collect()
}

async fn next_diagnosis(events: &mut broadcast::Receiver<Event>) -> Arc<crate::answers::Diagnosis> {
    loop {
        let event = tokio::time::timeout(Duration::from_secs(20), events.recv()).await.unwrap().unwrap();
        if let Event::Diagnostics(diagnosis) = event {
            return diagnosis;
        }
    }
}

#[tokio::test]
async fn pulled_findings_are_those_of_the_newest_version() {
    let core = core();
    core.open(URI, "python", 1, DRIFTED);
    let first = core.diagnostics(URI).await.unwrap();
    assert_eq!((first.version, rules(&first)), (Some(1), vec!["param-renamed"]));
    assert_eq!(core.diagnostics(URI).await.unwrap().result_id, first.result_id);
    // The new name is made the old one again.
    let whole = Change { range: None, text: DRIFTED.replace("widht:", "width:") };
    core.change(URI, 2, &[whole]);
    let second = core.diagnostics(URI).await.unwrap();
    assert_eq!((second.version, rules(&second)), (Some(2), vec![]));
    assert_ne!(second.result_id, first.result_id);
    assert!(core.stats_of("diagnostics") >= 3);
}

#[tokio::test]
async fn pushed_findings_come_after_each_change_and_go_with_the_document() {
    let core = core();
    core.set_push(true);
    let mut events = core.events();
    core.open(URI, "python", 1, DRIFTED);
    assert_eq!(next_diagnosis(&mut events).await.version, Some(1));
    for version in 2..40 {
        core.change(URI, version, &typed(0, 0, "#\n"));
    }
    let last = loop {
        let diagnosis = next_diagnosis(&mut events).await;
        if diagnosis.version == Some(39) {
            break diagnosis;
        }
    };
    assert_eq!(rules(&last), ["param-renamed"]);
    let (start, _) = last.range(last.findings[0].span, PositionEncoding::Utf16);
    assert_eq!(start.line, 38 + 4);
    core.close(URI);
    loop {
        match events.recv().await.unwrap() {
            Event::DiagnosticsCleared { uri } => break assert_eq!(uri, URI),
            Event::Diagnostics(late) => panic!("{:?}", late.version),
            _ => {}
        }
    }
}

#[tokio::test]
async fn an_edit_is_moved_along_with_the_text_or_refused() {
    let core = core();
    core.open(URI, "python", 1, DRIFTED);
    let entry = DRIFTED.find("widht").unwrap();
    let offers = core.offers(URI, place(&core, Span::at(entry)), &[OfferKind::QuickFix]).await.unwrap();
    assert!(offers.iter().all(|offer| offer.kind == OfferKind::QuickFix), "{offers:?}");
    let offer = offers.first().unwrap();
    let sent = serde_json::to_string(offer).unwrap();
    let offer: crate::answers::Offer = serde_json::from_str(&sent).unwrap();
    core.change(URI, 2, &typed(0, 0, "# é\r\n"));
    let edit = core.resolve(&offer).await.unwrap();
    let file = &edit.files[0];
    assert_eq!((file.version, &*file.text), (Some(2), format!("# é\r\n{DRIFTED}").as_str()));
    let after = apply_edits(&file.text, &file.edits).unwrap();
    assert_eq!(after, format!("# é\r\n{}", DRIFTED.replace("widht:", "width:")));
    core.change(URI, 3, &typed(5, 9, "x"));
    assert!(matches!(core.resolve(&offer).await, Err(CoreError::Conflict(Conflict::Touched))));
    assert!(matches!(core.rebase(edit.clone()).await, Err(CoreError::Conflict(Conflict::Touched))));
    core.close(URI);
    assert!(core.resolve(&offer).await.is_err());
}

/// Six functions whose documentation drifted; the fourth is `f3`.
fn six() -> String {
    (0..6).map(|n| DRIFTED.replace("area", &format!("f{n}"))).collect()
}

#[tokio::test]
async fn a_place_means_the_text_in_which_it_was_counted() {
    let core = core();
    let text = six();
    core.open(URI, "python", 1, &text);
    let at = place(&core, Span::at(text.find("f3").unwrap()));
    let above = "import os\n".repeat(13);
    let command = Command::UpdateDocs { uri: URI.into(), offset: Some(at.span.start) };
    let run = core.run(command.clone(), Some(at.revision), None);
    // The change comes before the command gets to its analysis.
    core.change(URI, 2, &typed(0, 0, &above));
    let edit = run.await.unwrap();
    let after = apply_edits(&edit.files[0].text, &edit.files[0].edits).unwrap();
    let of_f3 = after.split("def ").find(|part| part.starts_with("f3")).unwrap();
    assert!(of_f3.contains("        width:"), "{of_f3}");
    assert_eq!(after.matches("widht").count(), 5, "one function and no other");
    let hover = core.hover(URI, at).await.unwrap().unwrap();
    assert_eq!(hover.value.span.of(&hover.diagnosis.model.text), "f3");
    let lenses = core.lenses(URI).await.unwrap().unwrap();
    let (start, _) = lenses.diagnosis.range(lenses.value[0].span, PositionEncoding::Utf8);
    assert_eq!(start.line, 13);
    let offers = core.offers(URI, at, &[]).await.unwrap();
    assert!(offers.iter().any(|offer| offer.title.contains("f3")), "{offers:?}");
    core.change(URI, 3, &[Change { range: None, text: String::new() }]);
    let gone = core.run(command, Some(at.revision), None).await;
    assert!(matches!(gone, Err(CoreError::Conflict(Conflict::Touched))), "{gone:?}");
}

#[tokio::test]
async fn offers_of_the_last_few_texts_can_still_be_taken() {
    let core = core();
    core.open(URI, "python", 1, DRIFTED);
    let entry = place(&core, Span::at(DRIFTED.find("widht").unwrap()));
    let offer = core.offers(URI, entry, &[OfferKind::QuickFix]).await.unwrap().remove(0);
    for version in 2..5 {
        core.change(URI, version, &typed(0, 0, "\n"));
        assert!(!core.offers(URI, entry, &[]).await.unwrap().is_empty());
        // A request that is given up must not take along what was offered.
        drop(tokio::time::timeout(Duration::ZERO, core.diagnostics(URI)).await);
    }
    let edit = core.resolve(&offer).await.unwrap();
    let after = apply_edits(&edit.files[0].text, &edit.files[0].edits).unwrap();
    assert_eq!(after, format!("\n\n\n{}", DRIFTED.replace("widht:", "width:")));
}

#[tokio::test]
async fn an_edit_for_a_file_is_held_against_the_file() {
    let files = Arc::new(MemoryFiles::default());
    let undocumented = "def area(width, height):\n    return width * height\n";
    files.put("/w/a.py", undocumented);
    files.put("/w/b.py", undocumented);
    let core = core_with(&files);
    core.add_root("file:///w");
    let edit = core.run(Command::DocumentWorkspace, None, None).await.unwrap();
    assert_eq!(core.rebase(edit.clone()).await.unwrap().files.len(), 2);
    files.put("/w/a.py", format!("import os\n{undocumented}"));
    let left = core.rebase(edit).await.unwrap();
    assert_eq!(left.files.iter().map(|file| file.uri.as_str()).collect::<Vec<_>>(), ["file:///w/b.py"]);
    assert!(left.note.contains("1 files were left out"), "{}", left.note);
}

#[tokio::test]
async fn findings_of_older_settings_are_known_as_such() {
    let core = core();
    core.set_push(true);
    core.open(URI, "python", 1, DRIFTED);
    let old = core.diagnostics(URI).await.unwrap();
    assert!(core.is_newest(&old));
    let mut events = core.events();
    core.config().set_editor(serde_json::json!({"analysis": {"profile": "strict"}})).unwrap();
    assert!(!core.is_newest(&old));
    let new = loop {
        let diagnosis = next_diagnosis(&mut events).await;
        if core.is_newest(&diagnosis) {
            break diagnosis;
        }
    };
    assert!(new.findings.len() > old.findings.len());
    core.close(URI);
    core.open(URI, "python", 1, "x = 1\n");
    assert!(!core.is_newest(&new), "the same version of another text");
}

#[tokio::test]
async fn every_open_document_is_diagnosed_however_many_come_at_once() {
    let core = core();
    core.set_push(true);
    let mut events = core.events();
    let mut missing: std::collections::HashSet<String> = (0..1500).map(|n| format!("file:///w/{n}.py")).collect();
    for uri in &missing {
        core.open(uri, "python", 1, "x = 1\n");
    }
    let all = async {
        while !missing.is_empty() {
            match events.recv().await {
                Ok(Event::Diagnostics(diagnosis)) => {
                    missing.remove(&diagnosis.uri);
                    core.diagnose_owed();
                }
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    missing.retain(|uri| core.inner.slots.get(uri.as_str()).is_none());
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("all are diagnosed");
    assert!(core.inner.owed.is_empty());
}

#[tokio::test]
async fn a_document_that_grows_too_large_shows_nothing_old() {
    let core = core();
    core.set_push(true);
    core.config().set_editor(serde_json::json!({"limits": {"max-file-size": 2048}})).unwrap();
    core.open(URI, "python", 1, DRIFTED);
    core.diagnostics(URI).await.unwrap();
    let mut events = core.events();
    core.change(URI, 2, &typed(0, 0, &"# long\n".repeat(1000)));
    core.change(URI, 3, &typed(0, 0, "#\n"));
    let (mut cleared, mut told) = (0, 0);
    while let Ok(event) = events.try_recv() {
        match event {
            Event::DiagnosticsCleared { .. } => cleared += 1,
            Event::Message { text, .. } => told += usize::from(text.contains("max-file-size")),
            _ => {}
        }
    }
    assert!(cleared >= 1 && told == 1, "cleared {cleared} times, told {told} times");
}

#[tokio::test]
async fn tags_that_become_a_custom_are_no_findings_any_more() {
    let files = Arc::new(MemoryFiles::default());
    let tagged = "/**\n * Adds.\n * @floob It.\n */\nfunction add() { return 1; }\n";
    for name in ["a", "b", "c"] {
        files.put(format!("/w/{name}.js"), tagged);
    }
    let core = core_with(&files);
    core.set_push(true);
    core.config().set_editor(serde_json::json!({"analysis": {"profile": "jsdoc"}})).unwrap();
    core.open("file:///w/a.js", "javascript", 1, tagged);
    let first = core.diagnostics("file:///w/a.js").await.unwrap();
    assert!(rules(&first).contains(&"unknown-tag"), "{:?}", rules(&first));
    let mut events = core.events();
    core.change_roots(&[], &["file:///w".into()]);
    core.change("file:///w/a.js", 2, &typed(0, 0, "\n"));
    let learnt = async {
        loop {
            match events.recv().await {
                // What a door does when the workspace is known anew.
                Ok(Event::WorkspaceChanged) => core.diagnose_all(),
                Ok(Event::Diagnostics(diagnosis))
                    if core.is_newest(&diagnosis) && !rules(&diagnosis).contains(&"unknown-tag") =>
                {
                    return;
                }
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), learnt).await.expect("the tag is learnt");
}

#[tokio::test]
async fn the_first_root_that_is_left_gives_the_settings() {
    let files = Arc::new(MemoryFiles::default());
    files.put("/a/code-agent.toml", "[analysis]\nprofile = 'strict'\n");
    files.put("/b/b.py", "def only_here(): pass\n");
    let core = core_with(&files);
    core.add_root("file:///a");
    let profile = |core: &ServerCore| core.config().settings().analysis.profile.name();
    assert_eq!(profile(&core), "strict");
    assert!(core.symbols("only_here").await.unwrap().is_empty());
    core.change_roots(&["file:///a".into()], &["file:///b".into()]);
    assert_eq!(profile(&core), "default");
    assert_eq!(core.symbols("only_here").await.unwrap().len(), 1, "a root that comes later is looked at");
}

#[tokio::test]
async fn a_command_tells_its_progress_and_ends_it_once() {
    let core = core();
    core.open(URI, "python", 1, "def area(width, height):\n    return width * height\n");
    let mut events = core.events();
    let command = Command::DocumentSymbol { uri: URI.into(), offset: 5 };
    let edit = core.run(command, None, Some("t1")).await.unwrap();
    let file = &edit.files[0];
    let after = apply_edits(&file.text, &file.edits).unwrap();
    assert!(after.contains("\"\"\"") && after.ends_with("    return width * height\n"), "{after}");
    assert!(!file.placeholders.is_empty());
    for stop in &file.placeholders {
        assert!(stop.of(&after).ends_with('.'), "{:?}", stop.of(&after));
    }
    let mut steps = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::Progress { token, step } = event {
            assert_eq!(token, "t1");
            steps.push(step);
        }
    }
    assert!(matches!(steps.as_slice(), [ProgressStep::Begin { .. }, ProgressStep::End { .. }]), "{steps:?}");
    let nowhere = Command::DocumentSymbol { uri: URI.into(), offset: 10_000 };
    assert!(matches!(core.run(nowhere, None, None).await, Err(CoreError::Refused { .. })));
    let unknown = Command::ConvertStyle { uri: URI.into(), offset: None, style: "gogle".into() };
    assert!(core.run(unknown, None, None).await.unwrap_err().to_string().contains("`google`"));
}

#[tokio::test]
async fn the_workspace_is_reported_file_by_file_and_unchanged_ones_in_short() {
    let files = Arc::new(MemoryFiles::default());
    files.put("/w/a.py", "x = 1\n");
    files.put("/w/b.py", DRIFTED);
    files.put("/w/c.py", b"\xff".to_vec());
    let core = core_with(&files);
    core.add_root("file:///w");
    core.open(URI, "python", 7, DRIFTED);
    let collect = async |previous| {
        let mut receiver = core.workspace_diagnostics(previous).unwrap();
        let mut reports = Vec::new();
        while receiver.recv_many(&mut reports, 8).await > 0 {}
        assert!(receiver.is_complete());
        reports
    };
    let first = collect(FxHashMap::default()).await;
    let mut ids = FxHashMap::default();
    for report in &first {
        let WorkspaceReport::Full(diagnosis) = report else { panic!("{report:?}") };
        assert_eq!(rules(diagnosis), ["param-renamed"]);
        ids.insert(diagnosis.uri.clone(), diagnosis.result_id.clone());
    }
    assert_eq!(ids.len(), 2);
    core.change(URI, 8, &typed(0, 0, "\n"));
    let second = collect(ids).await;
    assert!(matches!(&second[0], WorkspaceReport::Full(diagnosis) if diagnosis.version == Some(8)), "{second:?}");
    assert!(matches!(&second[1], WorkspaceReport::Unchanged { uri, .. } if uri == "file:///w/b.py"), "{second:?}");
}

#[tokio::test]
async fn a_report_of_the_workspace_that_was_overtaken_is_not_complete() {
    let files = Arc::new(MemoryFiles::default());
    for number in 0..300 {
        files.put(format!("/w/{number}.py"), "x = 1\n");
    }
    let core = core_with(&files);
    core.add_root("file:///w");
    let drain = async |reports: &mut crate::diagnose_workspace::WorkspaceReports| {
        let mut batch = Vec::new();
        while reports.recv_many(&mut batch, 64).await > 0 {}
        (batch.len(), reports.is_complete())
    };
    let mut first = core.workspace_diagnostics(FxHashMap::default()).unwrap();
    let mut begun = Vec::new();
    assert_eq!(first.recv_many(&mut begun, 1).await, 1);
    let mut second = core.workspace_diagnostics(FxHashMap::default()).unwrap();
    let (count, complete) = drain(&mut first).await;
    assert!(!complete && count < 299, "{count}");
    assert_eq!(drain(&mut second).await, (300, true));
}

#[tokio::test]
async fn settings_take_effect_while_the_core_runs() {
    let files = Arc::new(MemoryFiles::default());
    let core = core_with(&files);
    core.set_push(true);
    core.open(URI, "python", 1, DRIFTED);
    assert_eq!(rules(&core.diagnostics(URI).await.unwrap()), ["param-renamed"]);
    let mut events = core.events();
    files.put("/w/code-agent.toml", "[analysis.rules]\nparam-renamed = 'off'\n");
    core.add_root("file:///w");
    // What was found under the old settings may still be on its way.
    let settled = async {
        loop {
            let diagnosis = next_diagnosis(&mut events).await;
            if rules(&diagnosis).is_empty() {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), settled).await.expect("the rule is switched off");
    files.put("/w/code-agent.toml", "[analysis.rules]\nparam-renamed = 'loud'\n");
    core.watched_files_changed(&["file:///w/code-agent.toml".into()]);
    let message = loop {
        if let Event::Message { text, .. } = events.recv().await.unwrap() {
            break text;
        }
    };
    assert!(message.contains("code-agent.toml") && message.contains("param-renamed"), "{message}");
    assert!(core.diagnostics(URI).await.unwrap().findings.is_empty(), "the last good settings hold");
    core.config().set_editor(serde_json::json!({"analysis": {"rules": {"param-renamed": "error"}}})).unwrap();
    assert_eq!(rules(&core.diagnostics(URI).await.unwrap()), ["param-renamed"]);
}

#[tokio::test]
async fn what_cannot_be_analysed_is_said_in_one_sentence_and_harms_nothing() {
    let core = core();
    let mut events = core.events();
    core.config().set_editor(serde_json::json!({"limits": {"max-file-size": 1024}})).unwrap();
    core.open("file:///w/big.py", "python", 1, &"x = 1\n".repeat(1000));
    core.open("file:///w/a.xyz", "brainfuck", 1, "+");
    assert!(matches!(core.diagnostics("file:///w/big.py").await, Err(CoreError::TooLarge { size: 6000, .. })));
    assert!(matches!(core.diagnostics("file:///w/a.xyz").await, Err(CoreError::UnsupportedLanguage { .. })));
    assert!(core.diagnostics("file:///w/none.py").await.is_err());
    assert!(core.diagnostics("untitled:1").await.is_err());
    let mut sentences = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::Message { text, .. } = event {
            sentences.push(text);
        }
    }
    assert!(sentences.len() == 2 && sentences[0].starts_with("/w/big.py has 6000 bytes"), "{sentences:?}");
    core.change("file:///w/big.py", 2, &[Change { range: None, text: "x = 1\n".into() }]);
    assert!(core.diagnostics("file:///w/big.py").await.is_ok(), "a document that shrank is analysed");
}

#[tokio::test]
async fn a_request_that_is_dropped_leaves_no_work_behind() {
    let core = core();
    core.open(URI, "python", 1, &"def f(a):\n    return a\n".repeat(20_000));
    let request = core.diagnostics(URI);
    assert!(tokio::time::timeout(Duration::from_millis(5), request).await.is_err());
    let began = Instant::now();
    while core.health().load.running > 0 {
        assert!(began.elapsed() < Duration::from_millis(500), "it still runs");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(core.diagnostics(URI).await.is_ok(), "who asks again gets an answer");
}

#[tokio::test(flavor = "current_thread")]
async fn requests_in_the_midst_of_typing_are_all_answered() {
    let core = core();
    core.open(URI, "python", 0, DRIFTED);
    let mut answers = Vec::new();
    for version in 1..200 {
        core.change(URI, version, &typed(0, 0, if version % 2 == 0 { "\n" } else { "x = 'é'\n" }));
        let core = core.clone();
        answers.push(tokio::spawn(async move { (version, core.diagnostics(URI).await) }));
        if version % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for answer in answers {
        let (asked, diagnosis) = answer.await.unwrap();
        let version = diagnosis.unwrap().version.unwrap();
        assert!(version >= asked, "{version} for {asked}");
    }
}

#[tokio::test]
async fn symbols_are_found_in_open_documents_and_on_disk() {
    let files = Arc::new(MemoryFiles::default());
    files.put("/w/b.py", "class Reader:\n    def read_all(self):\n        pass\n");
    let core = core_with(&files);
    core.add_root("file:///w");
    core.open(URI, "python", 1, "def read_one(): pass\n");
    core.diagnostics(URI).await.unwrap();
    let found = core.symbols("read").await.unwrap();
    let names: Vec<(&str, &str)> =
        found.iter().map(|symbol| (symbol.name.as_str(), symbol.container.as_str())).collect();
    assert_eq!(names, [("Reader", ""), ("read_all", "Reader"), ("read_one", "")]);
    core.change(URI, 2, &[Change { range: None, text: "def renamed_now(): pass\n".into() }]);
    assert!(core.symbols("read_one").await.unwrap().is_empty(), "what is typed counts");
    assert_eq!(core.symbols("renamed_now").await.unwrap().len(), 1);
    files.put("/w/b.py", "def rewrite(): pass\n");
    files.put("/elsewhere/c.py", "def rewrite_elsewhere(): pass\n");
    files.remove(Path::new("/w/gone.py"));
    let changed = ["file:///w/b.py", "file:///w/gone.py", "file:///elsewhere/c.py"];
    core.watched_files_changed(&changed.map(String::from));
    let began = Instant::now();
    while core.symbols("rewrite").await.unwrap().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(10), "the changed file is never read");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(core.symbols("rewrite").await.unwrap().len(), 1, "a file outside of all roots is none of ours");
}

#[tokio::test]
async fn deadlines_hold_for_requests() {
    let core = core();
    core.config().set_editor(serde_json::json!({"limits": {"deadline-ms": 1}})).unwrap();
    core.open(URI, "python", 1, &"def f(a):\n    return a\n".repeat(20_000));
    assert!(matches!(core.diagnostics(URI).await, Err(CoreError::Task(TaskError::Deadline))));
}

#[test]
fn a_check_reports_all_files_in_order_and_learns_the_tags_of_the_house() {
    let files = Arc::new(MemoryFiles::default());
    let tagged = "/**\n * Adds.\n * @retruns {number} The sum.\n */\nfunction add() { return 1; }\n";
    for name in ["a", "b", "c"] {
        files.put(format!("/w/{name}.js"), tagged);
    }
    files.put("/w/b.py", DRIFTED);
    files.put("/w/bin.py", b"\0".to_vec());
    let core = core_with(&files);
    let check = |paths: &[&str]| {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let mut seen = Vec::new();
        let summary =
            core.check_paths(&paths, &BatchOptions { threads: 3, ..BatchOptions::default() }, &mut |report| {
                let rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
                seen.push(format!("{} {}", report.path.display(), rules.join(",")));
            });
        (seen, summary)
    };
    let (seen, summary) = check(&["/w", "/w/b.py", "/none.py"]);
    assert_eq!(seen, ["/w/a.js ", "/w/b.js ", "/w/b.py param-renamed", "/w/bin.py ", "/w/c.js ", "/none.py "]);
    assert_eq!((summary.files, summary.skipped, summary.troubles, summary.findings, summary.fixable), (4, 1, 1, 1, 1));
    let (seen, _) = check(&["/w/a.js"]);
    assert_eq!(seen, ["/w/a.js unknown-tag"], "once is a slip");
}

#[test]
fn fixing_and_documenting_write_once_and_then_find_nothing_to_do() {
    let files = Arc::new(MemoryFiles::default());
    files.put("/w/a.py", format!("\u{feff}{}", DRIFTED.replace('\n', "\r\n")));
    files.put("/w/b.py", "def area(width, height):\n    return width * height\n");
    let core = core_with(&files);
    let text = |name: &str| String::from_utf8(files.get(Path::new(name)).unwrap()).unwrap();
    let paths = [PathBuf::from("/w")];
    let dry = core.fix_paths(&paths, &BatchOptions::default(), &mut |_| {});
    assert_eq!((dry.changed, dry.mended), (1, 1));
    assert!(text("/w/a.py").contains("widht:"), "nothing is written unless asked for");
    let write = BatchOptions { write: true, ..BatchOptions::default() };
    assert_eq!(core.fix_paths(&paths, &write, &mut |_| {}).changed, 1);
    assert_eq!(text("/w/a.py"), format!("\u{feff}{}", DRIFTED.replace('\n', "\r\n").replace("widht:", "width:")));
    assert_eq!(core.fix_paths(&paths, &write, &mut |_| {}).changed, 0);
    let documented = core.document_paths(&paths, &write, &mut |_| {});
    assert!(documented.changed >= 1 && documented.troubles == 0, "{documented:?}");
    assert!(text("/w/b.py").contains("\"\"\""));
    assert_eq!(core.document_paths(&paths, &write, &mut |_| {}).changed, 0);
}

impl ServerCore {
    fn stats_of(&self, request: &str) -> u64 {
        let rows = self.metrics().stats().rows;
        rows.iter().filter(|row| row.kind == Kind::Request && row.name == request).map(|row| row.count).sum()
    }
}
