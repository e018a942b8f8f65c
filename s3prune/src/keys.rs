//! Keys on standard input: plain ones, or the lines that s3ls and s3prune print with `-j`.

use std::collections::BTreeSet;

use common::error::{Error, Result};
use serde::Deserialize;

/// What matters of a JSON line.
#[derive(Deserialize)]
struct Line {
    key: String,
    /// What a plan says about the key; a listing says nothing.
    action: Option<String>,
    /// Set where the line is about an unfinished upload and not about an object.
    upload: Option<String>,
}

/// The keys that `input` names: each ended by NUL if there is any NUL, else one a line; or JSON lines.
/// A plan's line that says anything but "remove" names nothing, nor does one about an unfinished upload.
///
/// # Errors
/// If it isn't UTF-8, or a line that begins like a JSON object isn't one with a key.
pub fn parse(input: Vec<u8>) -> Result<BTreeSet<String>> {
    let text = String::from_utf8(input).map_err(|_| unreadable("it is not UTF-8"))?;
    if text.contains('\0') {
        return Ok(text
            .split('\0')
            .filter(|key| !key.is_empty())
            .map(str::to_owned)
            .collect());
    }
    let mut keys = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with('{') {
            let line: Line = serde_json::from_str(line).map_err(|_| {
                unreadable(format!(
                    "line {} is not a JSON object with a key",
                    number + 1
                ))
            })?;
            if line.upload.is_none() && line.action.is_none_or(|action| action == "remove") {
                keys.insert(line.key);
            }
        } else if !line.is_empty() {
            keys.insert(line.to_owned());
        }
    }
    Ok(keys)
}

fn unreadable(cause: impl std::fmt::Display) -> Error {
    Error::permanent("read keys from standard input", cause)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(input: &str) -> Vec<String> {
        parse(input.as_bytes().to_vec())
            .unwrap()
            .into_iter()
            .collect()
    }

    #[test]
    fn forms() {
        assert_eq!(keys("a\n\nb c\na\n"), ["a", "b c"]);
        assert_eq!(keys("a\nb\0{\0"), ["a\nb", "{"]);
        assert_eq!(
            keys("{\"key\":\"a\\nb\",\"size\":1}\nplain"),
            ["a\nb", "plain"]
        );
        assert!(keys("").is_empty());
    }

    #[test]
    fn a_plan_names_what_goes() {
        assert_eq!(
            keys(
                "{\"key\":\"a\",\"action\":\"keep\"}\n{\"key\":\"b\",\"action\":\"remove\"}\n{\"key\":\"c\",\"upload\":\"u\"}\n{\"key\":\"d\",\"action\":\"abort\"}"
            ),
            ["b"]
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for input in [&b"{\"key\":1}"[..], b"{", b"\xff", b"a\n{\"Key\":\"a\"}"] {
            assert_eq!(parse(input.to_vec()).unwrap_err().class().code(), 100);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(input in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(input);
        }
    }
}
