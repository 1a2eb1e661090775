//! The pages about language models where these were asked: their tables say what the interface tells.

use super::*;
use crate::tests::figures::{Asked, service_that_asked};

/// The rows of the table of a page, each on a line of its own.
fn rows(page: &Reply) -> Vec<&str> {
    page.text.lines().filter(|line| line.starts_with("<tr><th scope=\"row\">")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_that_were_asked_stand_on_their_pages_with_figures() {
    let Asked { service, weak, shut } = service_that_asked().await;
    service.account("mia", Role::Maintainer).await;
    let mut browser = Browser::signed_in(&service, "mia").await;

    let usage = browser.get("/usage").await;
    for figure in ["<dt>Dollars</dt><dd>0.0041</dd>", "<dt>Tokens</dt><dd>2006</dd>"] {
        assert!(usage.text.contains(figure), "{figure}: {usage:?}");
    }
    let row = "<tr><th scope=\"row\">own</th><td class=\"number\">0.0041</td><td class=\"number\">2006</td></tr>";
    assert_eq!(rows(&usage), [row]);

    let models = browser.get("/models").await;
    let found = rows(&models);
    let expected = [("own", "ready", 2, 0), ("weak", "ready", 0, 2), ("shut", "left alone", 0, 1)];
    assert_eq!(found.len(), expected.len(), "{models:?}");
    for (row, (name, state, answers, failures)) in found.into_iter().zip(expected) {
        let figures = [answers, failures, 0].map(|figure| format!("<td class=\"number\">{figure}</td>")).concat();
        let told = format!(
            "<tr><th scope=\"row\">{name}</th><td>m-{name}</td><td>openai</td>\
             <td><span class=\"state {state}\">{state}</span></td>{figures}<td class=\"number\">"
        );
        let first_word = row.strip_prefix(&*told).unwrap_or_else(|| panic!("{row} is not {told}"));
        let time = first_word.strip_suffix("</td></tr>").unwrap();
        let is_measured = time.strip_suffix(" ms").is_some_and(|time| time.parse::<f64>().is_ok());
        assert!(if answers > 0 { is_measured } else { time == "–" }, "{name}: {time}");
    }

    let incidents = browser.get("/incidents").await;
    // What a provider said is shown as it is, and is no markup.
    let wrong = "&lt;b&gt;Wrong&lt;/b&gt; key";
    let failed = "The server had an error while processing your request. Sorry about that!";
    let expected = [(2, "key", &shut, "auth", wrong, 1), (1, "provider", &weak, "server", failed, 2)];
    let found = rows(&incidents);
    assert_eq!(found.len(), expected.len(), "{incidents:?}");
    for (row, (number, scope, provider, cause, said, failures)) in found.into_iter().zip(expected) {
        let told = format!(
            "<tr><th scope=\"row\">{number}</th><td><span class=\"state open\">open</span></td>\
             <td>{scope}: {provider}</td><td>{cause}</td><td>{said}</td><td class=\"number\">{failures}</td><td><time datetime=\""
        );
        assert!(row.starts_with(&told), "{row} is not {told}");
    }
    assert!(!incidents.text.contains("<b>"), "{incidents:?}");
}
