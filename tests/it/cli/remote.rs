//! The verbs that ask a running hoist, against a server that answers what the test says.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use hoist::app::audit::chain;
use hoist::app::ports::AuditEntry;
use hoist::app::views::HistoryLine;
use serde_json::{Value, json};

use super::{Hoist, Ran};

const TOKEN: &str = "t0ken";
pub(super) const PROMOTION: &str = "01kb4qn5d50000000000000001";
const HEAD: &str = "0123456789012345678901234567890123456789";

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

/// A server with a list of answers, given one after another; the last one again and again.
pub(super) struct Canned {
    pub(super) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Canned {
    pub(super) fn answering(answers: Vec<(u16, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let number = seen.lock().unwrap().len().min(answers.len() - 1);
                let (status, body) = &answers[number];
                // A client that goes away is the test's own affair.
                let _ = serve(stream.unwrap(), *status, body, &seen);
            }
        });
        Self { address, asked }
    }

    pub(super) fn hoist<const N: usize>(&self, arguments: [&str; N]) -> Ran {
        Hoist::new(arguments)
            .set("HOIST_SERVER", &self.address)
            .set("HOIST_TOKEN", TOKEN)
            .set("HOIST_ANNOUNCE_SECRET", "s3cret")
            .run()
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The last request: its line and its body.
    fn last(&self) -> (String, Value) {
        let asked = self.asked();
        let last = asked.last().unwrap();
        (last.line.clone(), serde_json::from_str(&last.body).unwrap_or(Value::Null))
    }
}

/// Reads one request, answers it and closes: no more HTTP than a test needs.
fn serve(mut stream: TcpStream, status: u16, body: &Value, seen: &Mutex<Vec<Asked>>) -> Option<()> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let request = loop {
        let count = stream.read(&mut buffer).ok()?;
        bytes.extend_from_slice(&buffer[..count]);
        if let Some(request) = parse(&bytes) {
            break request;
        }
        if count == 0 {
            return None;
        }
    };
    seen.lock().unwrap().push(request);
    let body = body.to_string();
    let kind = if status < 400 { "application/json" } else { "application/problem+json" };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).ok()
}

fn parse(bytes: &[u8]) -> Option<Asked> {
    let text = String::from_utf8(bytes.to_vec()).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (line, headers) = head.split_once("\r\n")?;
    let headers: BTreeMap<String, String> = headers
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
    let line = line.trim_end_matches(" HTTP/1.1").to_owned();
    (body.len() >= length).then(|| Asked { line, headers, body: body.to_owned() })
}

fn command() -> Value {
    let url = format!("http://127.0.0.1:8080/promotions/{PROMOTION}");
    json!({"message": "shop v2 goes into prod.", "promotion": PROMOTION, "url": url})
}

pub(super) fn problem(status: u16, detail: &str) -> (u16, Value) {
    let body = json!({"type": "about:blank", "title": "X", "status": status, "detail": detail});
    (status, body)
}

fn overview() -> Value {
    let staging = json!({
        "environment": "staging", "version": "v2", "digest": null, "since": "2020-01-01T00:00:00Z",
        "state": "succeeded", "promotion": PROMOTION, "next": null, "health": null, "behind": [], "hold": null,
        "waits_for": null, "until": null
    });
    let wait = |version: &str, state: &str, proposal: Option<u64>, words: &str| {
        json!({
            "promotion": PROMOTION, "version": version, "state": state, "proposal": proposal,
            "url": null, "waits_for": words, "until": null
        })
    };
    let prod = json!({
        "environment": "prod", "version": "v1", "digest": null, "since": null,
        "state": "succeeded", "promotion": null, "health": null, "until": null, "waits_for": null,
        "hold": {
            "by": "bob", "reason": "a sale", "since": "2020-01-01T00:00:00Z", "until": null
        },
        "next": wait("v2", "proposed", Some(7), "it needs review\u{1b}[31m"),
        "behind": [wait("v3", "waiting", None, "soak gate: 3 of 30 min")]
    });
    json!({
        "pipeline": "services", "application": "shop", "environments": [staging, prod],
        "unread": null, "trouble": null
    })
}

