//! `code-agent ask` and `code-agent models` as a user runs them, against a model server on this machine.

use crate::support::program::Project;
use llm::scripted::{Fault, ModelServer, Script, words};
use std::time::Duration;

/// A server that lives as long as its runtime.
struct Running {
    server: ModelServer,
    _runtime: tokio::runtime::Runtime,
}

/// The user's own settings, as the program finds them in a test.
const OWN: &str = ".config/code-agent/config.toml";

fn serve(usual: Script) -> Running {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let server = runtime.block_on(ModelServer::start(usual, 100));
    Running { server, _runtime: runtime }
}

fn saying(text: &str) -> Running {
    serve(Script::Words(words(text), Duration::ZERO))
}

fn project(targets: &[(&str, &str)]) -> Project {
    let mut settings = "[routing]\nstrategy = 'ordered'\n[models]\nfirst-word-ms = 3000\nstall-ms = 500\n".to_owned();
    for (name, url) in targets {
        settings.push_str(&format!("[[models.target]]\nname = '{name}'\nmodel = 'm'\nbase-url = '{url}'\n"));
    }
    Project::with(&[("code-agent.toml", &settings)])
}

#[test]
fn a_question_is_answered_in_text_in_pieces_and_as_json() {
    let one = saying("Forty two it is");
    let project = project(&[("one", &one.server.url)]);
    for arguments in [&["ask", "why?"][..], &["ask", "why?", "--stream"], &["ask", "-", "--model", "one"]] {
        let outcome = project.run_with_input(arguments, b"why?");
        assert_eq!(
            (outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()),
            (Some(0), "Forty two it is\n", "")
        );
    }
    let answer = project.run(&["ask", "why?", "--json"]).json();
    assert_eq!((answer["text"].as_str(), answer["usage"]["output"].as_u64()), (Some("Forty two it is"), Some(4)));
    let pieces = project.run(&["ask", "why?", "--json", "--stream"]).json_lines();
    let text: String = pieces.iter().filter_map(|piece| piece["text"].as_str()).collect();
    assert_eq!(
        (text.as_str(), pieces.last().map(|piece| piece["finish"].clone())),
        ("Forty two it is", Some("stop".into()))
    );
}

#[test]
fn a_secret_in_a_file_does_not_leave_and_comes_back_in_the_answer() {
    let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
    let one = saying("It is __SECRET_1__ there");
    let project = project(&[("one", &one.server.url)]);
    project.write("a.py", format!("token = \"{secret}\"\n"));
    let outcome = project.run(&["ask", "what is the token?", "--file", "a.py"]);
    assert_eq!(outcome.stdout, format!("It is {secret} there\n"));
    let sent = one.server.seen.bodies.lock().expect("no panic").concat();
    assert!(sent.contains("__SECRET_1__") && !sent.contains(&secret), "{sent}");
}

#[test]
fn a_stream_that_breaks_goes_on_at_the_next_model() {
    for fault in [Fault::Cut, Fault::Stall, Fault::Garbage, Fault::Quota] {
        let broken = serve(Script::Broken(words("one two "), fault));
        let whole = saying("one two three");
        whole.server.next([Script::Late(Duration::from_millis(20), words("one two three"))]);
        let project = project(&[("broken", &broken.server.url), ("whole", &whole.server.url)]);
        let outcome = project.run(&["ask", "count", "--stream"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "one two three\n"), "{fault:?}");
    }
}

#[test]
fn the_first_good_one_of_two_answers_is_taken() {
    let (empty, good) = (saying(""), serve(Script::Words(words("a good answer"), Duration::from_millis(30))));
    let project = project(&[("empty", &empty.server.url), ("good", &good.server.url)]);
    let outcome = project.run(&["ask", "why?", "--strategy", "best_of_two"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "a good answer\n"), "{}", outcome.stderr);
    assert_eq!((empty.server.requests(), good.server.requests()), (1, 1));
}

#[test]
fn a_key_goes_to_its_own_provider_and_a_workspace_cannot_take_it() {
    let (mine, theirs) = (saying("mine"), saying("theirs"));
    let own = format!(
        "[[models.target]]\nname = 'mine'\nmodel = 'm'\nbase-url = '{}'\napi-key = {{ file = 'key' }}\n",
        mine.server.url
    );
    let project = Project::with(&[(OWN, &own), ("key", "the-key\n")]);
    assert_eq!(project.run(&["ask", "why?"]).stdout, "mine\n");
    assert_eq!(mine.server.seen.keys.lock().expect("no panic").last().map(String::as_str), Some("Bearer the-key"));
    let taken = own.replace(&mine.server.url, &theirs.server.url);
    project.write("code-agent.toml", taken);
    let outcome = project.run(&["ask", "why?"]);
    assert_eq!((outcome.code, theirs.server.requests()), (Some(2), 0));
    outcome.assert_one_sentence("api-key");
}

