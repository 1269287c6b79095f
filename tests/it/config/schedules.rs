//! The schedules of the pipelines file.

use hoist::domain::schedule::IfMissed;

use super::{Desk, POLICY, PROCESS};

fn desk(schedules: &str) -> Desk {
    Desk::with(PROCESS, &format!("{POLICY}schedules:\n{schedules}"))
}

#[test]
fn a_schedule_has_defaults_for_all_but_its_times_and_its_way() {
    let schedule = "  - {name: nightly, cron: \"0 2 * * mon-fri\", zone: Europe/Stockholm, \
                    pipeline: services, to: staging}\n";
    let schedules = desk(schedule).load().map_err(|it| it.to_string()).unwrap().schedules;
    let [schedule] = schedules.as_slice() else { panic!("{schedules:?}") };
    assert_eq!((schedule.max, schedule.if_missed), (None, IfMissed::Run));
    assert!(schedule.applications.is_none() && schedule.to.len() == 1, "{schedule:?}");
    assert_eq!(schedule.cron.to_string(), "0 2 * * 1-5");
}

#[test]
fn a_schedule_names_applications_and_several_environments() {
    let prod = "      - name: prod\n        edit:\n          - {file: \"prod/{application}.yaml\", path: tag, value: \"{tag}\"}\n";
    let schedule = "schedules:\n  - {name: nightly, cron: \"0 2 * * *\", zone: UTC, pipeline: services, \
                    applications: [shop, pay-*], to: [staging, prod]}\n";
    let policy = format!("{}{prod}{schedule}", POLICY.trim_end().to_owned() + "\n");
    let schedules =
        Desk::with(PROCESS, &policy).load().map_err(|it| it.to_string()).unwrap().schedules;
    let [schedule] = schedules.as_slice() else { panic!("{schedules:?}") };
    let to: Vec<&str> = schedule.to.iter().map(|it| it.as_str()).collect();
    assert_eq!(to, ["staging", "prod"]);
    assert!(schedule.takes(&"pay-api".parse().unwrap()));
    assert!(!schedule.takes(&"cart".parse().unwrap()));
}

#[test]
fn what_is_wrong_with_a_schedule_is_said_all_at_once() {
    let told = desk(
        "  - {name: a, cron: nightly, zone: Mars/Olympus, pipeline: service, to: staging}
  - {name: b, cron: \"0 2 * * *\", zone: UTC, pipeline: services, to: stagin, max: 0}
  - {name: b, cron: \"0 2 30 2 *\", zone: UTC, pipeline: services, to: staging}
  - {name: c, cron: \"0 2 * * *\", zone: UTC, pipeline: services, to: staging, group: one-pull}
  - {name: d, cron: \"0 2 * * *\", zone: UTC, pipeline: services, to: staging, if_missed: panic}
",
    )
    .problems();
    let more = desk(
        "  - {name: a, cron: \"0 2 * * *\", zone: UTC, pipeline: services, to: []}
  - {name: b, cron: \"0 2 * * *\", zone: UTC, pipeline: services, to: [staging, staging]}
  - {name: c, cron: \"0 2 * * *\", zone: UTC, pipeline: services, to: staging, applications: []}
  - {name: d, cron: \"0 2 * * *\", zone: UTC, pipeline: services, to: staging, applications: \"{application}\"}
",
    )
    .problems();
    for expected in [
        "it leads into no environment",
        "`staging` stands twice",
        "no pattern is listed",
        "`{application}` means nothing here",
    ] {
        assert!(more.contains(expected), "{expected} is not in\n{more}");
    }
    for expected in [
        "`nightly` names no times",
        "`Mars/Olympus` is no time zone",
        "there is no `service`; did you mean `services`?",
        "there is no `stagin`; did you mean `staging`?",
        "`0` is no number from 1 to 10000",
        "it never runs: no day is ever like that",
        "`one-pull` is not known; did you mean `one-pull-request`?",
        "`panic` is not known",
    ] {
        assert!(told.contains(expected), "{expected} is not in\n{told}");
    }
}
