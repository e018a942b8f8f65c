//! The timetable against examples, and against a model that paints every minute of a week.

use jiff::civil::{DateTime, date};
use proptest::prelude::*;

use super::*;

/// A Monday, 00:00.
fn monday() -> DateTime {
    date(2026, 11, 16).at(0, 0, 0, 0)
}

fn at(day: u8, hour: i64, minute: i64) -> DateTime {
    monday()
        + jiff::Span::new()
            .days(i64::from(day))
            .hours(hour)
            .minutes(minute)
}

fn table(text: &str) -> Timetable {
    text.parse().unwrap()
}

fn complaint(text: &str) -> String {
    text.parse::<Timetable>().unwrap_err().to_string()
}

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

#[test]
fn office_hours() {
    let table = table("Mon-Fri 08:00-18:00 300k, 5M");
    for (day, hour, minute, expected) in [
        (0, 7, 59, "5M"),
        (0, 8, 0, "300k"),
        (4, 17, 59, "300k"),
        (4, 18, 0, "5M"),
        (5, 12, 0, "5M"),
        (6, 12, 0, "5M"),
    ] {
        assert_eq!(
            table.rate_at(at(day, hour, minute)),
            rate(expected),
            "day {day} {hour}:{minute}"
        );
    }
}

#[test]
fn a_span_past_midnight_belongs_to_the_day_it_begins() {
    let table = table("Fri 22:00-06:00 1M");
    for (day, hour, expected) in [
        (4, 5, "off"),
        (4, 21, "off"),
        (4, 22, "1M"),
        (5, 5, "1M"),
        (5, 6, "off"),
        (5, 22, "off"),
    ] {
        assert_eq!(
            table.rate_at(at(day, hour, 0)),
            rate(expected),
            "day {day} {hour}:00"
        );
    }
    let sunday = self::table("Sun 22:00-06:00 1M");
    assert_eq!(sunday.rate_at(at(0, 5, 59)), rate("1M"));
}

#[test]
fn ends_of_the_day() {
    for text in ["22:00-24:00 1M", "22:00-00:00 1M"] {
        assert_eq!(table(text).rate_at(at(2, 23, 59)), rate("1M"));
        assert_eq!(table(text).rate_at(at(2, 0, 0)), Rate::UNLIMITED);
    }
    assert_eq!(table("00:00-24:00 1M"), Timetable::from(rate("1M")));
}

#[test]
fn fixed_rates_are_known_as_such() {
    assert_eq!(Timetable::default().fixed(), Some(Rate::UNLIMITED));
    assert_eq!(table("5M").fixed(), Some(rate("5M")));
    assert_eq!(table("Mon-Sun 00:00-24:00 5M").fixed(), Some(rate("5M")));
    assert_eq!(table("Mon 5M").fixed(), None);
    assert_eq!(table("Mon 5M, 5M").fixed(), None);
}

#[test]
fn is_shown_shortly() {
    for (text, shown) in [
        (
            "monday-FRIDAY 8:00-18:00 300kB/s , 5m",
            "Mon-Fri 08:00-18:00 300k/s, 5M/s",
        ),
        ("Sat+Sun off", "Sat-Sun unlimited"),
        ("sun+mon 1k", "Sun-Mon 1k/s"),
        ("Mon+Wed+Fri-Sat 1k", "Mon+Wed+Fri-Sat 1k/s"),
        ("Fri-Mon 22:00-06:00 1k", "Fri-Mon 22:00-06:00 1k/s"),
        ("0", "unlimited"),
    ] {
        assert_eq!(table(text).to_string(), shown);
    }
    assert_eq!(Timetable::default().to_string(), "unlimited");
}

