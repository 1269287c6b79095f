//! The pipelines file.

use hoist::domain::gate::{Approvals, Gate, GateRule, Voters};
use hoist::domain::pipeline::{DocumentChoice, MergePolicy};

use super::*;

/// Every key that is built.
pub const EVERYTHING: &str = r#"
pipelines:
  services:
    repository: gitops
    applications: [shop, cart]
    image: ghcr.io/acme/{application}
    verify: {digest: none}
    accept: {tags: "v*", semver: ">=1.2 <2", branches: [main, release/*], newest_by: semver}
    moved_tags: ask
    retags: refuse
    environments:
      - name: prod
        after: [staging, qa]
        branch: live
        edit:
          - {file: "prod/{application}.yaml", path: "image.tag", value: "{tag}"}
          - {file: "prod/{application}.yaml", path: '/a/{application}/c', value: "{image}@{digest}", document: 1}
          - {file: "prod/all.yaml", marker: "{application}:digest", document: {kind: Deployment, name: "{application}"}}
          - {file: "prod/all.yaml", marker: x, value: "{version}"}
        gates:
          - soak: 1h30m
          - approvals: 2
        review: {reviewers: [], labels: [promotion]}
        merge: manual
        health: none
        on_unhealthy: nothing
      - name: qa
        after: []
        edit:
          - {file: "qa/{application}.yaml", image: "ghcr.io/acme/{application}"}
      - name: staging
        edit:
          - {file: "staging/{application}/kustomization.yaml", kustomize_image: "{application}"}
        merge: automatic
"#;

#[test]
fn environments_come_out_after_those_they_depend_on() {
    let pipelines =
        Desk::with(PROCESS, EVERYTHING).load().map_err(|it| it.to_string()).unwrap().pipelines;
    let pipeline = &pipelines[&"services".parse().unwrap()];
    let names: Vec<&str> = pipeline.environments.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["qa", "staging", "prod"]);
    let [qa, staging, prod] = pipeline.environments.as_slice() else { panic!() };
    assert!(qa.after.is_empty());
    assert_eq!(staging.after, ["qa".parse().unwrap()], "the default is the one listed before");
    assert_eq!((qa.merge, prod.merge), (MergePolicy::OnApproval, MergePolicy::Manual));
    assert_eq!(
        prod.gates,
        [
            GateRule::from(Gate::Soak(jiff::SignedDuration::from_secs(5_400))),
            GateRule::from(Gate::Approvals(Approvals { count: 2, of: Voters::Anybody })),
        ]
    );
    assert_eq!(prod.branch.as_deref(), Some("live"));
    assert_eq!(prod.edits[1].document, Some(DocumentChoice::Index(1)));
    assert!(matches!(prod.edits[2].document, Some(DocumentChoice::Named { .. })));
}

/// A pipeline whose one environment has these lines.
fn one_environment(lines: &str) -> String {
    format!(
        "pipelines:\n  p:\n    repository: gitops\n    applications: [a]\n    image: x/{{application}}\n    \
         environments:\n    - name: staging\n{lines}"
    )
}

#[test]
fn a_rule_names_one_target() {
    let rules = "      edit:
      - {file: a}
      - {file: a, image: x/y, path: b, value: '{tag}'}
      - {file: a, path: b}
      - {file: a, path: 'b..c', value: '{tag}'}
      - {file: a, path: b, value: v1}
      - {file: a, path: b, value: '{sha}'}
      - {file: a, image: x/y, value: '{tag}'}
      - {file: a, image: 'x/y:v1'}
      - {file: a, marker: 'a b'}
      - {file: /a, marker: b}
      - {file: '../a', marker: b}
      - {file: 'a/{app}', marker: b}
      - {file: 'a/{application', marker: b}
      - {file: a, marker: b, document: -1}
      - {file: a, marker: b, document: {kind: Deployment}}
      - {file: a, from: api, kustomise_image: b}
      - {marker: b}
      - a
";
    check_policy(
        &one_environment(rules),
        r#"
pipelines.yaml:9:10: pipelines.p.environments[0].edit[0]: this rule does not say what to change; a rule has one of `kustomize_image`, `image`, `path` (with `value`) and `marker`
pipelines.yaml:10:10: pipelines.p.environments[0].edit[1]: `image` and `path` stand together; a rule has one of `kustomize_image`, `image`, `path` (with `value`) and `marker`
pipelines.yaml:11:25: pipelines.p.environments[0].edit[2].path: a path needs a `value`; add what is written there, as `value: "{tag}"`
pipelines.yaml:12:25: pipelines.p.environments[0].edit[3].path: `b..c` is not a path: a key is expected here; one with `.`, `[`, `]` or `"` in it is written ["like.this"] (at character 3); write a.b[name=x].c, with ["quoted keys"], or a JSON Pointer
pipelines.yaml:13:35: pipelines.p.environments[0].edit[4].value: `v1` is the same for every artifact; write {tag}, {digest}, {version} or {image} into it
pipelines.yaml:14:35: pipelines.p.environments[0].edit[5].value: `{sha}` is not known here; known are `{tag}`, `{digest}`, `{version}`, `{image}`; write a known one; a `{` always starts a placeholder here
pipelines.yaml:15:38: pipelines.p.environments[0].edit[6].value: `image` decides what is written; remove `value`, or name the field with `path`
pipelines.yaml:16:26: pipelines.p.environments[0].edit[7].image: "x/y:v1" is not an image's name: write the repository with its registry and without tag or digest, as in `ghcr.io/acme/payments`; write REGISTRY/PATH, as ghcr.io/acme/{application}
pipelines.yaml:17:27: pipelines.p.environments[0].edit[8].marker: `a b` cannot be a marker's name; write the word that follows `# hoist:`
pipelines.yaml:18:16: pipelines.p.environments[0].edit[9].file: `/a` starts with `/`; write it from the repository's root
pipelines.yaml:19:16: pipelines.p.environments[0].edit[10].file: `../a` is no file of a repository; write the file's path with single `/`, without `.`, `..` and `\`
pipelines.yaml:20:16: pipelines.p.environments[0].edit[11].file: `{app}` is not known here; known are `{application}`; write a known one; a `{` always starts a placeholder here
pipelines.yaml:21:16: pipelines.p.environments[0].edit[12].file: a `{` has no `}`; write a known one; a `{` always starts a placeholder here
pipelines.yaml:22:40: pipelines.p.environments[0].edit[13].document: `-1` is no number from 0 to 9999; write one in digits
pipelines.yaml:23:41: `pipelines.p.environments[0].edit[14].document.name` is missing; a document needs it: its metadata.name; `{application}` may stand in it
pipelines.yaml:24:19: `pipelines.p.environments[0].edit[15].from` is planned and not built yet; remove it until it is
pipelines.yaml:24:30: unknown key `kustomise_image` in pipelines.p.environments[0].edit[15]; did you mean `kustomize_image`?
pipelines.yaml:25:10: `pipelines.p.environments[0].edit[16].file` is missing; a rule needs it: the file in the repository; `{application}` may stand in it
pipelines.yaml:26:9: pipelines.p.environments[0].edit[17]: a rule is wanted, not a text; see config/ for an example
19 problems
"#,
    );
}

#[test]
fn gates_are_told_apart() {
    let lines = "      edit: [{file: a, marker: b}]
      gates:
      - {soak: 30}
      - {soak: 30m, approvals: 2}
      - {approvals: 0}
      - {window: {days: mon-thu}}
      - {}
      - {approvals: 1}
      - {approvals: 2}
      - {soak: 5m}
      merge: automatic
      health: {argocd: main}
      on_unhealthy: rollback
      review: {teams: [a], reviewers: [zoe]}
      repository: other
";
    check_policy(
        &one_environment(lines),
        r#"
pipelines.yaml:10:9: pipelines.p.environments[0].gates: `staging` comes after no environment, so nothing soaks before it; put the soak gate on the environment after it
pipelines.yaml:10:16: pipelines.p.environments[0].gates[0].soak: `30` is not a length of time; write a number and s, m, h or d: 30m, 2h, 1h30m, 1d
pipelines.yaml:11:10: pipelines.p.environments[0].gates[1]: a gate asks for one thing; write each as an item of its own: `- {soak: 30m}`; beside it may stand `before` and `timeout`
pipelines.yaml:12:21: pipelines.p.environments[0].gates[2].approvals: `0` is no number from 1 to 20; write one in digits
pipelines.yaml:13:19: `pipelines.p.environments[0].gates[3].window.from` is missing; a window needs it: when it opens, HH:MM
pipelines.yaml:13:19: `pipelines.p.environments[0].gates[3].window.to` is missing; a window needs it: when it shuts, HH:MM; before `from` means on the next day
pipelines.yaml:13:19: `pipelines.p.environments[0].gates[3].window.zone` is missing; a window needs it: whose clock counts, by its IANA name: Europe/Stockholm
pipelines.yaml:14:9: pipelines.p.environments[0].gates[4]: a gate asks for one thing; write each as an item of its own: `- {soak: 30m}`; beside it may stand `before` and `timeout`
pipelines.yaml:16:10: pipelines.p.environments[0].gates[6]: this gate stands twice; keep one
pipelines.yaml:19:24: pipelines.p.environments[0].health.argocd: there is no `main`; none is known
pipelines.yaml:21:16: pipelines.p.environments[0].review: no team can be asked to review: `gitops` has `forge: builtin`; name people in `review.reviewers`; on GitLab its approval rules and CODEOWNERS ask groups by themselves
pipelines.yaml:21:40: pipelines.p.environments[0].review.reviewers[0]: there is no `zoe`; none is known
pipelines.yaml:22:7: `pipelines.p.environments[0].repository` is planned and not built yet; remove it until it is
13 problems
"#,
    );
}

#[test]
fn gates_that_ask_say_where_what_and_what_a_yes_is() {
    let lines = "      edit: [{file: a, marker: b}]
      gates:
      - {prometheus: \"http://prometheus:9090/\", query: 'up{app=\"{application}\"}', until: \"> 0\", for: 10m, before: merge}
      - {http: \"https://qa.example.com/{application}/{version}\", expect: \"{version} passed\", timeout: 1d}
";
    check_policy(&one_environment(lines), "no problem");
    let lines = "      edit: [{file: a, marker: b}]
      gates:
      - {prometheus: \"prometheus:9090\", until: \"under 5\"}
      - {prometheus: \"http://prometheus:9090\", query: up, until: \"> 0\"}
      - {http: \"https://me:secret@qa.example.com\"}
      - {http: \"https://qa.example.com/{commit}\", query: up}
      - {approvals: 1, for: 10m}
";
    check_policy(
        &one_environment(lines),
        r#"
pipelines.yaml:10:10: pipelines.p.environments[0].gates[0]: `query` is missing; add it, as `query: "sum(rate(errors[5m]))"`
pipelines.yaml:10:22: pipelines.p.environments[0].gates[0].prometheus: `prometheus:9090` is no address that can be called; write http://… or https://…, as https://{application}.example.com/healthz
pipelines.yaml:10:48: pipelines.p.environments[0].gates[0].until: `under 5` is no bound; write a sign and a number: "< 0.01"
pipelines.yaml:12:16: pipelines.p.environments[0].gates[2].http: a user or a password stands in it; remove it
pipelines.yaml:13:16: pipelines.p.environments[0].gates[3].http: `{commit}` is not known here; known are `{application}`, `{version}`, `{tag}`, `{digest}`; write a known one; a `{` always starts a placeholder here
pipelines.yaml:13:58: pipelines.p.environments[0].gates[3].query: nobody would read this; `query` goes with `prometheus`
pipelines.yaml:14:29: pipelines.p.environments[0].gates[4].for: nobody would read this; `for` goes with `prometheus`
7 problems
"#,
    );
}

#[test]
fn a_soak_gate_needs_an_environment_before_it() {
    let lines = "      edit: [{file: a, marker: b}]\n      gates: [{soak: 5m}]\n";
    check_policy(
        &one_environment(lines),
        r#"
pipelines.yaml:9:14: pipelines.p.environments[0].gates: `staging` comes after no environment, so nothing soaks before it; put the soak gate on the environment after it
1 problem
"#,
    );
}

#[test]
fn a_cycle_is_told_with_its_way() {
    let policy = one_environment(
        "      edit: [{file: a, marker: b}]
      after: [c]
    - {name: b, edit: [{file: a, marker: b}]}
    - {name: c, edit: [{file: a, marker: b}]}
    - {name: d, edit: [{file: a, marker: b}], after: [c, d]}
",
    );
    check_policy(
        &policy,
        r#"
pipelines.yaml:9:14: these environments wait for each other: staging after c after b after staging; remove one name from an `after`
1 problem
"#,
    );
}

#[test]
fn pipelines_are_told_what_they_miss() {
    let policy = r#"
pipelines:
  a:
    repository: gitop
    applications: [shop, shop]
    image: "ghcr.io/acme/{application}:v1"
    environments:
      - {name: staging, edit: []}
      - {name: staging, edit: [{file: a, marker: b}], after: [prod]}
      - {name: "a/b", edit: [{file: a, marker: b}]}
  b:
    repository: gitops
    applications: shop
    images: {api: x}
    environments: []
    verify: {digest: regist}
  c: {}
  d: {repository: gitops, image: x, environments: [{name: a, edit: [{file: a, marker: b}], after: [x]}]}
  e: {repository: gitops, image: x, applications: [one], environments: [{name: a, edit: [{file: a, marker: b}]}]}
  f: {repository: gitops, image: x, applications: [one], environments: [{name: a, edit: [{file: a, marker: b}]}]}
  g: {repository: gitops, image: x, applications: [], environments: [{name: a, edit: [{file: a, marker: b}]}]}
"#;
    check_policy(
        policy,
        r#"
pipelines.yaml:4:17: pipelines.a.repository: there is no `gitop`; did you mean `gitops`?
pipelines.yaml:5:26: pipelines.a.applications: `shop` stands twice; keep one
pipelines.yaml:6:12: pipelines.a.image: "ghcr.io/acme/app:v1" is not an image's name: write the repository with its registry and without tag or digest, as in `ghcr.io/acme/payments`; write REGISTRY/PATH, as ghcr.io/acme/{application}
pipelines.yaml:8:31: pipelines.a.environments[0].edit: no rule says what to change; write `- {file: PATH, image: IMAGE}` or another rule
pipelines.yaml:9:10: pipelines.a.environments[1]: there is an environment named `staging` already; choose another name, or put both into one
pipelines.yaml:10:16: pipelines.a.environments[2].name: "a/b" is not an environment name: only letters, digits, `-`, `_`, `.` and `+` make a name; choose another name
pipelines.yaml:12:5: `pipelines.b.image` is missing; a pipeline needs it: the image of an application; `{application}` may stand in it
pipelines.yaml:13:19: pipelines.b.applications: `shop` is neither `discover` nor a list; write `discover` or `[shop]`
pipelines.yaml:14:5: `pipelines.b.images` is planned and not built yet; remove it until it is
pipelines.yaml:15:19: pipelines.b.environments: no environment is listed; list at least one, with `name` and `edit`
pipelines.yaml:16:22: pipelines.b.verify.digest: `regist` is not known; did you mean `registry`?
pipelines.yaml:17:6: `pipelines.c.repository` is missing; a pipeline needs it: the repository its environments stand in
pipelines.yaml:17:6: `pipelines.c.image` is missing; a pipeline needs it: the image of an application; `{application}` may stand in it
pipelines.yaml:17:6: `pipelines.c.environments` is missing; a pipeline needs it: the environments, in order
pipelines.yaml:18:7: pipelines.d: nothing can be discovered: no file of `a` has `{application}` in its path; name the applications: `applications: [NAME]`
pipelines.yaml:18:100: pipelines.d.environments[0].after[0]: there is no `x`; known are `a`
pipelines.yaml:20:51: pipelines.f.applications: `one` is in pipeline `e`, too; an application's name is unique in a repository; keep it in one pipeline
pipelines.yaml:21:51: pipelines.g.applications: no application is named; name one, or write `discover`
18 problems
"#,
    );
}

#[test]
fn who_says_whether_it_is_well_is_one_that_can_be_asked() {
    let lines = "      edit: [{file: a, marker: b}]
      health: HEALTH
      on_unhealthy: UNHEALTHY
";
    let with = |health: &str, unhealthy: &str| {
        one_environment(&lines.replace("UNHEALTHY", unhealthy).replace("HEALTH", health))
    };
    for (health, unhealthy, expected) in [
        (
            "{argocd: main, http: 'https://a'}",
            "nothing",
            "9:16: pipelines.p.environments[0].health: one says whether it is well; write either `argocd: NAME` or `http: URL`",
        ),
        (
            "{http: 'https://u:p@a'}",
            "nothing",
            "9:22: pipelines.p.environments[0].health.http: a user or a password stands in it; remove it",
        ),
        (
            "{http: 'https://a', expect: 42}",
            "nothing",
            "9:43: pipelines.p.environments[0].health.expect: 42 is no status of HTTP; write one from 100 to 599, or a text",
        ),
        (
            "{http: 'https://a', project: b}",
            "nothing",
            "9:44: pipelines.p.environments[0].health.project: nobody would read this; these go with `argocd`",
        ),
        (
            "none",
            "rollback",
            "10:21: pipelines.p.environments[0].on_unhealthy: nobody says whether it is well here; add `health: {argocd: NAME}` or `health: {http: URL}`",
        ),
        (
            "{http: 'https://a'}",
            "{do: hold, after: 30s}",
            "10:39: pipelines.p.environments[0].on_unhealthy.after: one bad moment would decide; write 1m or more",
        ),
    ] {
        check_policy(&with(health, unhealthy), &format!("pipelines.yaml:{expected}\n1 problem\n"));
    }
}

#[test]
fn calendars_that_cannot_be_judged_are_refused() {
    let lines = "      edit: [{file: a, marker: b}]
      gates:
      - {window: {days: mon-thu, from: \"09:00\", to: \"16:00\", zone: Europe/Stockhom}}
      - {window: {days: monday, from: \"9:00\", to: \"25:00\", zone: UTC}}
      - {window: {from: \"09:00\", to: \"09:00\", zone: UTC}, before: merge}
      - {window: {from: \"09:00\", to: \"10:00\", zone: UTC}, before: merge}
      - {window: {from: \"09:00\", to: \"10:00\", zone: UTC}, before: proposal}
      - {approvals: {role: sre}, before: proposal, timeout: 1}
      - {approvals: {count: 2, team: \"github:acme/sre\"}, timeout: 24h}
";
    let freezes = "freezes:
- {name: a, environments: [prod], from: \"2026-11-26\", to: \"2026-11-30T08:00\", zone: Etc/Unknown}
- {name: b, environments: [staging, \"*\"], from: \"2026-11-26T00:00\", to: \"2026-11-25T08:00\", zone: UTC}
- {name: c, environments: [staging], from: \"2026-11-26T00:00\", to: \"2026-11-30T00:00\", zone: UTC, allow: [everything]}
- {name: d, environments: [staging], from: \"2026-11-26T00:00Z\", to: \"2026-11-30T00:00+01:00\", zone: UTC}
- {name: e, environments: [staging], from: \"2026-11-26T00:00\", to: \"2026-11-30T00:00\", zone: UTC, allow: [rollback]}
- {name: e, environments: [staging], from: \"2026-11-26T00:00\", to: \"2026-11-30T00:00\", zone: UTC}
";
    check_policy(
        &(one_environment(lines) + freezes),
        r#"
pipelines.yaml:10:68: pipelines.p.environments[0].gates[0].window.zone: `Europe/Stockhom` is no time zone that is known; write its IANA name, as Europe/Stockholm or UTC
pipelines.yaml:11:25: pipelines.p.environments[0].gates[1].window.days: `monday` names no days of the week; write mon-thu, mon,wed or daily
pipelines.yaml:11:39: pipelines.p.environments[0].gates[1].window.from: `9:00` is no time of day; write it as HH:MM in quotes, "09:00"; "24:00" is the day's end
pipelines.yaml:11:51: pipelines.p.environments[0].gates[1].window.to: `25:00` is no time of day; write it as HH:MM in quotes, "09:00"; "24:00" is the day's end
pipelines.yaml:12:19: pipelines.p.environments[0].gates[2].window: from 09:00 to 09:00 is no window; all day is from "00:00" to "24:00"
pipelines.yaml:14:10: pipelines.p.environments[0].gates[4]: the windows differ in `before` or `timeout`; write the same at each of them
pipelines.yaml:15:28: pipelines.p.environments[0].gates[5].approvals.role: there is no `sre`; none is known
pipelines.yaml:15:42: pipelines.p.environments[0].gates[5].before: nobody can approve what is not proposed; remove `before`: approvals shut the merge
pipelines.yaml:15:61: pipelines.p.environments[0].gates[5].timeout: `1` is not a length of time; write a number and s, m, h or d: 30m, 2h, 1h30m, 1d
pipelines.yaml:16:10: pipelines.p.environments[0].gates[6]: this gate stands twice; keep one
pipelines.yaml:18:28: freezes[0].environments[0]: there is no `prod`; known are `staging`
pipelines.yaml:18:41: freezes[0].from: `2026-11-26` is no day and time of day; write YYYY-MM-DDTHH:MM, by the clock of `zone`: 2026-11-26T00:00
pipelines.yaml:18:85: freezes[0].zone: `Etc/Unknown` is no time zone that is known; write its IANA name, as Europe/Stockholm or UTC
pipelines.yaml:19:4: freezes[1]: it ends before it begins; write `from` before `to`
pipelines.yaml:19:27: freezes[1].environments: `*` stands among names; keep `["*"]` alone, or the names alone
pipelines.yaml:20:107: freezes[2].allow[0]: `everything` is not known; known are `rollback`
pipelines.yaml:21:44: freezes[3].from: `2026-11-26T00:00Z` is no day and time of day; write YYYY-MM-DDTHH:MM, by the clock of `zone`: 2026-11-26T00:00
pipelines.yaml:21:69: freezes[3].to: `2026-11-30T00:00+01:00` is no day and time of day; write YYYY-MM-DDTHH:MM, by the clock of `zone`: 2026-11-26T00:00
pipelines.yaml:23:4: freezes[5]: there is a freeze named `e` already; choose another name
19 problems
"#,
    );
}

#[test]
fn checks_are_named_and_said_to_be_whose() {
    let lines = "      edit: [{file: a, marker: b}]
      gates:
      - {checks: [e2e, \"build / linux\"], timeout: 1d}
      - {checks: {on: source, names: [build], repository: \"https://github.com/acme/{application}\"}}
";
    let process = "\
pipelines: pipelines.yaml
sources: {}
repositories:
  gitops: {forge: github, url: https://github.com/acme/gitops.git, credentials: {token: {env: T}}}
";
    let desk = |policy: &str| Desk::with(process, policy).variable("T", "t");
    check(&desk(&one_environment(lines)), "no problem");
    let lines = "      edit: [{file: a, marker: b}]
      gates:
      - {checks: [hoist/soak, e2e, e2e, \" x\"]}
      - {checks: [], before: proposal}
      - {checks: {on: proposal, names: [a], repository: \"https://github.com/acme/x\"}, before: proposal}
      - {checks: {on: tag, names: [a]}}
      - {checks: {on: source, repository: acme/x}}
";
    check(
        &desk(&one_environment(lines)),
        r#"
pipelines.yaml:10:19: pipelines.p.environments[0].gates[0].checks[0]: `hoist/soak` is a gate of hoist's own; name checks by others; hoist's gates count anyway
pipelines.yaml:10:36: pipelines.p.environments[0].gates[0].checks[2]: `e2e` stands twice; keep one
pipelines.yaml:10:41: pipelines.p.environments[0].gates[0].checks[3]: " x" is no check's name; write it as the forge shows it
pipelines.yaml:11:18: pipelines.p.environments[0].gates[1].checks: no check is named; name at least one, as [e2e]; or remove the gate
pipelines.yaml:12:57: pipelines.p.environments[0].gates[2].checks.repository: nobody would read this; `repository` goes with `on: source`
pipelines.yaml:12:95: pipelines.p.environments[0].gates[2].before: nothing can check what is not proposed; remove `before`: checks of the proposal shut the merge; or write `on: source`
pipelines.yaml:13:23: pipelines.p.environments[0].gates[3].checks.on: `tag` is not known; known are `proposal`, `source`
pipelines.yaml:14:19: `pipelines.p.environments[0].gates[4].checks.names` is missing; a checks gate needs it: what the forge calls them: statuses and check runs alike
pipelines.yaml:14:43: pipelines.p.environments[0].gates[4].checks.repository: `acme/x` is no address that can be called; write http://… or https://…, as https://{application}.example.com/healthz
9 problems
"#,
    );
}

#[test]
fn the_builtin_forge_is_not_asked_about_sources_or_teams() {
    let policy = one_environment(
        "      edit: [{file: a, marker: b}]\n      gates: [{checks: {on: source, names: [build]}}, \
         {approvals: {team: \"github:acme/sre\"}}]\n      review: {teams: [sre], draft: until-open}\n",
    );
    let process =
        "pipelines: pipelines.yaml\nsources: {}\nrepositories:\n  gitops: {forge: builtin}\n";
    let problems = Desk::with(process, &policy).load().unwrap_err().to_string();
    insta::assert_snapshot!(problems, @"
    pipelines.yaml:9:14: pipelines.p.environments[0].gates: nobody can be asked about checks of a source: `gitops` has `forge: builtin`; they need a repository with `forge: github` or `forge: gitlab`; with the builtin forge, let CI announce what has passed, or ask its service by an `http` gate
    pipelines.yaml:9:14: pipelines.p.environments[0].gates: nobody can be asked who is in github:acme/sre: `gitops` has `forge: builtin`; write `role`, and list who has it under `roles`
    pipelines.yaml:10:16: pipelines.p.environments[0].review: no team can be asked to review: `gitops` has `forge: builtin`; name people in `review.reviewers`; on GitLab its approval rules and CODEOWNERS ask groups by themselves
    pipelines.yaml:10:16: pipelines.p.environments[0].review: there are no drafts: `gitops` has `forge: builtin`; remove `draft`: a shut gate binds the builtin forge's merges by itself
    4 problems
    ");
}

#[test]
fn a_forge_is_not_asked_about_the_teams_of_another() {
    let policy = one_environment(
        "      edit: [{file: a, marker: b}]\n      gates: [{approvals: {team: \"gitlab:acme/sre\"}}]\n",
    );
    let process = "pipelines: pipelines.yaml\nsources: {}\nrepositories:\n  gitops: {forge: \
                   github, url: \"https://github.com/acme/gitops.git\", credentials: {token: {env: T}}}\n";
    let desk = Desk::with(process, &policy).variable("T", "t");
    let problems = desk.load().unwrap_err().to_string();
    insta::assert_snapshot!(problems, @"
    pipelines.yaml:9:14: pipelines.p.environments[0].gates: nobody can be asked who is in gitlab:acme/sre: `gitops` has `forge: github`; write `role`, and list who has it under `roles`
    1 problem
    ");
}

#[test]
fn approvals_say_whose_they_are() {
    let lines = "      edit: [{file: a, marker: b}]
      gates:
      - {approvals: {count: 0, role: sre}}
      - {approvals: {count: 2}}
      - {approvals: {team: sre}}
      - {approvals: {team: \"github:acme/sre\", role: sre}}
";
    let told = Desk::with(PROCESS, &one_environment(lines)).problems();
    insta::assert_snapshot!(told, @"
    pipelines.yaml:10:29: pipelines.p.environments[0].gates[0].approvals.count: `0` is no number from 1 to 20; write one in digits
    pipelines.yaml:10:38: pipelines.p.environments[0].gates[0].approvals.role: there is no `sre`; none is known
    pipelines.yaml:11:22: pipelines.p.environments[0].gates[1].approvals: it is not clear whose approvals count; write `role` or `team`; of anybody, write `approvals: 2`
    pipelines.yaml:12:28: pipelines.p.environments[0].gates[2].approvals.team: `sre` is no team; write github:ORGANISATION/TEAM or gitlab:GROUP, as github:acme/sre
    pipelines.yaml:13:22: pipelines.p.environments[0].gates[3].approvals: it is not clear whose approvals count; write `role` or `team`; of anybody, write `approvals: 2`
    pipelines.yaml:13:53: pipelines.p.environments[0].gates[3].approvals.role: there is no `sre`; none is known
    6 problems
    ");
}

#[test]
fn a_registry_is_asked_unless_there_is_none_or_the_pipeline_says_so() {
    for (image, verify, asks) in [
        ("ghcr.io/acme/a", "", true),
        ("ghcr.io/acme/a", "    verify: {}\n", true),
        ("ghcr.io/acme/a", "    verify: {digest: none}\n", false),
        ("pkg:generic/a", "", false),
        ("pkg:generic/a", "    verify: {digest: none}\n", false),
    ] {
        let policy = format!(
            "pipelines:\n  a:\n    repository: gitops\n    applications: [x]\n    \
             image: \"{image}\"\n{verify}    environments: [{{name: a, edit: [{{file: a, marker: b}}]}}]\n"
        );
        let loaded = Desk::with(PROCESS, &policy).load().map_err(|it| it.to_string()).unwrap();
        assert_eq!(loaded.pipelines[&"a".parse().unwrap()].verify.asks(), asks, "{image} {verify}");
    }
}

#[test]
fn what_is_asked_about_an_artifact_is_told_where_it_is_wrong() {
    let with = |verify: &str| {
        let policy = format!(
            "pipelines:\n  a:\n    repository: gitops\n    image: x\n    applications: [one]\n    \
             verify: {verify}\n    environments: [{{name: a, edit: [{{file: a, marker: b}}]}}]\n"
        );
        Desk::with(PROCESS, &policy).problems()
    };
    assert_eq!(with("{platforms: [linux/amd64], labels: refuse}"), "no problem");
    assert_eq!(with("{digest: none}"), "no problem");
    assert_eq!(with("{patience: 1h30m}"), "no problem");
    insta::assert_snapshot!(with("{patience: 2d}"), @"
    pipelines.yaml:6:24: pipelines.a.verify.patience: it would be waited for longer than a day; announce what is pushed and signed once it is
    1 problem
    ");
    insta::assert_snapshot!(with("{platforms: [amd64], labels: maybe}"), @r#"
    pipelines.yaml:6:26: pipelines.a.verify.platforms[0]: "amd64" is no platform: write OS/ARCHITECTURE, as linux/amd64, or with a variant linux/arm/v7; write OS/ARCHITECTURE, as linux/amd64
    pipelines.yaml:6:42: pipelines.a.verify.labels: `maybe` is not known; known are `warn`, `refuse`
    2 problems
    "#);
    insta::assert_snapshot!(with("{digest: none, platforms: [linux/amd64]}"), @"
    pipelines.yaml:6:22: pipelines.a.verify.platforms: nobody is asked about that with `digest: none`; write `digest: registry`, or remove the other keys
    1 problem
    ");
    let key = "-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----";
    let told = with(&format!("{{signature: {{key: \"{key}\"}}}}"));
    insta::assert_snapshot!(told, @"
    pipelines.yaml:6:31: pipelines.a.verify.signature.key: it is no key that can be checked: those are ECDSA on P-256, P-384 or P-521, Ed25519, and RSA of 2048 bits or more; write the text of the PEM file here, as a block after `|`
    1 problem
    ");
    insta::assert_snapshot!(with("{signature: {}}"), @"
    pipelines.yaml:6:25: pipelines.a.verify.signature: it is not clear whose signature counts; write `key`, or `identity` and `issuer` with either `trusted_root` or both `roots` and `rekor`: without the log nobody knows whether a certificate held when it signed
    1 problem
    ");
    let told = with("{signature: {identity: \"*\", issuer: x, roots: y, rekor: z}}");
    insta::assert_snapshot!(told, @"
    pipelines.yaml:6:59: pipelines.a.verify.signature.roots: there is no certificate in it; write the text of the PEM file here, as a block after `|`
    pipelines.yaml:6:69: pipelines.a.verify.signature.rekor: there is no `-----BEGIN PUBLIC KEY-----` in it; write the text of the PEM file here, as a block after `|`
    2 problems
    ");
    for root in ["sigstore", "github"] {
        let rule = format!("{{signature: {{identity: a, issuer: x, trusted_root: {root}}}}}");
        assert_eq!(with(&rule), "no problem");
    }
    let no_root = |root: &str| {
        with(&format!("{{signature: {{identity: a, issuer: x, trusted_root: {root:?}}}}}"))
    };
    let told = ["sigstor", "{}", "{\"mediaType\": \"x\"}"].map(no_root);
    insta::assert_snapshot!(told.join("\n"), @"
    pipelines.yaml:6:64: pipelines.a.verify.signature.trusted_root: it is no trusted root of Sigstore's: failed to parse JSON: expected value at line 1 column 1; write `sigstore`, `github`, or the text of a trusted_root.json as a block after `|`
    1 problem
    pipelines.yaml:6:64: pipelines.a.verify.signature.trusted_root: it is no trusted root of Sigstore's: failed to parse JSON: missing field `mediaType` at line 1 column 2; write `sigstore`, `github`, or the text of a trusted_root.json as a block after `|`
    1 problem
    pipelines.yaml:6:64: pipelines.a.verify.signature.trusted_root: it is no trusted root of Sigstore's: there is no certificate authority in it; write `sigstore`, `github`, or the text of a trusted_root.json as a block after `|`
    1 problem
    ");
    insta::assert_snapshot!(with("{provenance: {builder: x}}"), @"
    pipelines.yaml:6:27: pipelines.a.verify.provenance: nobody's signature counts on it; write `signature` into it, or beside it for both
    1 problem
    ");
    insta::assert_snapshot!(with("{platforms: []}"), @"
    pipelines.yaml:6:25: pipelines.a.verify.platforms: 0 platforms are listed; list at most 8, or remove the key
    1 problem
    ");
}

#[test]
fn a_template_that_cannot_be_filled_is_told_before_anything_is_proposed() {
    let policy = one_environment(
        "      edit: [{file: a, marker: b}]\n      review:\n        title: \"{{ versoin }}\"\n        \
         body: |\n          From {{ from }}\n          by {{ artifact.build }}\n",
    );
    check_policy(
        &policy,
        "
pipelines.yaml:10:16: pipelines.p.environments[0].review.title: `versoin` is not known; docs/templates.md lists what a template can tell
pipelines.yaml:12:11: pipelines.p.environments[0].review.body: line 2: undefined value, where little is known; docs/templates.md lists what a template can tell
2 problems
",
    );
}
