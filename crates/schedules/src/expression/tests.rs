use super::*;

fn next(text: &str, after: &str) -> String {
    let Expression::Cron(cron) = Expression::read(&format!("cron({text})")).unwrap() else {
        panic!("{text} is no cron expression");
    };
    let next = cron.next(after.parse().unwrap());
    next.map_or_else(|| "never".to_owned(), |next| next.to_string())
}

#[test]
fn plain_fields_lists_ranges_steps_and_names() {
    let after = "2026-11-26T07:30:00";
    assert_eq!(next("* * * * ? *", after), "2026-11-26T07:31:00");
    assert_eq!(next("0 12 * * ? *", after), "2026-11-26T12:00:00");
    assert_eq!(
        next("15 10 * * ? *", "2026-11-26T10:15:00"),
        "2026-11-27T10:15:00"
    );
    assert_eq!(
        next("15 10 * * ? *", "2026-11-26T10:14:59"),
        "2026-11-26T10:15:00"
    );
    assert_eq!(next("0/20 * * * ? *", after), "2026-11-26T07:40:00");
    assert_eq!(
        next("*/20 8-10/2 * * ? *", "2026-11-26T08:40:00"),
        "2026-11-26T10:00:00"
    );
    assert_eq!(
        next("5,35 * ? * MON-FRI *", "2026-11-27T23:35:00"),
        "2026-11-30T00:05:00"
    );
    assert_eq!(next("0 18 ? * mon,wed *", after), "2026-11-30T18:00:00");
    assert_eq!(next("0 0 1 JAN ? 2030", after), "2030-01-01T00:00:00");
    assert_eq!(next("0 0 ? * 1 *", after), "2026-11-29T00:00:00");
    assert_eq!(
        next("0 0 ? * FRI-MON *", "2026-11-30T00:00:00"),
        "2026-12-04T00:00:00"
    );
    assert_eq!(next("0 22-2 * * ? *", after), "2026-11-26T22:00:00");
    assert_eq!(next("0 0 29 2 ? *", after), "2028-02-29T00:00:00");
    assert_eq!(
        next("0 0 31 * ? *", "2027-01-31T00:00:00"),
        "2027-03-31T00:00:00"
    );
}

#[test]
fn last_days_nearest_weekdays_and_nth_days() {
    assert_eq!(
        next("0 5 L * ? *", "2027-02-01T00:00:00"),
        "2027-02-28T05:00:00"
    );
    assert_eq!(
        next("0 5 L * ? *", "2028-02-01T00:00:00"),
        "2028-02-29T05:00:00"
    );
    assert_eq!(
        next("0 5 L-2 * ? *", "2027-02-01T00:00:00"),
        "2027-02-26T05:00:00"
    );
    // 28 February 2027 is a Sunday.
    assert_eq!(
        next("0 5 LW * ? *", "2027-02-01T00:00:00"),
        "2027-02-26T05:00:00"
    );
    // 1 May 2027 is a Saturday, and April is another month.
    assert_eq!(
        next("0 5 1W * ? *", "2027-04-30T00:00:00"),
        "2027-05-03T05:00:00"
    );
    // 15 May 2027 is a Saturday, 15 August 2027 a Sunday.
    assert_eq!(
        next("0 5 15W * ? *", "2027-05-01T00:00:00"),
        "2027-05-14T05:00:00"
    );
    assert_eq!(
        next("0 5 15W * ? *", "2027-08-01T00:00:00"),
        "2027-08-16T05:00:00"
    );
    // 31 October 2027 is a Sunday, and there is no 31 November.
    assert_eq!(
        next("0 5 31W * ? *", "2027-10-01T00:00:00"),
        "2027-10-29T05:00:00"
    );
    assert_eq!(
        next("0 5 31W * ? *", "2027-11-01T00:00:00"),
        "2027-12-31T05:00:00"
    );
    assert_eq!(
        next("0 5 ? * 6L *", "2026-11-01T00:00:00"),
        "2026-11-27T05:00:00"
    );
    assert_eq!(
        next("0 5 ? * FRIL *", "2026-11-28T00:00:00"),
        "2026-12-25T05:00:00"
    );
    assert_eq!(
        next("0 5 ? * L *", "2026-11-26T00:00:00"),
        "2026-11-28T05:00:00"
    );
    assert_eq!(
        next("0 5 ? * 3#2 *", "2026-11-01T00:00:00"),
        "2026-11-10T05:00:00"
    );
    assert_eq!(
        next("0 5 ? * TUE#5 *", "2026-11-01T00:00:00"),
        "2026-12-29T05:00:00"
    );
}

