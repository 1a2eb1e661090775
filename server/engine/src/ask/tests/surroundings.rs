//! What is read around a place: version control, findings, callers; and what is remembered of explanations.

use super::*;
use std::path::Path;
use std::process::Command;

/// A core over a folder of the file system.
fn core_on_disk(root: &Path, url: &str, settings: Value) -> ServerCore {
    let files = Arc::new(workspace::files::DiskFiles);
    let sources = Sources { file_system: files.clone(), ..Sources::none() };
    let core = ServerCore::new(Parts {
        file_system: files,
        config: Arc::new(ConfigurationManager::new(sources).0),
        metrics: Arc::default(),
        mode: Arc::new(EditorMode),
        strategy: Arc::new(Offline),
        journal: || None,
    });
    let mut all = json!({ "models": { "target": [{ "name": "own", "model": "m", "base-url": url }] } });
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    core.set_editor_settings(all);
    core.add_root(&workspace::uri::from_path(root));
    core
}

fn git(root: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"];
    let status = Command::new("git").arg("-C").arg(root).args(who).args(arguments).output().unwrap();
    assert!(status.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&status.stderr));
}

/// A repository whose branch changes two files, adds one with a key in its name and takes lines out of another.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |name: &str, text: &str| std::fs::write(root.join(name), text).unwrap();
    git(root, &["init", "-q"]);
    write("orders.py", TEXT);
    write("shop.py", "from orders import total\n\n\ndef bill(cart):\n    return total(cart.prices, cart.rate)\n");
    write("less.py", "x = 1\ny = 2\n");
    write("same.py", "def same():\n    return 1\n");
    git(root, &["add", "."]);
    git(root, &["commit", "-qm", "first"]);
    git(root, &["checkout", "-qb", "cheaper"]);
    write("orders.py", &TEXT.replace("price * rate", "price * (rate + 1)"));
    write("less.py", "x = 1\n");
    git(root, &["commit", "-qam", "second"]);
    write("added.py", "def added():\n    return 2\n");
    write("secrets.py", "KEY = 'x'\n");
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_is_reviewed_file_by_file_and_its_remarks_stand_in_a_page_and_at_their_lines() {
    let by = Usual::by(|_, info| {
        let line = if info.body.contains("added():") { 2 } else { 13 };
        script(&format!(
            "{{\"notes\": [{{\"line\": {line}, \"severity\": \"warning\", \"message\": \"Is it meant?\"}}]}}"
        ))
    });
    let server = ModelServer::start(by, 100).await;
    let folder = repository();
    let core = core_on_disk(folder.path(), &server.url, json!({}));
    let uri = workspace::uri::from_path(&folder.path().join("orders.py"));
    let offers = core.ask_offers(&uri, PlaceAt { span: Span::at(0), revision: 0 }, Vec::new()).await.unwrap();
    let offer = offers.into_iter().find(|offer| offer.title.starts_with("Review the changes of this branch"));
    let asked = core.ask(offer.unwrap().ask, None).await.unwrap();
    assert!(asked.note.starts_with("Review of the branch: 2 remarks on 2 changed files · own"), "{}", asked.note);
    let page = asked.page.unwrap();
    assert!(page.text.contains("- [added.py:2](") && page.text.contains("- [orders.py:13]("), "{}", page.text);
    assert!(page.text.contains("1 changed files are kept from models"), "{}", page.text);
    let said: String = server.seen.bodies.lock().unwrap().concat();
    assert!(said.contains("(rate + 1)") && !said.contains("KEY = "), "a file of secrets is shown to nobody");
    // It is seen when the file is opened, and gone when its line is another.
    let text = std::fs::read_to_string(folder.path().join("orders.py")).unwrap();
    core.open(&uri, "python", 1, &text);
    let diagnosis = core.diagnostics(&uri).await.unwrap();
    assert_eq!(core.remarks(&diagnosis).len(), 1);
    core.change(&uri, 2, &[Change { range: None, text: text.replace("(rate + 1)", "rate") }]);
    let diagnosis = core.diagnostics(&uri).await.unwrap();
    assert_eq!(core.remarks(&diagnosis), []);
    // On a branch that others begin at there is nothing to compare with.
    git(folder.path(), &["stash", "-qu"]);
    git(folder.path(), &["checkout", "-q", "main"]);
    let refused = core.ask(Ask { words: BRANCH.into(), uri, ..at(AskKind::Review, "total") }, None).await.unwrap_err();
    assert!(refused.to_string().contains("changes no file"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_shown_callers_findings_and_what_changed() {
    let server = saying("It adds up what everything costs, tax included.").await;
    let folder = repository();
    let core = core_on_disk(folder.path(), &server.url, json!({}));
    core.know_workspace().await;
    let path = folder.path().join("orders.py");
    let drifted = "    \"\"\"Add up.\n\n    Args:\n        cost: Each.\n    \"\"\"\n    result = 0.0";
    std::fs::write(&path, TEXT.replace("    result = 0", drifted)).unwrap();
    let uri = workspace::uri::from_path(&path);
    let text = std::fs::read_to_string(&path).unwrap();
    let span = Span::at(text.find("total").unwrap());
    let pieces = core.context(&uri, PlaceAt { span, revision: 0 }, None).await.unwrap();
    let shown = |word: &str| pieces.iter().find(|piece| piece.why.word() == word).map(|piece| &*piece.text);
    assert!(shown("changed since the last commit").unwrap().contains("+    result = 0.0\n"), "{pieces:?}");
    assert!(shown("found here").unwrap().contains("`cost`"), "{pieces:?}");
    let caller = pieces.iter().find(|piece| piece.why == actions::context::Why::Caller).unwrap();
    assert_eq!((&*caller.path, &*caller.symbol), ("shop.py", "bill"));
    let tokens: usize = pieces.iter().map(actions::context::Piece::tokens).sum();
    assert!(tokens <= 1500);
    let few = core.context(&uri, PlaceAt { span, revision: 0 }, Some(40)).await.unwrap();
    assert!(few.iter().map(actions::context::Piece::tokens).sum::<usize>() <= 40, "{few:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_explained_is_in_the_hover_until_the_code_is_another() {
    let server = saying("It adds up what everything costs.\n\nFirst it begins at zero.").await;
    let core = core(&server.url, json!({}));
    let hover = async |core: &ServerCore| {
        let offset = core.snapshot(URI).unwrap().text().find("total").unwrap();
        core.hover(URI, place(core, offset)).await.unwrap().unwrap().value.markdown
    };
    assert!(!hover(&core).await.contains("adds up"));
    core.ask(at(AskKind::Explain, "total"), None).await.unwrap();
    let shown = hover(&core).await;
    assert!(shown.ends_with("---\nIt adds up what everything costs.\n\n*Explained by own.*"), "{shown}");
    insert(&core, 2, 0, "# moved\n");
    assert!(hover(&core).await.contains("adds up"), "it stands elsewhere, and is the same");
    insert(&core, 3, 12, "    rate = 2\n");
    let shown = hover(&core).await;
    assert!(shown.contains("def total") && !shown.contains("adds up"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_going_to_be_done_is_shown_first_where_that_is_wanted() {
    let server = saying(TOTAL).await;
    for is_wanted in [true, false] {
        let core = core(&server.url, json!({ "actions": { "preview": is_wanted } }));
        let asked = core.ask(at(AskKind::Refactor, "total"), None).await.unwrap();
        let shown = asked
            .preview
            .as_ref()
            .map(|page| page.text.contains("+    return sum(") && page.text.contains("## Prompt"));
        assert_eq!(shown, is_wanted.then_some(true));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn translating_is_offered_where_there_is_something_to_translate() {
    let server = saying("{}").await;
    for (settings, text, title) in [
        (json!({}), TEXT, None),
        (json!({}), "# Größe\nx = 1\n", Some("Translate the comments into English")),
        (json!({ "actions": { "translate-to": "Polish" } }), TEXT, Some("Translate the comments into Polish")),
    ] {
        let core = core(&server.url, settings);
        core.change(URI, 2, &[Change { range: None, text: text.into() }]);
        let offers = core.ask_offers(URI, place(&core, 0), Vec::new()).await.unwrap();
        let found = offers.iter().find(|offer| offer.ask.kind == AskKind::Translate);
        assert_eq!(found.map(|offer| offer.title.split(" · ").next().unwrap()), title);
    }
}
