//! The objects that the API makes in the real repository: blobs, trees and commits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::GitHub;
use super::pulls::{Hub, Told};

/// Commits are made one second after the other, from here on.
const BEGIN: u64 = 1_767_600_000;

/// Whether GitHub signs what an App commits: an Enterprise server may not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    On,
    Off,
}

/// Answers what is asked under `git/`; none if it is something else.
pub fn answer(hub: &mut Hub, who: &str, what: &str, body: &Value) -> Option<Told> {
    match what {
        "blobs" => Some(blob(hub, body)),
        "trees" => Some(tree(hub, body)),
        "commits" => Some(commit(hub, who, body)),
        _ => None,
    }
}

fn refused(text: &str) -> Told {
    (422, json!({"message": text, "documentation_url": "https://docs.github.com/rest"}))
}

fn url(kind: &str, sha: &str) -> String {
    format!("https://api.github.example/repos/acme/gitops/git/{kind}/{sha}")
}

fn blob(hub: &Hub, body: &Value) -> Told {
    let content = body["content"].as_str().unwrap();
    let bytes = match body["encoding"].as_str() {
        Some("base64") => STANDARD.decode(content).unwrap(),
        Some(_) | None => content.as_bytes().to_vec(),
    };
    let sha = hub.repository.write("blob", &bytes);
    (201, json!({"sha": sha, "url": url("blobs", &sha)}))
}

fn tree(hub: &Hub, body: &Value) -> Told {
    let base = body["base_tree"].as_str();
    if base.is_some_and(|base| !hub.repository.holds(base, "tree")) {
        return refused("base_tree is not a tree oid");
    }
    let mut lines = String::new();
    for entry in body["tree"].as_array().unwrap() {
        let (path, mode) = (entry["path"].as_str().unwrap(), entry["mode"].as_str().unwrap());
        let sha = match (entry["content"].as_str(), entry["sha"].as_str()) {
            (Some(content), None) => Some(hub.repository.write("blob", content.as_bytes())),
            (None, sha) => sha.map(str::to_owned),
            (Some(_), Some(_)) => return refused("tree.content and tree.sha exclude each other"),
        };
        match sha {
            Some(sha) => lines += &format!("{mode} {sha}\t{path}\n"),
            None => lines += &format!("0 {}\t{path}\n", "0".repeat(40)),
        }
    }
    let sha = hub.repository.tree(base, &lines);
    (201, json!({"sha": sha, "url": url("trees", &sha), "truncated": false, "tree": []}))
}

fn commit(hub: &mut Hub, who: &str, body: &Value) -> Told {
    let tree = body["tree"].as_str().unwrap();
    if !hub.repository.holds(tree, "tree") {
        return refused("Tree SHA does not exist");
    }
    let parents: Vec<&str> =
        body["parents"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if parents.iter().any(|parent| !hub.repository.holds(parent, "commit")) {
        return refused("Parent SHA does not exist or is not a commit object");
    }
    hub.commits += 1;
    let time = BEGIN + hub.commits;
    let author = format!("{who} <7+{who}@users.noreply.github.example> {time} +0000");
    let mut headers = format!("tree {tree}\n");
    headers.extend(parents.iter().map(|parent| format!("parent {parent}\n")));
    headers +=
        &format!("author {author}\ncommitter GitHub <noreply@github.example> {time} +0000\n");
    let message = body["message"].as_str().unwrap();
    let payload = format!("{headers}\n{message}");
    // What names anybody itself, or is not an App's, is not signed.
    let is_signed = who.ends_with("[bot]")
        && hub.signing == Signing::On
        && body["author"].is_null()
        && body["committer"].is_null();
    let signature = format!(
        "-----BEGIN PGP SIGNATURE-----\n\nsigned{:04}\n=hoist\n-----END PGP SIGNATURE-----\n",
        hub.commits
    );
    let object = if is_signed {
        format!("{headers}gpgsig {}\n\n{message}", signature.replace('\n', "\n "))
    } else {
        payload.clone()
    };
    let sha = hub.repository.write("commit", object.as_bytes());
    let verification = if is_signed {
        json!({"verified": true, "reason": "valid", "signature": signature, "payload": payload,
               "verified_at": "2026-01-05T12:00:00Z"})
    } else {
        json!({"verified": false, "reason": "unsigned", "signature": null, "payload": null,
               "verified_at": null})
    };
    let parents: Vec<Value> = parents
        .iter()
        .map(|it| json!({"sha": it, "url": url("commits", it), "html_url": url("commits", it)}))
        .collect();
    let person = json!({"name": who, "email": "7@example.com", "date": "2026-01-05T12:00:00Z"});
    (
        201,
        json!({"sha": sha, "message": message, "tree": {"sha": tree, "url": url("trees", tree)},
               "parents": parents, "verification": verification, "author": person,
               "committer": person}),
    )
}

impl GitHub {
    /// Whether it signs what an App commits.
    pub fn sign(&self, signing: Signing) {
        self.inside().hub.signing = signing;
    }

    /// How many commits the API has made.
    pub fn commits_made(&self) -> u64 {
        self.inside().hub.commits
    }
}