#[test]
fn models_are_listed_and_tested() {
    let good = serve(Script::Open(words("ready")));
    let bad = serve(Script::Status(401, Vec::new(), r#"{"error":{"message":"no such key"}}"#.into()));
    let project = project(&[("good", &good.server.url), ("bad", &bad.server.url)]);
    let listed = project.run(&["models"]);
    assert_eq!(listed.code, Some(0));
    assert_eq!(listed.stdout.lines().count(), 3, "a heading and two models: {}", listed.stdout);
    assert_eq!((good.server.requests(), bad.server.requests()), (0, 0), "listing costs nothing");
    // Each is really asked, however often.
    assert_eq!(project.run(&["models", "test"]).code, Some(1));
    let tested = project.run(&["models", "test", "--json"]);
    assert!(good.server.requests() == 2 && bad.server.requests() == 2, "no answer that is kept will do");
    assert_eq!(tested.code, Some(1));
    let lines = tested.json_lines();
    assert_eq!((lines[0]["ok"].as_bool(), lines[1]["ok"].as_bool()), (Some(true), Some(false)));
    assert!(
        lines[1]["message"].as_str().is_some_and(|said| said.contains("bad: no such key") && said.contains("api-key"))
    );
}

#[test]
fn what_is_wrong_is_one_sentence_that_names_the_setting_or_the_model() {
    let nothing = Project::new();
    let outcome = nothing.run(&["ask", "why?"]);
    assert_eq!(outcome.code, Some(2));
    outcome.assert_one_sentence("[[models.target]]");
    assert_eq!(nothing.run(&["models"]).code, Some(0), "no model is no trouble");
    for (settings, part) in [
        ("[[models.target]]\nmodel = 'm'\napi-key = { env = 'NO_SUCH_KEY_HERE' }\n", "NO_SUCH_KEY_HERE"),
        ("[[models.target]]\nname = 'x'\n", "`model` is missing"),
        ("[[models.target]]\nmodel = 'm'\nbase-url = 'nowhere'\n", "base-url"),
        ("[[models.target]]\nmodel = 'm'\nprice = { input = -3.0 }\n", "price"),
        ("[[models.target]]\nmodel = 'm'\napi-key = 'sk-live'\n", "models.target"),
        ("[routing]\nstrategy = 'luck'\n", "routing.strategy"),
    ] {
        let project = Project::with(&[(OWN, settings)]);
        let outcome = project.run(&["models"]);
        assert_eq!(outcome.code, Some(2), "{settings}");
        outcome.assert_one_sentence(part);
        assert!(!outcome.stderr.contains("sk-live"), "a key is never echoed: {}", outcome.stderr);
    }
    let project = project(&[("gone", "http://127.0.0.1:1/v1")]);
    let outcome = project.run(&["ask", "why?"]);
    assert_eq!(outcome.code, Some(2));
    outcome.assert_one_sentence("gone");
    let unknown = project.run(&["ask", "why?", "--model", "other"]);
    unknown.assert_one_sentence("other");
    project.write("huge.txt", "x".repeat(100 << 20));
    let huge = project.run(&["ask", "why?", "--file", "huge.txt"]);
    assert_eq!(huge.code, Some(2));
    huge.assert_one_sentence("max-prompt-bytes");
    assert_eq!(project.run(&["ask", " "]).code, Some(2));
}

#[test]
fn without_a_model_the_code_itself_is_asked() {
    let source = "def parse_url(text):\n    \"\"\"Split an address into its parts.\"\"\"\n    return text.split('/')\n";
    let project = Project::with(&[("web/urls.py", source)]);
    for arguments in [
        &["ask", "What does `parse_url` do?"][..],
        &["ask", "What does parse_url do?", "--strategy", "offline", "--file", "web/urls.py"],
    ] {
        let outcome = project.run(arguments);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert!(outcome.stdout.contains("urls.py:1"), "{}", outcome.stdout);
        assert!(outcome.stdout.contains("def parse_url(text)") && outcome.stdout.contains("Split an address"));
    }
    let outcome = project.run(&["ask", "What is the meaning of life?"]);
    assert_eq!(outcome.code, Some(2));
    outcome.assert_one_sentence("[[models.target]]");
    // A model that fails takes nothing from what the code says, but it is told.
    let bad = serve(Script::Status(500, Vec::new(), "{}".into()));
    project.write(
        "code-agent.toml",
        format!("[[models.target]]\nname = 'bad'\nmodel = 'm'\nbase-url = '{}'\n", bad.server.url),
    );
    let outcome = project.run(&["ask", "What does parse_url do?"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stdout.contains("Split an address") && outcome.stderr.contains("bad: "), "{}", outcome.stderr);
}

#[test]
fn the_cheapest_model_whose_answer_passes_is_taken() {
    let (dear, cheap) = (saying("a dear answer"), saying(""));
    let own = format!(
        "[[models.target]]\nname = 'dear'\nmodel = 'm'\nbase-url = '{}'\nprice = {{ input = 5.0, output = 5.0 }}\n\
         [[models.target]]\nname = 'cheap'\nmodel = 'm'\nbase-url = '{}'\nprice = {{ input = 1.0, output = 1.0 }}\n",
        dear.server.url, cheap.server.url
    );
    let project = Project::with(&[(OWN, &own)]);
    let outcome = project.run(&["ask", "why?", "--strategy", "cascade"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "a dear answer\n"), "{}", outcome.stderr);
    // One that says nothing would say nothing again, and be paid for it.
    assert_eq!((cheap.server.requests(), dear.server.requests()), (1, 1));
    let outcome = project.run(&["ask", "why?", "--strategy", "luck"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("offline, fast, best_of_two, cascade"), "{}", outcome.stderr);
}

#[test]
fn a_budget_holds_over_processes_and_the_day_can_be_looked_back_on() {
    let good = saying("one two three");
    let bad = serve(Script::Status(
        429,
        vec![("retry-after", "60".to_owned())],
        r#"{"error":{"message":"slow down"}}"#.into(),
    ));
    let own = |limit: f64| {
        format!(
            "[budget]\ndollars-per-day = {limit}\n[routing]\nstrategy = 'ordered'\n\
             [[models.target]]\nname = 'bad'\nmodel = 'm'\nbase-url = '{}'\n\
             [[models.target]]\nname = 'good'\nmodel = 'm'\nbase-url = '{}'\nprice = {{ input = 0.0, output = 1000.0 }}\n",
            bad.server.url, good.server.url
        )
    };
    let project = Project::with(&[(OWN, &own(0.05))]);
    // Each answer costs three tokens, 0.3 cents, and twenty are reserved for it.
    let ask = |number: usize| project.run(&["ask", &format!("why {number}?"), "--max-tokens", "20"]);
    assert_eq!(ask(1).code, Some(0));
    project.write(OWN, own(0.022));
    let refused = ask(2);
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    assert!(refused.stderr.contains("budget.dollars-per-day"), "{}", refused.stderr);
    let models = project.run(&["models", "--json"]).json_lines();
    assert_eq!(models[1]["today"]["answers"].as_u64(), Some(1));
    assert!(models[1]["today"]["first-word-p50-ms"].as_f64().is_some_and(|time| time > 0.0));
    assert_eq!(models[0]["today"]["failures"]["rate"].as_u64(), Some(2));
    assert_eq!((models[0]["limit"].as_u64(), models[0]["state"].as_str()), (Some(32), Some("failing")));
    assert_eq!(models[1]["state"].as_str(), Some("ready"));
    let stats = project.run(&["stats"]);
    for part in
        ["Language models today", "good: 1 answers, 10 tokens in, 3 out, $0.0030", "incident 1 (open): rate, limit"]
    {
        assert!(stats.stdout.contains(part), "{part}\n{}", stats.stdout);
    }
    assert_eq!(project.run(&["stats", "--json"]).json()["models"]["answers"].as_u64(), Some(1));
}

#[test]
fn measuring_says_each_figure_with_its_aim() {
    let project = Project::new();
    let outcome = project.run(&["bench", "llm", "--short", "--json", "--only", "coalescing"]);
    assert!(matches!(outcome.code, Some(0 | 1)), "{}", outcome.stderr);
    let rows = outcome.json_lines();
    assert_eq!(rows.len(), 3);
    for row in rows {
        assert!(row["measured"].as_str().is_some_and(|text| !text.is_empty()) && row["is-met"].is_boolean(), "{row}");
        // It counts calls, which no busy machine changes.
        assert_eq!(row["is-met"].as_bool(), Some(true), "{row}");
    }
}

#[test]
fn a_hole_between_two_files_is_filled_to_the_byte_by_a_model_that_can() {
    let one = saying("a, b\n");
    let project = project(&[("one", &one.server.url)]);
    project.write("before", "def add(");
    project.write("after", "):\n    return a + b\n");
    let fill = ["ask", "--fill", "before", "after"];
    project.run(&fill).assert_one_sentence("has a `fill`");
    project.run(&["ask", "--fill", "before", "gone"]).assert_one_sentence("gone");
    assert_eq!(project.run(&["ask", "why?", "--fill", "before", "after"]).code, Some(2));
    assert_eq!(project.run(&["ask", "--fill", "before"]).code, Some(2));
    let settings = |fill: &str| {
        format!("[[models.target]]\nname = 'one'\nmodel = 'm'\nbase-url = '{}'\nfill = '{fill}'\n", one.server.url)
    };
    project.write("code-agent.toml", settings("middle"));
    project.run(&fill).assert_one_sentence("`fill` is one of suffix, infill");
    project.write("code-agent.toml", settings("qwen"));
    let outcome = project.run(&fill);
    assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (Some(0), "a, b\n", ""));
    let sent = one.server.seen.bodies.lock().expect("bodies").concat();
    assert!(sent.contains("<|fim_prefix|>def add(<|fim_suffix|>):"), "{sent}");
    let answer = project.run(&[&fill[..], &["--json"]].concat()).json();
    assert_eq!(answer["text"].as_str(), Some("a, b\n"));
}
