//! What people write: settings, prices, rates, sizes, arguments; and lines of JSON on standard input.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use clap::Parser;
use common::place::Place;
use common::prices::Prices;
use common::rate::{Rate, Timetable};
use common::settings::Settings;
use common::units::{Size, human, parse_size};
use jiff::SignedDuration;
use jiff::civil::date;

use super::{file, harmless};

/// A settings file.
pub fn settings(data: &[u8]) {
    let file = file(data);
    match Settings::read(file.path()) {
        Ok(settings) => {
            // Never shown.
            assert_eq!(format!("{settings:?}"), "Settings(hidden)");
            if let Some(bucket) = &settings.bucket {
                let _ = Place::parse(&format!("s3://{bucket}"));
            }
        }
        Err(error) => {
            harmless(&error);
            // A message names the line, and no value.
            let cause = error.cause();
            let long = String::from_utf8_lossy(data).into_owned();
            let mut values = long.split_whitespace().filter(|word| word.len() > 20);
            assert!(!values.any(|value| cause.contains(value)), "{cause}");
        }
    }
}

/// A table of prices.
pub fn prices(data: &[u8]) {
    let file = file(data);
    match Prices::read(file.path()) {
        Ok(prices) => {
            for size in [0, 1, 1 << 40, u64::MAX] {
                for class in ["STANDARD", "DEEP_ARCHIVE", "?"] {
                    let month = prices.month(class, size).unwrap_or_default();
                    let early = prices.early(class, size, SignedDuration::from_hours(7));
                    assert!(month >= 0.0 && early >= 0.0, "{month} {early}");
                    let _ = prices.money(month + early);
                    let _ = prices.least_days(class);
                }
            }
            let _ = prices.origin();
        }
        Err(error) => harmless(&error),
    }
}

/// Sizes, rates, timetables and places.
pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match parse_size(text) {
        Ok(size) => {
            assert_eq!(text.parse::<Size>(), Ok(Size(size)));
            let _ = human(size);
        }
        Err(error) => harmless(&error),
    }
    match text.parse::<Rate>() {
        Ok(rate) => {
            assert_eq!(rate.to_string().parse::<Rate>(), Ok(rate));
            let _ = (rate.halved(), rate.doubled());
        }
        Err(error) => harmless(&error),
    }
    match text.parse::<Timetable>() {
        Ok(timetable) => {
            assert_eq!(
                timetable.to_string().parse::<Timetable>().as_ref(),
                Ok(&timetable)
            );
            for hour in 0..24 {
                let now = date(2026, 11, 20).at(hour, 59, 59, 0);
                let rate = timetable.rate_at(now);
                assert!(timetable.fixed().is_none_or(|fixed| fixed == rate));
            }
        }
        Err(error) => harmless(&error),
    }
    match Place::parse(text) {
        Ok(place) => {
            assert_eq!(Place::parse(&place.to_string()).as_ref(), Ok(&place));
        }
        Err(error) => harmless(&error),
    }
}

/// The arguments that have a form of their own.
const ARGUMENTS: [(&str, &str); 15] = [
    ("s3put", "--limit"),
    ("s3put", "--part-size"),
    ("s3put", "--meta"),
    ("s3put", "--tag"),
    ("s3put", "--date"),
    ("s3put", "--patience"),
    ("s3put", "--min-size"),
    ("s3put", "--shrink-limit"),
    ("s3put", "--expect"),
    ("s3put", "--ok-status"),
    ("s3get", "--range"),
    ("s3get", "--date"),
    ("s3prune", "--keep-within"),
    ("s3prune", "--keep-last"),
    ("s3prune", "--uploads"),
];

/// A byte that says which argument, and its value. Whether it is taken is the tool's business.
pub fn argument(data: &[u8]) {
    let Some((choice, value)) = data.split_first() else {
        return;
    };
    let (tool, flag) = ARGUMENTS[usize::from(*choice) % ARGUMENTS.len()];
    let mut word = OsString::from(format!("{flag}="));
    word.push(OsStr::from_bytes(value));
    let words = [tool, "home", "0"].map(OsString::from);
    let words = words.into_iter().chain([word]);
    let failed = match tool {
        "s3put" => s3put::Args::try_parse_from(words.chain(["--".into(), "true".into()])).err(),
        "s3get" => s3get::Args::try_parse_from(words).err(),
        _ => s3prune::Args::try_parse_from(words).err(),
    };
    if let Some(failed) = failed {
        assert!(!failed.to_string().is_empty());
    }
}

/// Receipts, lines of listings and plans, or plain keys: what s3prune reads on standard input, and s3put after
/// `--commit` and `--abort`.
pub fn receipts(data: &[u8]) {
    if let Err(error) = s3put::prepared::parse(data) {
        harmless(&error);
    }
    match s3prune::keys::parse(data.to_vec()) {
        Ok(keys) => {
            // Written as plain keys, they are read as the same ones.
            let plain: String = keys.iter().flat_map(|key| [key, "\0"]).collect();
            let has_nul = keys.iter().any(|key| key.contains('\0'));
            let wanted: BTreeSet<String> =
                keys.iter().filter(|key| !key.is_empty()).cloned().collect();
            if !has_nul && !plain.is_empty() {
                assert_eq!(s3prune::keys::parse(plain.into_bytes()), Ok(wanted));
            }
        }
        Err(error) => harmless(&error),
    }
}