#[test]
fn the_calendar_ends() {
    assert_eq!(next("0 0 1 1 ? 2026", "2026-11-26T00:00:00"), "never");
    assert_eq!(next("0 0 30 2 ? *", "2026-11-26T00:00:00"), "never");
    assert_eq!(
        next("59 23 31 12 ? 2199", "2026-01-01T00:00:00"),
        "2199-12-31T23:59:00"
    );
    assert_eq!(next("59 23 31 12 ? 2199", "2199-12-31T23:59:00"), "never");
    assert_eq!(next("* * * * ? *", "2199-12-31T23:59:00"), "never");
}

#[test]
fn what_does_not_read_is_refused() {
    for bad in [
        "cron(* * * * *)",
        "cron(* * * * ? * *)",
        "cron(* * * * * *)",
        "cron(* * ? * ? *)",
        "cron(0 0 1 * MON *)",
        "cron(60 * * * ? *)",
        "cron(* 24 * * ? *)",
        "cron(* * 0 * ? *)",
        "cron(* * 32 * ? *)",
        "cron(* * * 13 ? *)",
        "cron(* * ? * 0 *)",
        "cron(* * ? * 8 *)",
        "cron(* * ? * MON#6 *)",
        "cron(* * ? * 3#1,6#3 *)",
        "cron(* * * * ? 1969)",
        "cron(* * * * ? 2200)",
        "cron(*/0 * * * ? *)",
        "cron(5- * * * ? *)",
        "cron(, * * * ? *)",
        "cron(? * * * ? *)",
        "cron(+5 * * * ? *)",
        "cron(* * * * ? 2030-2020)",
        "cron(0 5 32W * ? *)",
        "rate(0 minutes)",
        "rate(5 seconds)",
        "rate(5  minutes)",
        "rate(-5 minutes)",
        "rate(+5 minutes)",
        "rate(1.5 hours)",
        "rate(5minutes)",
        "rate(99999999999 days)",
        "at(2026-11-26)",
        "at(2026-11-26T07:30)",
        "at(2026-11-26T07:30:00Z)",
        "at(2026-13-26T07:30:00)",
        "at(2026-11-31T07:30:00)",
        "every 5 minutes",
        "cron()",
        "",
        "CRON(* * * * ? *)",
    ] {
        assert!(Expression::read(bad).is_err(), "{bad}");
    }
}

#[test]
fn rates_and_times_are_read() {
    let minutes = |count: u64| Expression::Rate(Duration::from_secs(60 * count));
    assert_eq!(Expression::read("rate(1 minute)"), Ok(minutes(1)));
    assert_eq!(Expression::read("rate(5 minutes)"), Ok(minutes(5)));
    assert_eq!(Expression::read("rate(1 hour)"), Ok(minutes(60)));
    assert_eq!(Expression::read("rate(7 days)"), Ok(minutes(7 * 24 * 60)));
    for (text, count) in [("rate(5 minute)", 5), ("rate(1 minutes)", 1)] {
        assert_eq!(Expression::read(text), Ok(minutes(count)));
        assert!(Expression::read_strictly(text).is_err(), "{text}");
    }
    for text in ["rate(1 minute)", "rate(11 days)", "cron(* * * * ? *)"] {
        assert!(Expression::read_strictly(text).is_ok(), "{text}");
    }
    let at = Expression::read("at(2026-11-26T07:30:00)").unwrap();
    assert_eq!(at, Expression::At("2026-11-26T07:30:00".parse().unwrap()));
}
