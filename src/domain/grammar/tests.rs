use jiff::SignedDuration;
use proptest::prelude::{BoxedStrategy, Just, Strategy, prop_assert_eq, prop_oneof, proptest};

use super::*;
use crate::domain::zone::Zone;

/// What was understood, said again; or why it was not.
fn heard(text: &str) -> String {
    match text.parse::<Utterance>() {
        Ok(utterance) => utterance.to_string(),
        Err(error) => format!("! {error}"),
    }
}

#[test]
fn what_people_say_is_understood_in_natural_order() {
    let check = |said: &str, expected: &str| assert_eq!(heard(said), expected, "{said}");
    check("status", "status");
    check("  /hoist status payments ", "status payments");
    check("hoist why payments prod", "why payments prod");
    check("promote payments to prod", "promote payments to prod");
    check("promote payments prod", "promote payments to prod");
    check("Promote payments into prod v1.4.2", "promote payments to prod v1.4.2");
    check("promote payments v1.4.2 to prod", "promote payments to prod v1.4.2");
    check(
        "promote payments to prod because it's what we \"agreed\" on for prod",
        "promote payments to prod because it's what we \"agreed\" on for prod",
    );
    check("rollback payments prod to v1.4.1", "rollback payments prod to v1.4.1");
    check("roll back payments in prod", "rollback payments prod");
    check("hold payments prod for 2h", "hold payments prod for 2h");
    check("hold payments in prod for 2 hours", "hold payments prod for 2h");
    check("hold payments prod until 17:00", "hold payments prod until 17:00");
    check(
        "hold payments prod until 2026-11-24T9:30 europe/stockholm because of it",
        "hold payments prod until 2026-11-24T09:30 Europe/Stockholm because of it",
    );
    check("hold payments prod until 17:00 CET", "hold payments prod until 17:00 CET");
    check("freeze until 17:00 QA because x", "freeze QA until 17:00 because x");
    check("resume payments prod —with-newer", "resume payments prod --with-newer");
    check("freeze * for 90m because we look", "freeze * for 1h30m because we look");
    check("freeze prod --allow rollback because x", "freeze prod --allow rollback because x");
    check("thaw prod", "thaw prod");
    check("skip soak because it is a hotfix", "skip soak because it is a hotfix");
    check("skip soak for payments in prod because hot", "skip soak payments prod because hot");
    check("plan", "plan");
    check("plan payments --at 17:00", "plan payments --at 17:00");
    check(
        "plan --schedule nightly --at 2026-11-24T09:00Z",
        "plan --schedule nightly --at 2026-11-24T09:00 UTC",
    );
    check("plan --at 17:00 CET --schedule nightly", "plan --schedule nightly --at 17:00 CET");
    check("run nightly", "run nightly");
    check("hoist review 01k --approve", "review 01k --approve");
    check("review 01k --close --reason no", "review 01k --close because no");
    check("promote payments prod --digest 0123456789ab", "promote payments to prod 0123456789ab");
    check("unfreeze prod", "thaw prod");
    check("history payments", "history payments");
    check("", "help");
    check("/hoist", "help");
    check("help promote", "help");
}

#[test]
fn the_command_line_s_options_are_understood_too() {
    let check = |said: &str, expected: &str| assert_eq!(heard(said), expected, "{said}");
    check(
        "hoist promote payments prod --version v1 --skip staging --reason \"a hotfix\"",
        "promote payments to prod v1 --skip staging because a hotfix",
    );
    check(
        "rollback payments prod --to v1 --over-drift --everywhere",
        "rollback payments prod to v1 --over-drift --everywhere",
    );
    check("hold payments prod --for 30m", "hold payments prod for 30m");
}