#[test]
fn complaints_say_what_to_write() {
    assert_eq!(
        complaint("Sat,Sun 1M"),
        "'Sat' has no rate (days are joined with '+', rules with ',')"
    );
    assert_eq!(
        complaint("08:00-18:00"),
        "'08:00-18:00' has no rate (days are joined with '+', rules with ',')"
    );
    assert_eq!(
        complaint("Mon 1M,"),
        "a rate is missing: each rule is [DAYS] [HH:MM-HH:MM] RATE"
    );
    assert_eq!(
        complaint("5M, Mon 300k"),
        "the rule 'Mon 300k/s' would never be used: put it before '5M/s'"
    );
    assert!(complaint("Mon-Fry 1M").starts_with("'Fry' is not a day: give Mon"));
    assert!(complaint("Mon 8-18 1M").starts_with("'8-18' is not a span of time: give HH:MM"));
    assert!(complaint("08:00-08:00 1M").contains("it ends when it begins"));
    assert!(complaint("24:00-06:00 1M").contains("it begins at 24:00"));
    assert!(complaint("Mon 08:00-18:00 300 k").contains("is not a rate"));
    assert!(complaint("Mon 08:00-18:00 08:00-09:00 1M").contains("too many words"));
    for text in [
        "25:00-26:00 1M",
        "08:60-09:00 1M",
        "8:0-9:00 1M",
        "+8:00-09:00 1M",
        "24:01-06:00 1M",
        "Mon- 1M",
        "Mon+ 1M",
    ] {
        assert!(text.parse::<Timetable>().is_err(), "{text}");
    }
}

/// A rule as the model knows it: the first and last day, the first and last minute, the rate.
#[derive(Clone, Debug)]
struct Drawn {
    days: Option<Vec<(u8, u8)>>,
    span: Option<(u16, u16)>,
    rate: u64,
}

impl Drawn {
    fn text(&self) -> String {
        let mut words = Vec::new();
        if let Some(days) = &self.days {
            let name = |day: u8| short(usize::from(day));
            let range = |&(first, last): &(u8, u8)| {
                if first == last {
                    name(first)
                } else {
                    format!("{}-{}", name(first), name(last))
                }
            };
            words.push(days.iter().map(range).collect::<Vec<_>>().join("+"));
        }
        if let Some((start, end)) = self.span {
            words.push(format!(
                "{:02}:{:02}-{:02}:{:02}",
                start / 60,
                start % 60,
                end / 60,
                end % 60
            ));
        }
        words.push(self.rate.to_string());
        words.join(" ")
    }

    /// Walks from the first minute of each of its days to the last, minute by minute.
    fn paint(&self, week: &mut [Option<u64>]) {
        let mut days = [self.days.is_none(); 7];
        for &(first, last) in self.days.iter().flatten() {
            let length = (last + 7 - first) % 7;
            for more in 0..=length {
                days[usize::from((first + more) % 7)] = true;
            }
        }
        let (start, end) = self.span.unwrap_or((0, DAY));
        let length = if end > start {
            end - start
        } else {
            end + DAY - start
        };
        for day in (0..7).filter(|&day| days[day]) {
            for more in 0..usize::from(length) {
                let minute = (day * usize::from(DAY) + usize::from(start) + more) % week.len();
                week[minute].get_or_insert(self.rate);
            }
        }
    }
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let days = proptest::option::weighted(0.7, proptest::collection::vec((0u8..7, 0u8..7), 1..3));
    let span = proptest::option::weighted(
        0.7,
        (0..DAY, 0..=DAY).prop_filter("it has a length", |(start, end)| start != end),
    );
    (days, span, 0u64..1 << 40).prop_map(|(days, span, rate)| Drawn { days, span, rate })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_painted_week(rules in proptest::collection::vec(drawn(), 1..5)) {
        let text = rules.iter().map(Drawn::text).collect::<Vec<_>>().join(", ");
        let always = rules.iter().position(|rule| rule.text().parse::<Rule>().unwrap().always());
        let Ok(table) = text.parse::<Timetable>() else {
            prop_assert!(always.is_some_and(|n| n + 1 < rules.len()), "{text}");
            return Ok(());
        };
        let mut week = vec![None; 7 * usize::from(DAY)];
        for rule in &rules {
            rule.paint(&mut week);
        }
        let mut now = monday();
        for expected in week {
            let expected = expected.map_or(Rate::UNLIMITED, Rate::per_second);
            prop_assert_eq!(table.rate_at(now), expected, "{} at {}", text, now);
            now += jiff::Span::new().minutes(1);
        }
        prop_assert_eq!(table.to_string().parse::<Timetable>().unwrap(), table);
    }

    #[test]
    fn any_text_is_read_without_panic(text in "[ -~é]{0,40}|[MonFriSat+,: 0-9k-]{0,40}") {
        let _ = text.parse::<Timetable>();
    }
}
