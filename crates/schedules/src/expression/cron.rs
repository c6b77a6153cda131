//! Cron: which minutes of a calendar are meant.
//!
//! The fields are sets, however they were written, so that another dialect (five fields, or seconds before them) only
//! needs another reader. Days are the exception: which days of a month are meant depends on the month.

use jiff::civil::{Date, DateTime, Weekday};

use super::Malformed;
use super::field::{self, Field, Step};

/// Years that can be meant.
const FIRST_YEAR: i16 = 1970;
const LAST_YEAR: i16 = 2199;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: Days,
    months: u64,
    years: Years,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth(Vec<DayOfMonth>),
    OfWeek(Vec<DayOfWeek>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DayOfMonth {
    /// A set of days.
    These(u64),
    /// So many days before the last.
    Last {
        before: i8,
    },
    /// The day from Monday to Friday that is nearest to this one, in the same month.
    NearestWeekday(i8),
    LastWeekday,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DayOfWeek {
    /// A set of days; Sunday is 1.
    These(u64),
    /// The last such day of the month.
    Last(u32),
    /// The `nth` such day of the month.
    Nth(u32, i8),
}

/// Bits from [`FIRST_YEAR`] on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Years([u64; 4]);

const MINUTES: Field = Field::numbers("minutes", 0, 59);
const HOURS: Field = Field::numbers("hours", 0, 23);
const DAYS: Field = Field::numbers("day-of-month", 1, 31);
const MONTHS: Field = Field::named(
    "month",
    1,
    &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
);
const WEEKDAYS: Field = Field::named(
    "day-of-week",
    1,
    &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
);
const YEARS: Field = Field::numbers("year", 1970, 2199);

impl Cron {
    /// Reads six fields: minutes, hours, day of the month, month, day of the week, year. One of the two days is `?`.
    pub fn with_years(text: &str) -> Result<Self, Malformed> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, day, month, weekday, year] = fields.as_slice() else {
            return Err(Malformed::new("a cron expression has six fields"));
        };
        let days = match (*day, *weekday) {
            ("?", "?") => return Err(Malformed::new("only one of the two days can be `?`")),
            ("?", weekday) => Days::OfWeek(field::list(weekday, day_of_week)?),
            (day, "?") => Days::OfMonth(field::list(day, day_of_month)?),
            _ => return Err(Malformed::new("one of the two days has to be `?`")),
        };
        if let Days::OfWeek(days) = &days
            && days.len() > 1
            && days.iter().any(|day| matches!(day, DayOfWeek::Nth(..)))
        {
            return Err(Malformed::new("`#` stands alone"));
        }
        Ok(Self {
            minutes: MINUTES.set(minutes)?,
            hours: HOURS.set(hours)?,
            days,
            months: MONTHS.set(month)?,
            years: Years::read(year)?,
        })
    }

    /// The first minute after `after` that is meant.
    pub fn next(&self, after: DateTime) -> Option<DateTime> {
        let (mut date, mut from) = (after.date(), Some(after));
        loop {
            if date.year() > LAST_YEAR {
                return None;
            }
            date = date.max(Date::new(FIRST_YEAR, 1, 1).ok()?);
            if !self.years.holds(date.year()) {
                (date, from) = (Date::new(date.year() + 1, 1, 1).ok()?, None);
                continue;
            }
            if self.months & 1 << date.month() == 0 {
                (date, from) = (date.last_of_month().tomorrow().ok()?, None);
                continue;
            }
            let days = self.days.of(date);
            let Some(day) = first_from(days, u32::try_from(date.day()).ok()?) else {
                (date, from) = (date.last_of_month().tomorrow().ok()?, None);
                continue;
            };
            let found = Date::new(date.year(), date.month(), i8::try_from(day).ok()?).ok()?;
            let earliest = from.filter(|from| from.date() == found);
            if let Some((hour, minute)) = self.time(earliest) {
                return Some(found.at(hour, minute, 0, 0));
            }
            (date, from) = (found.tomorrow().ok()?, None);
        }
    }

    /// The first time of a day that is meant, after the minute of `after`.
    fn time(&self, after: Option<DateTime>) -> Option<(i8, i8)> {
        let (hour, minute) = match after {
            None => (0, 0),
            Some(after) => (
                u32::try_from(after.hour()).ok()?,
                u32::try_from(after.minute()).ok()? + 1,
            ),
        };
        let mut found = None;
        if self.hours & 1 << hour != 0 {
            found = first_from(self.minutes, minute).map(|minute| (hour, minute));
        }
        let later = || {
            Some((
                first_from(self.hours, hour + 1)?,
                first_from(self.minutes, 0)?,
            ))
        };
        let (hour, minute) = found.or_else(later)?;
        Some((i8::try_from(hour).ok()?, i8::try_from(minute).ok()?))
    }
}

