//! Who is told what happens.

use hoist::config::Receiver;

use super::*;

#[test]
fn what_is_left_out_is_everything_and_a_day() {
    let process = r#"
pipelines: pipelines.yaml
repositories:
  gitops: {forge: builtin}
sources: {}
notifications:
  statistics: {webhook: {url: "http://collector.svc/hoist?team=a", secret: {env: SECRET}}}
  town-hall: {mattermost: {env: HALL}, kinds: [merged, rolled-back], stuck_after: 4h}
"#;
    let desk = Desk::with(process, POLICY)
        .variable("SECRET", "s")
        .variable("HALL", "https://chat.example.com/hooks/x1");
    let settings = desk.load().map_err(|it| it.to_string()).unwrap().settings;
    let [statistics, hall] =
        ["statistics", "town-hall"].map(|name| &settings.notifications[&name.parse().unwrap()]);
    let Receiver::Webhook { url, secret } = &statistics.to else { panic!("{statistics:?}") };
    assert_eq!(url.as_str(), "http://collector.svc/hoist?team=a");
    assert_eq!(secret.expose_secret(), "s");
    assert!(statistics.interest.kinds.is_none() && statistics.interest.environments.is_none());
    assert_eq!(statistics.interest.stuck_after.as_hours(), 24);
    assert!(matches!(hall.to, Receiver::Mattermost(_)));
    assert_eq!(hall.interest.kinds.as_ref().unwrap().len(), 2);
    assert_eq!(hall.interest.stuck_after.as_hours(), 4);
}

#[test]
fn every_mistake_is_told_at_once_and_no_secret_with_it() {
    let process = r##"
pipelines: pipelines.yaml
repositories:
  gitops: {forge: builtin}
sources: {}
notifications:
  nowhere: {kinds: [merged]}
  everywhere: {slack: "#a", mattermost: {env: HALL}}
  clear: {mattermost: {env: CLEAR}}
  wrong: {webhook: {url: "ftp://x", secret: {env: NONE}}, kinds: [merge], environments: [prd], pipelines: [servces]}
"##;
    let desk = Desk::with(process, POLICY)
        .variable("HALL", "https://chat.example.com/hooks/x1")
        .variable("CLEAR", "http://chat.example.com/hooks/hunter2");
    let problems = desk.problems();
    assert!(!problems.contains("hunter2"), "{problems}");
    insta::assert_snapshot!(problems, @"
    hoist.yaml:7:13: notifications.nowhere: it goes to 0 places; write one of `slack`, `mattermost` and `webhook`
    hoist.yaml:8:16: notifications.everywhere: it goes to 2 places; write one of `slack`, `mattermost` and `webhook`
    hoist.yaml:9:24: notifications.clear.mattermost: the secret is no https:// address; put the address of an incoming webhook there
    hoist.yaml:10:26: notifications.wrong.webhook.url: `ftp://x` is no address that can be called; write http://… or https://…, as https://{application}.example.com/healthz
    hoist.yaml:10:51: notifications.wrong.webhook.secret.env: the environment variable NONE is not set; start hoist with it, or write `{file: PATH}` instead
    hoist.yaml:10:67: notifications.wrong.kinds[0]: `merge` is not known; did you mean `merged`?
    hoist.yaml:10:90: notifications.wrong.environments[0]: there is no `prd`; known are `staging`
    hoist.yaml:10:108: notifications.wrong.pipelines[0]: there is no `servces`; did you mean `services`?
    8 problems
    ");
}
