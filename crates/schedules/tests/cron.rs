//! Cron beside a library that has nothing to do with ours. It writes some of the language in another way, so each
//! expression is made of parts that are worded for both.

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::{Date, DateTime};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use schedules::Expression;

/// The same in both languages.
#[derive(Clone, Debug)]
struct Said {
    ours: String,
    theirs: String,
}

fn same(text: impl Into<String>) -> Said {
    let text = text.into();
    Said {
        ours: text.clone(),
        theirs: text,
    }
}

fn said(ours: impl Into<String>, theirs: impl Into<String>) -> Said {
    Said {
        ours: ours.into(),
        theirs: theirs.into(),
    }
}

/// One after the other, with a comma between.
fn list(parts: &[Said]) -> Said {
    let join = |one: fn(&Said) -> &str| parts.iter().map(one).collect::<Vec<_>>().join(",");
    said(join(|part| &part.ours), join(|part| &part.theirs))
}

fn listed(part: impl Strategy<Value = Said>) -> impl Strategy<Value = Said> {
    prop::collection::vec(part, 1..4).prop_map(|parts| list(&parts))
}

/// Numbers, ranges and steps of a field. They have no ranges that go over the end.
fn numbers(first: u32, last: u32) -> impl Strategy<Value = Said> {
    let one = first..=last;
    let two = (one.clone(), one.clone());
    let range = two.prop_map(move |(from, to)| {
        let there: Vec<u32> = match from <= to {
            true => (from..=to).collect(),
            false => (from..=last).chain(first..=to).collect(),
        };
        let there: Vec<Said> = there.iter().map(|at| same(at.to_string())).collect();
        said(format!("{from}-{to}"), list(&there).theirs)
    });
    prop_oneof![
        one.clone().prop_map(|at| same(at.to_string())),
        range,
        (one.clone(), 1..=last).prop_map(|(from, by)| same(format!("{from}/{by}"))),
        (1..=last).prop_map(|by| same(format!("*/{by}"))),
        (one.clone(), one, 1..=last)
            .prop_map(|(a, b, by)| { same(format!("{}-{}/{by}", a.min(b), a.max(b))) }),
    ]
}

fn field(first: u32, last: u32) -> impl Strategy<Value = Said> {
    prop_oneof![Just(same("*")), listed(numbers(first, last))]
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

fn names(of: &'static [&'static str]) -> impl Strategy<Value = Said> {
    subsequence(of, 1..=3).prop_map(|some| same(some.join(",")))
}

fn month() -> impl Strategy<Value = Said> {
    prop_oneof![
        field(1, 12),
        names(&MONTHS),
        names(&MONTHS).prop_map(|name| said(name.ours.to_lowercase(), name.theirs)),
    ]
}

fn day_of_month() -> impl Strategy<Value = Said> {
    let nearest = (1..=31).prop_map(|day| same(format!("{day}W")));
    // The library takes `L` beside `LW` for nothing.
    let some = prop_oneof![numbers(1, 31), nearest];
    prop_oneof![
        Just(same("*")),
        listed(some.clone()),
        some.clone().prop_map(|day| list(&[day, same("L")])),
        some.prop_map(|day| list(&[same("LW"), day])),
        Just(same("L")),
        Just(same("LW")),
    ]
}

fn day_of_week() -> impl Strategy<Value = Said> {
    let day = prop_oneof![
        (1..=7_u32).prop_map(|day| day.to_string()),
        select(&WEEKDAYS).prop_map(ToOwned::to_owned),
    ];
    let last = day.clone().prop_map(|day| same(format!("{day}L")));
    let nth = (day, 1..=5).prop_map(|(day, nth)| same(format!("{day}#{nth}")));
    prop_oneof![
        Just(same("*")),
        listed(prop_oneof![numbers(1, 7), names(&WEEKDAYS), last]),
        nth,
        // On its own it is the last day of the week.
        Just(said("L", "7")),
    ]
}

fn days() -> impl Strategy<Value = (Said, Said)> {
    prop_oneof![
        (day_of_month(), Just(same("?"))),
        (Just(same("?")), day_of_week()),
    ]
}

fn years() -> impl Strategy<Value = Said> {
    let year = 2020..=2060_u32;
    prop_oneof![
        3 => Just(said("*", "1970-2199")),
        1 => prop_oneof![
            year.clone().prop_map(|year| same(year.to_string())),
            (year.clone(), 0..20_u32).prop_map(|(from, more)| same(format!("{from}-{}", from + more))),
            (year, 1..9_u32).prop_map(|(from, by)| said(format!("{from}/{by}"), format!("{from}-2199/{by}"))),
        ],
    ]
}

/// Six fields here and seven there, where seconds come first.
fn expression() -> impl Strategy<Value = Said> {
    let fields = (field(0, 59), field(0, 23), days(), month(), years());
    fields.prop_map(|(minutes, hours, (day, weekday), month, years)| {
        let fields = [minutes, hours, day, month, weekday, years];
        let words = |one: fn(&Said) -> &str| fields.iter().map(one).collect::<Vec<_>>().join(" ");
        let (ours, theirs) = (words(|field| &field.ours), words(|field| &field.theirs));
        said(format!("cron({ours})"), format!("0 {theirs}"))
    })
}

fn moment() -> impl Strategy<Value = DateTime> {
    let fields = (2019..=2061_i16, 1..=12_i8, 1..=31_i8, 0..=86_399_i32);
    fields.prop_map(|(year, month, day, second)| {
        let first = Date::new(year, month, 1).unwrap();
        let date = Date::new(year, month, day.min(first.days_in_month())).unwrap();
        let time = (second / 3_600, second / 60 % 60, second % 60);
        let small = |number: i32| i8::try_from(number).unwrap();
        date.at(small(time.0), small(time.1), small(time.2), 0)
    })
}

fn theirs(text: &str) -> croner::Cron {
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Required)
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build();
    parser
        .parse(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_next_times_are_those_of_another_library(said in expression(), after in moment()) {
        let Expression::Cron(cron) = Expression::read(&said.ours).unwrap() else {
            panic!("{} is no cron", said.ours);
        };
        let peer = theirs(&said.theirs);
        let mut after = after;
        for _ in 0..4 {
            let next = cron.next(after);
            prop_assert_eq!(next, peer.find_next_occurrence(&after, false).ok(), "{:?} after {}", said, after);
            let Some(next) = next else { break };
            after = next;
        }
    }
}
