use std::time::Duration;

use super::*;

fn at(text: &str) -> Timestamp {
    told(text.parse().unwrap()).unwrap()
}

fn in_zone(expression: &str, zone: &str) -> Timetable {
    Timetable {
        expression: Expression::read(expression).unwrap(),
        zone: TimeZone::get(zone).unwrap(),
        anchor: at("2026-01-01T00:00:30Z"),
        start: None,
        end: None,
    }
}

fn several(timetable: &Timetable, after: &str, count: usize) -> Vec<String> {
    let first = timetable.next(at(after));
    std::iter::successors(first, |last| timetable.next(*last))
        .take(count)
        .map(|at| {
            let micros = i64::try_from(at.as_micros()).unwrap();
            jiff::Timestamp::from_microsecond(micros)
                .unwrap()
                .to_string()
        })
        .collect()
}

#[test]
fn what_a_spring_leaves_out_is_skipped() {
    let nightly = in_zone("cron(30 2 * * ? *)", "Europe/Berlin");
    assert_eq!(
        several(&nightly, "2027-03-26T12:00:00Z", 3),
        [
            "2027-03-27T01:30:00Z",
            "2027-03-29T00:30:00Z",
            "2027-03-30T00:30:00Z"
        ]
    );
}

#[test]
fn what_an_autumn_repeats_is_due_once() {
    let nightly = in_zone("cron(30 2 * * ? *)", "Europe/Berlin");
    assert_eq!(
        several(&nightly, "2027-10-30T12:00:00Z", 2),
        ["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]
    );
    let often = in_zone("cron(0/30 * * * ? *)", "America/New_York");
    assert_eq!(
        several(&often, "2026-11-01T05:00:00Z", 3),
        [
            "2026-11-01T05:30:00Z",
            "2026-11-01T07:00:00Z",
            "2026-11-01T07:30:00Z"
        ]
    );
    // Asked within what is repeated.
    assert_eq!(
        several(&often, "2026-11-01T06:10:00Z", 1),
        ["2026-11-01T07:00:00Z"]
    );
}

#[test]
fn noon_stays_noon_over_a_change() {
    let daily = in_zone("cron(0 12 * * ? *)", "America/New_York");
    assert_eq!(
        several(&daily, "2027-03-13T00:00:00Z", 3),
        [
            "2027-03-13T17:00:00Z",
            "2027-03-14T16:00:00Z",
            "2027-03-15T16:00:00Z"
        ]
    );
}

#[test]
fn a_rate_counts_from_its_anchor_whatever_the_clocks_do() {
    let mut daily = in_zone("rate(1 day)", "Europe/Berlin");
    assert_eq!(
        several(&daily, "2027-03-27T12:00:00Z", 2),
        ["2027-03-28T00:00:30Z", "2027-03-29T00:00:30Z"]
    );
    assert_eq!(
        several(&daily, "2025-06-01T00:00:00Z", 2),
        ["2026-01-01T00:00:30Z", "2026-01-02T00:00:30Z"]
    );
    daily.start = Some(at("2027-01-05T00:00:30Z"));
    daily.end = Some(at("2027-01-06T00:00:30Z"));
    assert_eq!(
        several(&daily, "2026-01-01T00:00:00Z", 5),
        ["2027-01-05T00:00:30Z", "2027-01-06T00:00:30Z"]
    );
}

#[test]
fn once_is_once_and_in_its_zone() {
    let once = in_zone("at(2027-07-01T12:00:00)", "Asia/Kolkata");
    assert_eq!(
        several(&once, "2026-01-01T00:00:00Z", 5),
        ["2027-07-01T06:30:00Z"]
    );
    assert!(several(&once, "2027-07-01T06:30:00Z", 5).is_empty());
    let gap = in_zone("at(2027-03-28T02:30:00)", "Europe/Berlin");
    assert_eq!(
        several(&gap, "2026-01-01T00:00:00Z", 5),
        ["2027-03-28T01:30:00Z"]
    );
}

#[test]
fn a_start_and_an_end_belong_to_it() {
    let mut hourly = in_zone("cron(0 * * * ? *)", "UTC");
    hourly.start = Some(at("2027-01-01T10:00:00Z"));
    hourly.end = Some(at("2027-01-01T12:00:00Z"));
    assert_eq!(
        several(&hourly, "2026-01-01T00:00:00Z", 9),
        [
            "2027-01-01T10:00:00Z",
            "2027-01-01T11:00:00Z",
            "2027-01-01T12:00:00Z"
        ]
    );
}

/// Minute after minute, against the tables of time zones: slow, and hard to get wrong.
fn naive(cron: &Cron, zone: &TimeZone, after: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let mut seen = std::collections::BTreeSet::new();
    let mut found = Vec::new();
    let mut minute = after.as_secs() / 60 * 60;
    // What was before `after` counts as seen, where clocks repeat it.
    let mut earlier = minute.saturating_sub(3 * 3_600);
    let local = |secs: u64| {
        zone.to_datetime(jiff::Timestamp::from_second(i64::try_from(secs).unwrap()).unwrap())
    };
    while earlier <= minute {
        seen.insert(local(earlier));
        earlier += 60;
    }
    while minute < until.as_secs() {
        minute += 60;
        let civil = local(minute);
        let is_new = seen.insert(civil);
        let before = civil.checked_sub(Duration::from_secs(60)).unwrap();
        if is_new && cron.next(before) == Some(civil) {
            found.push(Timestamp::from_secs(minute));
        }
    }
    found
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    #[test]
    fn it_says_what_minute_after_minute_says(
        minute in "(\\*|0/7|13|\\*/30|5-40/9)",
        hour in "(\\*|1-3|2|0/5)",
        zone in proptest::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo"]),
        // Days around which clocks change, here or there.
        day in proptest::sample::select(vec!["2027-03-13", "2027-03-27", "2027-04-03", "2027-10-02", "2027-10-30", "2027-11-06", "2018-11-03", "2027-01-01"]),
    ) {
        let timetable = in_zone(&format!("cron({minute} {hour} * * ? *)"), zone);
        let Expression::Cron(cron) = &timetable.expression else { unreachable!() };
        let after = at(&format!("{day}T00:00:00Z"));
        let until = after + Duration::from_secs(2 * 86_400);
        let expected = naive(cron, &timetable.zone, after, until);
        let first = timetable.next(after);
        let found: Vec<_> = std::iter::successors(first, |last| timetable.next(*last))
            .take_while(|at| *at <= until)
            .collect();
        proptest::prop_assert_eq!(found, expected);
    }
}
