//! Windows and freezes, on every edge of a few zones, to the minute.
//!
//! Each table says what a person on the spot would write on the wall: the moment in UTC, what the
//! clock there shows, and whether promotions may enter.

use std::fmt::Write as _;

use hoist::domain::freeze::{Freeze, Origin, Rollbacks, Scope, all_over, next_edge};
use hoist::domain::gate::Shuts;
use hoist::domain::window::{Window, is_any_open, next_change};
use hoist::domain::zone::{Shown, Zone};
use insta::assert_snapshot;
use jiff::civil::{DateTime, Weekday};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

/// `mon-thu 09:00-16:00 Europe/Stockholm`
pub fn window(text: &str) -> Window {
    let [days, hours, zone] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
    let (from, to) = hours.split_once('-').unwrap();
    Window {
        days: days.parse().unwrap(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        zone: zone.parse().unwrap(),
    }
}

/// Every change of the windows between two moments, and the minute before each.
fn edges(windows: &[&str], from: &str, to: &str) -> String {
    let windows: Vec<Window> = windows.iter().map(|text| window(text)).collect();
    let windows: Vec<&Window> = windows.iter().collect();
    let (mut now, end) = (at(from), at(to));
    let mut text = String::new();
    let mut tell = |at: Timestamp| {
        let word = if is_any_open(&windows, at) { "open" } else { "shut" };
        let _ =
            writeln!(text, "{}  {}  {word}", at, windows[0].zone.local(at).strftime("%a %F %H:%M"));
    };
    tell(now);
    while let Some(change) = next_change(&windows, now).filter(|change| *change <= end) {
        tell(change - SignedDuration::from_mins(1));
        tell(change);
        now = change;
    }
    text
}

#[test]
fn office_hours_in_stockholm() {
    let table = edges(
        &["mon-thu 09:00-16:00 Europe/Stockholm"],
        "2026-11-25T12:00:00Z",
        "2026-11-30T20:00:00Z",
    );
    assert_snapshot!(table, @"
    2026-11-25T12:00:00Z  Wed 2026-11-25 13:00  open
    2026-11-25T14:59:00Z  Wed 2026-11-25 15:59  open
    2026-11-25T15:00:00Z  Wed 2026-11-25 16:00  shut
    2026-11-26T07:59:00Z  Thu 2026-11-26 08:59  shut
    2026-11-26T08:00:00Z  Thu 2026-11-26 09:00  open
    2026-11-26T14:59:00Z  Thu 2026-11-26 15:59  open
    2026-11-26T15:00:00Z  Thu 2026-11-26 16:00  shut
    2026-11-30T07:59:00Z  Mon 2026-11-30 08:59  shut
    2026-11-30T08:00:00Z  Mon 2026-11-30 09:00  open
    2026-11-30T14:59:00Z  Mon 2026-11-30 15:59  open
    2026-11-30T15:00:00Z  Mon 2026-11-30 16:00  shut
    ");
}

#[test]
fn office_hours_go_with_the_clock_when_it_is_put_back_in_new_york() {
    let table = edges(
        &["daily 09:00-16:00 America/New_York"],
        "2026-10-31T12:00:00Z",
        "2026-11-02T00:00:00Z",
    );
    assert_snapshot!(table, @"
    2026-10-31T12:00:00Z  Sat 2026-10-31 08:00  shut
    2026-10-31T12:59:00Z  Sat 2026-10-31 08:59  shut
    2026-10-31T13:00:00Z  Sat 2026-10-31 09:00  open
    2026-10-31T19:59:00Z  Sat 2026-10-31 15:59  open
    2026-10-31T20:00:00Z  Sat 2026-10-31 16:00  shut
    2026-11-01T13:59:00Z  Sun 2026-11-01 08:59  shut
    2026-11-01T14:00:00Z  Sun 2026-11-01 09:00  open
    2026-11-01T20:59:00Z  Sun 2026-11-01 15:59  open
    2026-11-01T21:00:00Z  Sun 2026-11-01 16:00  shut
    ");
}

#[test]
fn half_an_hour_is_put_back_and_forward_on_lord_howe() {
    let back = edges(
        &["sun 01:30-01:45 Australia/Lord_Howe"],
        "2026-04-04T12:00:00Z",
        "2026-04-05T00:00:00Z",
    );
    assert_snapshot!(back, @"
    2026-04-04T12:00:00Z  Sat 2026-04-04 23:00  shut
    2026-04-04T14:29:00Z  Sun 2026-04-05 01:29  shut
    2026-04-04T14:30:00Z  Sun 2026-04-05 01:30  open
    2026-04-04T14:44:00Z  Sun 2026-04-05 01:44  open
    2026-04-04T14:45:00Z  Sun 2026-04-05 01:45  shut
    2026-04-04T14:59:00Z  Sun 2026-04-05 01:59  shut
    2026-04-04T15:00:00Z  Sun 2026-04-05 01:30  open
    2026-04-04T15:14:00Z  Sun 2026-04-05 01:44  open
    2026-04-04T15:15:00Z  Sun 2026-04-05 01:45  shut
    ");
    let forward = edges(
        &["sun 01:45-02:15 Australia/Lord_Howe"],
        "2026-10-03T12:00:00Z",
        "2026-10-04T00:00:00Z",
    );
    assert_snapshot!(forward, @"
    2026-10-03T12:00:00Z  Sat 2026-10-03 22:30  shut
    2026-10-03T15:14:00Z  Sun 2026-10-04 01:44  shut
    2026-10-03T15:15:00Z  Sun 2026-10-04 01:45  open
    2026-10-03T15:29:00Z  Sun 2026-10-04 01:59  open
    2026-10-03T15:30:00Z  Sun 2026-10-04 02:30  shut
    ");
}

#[test]
fn kolkata_has_half_hours_and_no_summer_time() {
    let table = edges(
        &["fri-mon 22:30-02:15 Asia/Kolkata"],
        "2026-03-26T00:00:00Z",
        "2026-03-30T23:00:00Z",
    );
    assert_snapshot!(table, @"
    2026-03-26T00:00:00Z  Thu 2026-03-26 05:30  shut
    2026-03-27T16:59:00Z  Fri 2026-03-27 22:29  shut
    2026-03-27T17:00:00Z  Fri 2026-03-27 22:30  open
    2026-03-27T20:44:00Z  Sat 2026-03-28 02:14  open
    2026-03-27T20:45:00Z  Sat 2026-03-28 02:15  shut
    2026-03-28T16:59:00Z  Sat 2026-03-28 22:29  shut
    2026-03-28T17:00:00Z  Sat 2026-03-28 22:30  open
    2026-03-28T20:44:00Z  Sun 2026-03-29 02:14  open
    2026-03-28T20:45:00Z  Sun 2026-03-29 02:15  shut
    2026-03-29T16:59:00Z  Sun 2026-03-29 22:29  shut
    2026-03-29T17:00:00Z  Sun 2026-03-29 22:30  open
    2026-03-29T20:44:00Z  Mon 2026-03-30 02:14  open
    2026-03-29T20:45:00Z  Mon 2026-03-30 02:15  shut
    2026-03-30T16:59:00Z  Mon 2026-03-30 22:29  shut
    2026-03-30T17:00:00Z  Mon 2026-03-30 22:30  open
    2026-03-30T20:44:00Z  Tue 2026-03-31 02:14  open
    2026-03-30T20:45:00Z  Tue 2026-03-31 02:15  shut
    ");
}

#[test]
fn in_the_night_of_the_longer_day_the_hour_that_comes_twice_counts_twice() {
    let table = edges(
        &["sun 02:30-04:00 Europe/Stockholm"],
        "2026-10-24T22:00:00Z",
        "2026-10-25T12:00:00Z",
    );
    assert_snapshot!(table, @"
    2026-10-24T22:00:00Z  Sun 2026-10-25 00:00  shut
    2026-10-25T00:29:00Z  Sun 2026-10-25 02:29  shut
    2026-10-25T00:30:00Z  Sun 2026-10-25 02:30  open
    2026-10-25T00:59:00Z  Sun 2026-10-25 02:59  open
    2026-10-25T01:00:00Z  Sun 2026-10-25 02:00  shut
    2026-10-25T01:29:00Z  Sun 2026-10-25 02:29  shut
    2026-10-25T01:30:00Z  Sun 2026-10-25 02:30  open
    2026-10-25T02:59:00Z  Sun 2026-10-25 03:59  open
    2026-10-25T03:00:00Z  Sun 2026-10-25 04:00  shut
    ");
}

#[test]
fn in_the_night_of_the_shorter_day_the_hour_that_is_skipped_is_not_there() {
    let begins_in_it = edges(
        &["sun 02:30-04:00 Europe/Stockholm"],
        "2026-03-28T22:00:00Z",
        "2026-03-29T12:00:00Z",
    );
    assert_snapshot!(begins_in_it, @"
    2026-03-28T22:00:00Z  Sat 2026-03-28 23:00  shut
    2026-03-29T00:59:00Z  Sun 2026-03-29 01:59  shut
    2026-03-29T01:00:00Z  Sun 2026-03-29 03:00  open
    2026-03-29T01:59:00Z  Sun 2026-03-29 03:59  open
    2026-03-29T02:00:00Z  Sun 2026-03-29 04:00  shut
    ");
    let lies_in_it = edges(
        &["sun 02:10-02:50 Europe/Stockholm"],
        "2026-03-28T22:00:00Z",
        "2026-04-05T12:00:00Z",
    );
    assert_snapshot!(lies_in_it, @"
    2026-03-28T22:00:00Z  Sat 2026-03-28 23:00  shut
    2026-04-05T00:09:00Z  Sun 2026-04-05 02:09  shut
    2026-04-05T00:10:00Z  Sun 2026-04-05 02:10  open
    2026-04-05T00:49:00Z  Sun 2026-04-05 02:49  open
    2026-04-05T00:50:00Z  Sun 2026-04-05 02:50  shut
    ");
}

#[test]
fn a_window_past_midnight_belongs_to_the_day_it_began_on() {
    let table = edges(
        &["fri 22:00-02:00 America/New_York"],
        "2026-03-06T12:00:00Z",
        "2026-03-14T12:00:00Z",
    );
    assert_snapshot!(table, @"
    2026-03-06T12:00:00Z  Fri 2026-03-06 07:00  shut
    2026-03-07T02:59:00Z  Fri 2026-03-06 21:59  shut
    2026-03-07T03:00:00Z  Fri 2026-03-06 22:00  open
    2026-03-07T06:59:00Z  Sat 2026-03-07 01:59  open
    2026-03-07T07:00:00Z  Sat 2026-03-07 02:00  shut
    2026-03-14T01:59:00Z  Fri 2026-03-13 21:59  shut
    2026-03-14T02:00:00Z  Fri 2026-03-13 22:00  open
    2026-03-14T05:59:00Z  Sat 2026-03-14 01:59  open
    2026-03-14T06:00:00Z  Sat 2026-03-14 02:00  shut
    ");
}

#[test]
fn of_several_windows_one_is_enough() {
    let table = edges(
        &[
            "wed 09:00-12:00 Europe/Stockholm",
            "mon-fri 11:30-13:00 Europe/Stockholm",
            "wed 13:00-14:00 Europe/Stockholm",
        ],
        "2026-11-25T00:00:00Z",
        "2026-11-26T00:00:00Z",
    );
    assert_snapshot!(table, @"
    2026-11-25T00:00:00Z  Wed 2026-11-25 01:00  shut
    2026-11-25T07:59:00Z  Wed 2026-11-25 08:59  shut
    2026-11-25T08:00:00Z  Wed 2026-11-25 09:00  open
    2026-11-25T12:59:00Z  Wed 2026-11-25 13:59  open
    2026-11-25T13:00:00Z  Wed 2026-11-25 14:00  shut
    ");
}

#[test]
fn all_day_is_from_midnight_to_midnight() {
    let table = edges(
        &["mon-fri 00:00-24:00 Europe/Stockholm"],
        "2026-11-26T00:00:00Z",
        "2026-12-01T00:00:00Z",
    );
    assert_snapshot!(table, @"
    2026-11-26T00:00:00Z  Thu 2026-11-26 01:00  open
    2026-11-27T22:59:00Z  Fri 2026-11-27 23:59  open
    2026-11-27T23:00:00Z  Sat 2026-11-28 00:00  shut
    2026-11-29T22:59:00Z  Sun 2026-11-29 23:59  shut
    2026-11-29T23:00:00Z  Mon 2026-11-30 00:00  open
    ");
    let always = window("daily 00:00-24:00 Europe/Stockholm");
    assert_eq!(next_change(&[&always], at("2026-11-26T00:00:00Z")), None);
}

#[test]
fn days_are_written_as_people_do() {
    for (text, told) in [
        ("mon-thu", "mon-thu"),
        ("mon,wed", "mon,wed"),
        ("fri-mon", "mon,fri,sat,sun"),
        ("mon-wed,sat", "mon,tue,wed,sat"),
        ("sat", "sat"),
        ("mon-sun", "daily"),
        ("daily", "daily"),
    ] {
        let days: hoist::domain::window::Days = text.parse().unwrap();
        assert_eq!(days.to_string(), told, "{text}");
    }
    for bad in ["", "monday", "mon-", "mon thu", "1-5", "Mon", "mon,,tue", "mon-tue-wed"] {
        assert!(bad.parse::<hoist::domain::window::Days>().is_err(), "{bad}");
    }
}

#[test]
fn a_local_time_is_shown_once_twice_or_never() {
    let shown = |zone: &str, local: &str| {
        let local: DateTime = local.parse().unwrap();
        self::zone(zone).shown(local).unwrap()
    };
    assert_eq!(
        shown("Europe/Stockholm", "2026-11-26T00:00"),
        Shown::Once(at("2026-11-25T23:00:00Z"))
    );
    assert_eq!(
        shown("Europe/Stockholm", "2026-10-25T02:30"),
        Shown::Twice(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"))
    );
    for minute in ["02:00", "02:30", "02:59"] {
        assert_eq!(
            shown("Europe/Stockholm", &format!("2026-03-29T{minute}")),
            Shown::Skipped(at("2026-03-29T01:00:00Z")),
            "{minute}"
        );
    }
    assert_eq!(
        shown("America/New_York", "2026-03-08T02:15"),
        Shown::Skipped(at("2026-03-08T07:00:00Z"))
    );
    // Half an hour is skipped there.
    assert_eq!(
        shown("Australia/Lord_Howe", "2026-10-04T02:15"),
        Shown::Skipped(at("2026-10-03T15:30:00Z"))
    );
    assert_eq!(
        shown("Australia/Lord_Howe", "2026-10-04T02:30"),
        Shown::Once(at("2026-10-03T15:30:00Z"))
    );
}

fn freeze(begins: &str, ends: Option<&str>) -> Freeze {
    Freeze {
        origin: Origin::File { name: "a".into(), owner: None, zone: zone("UTC") },
        scope: Scope::Everywhere,
        reason: None,
        begins: at(begins),
        ends: ends.map(at),
        rollbacks: Rollbacks::Wait,
        shuts: Shuts::Proposal,
    }
}

#[test]
fn freezes_that_meet_end_together() {
    let first = freeze("2026-11-26T00:00:00Z", Some("2026-11-28T00:00:00Z"));
    let second = freeze("2026-11-28T00:00:00Z", Some("2026-11-30T00:00:00Z"));
    let later = freeze("2026-12-01T00:00:00Z", None);
    let all = [&first, &second, &later];
    let on = |text: &str| all.iter().any(|freeze| freeze.is_on(at(text)));
    assert!(!on("2026-11-25T23:59:59Z") && on("2026-11-26T00:00:00Z"));
    assert!(on("2026-11-28T00:00:00Z") && !on("2026-11-30T00:00:00Z"));
    assert_eq!(all_over(&all, at("2026-11-27T00:00:00Z")), Some(at("2026-11-30T00:00:00Z")));
    assert_eq!(all_over(&all, at("2026-12-02T00:00:00Z")), None);
    assert_eq!(next_edge(&all, at("2026-11-27T00:00:00Z")), Some(at("2026-11-28T00:00:00Z")));
    assert_eq!(next_edge(&all, at("2026-12-02T00:00:00Z")), None);
}

const ZONES: [&str; 8] = [
    "Europe/Stockholm",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/Havana",
    "Asia/Beirut",
    "Pacific/Apia",
    "UTC",
];

/// Nights around which something happens to a clock, and some others, in hours since 2026.
fn moments() -> impl Strategy<Value = Timestamp> {
    let begin: Timestamp = at("2026-01-01T00:00:00Z");
    (0_i64..24 * 365).prop_map(move |hours| begin + SignedDuration::from_hours(hours))
}

fn windows() -> impl Strategy<Value = Window> {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    (0..ZONES.len(), 1_u8..128, 0_u16..1440, 1_u16..=1440).prop_filter_map(
        "a window has a length",
        move |(zone, days, from, to)| {
            let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
            let days: Vec<&str> =
                (0..7).filter(|day| days >> day & 1 == 1).map(|day| names[day]).collect();
            (from != to).then(|| {
                window(&format!("{} {}-{} {}", days.join(","), clock(from), clock(to), ZONES[zone]))
            })
        },
    )
}

/// The oracle: reads the clock on the wall and the words of the window, and nothing else.
fn a_person_says_open(window: &Window, at: Timestamp) -> bool {
    let told = window.to_string();
    let [days, hours, _] = told.split(' ').collect::<Vec<_>>()[..] else { panic!("{told}") };
    let (from, to) = hours.split_once('-').unwrap();
    let local = window.zone.local(at);
    let shows = local.strftime("%H:%M").to_string();
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let is_on = |day: Weekday| {
        let name = names[usize::try_from(day.to_monday_zero_offset()).unwrap()];
        days.split(',').any(|part| match part.split_once('-') {
            _ if part == "daily" => true,
            None => part == name,
            Some((first, last)) => {
                let place = |name: &str| names.iter().position(|known| *known == name).unwrap();
                (place(first)..=place(last)).contains(&place(name))
            }
        })
    };
    let today = local.date().weekday();
    if from < to {
        is_on(today) && from <= shows.as_str() && shows.as_str() < to
    } else {
        (is_on(today) && from <= shows.as_str()) || (is_on(today.previous()) && shows.as_str() < to)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_judged_is_what_a_person_reads_off_the_wall_minute_by_minute(
        several in prop::collection::vec(windows(), 1..4),
        begin in moments(),
    ) {
        let several: Vec<&Window> = several.iter().collect();
        let open = |at| several.iter().any(|window| a_person_says_open(window, at));
        let change = next_change(&several, begin);
        for minute in 0..60 * 24 * 2 {
            let now = begin + SignedDuration::from_mins(minute);
            prop_assert_eq!(is_any_open(&several, now), open(now), "at {}", now);
            if change.is_none_or(|change| now < change) {
                prop_assert_eq!(open(now), open(begin), "changed unseen at {}", now);
            }
            if change == Some(now) {
                prop_assert_ne!(open(now), open(begin), "nothing changes at {}", now);
            }
        }
    }
}
