//! What each role may do. It was written down by hand, from what is said of roles and of operations, so that a mistake in the policies is found and not repeated.

use super::*;
use crate::openapi::document_value;
use std::collections::BTreeMap;

/// A line for each operation of the document, and a column for whoever asks: nobody (without a token, from elsewhere), or an account of the role.
///
/// A viewer has texts looked at and searched, and sees the models and his own jobs; a developer also runs jobs and asks models; a maintainer also sees what
/// models cost, what went wrong with them, the settings and the figures; an admin also has the accounts and the audit log. The auditor stands beside them: he
/// looks at the audit log, the accounts, the models and what they cost, the settings and the figures, and does nothing. Each has a sign-in, tokens and a socket.
const TABLE: &str = "\
operation               nobody viewer developer maintainer admin auditor
accounts.change         -      -      -         -          yes   -
accounts.create         -      -      -         -          yes   -
accounts.end_invitation -      -      -         -          yes   -
accounts.end_sessions   -      -      -         -          yes   -
accounts.invite         -      -      -         -          yes   -
accounts.list           -      -      -         -          yes   yes
accounts.remove_totp    -      -      -         -          yes   -
accounts.show           -      -      -         -          yes   yes
actions.offers          -      yes    yes       yes        yes   -
actions.run             -      yes    yes       yes        yes   -
audit.list              -      -      -         -          yes   yes
config.schema           -      -      -         yes        yes   yes
config.show             -      -      -         yes        yes   yes
devices.begin           yes    yes    yes       yes        yes   yes
devices.decide          -      yes    yes       yes        yes   yes
documents.diagnostics   -      yes    yes       yes        yes   -
documents.document      -      yes    yes       yes        yes   -
documents.symbols       -      yes    yes       yes        yes   -
documents.update_docs   -      yes    yes       yes        yes   -
incidents.list          -      -      -         yes        yes   yes
invitations.accept      yes    yes    yes       yes        yes   yes
jobs.cancel             -      -      yes       yes        yes   -
jobs.create             -      -      yes       yes        yes   -
jobs.events             -      yes    yes       yes        yes   -
jobs.list               -      yes    yes       yes        yes   -
jobs.show               -      yes    yes       yes        yes   -
me.begin_totp           -      yes    yes       yes        yes   yes
me.change_password      -      yes    yes       yes        yes   yes
me.confirm_totp         -      yes    yes       yes        yes   yes
me.new_recovery_codes   -      yes    yes       yes        yes   yes
me.remove_totp          -      yes    yes       yes        yes   yes
me.show                 -      yes    yes       yes        yes   yes
models.list             -      yes    yes       yes        yes   yes
openai.chat             -      -      yes       yes        yes   -
openai.model            -      yes    yes       yes        yes   yes
openai.models           -      yes    yes       yes        yes   yes
search.symbols          -      yes    yes       yes        yes   -
service.docs            yes    yes    yes       yes        yes   yes
service.document        yes    yes    yes       yes        yes   yes
service.live            yes    yes    yes       yes        yes   yes
service.metrics         -      -      -         yes        yes   yes
service.ready           yes    yes    yes       yes        yes   yes
service.setup           yes    yes    yes       yes        yes   yes
sessions.create         yes    yes    yes       yes        yes   yes
sessions.delete         -      yes    yes       yes        yes   yes
sessions.end_others     -      yes    yes       yes        yes   yes
sessions.metadata       yes    yes    yes       yes        yes   yes
sessions.refresh        yes    yes    yes       yes        yes   yes
sessions.step_up        -      yes    yes       yes        yes   yes
sessions.token          yes    yes    yes       yes        yes   yes
socket.open             -      yes    yes       yes        yes   yes
tokens.create           -      yes    yes       yes        yes   yes
tokens.list             -      yes    yes       yes        yes   yes
tokens.revoke           -      yes    yes       yes        yes   yes
usage.show              -      -      -         yes        yes   yes
";

/// The words over the columns, and for each operation whether they are let in.
fn table() -> (Vec<&'static str>, BTreeMap<&'static str, Vec<bool>>) {
    let mut lines = TABLE.lines().map(|line| line.split_whitespace().collect::<Vec<&str>>());
    let head = lines.next().unwrap();
    let mut rows = BTreeMap::new();
    for line in lines {
        assert_eq!(line.len(), head.len(), "{line:?}");
        let is_let_in = |word: &&str| match *word {
            "yes" => true,
            "-" => false,
            other => panic!("{other} in {line:?}"),
        };
        let row: Vec<bool> = line[1..].iter().map(is_let_in).collect();
        assert!(rows.insert(line[0], row).is_none(), "`{}` stands in the table twice", line[0]);
    }
    (head[1..].to_vec(), rows)
}

/// Path, method and name of each operation of the document, read without what the gate reads it with.
fn documented() -> Vec<(&'static str, String, &'static str)> {
    let mut all = Vec::new();
    for (path, methods) in document_value()["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no name"));
            all.push((path.as_str(), method.to_uppercase(), id));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_is_let_in_on_every_route_where_the_table_says_so_and_nowhere_else() {
    let service = Service::new().await;
    let mut askers = vec![("nobody", String::new())];
    for role in [Role::Viewer, Role::Developer, Role::Maintainer, Role::Admin, Role::Auditor] {
        askers.push((role.name(), service.account(role.name(), role).await));
    }
    let (columns, mut rows) = table();
    assert_eq!(columns, askers.iter().map(|(who, _)| *who).collect::<Vec<_>>());
    let mut operations = documented();
    // This one ends the session that asks for it.
    operations.sort_by_key(|(_, _, id)| *id == "sessions.delete");
    for (path, method, id) in operations {
        let row = rows.remove(id).unwrap_or_else(|| panic!("`{id}` stands in the document and not in the table"));
        let path = path.replace("{id}", "0192f0c1-7d5e-7000-8000-000000000000");
        let wrong = service.send(&method, &path, "cagt_wrong", None).await;
        assert_eq!(
            wrong.status != StatusCode::UNAUTHORIZED,
            row[0],
            "a wrong token is none: {method} {path}: {wrong:?}"
        );
        for ((who, token), is_let_in) in askers.iter().zip(row) {
            let reply = service.send(&method, &path, token, None).await;
            let is_refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&reply.status);
            assert_eq!(!is_refused, is_let_in, "{who} {method} {path}: {reply:?}");
            if is_refused {
                let (status, openai, problem) = match token.is_empty() {
                    true => {
                        (StatusCode::UNAUTHORIZED, "authentication_error", "urn:code-agent:problem:unauthenticated")
                    }
                    false => (StatusCode::FORBIDDEN, "permission_error", "urn:code-agent:problem:forbidden"),
                };
                let (place, wanted) = match path.starts_with("/v1/") {
                    true => ("/error/type", openai),
                    false => ("/type", problem),
                };
                assert_eq!(reply.status, status, "{who} {method} {path}: {reply:?}");
                assert_eq!(reply.json().pointer(place), Some(&json!(wanted)), "{who} {method} {path}");
            }
        }
    }
    assert!(rows.is_empty(), "these stand in the table and not in the document: {:?}", rows.keys());
}
