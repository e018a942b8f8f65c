//! The records of a pax extended header: `LENGTH KEY=VALUE` and a line feed, where LENGTH counts all of it.

use std::borrow::Cow;

use super::Time;

/// The first record of `bytes`, its key and its value, and what follows it.
#[must_use]
pub fn first_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let pair = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    Some((&pair[..equals], &pair[equals + 1..], rest))
}

/// All of them; `None` if something is none.
#[must_use]
pub fn records(mut bytes: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (key, value, rest) = first_record(bytes)?;
        all.push((key.to_vec(), value.to_vec()));
        bytes = rest;
    }
    Some(all)
}

/// Adds a record to `header`.
pub fn add_record(header: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let bare = key.len() + value.len() + 3;
    // Its own digits count, too, and may make one more of them.
    let mut length = bare + 1;
    while length != bare + length.to_string().len() {
        length = bare + length.to_string().len();
    }
    header.extend_from_slice(length.to_string().as_bytes());
    header.push(b' ');
    header.extend_from_slice(key);
    header.push(b'=');
    header.extend_from_slice(value);
    header.push(b'\n');
}

/// A time as records have it: `-?DIGITS(.DIGITS)?`. What is finer than a nanosecond is rounded down.
#[must_use]
pub fn time(value: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(value).ok()?;
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanos: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let finer = fraction.bytes().skip(9).any(|byte| byte != b'0');
    Some(if !negative {
        Time { seconds, nanos }
    } else if nanos == 0 && !finer {
        Time {
            seconds: -seconds,
            nanos: 0,
        }
    } else {
        let nanos = nanos + u32::from(finer);
        Time {
            seconds: -seconds - i64::from(nanos > 0),
            nanos: (1_000_000_000 - nanos) % 1_000_000_000,
        }
    })
}

/// A time for a record.
#[must_use]
pub fn time_text(time: Time) -> Cow<'static, str> {
    let Time { seconds, nanos } = time;
    if nanos == 0 {
        return format!("{seconds}").into();
    }
    let text = if seconds < 0 {
        // Minus one and a half is minus two seconds and half of one.
        let (seconds, nanos) = (-(seconds + 1), 1_000_000_000 - nanos);
        format!("-{seconds}.{nanos:09}")
    } else {
        format!("{seconds}.{nanos:09}")
    };
    text.trim_end_matches('0').to_owned().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_counts_itself() {
        // 96 bytes besides the digits: two digits make 98, so it stays at two; 98 makes it three.
        for length in 0..2000 {
            let mut header = Vec::new();
            add_record(&mut header, b"k", &vec![b'v'; length]);
            let (key, value, rest) = first_record(&header).unwrap();
            assert_eq!((key, value.len(), rest.len()), (&b"k"[..], length, 0));
        }
    }

    proptest! {
        #[test]
        fn times_come_back(seconds in -1i64 << 40..1i64 << 40, nanos in 0u32..1_000_000_000) {
            let at = Time { seconds, nanos };
            prop_assert_eq!(time(time_text(at).as_bytes()), Some(at));
        }

        #[test]
        fn nonsense_is_no_time(text in "[-.0-9x]{0,12}") {
            let _ = time(text.as_bytes());
        }
    }

    #[test]
    fn times_before_1970_are_rounded_down() {
        let at = |seconds, nanos| Some(Time { seconds, nanos });
        assert_eq!(time(b"-1.5"), at(-2, 500_000_000));
        assert_eq!(time(b"-0.25"), at(-1, 750_000_000));
        assert_eq!(time(b"-3"), at(-3, 0));
        assert_eq!(time(b"-3.0000000001"), at(-4, 999_999_999));
        assert_eq!(time(b"1.0000000009"), at(1, 0));
        assert_eq!(time(b"1.5.5"), None);
        assert_eq!(time(b""), None);
    }
}