#[test]
fn words_can_be_quoted() {
    let check = |said: &str, expected: &str| assert_eq!(heard(said), expected, "{said}");
    check("status \"to\"", "status \"to\"");
    check("status 'a b'", "status \"a b\"");
    check("status “a b”", "status \"a b\"");
    check(r#"status "a \"b\" \\""#, r#"status "a \"b\" \\""#);
    check("status it's", "status it's");
}

#[test]
fn what_is_not_understood_says_what_is_wrong() {
    let check = |said: &str, expected: &str| assert_eq!(heard(said), expected, "{said}");
    check("why payments", "! why needs an environment after the application");
    check("freeze prod", "! freeze needs a reason: add `because …`");
    check("promote payments to", "! promote needs a name after `to`");
    check("status payments prod", "! \"prod\" has no place in a status");
    check(
        "hold payments prod for ever",
        "! \"ever\" is not a length of time: write it as `30m`, `2h` or `1d`",
    );
    check(
        "hold payments prod for -2h",
        "! \"-2h\" is not a length of time: write it as `30m`, `2h` or `1d`",
    );
    check(
        "hold payments prod until 25:00",
        "! \"25:00\" is not a time: write it as `17:00` or `2026-11-24T09:00`, with a zone after it if need be",
    );
    check(
        "hold payments prod for 2 bananas",
        "! \"2 bananas\" is not a length of time: write it as `30m`, `2h` or `1d`",
    );
    check(
        "hold payments prod for 9999d",
        "! \"9999d\" is longer than a year: without a time it lasts until somebody ends it",
    );
    check(
        "hold payments prod until 17:00 Europe/Stokholm",
        "! \"Europe/Stokholm\" is no zone of time that is known: write it as `Europe/Stockholm` or `UTC`",
    );
    check(
        "promote payments to prod to staging",
        "! \"staging\" contradicts what was said before it",
    );
    check(
        "hold payments prod for 2h until 17:00",
        "! \"until 17:00\" contradicts what was said before it",
    );
    check("rollback payments prod --to v1 to v2", "! \"v2\" contradicts what was said before it");
    check("status \"payments", "! a quotation mark is opened and never closed");
    check("why payments prod --everywhere", "! \"--everywhere\" has no place in a why");
    check("hold payments prod because", "! hold needs a reason after `because`");
}

#[test]
fn a_slip_gets_the_nearest_right_command() {
    let error = "promte payments to prod".parse::<Utterance>().unwrap_err();
    let Misunderstanding::UnknownVerb { meant: Some(meant), .. } = error else { panic!("{error}") };
    assert_eq!(meant.to_string(), "promote payments to prod");
    let error = "resume payments prod --with-never".parse::<Utterance>().unwrap_err();
    let Misunderstanding::UnknownOption { nearest, .. } = error else { panic!("{error}") };
    assert_eq!(nearest, Some("--with-newer"));
    let error = "frobnicate".parse::<Utterance>().unwrap_err();
    assert!(matches!(error, Misunderstanding::UnknownVerb { meant: None, .. }));
}

#[test]
fn a_time_of_day_is_the_next_one() {
    let zone: Zone = "Europe/Stockholm".parse().unwrap();
    let ends = |now: &str, words: &[&str]| {
        let (until, _) = Until::read_moment(words).unwrap();
        until.ends(now.parse().unwrap(), &zone).map(|at| at.to_string())
    };
    assert_eq!(ends("2026-11-23T12:00:00Z", &["17:00"]).unwrap(), "2026-11-23T16:00:00Z");
    assert_eq!(ends("2026-11-23T16:00:00Z", &["17:00"]).unwrap(), "2026-11-24T16:00:00Z");
    assert_eq!(ends("2026-11-23T12:00:00Z", &["17:00", "UTC"]).unwrap(), "2026-11-23T17:00:00Z");
    // The clocks skip it, show it twice, and go on.
    assert_eq!(ends("2026-03-28T22:00:00Z", &["02:30"]).unwrap(), "2026-03-29T01:00:00Z");
    assert_eq!(ends("2026-10-24T22:00:00Z", &["02:30"]).unwrap(), "2026-10-25T00:30:00Z");
    assert_eq!(ends("2026-10-25T00:45:00Z", &["02:30"]).unwrap(), "2026-10-25T01:30:00Z");
    assert!(ends("2026-11-23T12:00:00Z", &["2026-11-22T09:00"]).is_err());
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9.-]{0,8}",
        Just("to".to_owned()),
        Just("For".to_owned()),
        Just("--skip".to_owned()),
        "[^\\x00]{1,6}",
    ]
}

fn reason() -> impl Strategy<Value = String> {
    "\\S([^\\x00]{0,20}\\S)?"
        .prop_filter("it is trimmed", |text| text.trim() == text && !text.is_empty())
}

fn until() -> impl Strategy<Value = Until> {
    let length = 1..366 * 86_400_i64;
    let length = length.prop_map(|it| Until::For(SignedDuration::from_secs(it)));
    prop_oneof![length, moment()]
}