/// A table without the ages, which change.
fn without_ages(text: &str) -> String {
    let told = |word: &str| match word.trim_end_matches(')').strip_suffix('d') {
        Some(days) if days.parse::<u32>().is_ok() => word.replace(days, "XXXX"),
        Some(_) | None => word.to_owned(),
    };
    let lines = text.lines().map(|line| {
        let words: Vec<String> = line.split(' ').map(told).collect();
        words.join(" ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn status_shows_what_is_where() {
    let server = Canned::answering(vec![(200, json!({"applications": [overview()]}))]);
    let ran = server.hoist(["status"]).done();
    insta::assert_snapshot!(without_ages(ran.text()), @"
    APPLICATION  ENVIRONMENT  VERSION  AGE        STATE      ON ITS WAY                         WHY
    shop         staging      v2       XXXXd ago  succeeded  -                                  -
    shop         prod         v1       -          succeeded  v2 proposed (#7), then v3 waiting  held by bob: a sale (until somebody resumes it); it needs review�[31m; v3: soak gate: 3 of 30 min
    ");
    let asked = server.asked();
    assert_eq!(asked[0].line, "GET /api/v1/applications");
    assert_eq!(asked[0].headers["authorization"], "Bearer t0ken");
}

#[test]
fn status_tells_of_a_repository_that_cannot_be_read() {
    let unread = json!({"repository": "gitops", "why": "nobody answers", "next": "check its url"});
    let server =
        Canned::answering(vec![(200, json!({"applications": [], "unread": [unread.clone()]}))]);
    let ran = server.hoist(["status"]).done();
    insta::assert_snapshot!(ran.text(), @"
    the repository gitops cannot be read: nobody answers
      next: check its url

    no application is known yet: hoist lists those whose files exist in the first environment of a pipeline
    ");
    let mut shop = overview();
    shop["unread"] = unread;
    let server = Canned::answering(vec![(200, shop)]);
    let ran = server.hoist(["status", "shop"]).done();
    assert!(ran.text().contains("gitops cannot be read: nobody answers"), "{}", ran.text());
}

#[test]
fn status_of_one_application_shows_all_of_it() {
    let server = Canned::answering(vec![(200, overview())]);
    let ran = server.hoist(["status", "services/shop"]).done();
    insta::assert_snapshot!(without_ages(ran.text()), @"
    shop in pipeline services

    staging: succeeded
      version    v2, XXXXd ago
      promotion  01kb4qn5d50000000000000001

    prod: succeeded
      version    v1
      on its way v2 proposed (#7)
                 it needs review�[31m
                 promotion 01kb4qn5d50000000000000001
      then       v3 waiting
                 soak gate: 3 of 30 min
                 promotion 01kb4qn5d50000000000000001
      why        held by bob: a sale (until somebody resumes it)
                 since XXXXd ago
    ");
    assert_eq!(server.asked()[0].line, "GET /api/v1/applications/services%2Fshop");
}

#[test]
fn json_is_the_apis_own() {
    let server = Canned::answering(vec![(200, overview())]);
    let ran = server.hoist(["status", "shop", "--output", "json"]).done();
    assert_eq!(serde_json::from_slice::<Value>(&ran.out).unwrap(), overview());
}

#[test]
fn a_command_is_sent_as_the_api_has_it() {
    let server = Canned::answering(vec![(200, command())]);
    let why = ["--reason", "it is slow"];
    let ran = server.hoist(["promote", "shop", "prod", "--tag", "v2", why[0], why[1]]).done();
    insta::assert_snapshot!(ran.text(), @r"
    shop v2 goes into prod.
    promotion 01kb4qn5d50000000000000001
    look at   http://127.0.0.1:8080/promotions/01kb4qn5d50000000000000001
    ");
    let (line, body) = server.last();
    assert_eq!(line, "POST /api/v1/promotions");
    assert_eq!((&body["tag"], &body["allow_older"]), (&json!("v2"), &json!(false)));
    assert_eq!(body["reason"], "it is slow");

    server.hoist(["rollback", "shop", "prod", "--to", "v1", why[0], why[1]]).done();
    let (line, body) = server.last();
    assert_eq!((line.as_str(), &body["to"]), ("POST /api/v1/rollbacks", &json!("v1")));

    server.hoist(["hold", "shop", "prod", "--for", "2h"]).done();
    let (line, body) = server.last();
    assert_eq!((line.as_str(), &body["for"]), ("POST /api/v1/holds", &json!("2h")));

    server.hoist(["resume", "shop", "prod"]).done();
    assert_eq!(server.last().0, "POST /api/v1/holds/resume");

    server.hoist(["freeze", "*", "--for", "2h", "--reason", "x", "--allow", "rollback"]).done();
    let freeze = json!({"environment": "*", "for": "2h", "reason": "x", "allow": ["rollback"]});
    assert_eq!(server.last(), ("POST /api/v1/freezes".to_owned(), freeze));
    server.hoist(["thaw", "prod"]).done();
    let thaw = json!({"environment": "prod", "reason": null});
    assert_eq!(server.last(), ("POST /api/v1/freezes/thaw".to_owned(), thaw));

    server.hoist(["skip", "shop", "prod", "soak", "--reason", "x"]).done();
    let skip = json!({"application": "shop", "environment": "prod", "gate": "soak", "reason": "x"});
    assert_eq!(server.last(), ("POST /api/v1/skips".to_owned(), skip));
}

fn story() -> Value {
    let proposal = json!({
        "number": 7, "url": "http://127.0.0.1:8080/p", "state": "open", "title": "shop v2 to prod",
        "body": "", "branch": "hoist/prod/shop", "target": "main", "head": HEAD,
        "merge_commit": null, "ended_by": null, "conflicts": [], "approvals_needed": 1,
        "approvals": [], "reviews": [], "comments": [], "statuses": [], "reviewed_here": "yes"
    });
    let gate =
        json!({"name": "soak", "verdict": "open", "saw": "30 min are over", "opens_at": null});
    json!({
        "id": PROMOTION, "pipeline": "services", "application": "shop", "environment": "prod",
        "kind": "forward", "version": "v2", "artifact": null, "requested_by": "alice",
        "reason": null, "created_at": "2020-01-01T00:00:00Z", "state": "proposed",
        "explanation": "It waits for a review.", "since": "2020-01-01T00:00:00Z", "gates": [gate],
        "proposal": proposal, "diff": "@@ -1 +1 @@\n-tag: v1\n+tag: v2\n", "history": []
    })
}

#[test]
fn a_proposal_is_shown_before_it_is_reviewed() {
    let server = Canned::answering(vec![(200, story())]);
    let ran = server.hoist(["review", PROMOTION]).done();
    insta::assert_snapshot!(without_ages(ran.text()), @r"
    shop v2 into prod: proposed, XXXXd ago
    It waits for a review.

      promotion  01kb4qn5d50000000000000001
      kind       forward
      asked by   alice, XXXXd ago
      gate       soak: open, 30 min are over
      proposal   #7 is open, shop v2 to prod
                 http://127.0.0.1:8080/p
      head       0123456789012345678901234567890123456789
      approvals  0 of 1

    @@ -1 +1 @@
    -tag: v1
    +tag: v2
    ");
}

#[test]
fn a_review_is_of_the_head_that_the_proposal_has() {
    let server = Canned::answering(vec![(200, story()), (200, command())]);
    server.hoist(["review", PROMOTION, "--approve", "--comment", "good"]).done();
    let (line, body) = server.last();
    assert_eq!(line, format!("POST /api/v1/promotions/{PROMOTION}/reviews"));
    assert_eq!(body, json!({"step": "approve", "head": HEAD, "comment": "good"}));

    server.hoist(["review", PROMOTION, "--merge", "--head", HEAD]).done();
    let (line, body) = server.last();
    assert_eq!(line, format!("POST /api/v1/promotions/{PROMOTION}/merge"));
    assert_eq!(body["step"], "merge");
}

#[test]
fn history_and_deliveries_are_tables() {
    let promotion = json!({
        "promotion": PROMOTION, "environment": "prod", "kind": "rollback", "version": "v1",
        "state": "succeeded", "since": "2020-01-01T00:00:00Z", "requested_by": "alice",
        "reason": "slow", "commit": HEAD
    });
    let history = json!({"application": "shop", "promotions": [promotion]});
    let server = Canned::answering(vec![(200, history)]);
    let ran = server.hoist(["history", "shop", "prod"]).done();
    insta::assert_snapshot!(without_ages(ran.text()), @r"
    SINCE      ENVIRONMENT  VERSION  KIND      STATE      BY     COMMIT      PROMOTION                   WHY
    XXXXd ago  prod         v1       rollback  succeeded  alice  0123456789  01kb4qn5d50000000000000001  slow
    ");
    let line = server.last().0;
    assert_eq!(line, "GET /api/v1/applications/shop/history?environment=prod");

    let delivery = json!({
        "id": PROMOTION, "source": "ci", "delivery": null, "received_at": "2020-01-01T00:00:00Z",
        "outcome": "accepted"
    });
    let server = Canned::answering(vec![(200, json!([delivery]))]);
    let ran = server.hoist(["deliveries"]).done();
    insta::assert_snapshot!(without_ages(ran.text()), @r"
    RECEIVED   EVENT                       SOURCE  DELIVERY  OUTCOME
    XXXXd ago  01kb4qn5d50000000000000001  ci      -         accepted
    ");
}

#[test]
fn a_refusal_is_told_in_the_servers_words() {
    let server = Canned::answering(vec![problem(409, "v1 is older than v2; say `--allow-older`")]);
    server.hoist(["promote", "shop", "prod"]).refused(1, &["error: v1 is older than v2"]);

    let server = Canned::answering(vec![problem(401, "nobody has this token")]);
    server.hoist(["status"]).refused(1, &["nobody has this token", "next:  set HOIST_TOKEN"]);
    let ran = Hoist::new(["status", "--server", &server.address]).run();
    ran.refused(1, &["set HOIST_TOKEN (or --token-file)"]);
    assert!(!server.asked().last().unwrap().headers.contains_key("authorization"));

    let server = Canned::answering(vec![problem(503, "the store could not be reached")]);
    server.hoist(["status"]).refused(1, &["cannot do it now: the store", "try again"]);

    let server = Canned::answering(vec![(200, json!("hello"))]);
    server.hoist(["status"]).refused(1, &["this is not hoist", "HOIST_SERVER"]);
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = Hoist::new(["status", "--server", &format!("http://u:secret@{free}")]).run();
    ran.refused(1, &["no hoist answers at", &free.to_string(), "hoist serve", "HOIST_SERVER"]);
    assert!(!ran.err.contains("secret"), "{}", ran.err);
}

/// The audit log of one command and of what followed, hashed as the product hashes it.
fn log(texts: &[&str]) -> Vec<HistoryLine> {
    let mut hash = String::new();
    let mut lines = Vec::new();
    for (number, text) in (1..).zip(texts) {
        let line = json!({
            "number": number, "at": "2026-11-22T21:58:57.123456789Z", "actor": "alice",
            "door": "api", "verb": "promote", "text": text, "pipeline": "services",
            "application": "shop", "environment": "prod", "promotion": PROMOTION, "commit": null,
            "hash": ""
        });
        let mut line: HistoryLine = serde_json::from_value(line).unwrap();
        hash = chain(&hash, &AuditEntry::from(line.clone()).line);
        line.hash = hash.clone();
        lines.push(line);
    }
    lines
}

#[test]
fn the_audit_log_is_verified_over_the_wire() {
    let log = log(&["one", "two", "three"]);
    let first = &log[0].hash;
    let serve = |log: &[HistoryLine]| {
        let (page, rest) = log.split_at(2);
        Canned::answering(vec![(200, json!(page)), (200, json!(rest)), (200, json!([]))])
    };
    let server = serve(&log);
    let ran = server.hoist(["audit", "verify", "--known", first]).done();
    let last = &log[2].hash;
    let expected =
        format!("each of the 3 entries follows from the one before; the last hash is\n{last}\n");
    assert_eq!(ran.text(), expected);
    assert_eq!(server.asked()[1].line, "GET /api/v1/audit?after=2&limit=1000");

    let mut changed = log.clone();
    changed[1].actor = "mallory".to_owned();
    serve(&changed).hoist(["audit", "verify"]).refused(1, &["entry 2", "next:"]);

    let mut removed = log.clone();
    removed.remove(0);
    serve(&removed).hoist(["audit", "verify"]).refused(1, &["entries were removed"]);

    let cut = "f".repeat(64);
    serve(&log).hoist(["audit", "verify", "--known", &cut]).refused(1, &["none has the hash"]);
}

#[test]
fn why_and_plan_are_told_in_words() {
    let line = json!({
        "name": "soak", "verdict": "opens_at", "saw": "v2 runs in staging", "opens_at": null,
        "since": "2020-01-01T00:00:00Z", "looks_again": "2020-01-01T00:00:00Z",
        "next": "nothing is needed: it opens by itself"
    });
    let candidate = json!({
        "version": "v2", "promotion": PROMOTION, "state": "waiting",
        "since": "2020-01-01T00:00:00Z", "why": "soak gate: v2 runs in staging", "until": null,
        "next": "nothing is needed: it opens by itself", "gates": [line]
    });
    let why = json!({
        "pipeline": "services", "application": "shop", "environment": "prod",
        "answer": "v2 is not in prod: soak gate", "version": "v1", "since": "2020-01-01T00:00:00Z",
        "hold": null, "candidates": [candidate], "looks_again": "2020-01-01T00:00:00Z",
        "unread": null
    });
    let server = Canned::answering(vec![(200, why)]);
    let ran = server.hoist(["why", "shop", "prod"]).done();
    insta::assert_snapshot!(without_ages(ran.text()), @"
    v2 is not in prod: soak gate
      there      v1, XXXXd ago
      next look  XXXXd ago

    v2: waiting, XXXXd ago
      promotion  01kb4qn5d50000000000000001
      why        soak gate: v2 runs in staging
      next       nothing is needed: it opens by itself
      gate       soak: opens by itself, v2 runs in staging (for XXXXd)
                 nothing is needed: it opens by itself; looks again XXXXd ago
    ");
    assert_eq!(server.last().0, "GET /api/v1/applications/shop/why/prod");

    let planned = json!({
        "pipeline": "services", "application": "shop", "trouble": null,
        "steps": [{"environment": "prod", "what": "propose v2", "diff": "@@ -1 +1 @@\n-tag: v1\n+tag: v2\n"}],
        "waits": [{"environment": "staging", "version": "v2", "why": "it runs and is watched", "until": "2020-01-01T00:00:00Z"}]
    });
    let plan = json!({"at": "2020-01-01T00:00:00Z", "applications": [planned], "unread": []});
    let server = Canned::answering(vec![(200, plan)]);
    let ran = server.hoist(["plan", "shop", "--at", "2030-01-01T09:00:00Z"]).done();
    insta::assert_snapshot!(without_ages(ran.text()), @"
    shop in pipeline services
      prod: propose v2
        @@ -1 +1 @@
        -tag: v1
        +tag: v2
      staging: v2 waits: it runs and is watched, XXXXd ago
    ");
    assert_eq!(server.last().0, "GET /api/v1/plan?application=shop&at=2030-01-01T09%3A00%3A00Z");
}

#[test]
fn what_is_not_hoist_is_told_so_at_once() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let arguments = ["announce", "--image", "ghcr.io/acme/shop", "--digest", &digest];
    for status in [404, 405, 500, 501] {
        let server = Canned::answering(vec![(status, json!("<h1>It works!</h1>"))]);
        server.hoist(arguments).refused(1, &["this is not hoist", &status.to_string()]);
        assert_eq!(server.asked().len(), 1, "{status}");
    }
}

#[test]
fn deliveries_are_listed_shown_and_decided_anew() {
    let delivery = json!({
        "id": PROMOTION, "source": "ci", "delivery": null,
        "received_at": "2026-11-22T21:58:57Z", "outcome": "refused: there is no application books",
    });
    let mut detail = delivery.clone();
    detail["artifacts"] = json!([]);
    detail["body"] = json!({"image": "ghcr.io/acme/books"});
    let server = Canned::answering(vec![
        (200, json!([delivery])),
        (200, detail.clone()),
        (200, detail),
        (200, json!([])),
    ]);
    let listed = server.hoist(["deliveries", "--failed"]).done();
    assert!(listed.text().contains("refused: there is no application books"), "{}", listed.text());
    let shown = server.hoist(["deliveries", "show", PROMOTION]).done();
    assert!(shown.text().contains("\"image\": \"ghcr.io/acme/books\""), "{}", shown.text());
    server.hoist(["deliveries", "replay", PROMOTION]).done();
    assert_eq!(server.hoist(["deliveries", "--failed"]).done().text(), "nothing was refused\n");
    let lines: Vec<_> = server.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(
        lines,
        [
            "GET /api/v1/deliveries?limit=100&outcome=refused".to_owned(),
            format!("GET /api/v1/deliveries/{PROMOTION}"),
            format!("POST /api/v1/deliveries/{PROMOTION}/replay"),
            "GET /api/v1/deliveries?limit=100&outcome=refused".to_owned(),
        ]
    );
}
