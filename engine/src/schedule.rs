//! Cron expressions of five fields, minutes first, in UTC: `minute hour day-of-month month day-of-week`.

use chrono::{DateTime, Datelike, Duration, Timelike, Utc};

/// How far ahead a next time is looked for: the 29th of February can be eight years away.
const HORIZON_DAYS: i64 = 366 * 8 + 2;

/// When a task is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// As in cron(8): with both days restricted, either of them is enough.
    either_day: bool,
}

impl Cron {
    /// Reads `*`, numbers, lists, ranges and steps; Sunday is 0 or 7.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(format!(
                "{text:?} has {} fields; a schedule has five: minute hour day-of-month month day-of-week",
                fields.len()
            ));
        };
        let sunday_twice = set_of("day of week", weekdays, 0, 7)?;
        Ok(Self {
            minutes: set_of("minute", minutes, 0, 59)?,
            hours: set_of("hour", hours, 0, 23)?,
            days: set_of("day of month", days, 1, 31)?,
            months: set_of("month", months, 1, 12)?,
            weekdays: (sunday_twice | sunday_twice >> 7) & 0x7f,
            either_day: !days.starts_with('*') && !weekdays.starts_with('*'),
        })
    }

    /// The first time after `moment`, or none when the expression names a day that does not exist.
    pub fn next_after(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let first = moment.with_second(0)?.with_nanosecond(0)? + Duration::minutes(1);
        let mut at = first;
        while at < first + Duration::days(HORIZON_DAYS) {
            if !self.is_day(at) {
                at = (at + Duration::days(1)).with_hour(0)?.with_minute(0)?;
            } else if !has(self.hours, at.hour()) {
                at = (at + Duration::hours(1)).with_minute(0)?;
            } else if !has(self.minutes, at.minute()) {
                at += Duration::minutes(1);
            } else {
                return Some(at);
            }
        }
        None
    }

    fn is_day(&self, at: DateTime<Utc>) -> bool {
        let day = has(self.days, at.day());
        let weekday = has(self.weekdays, at.weekday().num_days_from_sunday());
        let fits = if self.either_day { day || weekday } else { day && weekday };
        has(self.months, at.month()) && fits
    }
}

fn has(set: u64, value: u32) -> bool {
    set >> value & 1 == 1
}

/// One field as a set of bits.
fn set_of(name: &str, field: &str, low: u32, high: u32) -> Result<u64, String> {
    let mut set = 0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, number(name, step, 1, high)?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((first, last)) => (number(name, first, low, high)?, number(name, last, low, high)?),
            None if part.contains('/') => (number(name, range, low, high)?, high),
            None => {
                let only = number(name, range, low, high)?;
                (only, only)
            }
        };
        if first > last {
            return Err(format!("the {name} {part:?} runs backwards"));
        }
        for value in (first..=last).step_by(step as usize) {
            set |= 1 << value;
        }
    }
    Ok(set)
}

fn number(name: &str, text: &str, low: u32, high: u32) -> Result<u32, String> {
    match text.parse() {
        Ok(value) if (low..=high).contains(&value) => Ok(value),
        _ => Err(format!("the {name} {text:?} is not a number from {low} to {high}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, moment: &str) -> Option<String> {
        let moment = moment.parse().expect("a time");
        let next = Cron::parse(expression).expect("a schedule").next_after(moment);
        next.map(|at| at.format("%Y-%m-%dT%H:%M:%S").to_string())
    }

    #[test]
    fn every_minute_is_the_next_full_minute() {
        assert_eq!(next("* * * * *", "2026-01-01T00:00:30Z").unwrap(), "2026-01-01T00:01:00");
    }

    #[test]
    fn a_time_that_is_now_is_due_again_only_later() {
        assert_eq!(next("0 12 * * *", "2026-01-01T12:00:00Z").unwrap(), "2026-01-02T12:00:00");
    }

    #[test]
    fn steps_lists_and_ranges_are_counted_within_their_field() {
        assert_eq!(next("*/15 * * * *", "2026-01-01T00:31:00Z").unwrap(), "2026-01-01T00:45:00");
        assert_eq!(next("5,40 * * * *", "2026-01-01T00:06:00Z").unwrap(), "2026-01-01T00:40:00");
        assert_eq!(next("0 8-10 * * *", "2026-01-01T10:30:00Z").unwrap(), "2026-01-02T08:00:00");
        assert_eq!(next("50/5 * * * *", "2026-01-01T00:51:00Z").unwrap(), "2026-01-01T00:55:00");
    }

    #[test]
    fn sunday_is_zero_and_seven() {
        assert_eq!(Cron::parse("0 0 * * 0"), Cron::parse("0 0 * * 7"));
        assert_eq!(next("0 0 * * 0", "2026-01-01T00:00:00Z").unwrap(), "2026-01-04T00:00:00");
    }

    #[test]
    fn two_restricted_days_mean_either_of_them() {
        assert_eq!(next("0 0 13 * 5", "2026-01-03T00:00:00Z").unwrap(), "2026-01-09T00:00:00");
        assert_eq!(next("0 0 13 * 5", "2026-01-10T00:00:00Z").unwrap(), "2026-01-13T00:00:00");
    }

    #[test]
    fn a_leap_day_is_found_and_a_day_that_never_comes_is_none() {
        assert_eq!(next("0 0 29 2 *", "2026-01-01T00:00:00Z").unwrap(), "2028-02-29T00:00:00");
        assert_eq!(next("0 0 30 2 *", "2026-01-01T00:00:00Z"), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(Cron::parse("* * * *").unwrap_err().contains("has 4 fields"));
        assert!(Cron::parse("60 * * * *").unwrap_err().contains("minute \"60\""));
        assert!(Cron::parse("* * * * mon").unwrap_err().contains("day of week"));
        assert!(Cron::parse("*/0 * * * *").unwrap_err().contains("minute \"0\""));
        assert!(Cron::parse("9-5 * * * *").unwrap_err().contains("backwards"));
    }
}