fn moment() -> impl Strategy<Value = Until> {
    let zone = || {
        proptest::option::of(prop_oneof![
            Just("Europe/Stockholm".parse::<Zone>().unwrap()),
            Just("UTC".parse::<Zone>().unwrap()),
            Just("CET".parse::<Zone>().unwrap()),
        ])
    };
    let time = (0..24_i8, 0..60_i8).prop_map(|(h, m)| jiff::civil::Time::new(h, m, 0, 0).unwrap());
    let date = (2000..2100_i16, 1..13_i8, 1..29_i8)
        .prop_map(|(year, month, day)| jiff::civil::Date::new(year, month, day).unwrap());
    prop_oneof![
        (time.clone(), zone()).prop_map(|(time, zone)| Until::Clock { time, zone }),
        (date, time, zone())
            .prop_map(|(date, time, zone)| Until::Moment { at: date.to_datetime(time), zone }),
    ]
}

fn utterance() -> impl Strategy<Value = Utterance> {
    let place = || {
        (word(), word()).prop_map(|(application, environment)| Place { application, environment })
    };
    let maybe = proptest::option::of::<BoxedStrategy<String>>;
    let words = || word().boxed();
    let why = || reason().boxed();
    let skips = proptest::collection::vec(word(), 0..3);
    let age = prop_oneof![Just(Age::NewerOnly), Just(Age::OlderToo)];
    let bad = prop_oneof![Just(BadArtifact::Refused), Just(BadArtifact::Forced)];
    let drift = prop_oneof![Just(Drift::Asks), Just(Drift::TakenBack)];
    let spread = prop_oneof![Just(Spread::Here), Just(Spread::Everywhere)];
    let pass = prop_oneof![Just(Rollbacks::Wait), Just(Rollbacks::Pass)];
    let newer = proptest::option::of(prop_oneof![Just(Newer::With), Just(Newer::Without)]);
    prop_oneof![
        Just(Utterance::Help),
        maybe(words()).prop_map(|application| Utterance::Status { application }),
        (maybe(words()), maybe(words()), proptest::option::of(moment()))
            .prop_map(|(application, schedule, at)| Utterance::Plan { application, schedule, at }),
        word().prop_map(|schedule| Utterance::Run { schedule }),
        (word(), proptest::sample::select(Step::ALL.to_vec()), maybe(why()))
            .prop_map(|(promotion, step, comment)| Utterance::Review { promotion, step, comment }),
        place().prop_map(Utterance::Why),
        (place(), maybe(words()), age, bad, skips, maybe(why())).prop_map(
            |(place, version, age, bad, skips, reason)| Utterance::Promote {
                place,
                version,
                age,
                bad,
                skips,
                reason
            }
        ),
        (place(), maybe(words()), drift, spread, maybe(why())).prop_map(
            |(place, to, drift, spread, reason)| Utterance::Rollback {
                place,
                to,
                drift,
                spread,
                reason
            }
        ),
        (place(), proptest::option::of(until()), maybe(why()))
            .prop_map(|(place, until, reason)| Utterance::Hold { place, until, reason }),
        (place(), newer, maybe(why())).prop_map(|(place, newer, reason)| Utterance::Resume {
            place,
            newer,
            reason
        }),
        (word(), proptest::option::of(until()), pass, reason()).prop_map(
            |(environment, until, rollbacks, reason)| Utterance::Freeze {
                environment,
                until,
                rollbacks,
                reason
            },
        ),
        (word(), maybe(why()))
            .prop_map(|(environment, reason)| Utterance::Thaw { environment, reason }),
        (word(), proptest::option::of(place()), reason())
            .prop_map(|(gate, place, reason)| Utterance::Skip { gate, place, reason }),
        (word(), maybe(words()))
            .prop_map(|(application, environment)| Utterance::History { application, environment }),
    ]
}

proptest! {
    #[test]
    fn whatever_is_said_can_be_said_again(utterance in utterance()) {
        let said = utterance.to_string();
        prop_assert_eq!(said.parse::<Utterance>(), Ok(utterance), "{}", said);
    }

    #[test]
    fn nothing_that_is_typed_breaks_it(text in "\\PC{0,60}", verb in 0..14_usize) {
        let _ = text.parse::<Utterance>();
        let said = format!("{} {text}", Verb::ALL[verb]);
        if let Ok(utterance) = said.parse::<Utterance>() {
            prop_assert_eq!(utterance.to_string().parse::<Utterance>(), Ok(utterance));
        }
    }
}