/// The first member of a set that is not before `from`.
fn first_from(set: u64, from: u32) -> Option<u32> {
    let rest = set.checked_shr(from)?;
    (rest != 0).then(|| from + rest.trailing_zeros())
}

impl Days {
    /// Which days of the month of `date` are meant.
    fn of(&self, date: Date) -> u64 {
        match self {
            Self::OfMonth(days) => days.iter().fold(0, |set, day| set | day.of(date)),
            Self::OfWeek(days) => days.iter().fold(0, |set, day| set | day.of(date)),
        }
    }
}

impl DayOfMonth {
    fn of(self, date: Date) -> u64 {
        let length = date.days_in_month();
        let one = |day: i8| if day >= 1 { 1 << day } else { 0 };
        match self {
            Self::These(set) => set & ((1 << (length + 1)) - 1),
            Self::Last { before } => one(length - before),
            Self::NearestWeekday(day) if day > length => 0,
            Self::NearestWeekday(day) => one(nearest_weekday(date, day)),
            Self::LastWeekday => one(nearest_weekday(date, length)),
        }
    }
}

impl DayOfWeek {
    fn of(self, date: Date) -> u64 {
        let length = date.days_in_month();
        let first = i64::from(date.first_of_month().weekday().to_sunday_one_offset());
        let all = |wanted: u32| {
            let offset = (i64::from(wanted) - first).rem_euclid(7) + 1;
            (offset..=i64::from(length)).step_by(7)
        };
        match self {
            Self::These(set) => (1..=7)
                .filter(|day| set & 1 << day != 0)
                .flat_map(all)
                .fold(0, |set, day| set | 1 << day),
            Self::Last(day) => all(day).last().map_or(0, |day| 1 << day),
            Self::Nth(day, nth) => {
                let nth = usize::try_from(nth - 1).unwrap_or_default();
                all(day).nth(nth).map_or(0, |day| 1 << day)
            }
        }
    }
}

fn nearest_weekday(date: Date, day: i8) -> i8 {
    let length = date.days_in_month();
    let Ok(of) = Date::new(date.year(), date.month(), day) else {
        return 0;
    };
    match of.weekday() {
        Weekday::Saturday if day == 1 => 3,
        Weekday::Saturday => day - 1,
        Weekday::Sunday if day == length => day - 2,
        Weekday::Sunday => day + 1,
        _ => day,
    }
}

fn day_of_month(text: &str) -> Result<DayOfMonth, Malformed> {
    let refuse = || DAYS.refuse(text);
    let number = |text: &str| DAYS.number(text).and_then(|day| i8::try_from(day).ok());
    match text {
        "L" => return Ok(DayOfMonth::Last { before: 0 }),
        "LW" | "WL" => return Ok(DayOfMonth::LastWeekday),
        _ => {}
    }
    if let Some(before) = text.strip_prefix("L-") {
        let before = before
            .parse()
            .ok()
            .filter(|before| (0..=30).contains(before));
        let before = before.ok_or_else(refuse)?;
        return Ok(DayOfMonth::Last { before });
    }
    if let Some(day) = text.strip_suffix('W').or_else(|| text.strip_prefix('W')) {
        return Ok(DayOfMonth::NearestWeekday(number(day).ok_or_else(refuse)?));
    }
    Ok(DayOfMonth::These(DAYS.part(text)?))
}

fn day_of_week(text: &str) -> Result<DayOfWeek, Malformed> {
    let refuse = || WEEKDAYS.refuse(text);
    if text == "L" {
        return Ok(DayOfWeek::These(1 << 7));
    }
    if let Some((day, nth)) = text.split_once('#') {
        let day = WEEKDAYS.number(day).ok_or_else(refuse)?;
        let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth));
        return Ok(DayOfWeek::Nth(day, nth.ok_or_else(refuse)?));
    }
    if let Some(day) = text.strip_suffix('L') {
        return Ok(DayOfWeek::Last(WEEKDAYS.number(day).ok_or_else(refuse)?));
    }
    Ok(DayOfWeek::These(WEEKDAYS.part(text)?))
}

impl Years {
    fn read(text: &str) -> Result<Self, Malformed> {
        let mut years = Self([0; 4]);
        for step in field::list(text, |part| YEARS.step(part))? {
            let Step { first, last, by } = step;
            if first > last {
                return Err(YEARS.refuse(text));
            }
            for year in (first..=last).step_by(by) {
                let bit = year - 1970;
                years.0[bit as usize / 64] |= 1 << (bit % 64);
            }
        }
        Ok(years)
    }

    fn holds(&self, year: i16) -> bool {
        let Ok(bit) = usize::try_from(year - FIRST_YEAR) else {
            return false;
        };
        self.0
            .get(bit / 64)
            .is_some_and(|word| word & 1 << (bit % 64) != 0)
    }
}
