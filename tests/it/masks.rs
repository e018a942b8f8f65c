//! What differs from run to run in a transcript, and what stands there instead.
//!
//! These rules and no others:
//! the scratch folder is `SCRATCH`, the bucket's URL `BUCKET`, its name on a server `BUCKETNAME`, the server's URL
//! `ENDPOINT`; in JSON the values of `started`, `seconds`, `token`, `etag`, `modified`, `version` and `upstream` (who was quick
//! enough not to be seen?) are their own names in capitals; today's date is `TODAY`, with a time `NOW`.

/// The text with everything masked: first `masks`, which are texts and their names, then the rules of this module.
pub fn masked(text: &str, masks: &[(String, String)]) -> String {
    let mut text = masks.iter().fold(text.to_owned(), |text, (what, name)| {
        text.replace(what, name)
    });
    for field in [
        "started", "seconds", "token", "etag", "modified", "version", "upstream",
    ] {
        text = without_value(&text, field);
    }
    for day in [today(0), today(1)] {
        text = without_day(&text, &day);
    }
    text
}

/// Replaces the values of a JSON field by its name in capitals. `null` stays: it says that there is none.
fn without_value(text: &str, field: &str) -> String {
    let label = format!("\"{field}\":");
    let mut pieces = text.split(&label);
    let mut masked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = match piece.strip_prefix('"') {
            Some(inside) => string_end(inside) + 1,
            // The only object among them is the last field of its line.
            None if piece.starts_with('{') => piece.find("]}").map_or(piece.len(), |end| end + 2),
            None => piece.find([',', '}', '\n']).unwrap_or(piece.len()),
        };
        masked.push_str(&label);
        if field != "version" && piece.starts_with("null") {
            masked.push_str("null");
        } else {
            masked.push_str(&field.to_uppercase());
        }
        masked.push_str(&piece[end..]);
    }
    masked
}

/// Where a JSON string ends: after its closing quote.
fn string_end(inside: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in inside.char_indices() {
        match letter {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    inside.len()
}

/// The date of today, or of yesterday: a test may run at midnight.
fn today(days_ago: u64) -> String {
    let seconds = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |since| since.as_secs());
    let days = i64::try_from(seconds / 86400 - days_ago).expect("a date of our time");
    // Days since 0000-03-01, in years that begin in March: then the leap day is the last one.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + carry)
}

/// Replaces `DAY` by TODAY, and `DAYTHHMMSSZ` (or with colons and fractions) by NOW.
fn without_day(text: &str, day: &str) -> String {
    let mut pieces = text.split(day);
    let mut masked = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let clock = piece.strip_prefix('T').and_then(|rest| {
            let digits = rest
                .find(|letter: char| !letter.is_ascii_digit() && letter != ':' && letter != '.')?;
            (digits >= 6 && rest[digits..].starts_with('Z')).then_some(digits + 2)
        });
        masked.push_str(if clock.is_some() { "NOW" } else { "TODAY" });
        masked.push_str(&piece[clock.unwrap_or(0)..]);
    }
    masked
}

#[test]
fn masks_do_what_they_say() {
    let text = r#"{"key":"a","started":1795200000,"seconds":0.25,"token":"0f\"}","version":null,"etag":null,"upstream":{"a":[{"b":1}]}} at"#;
    let said = masked(&format!("{text} {}T101112Z {}", today(0), today(0)), &[]);
    let wanted = r#"{"key":"a","started":STARTED,"seconds":SECONDS,"token":TOKEN,"version":VERSION,"etag":null,"upstream":UPSTREAM} at NOW TODAY"#;
    assert_eq!(said, wanted);
}
