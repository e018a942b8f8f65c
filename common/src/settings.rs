//! The settings file that s3dump users have: one `key value` a line.
//!
//! Known keys: `service`, `region`, `server`, `bucket_name`, `access_key_id`, `secret_access_key`, and
//! `session_token`. Blank lines, lines that begin with `#` and runs of blanks are fine; an unknown key is
//! an error, because a mistyped one would send a backup somewhere else. Values never appear in messages.

use std::fmt;
use std::io::Read;
use std::path::Path;

use crate::error::{Doing, Error, Result};

/// A file longer than this is something else.
const LONGEST: u64 = 1 << 16;

/// What a settings file says.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Settings {
    /// Bucket, perhaps with a prefix: `BUCKET[/PREFIX]`.
    pub bucket: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Base URL of the server.
    pub endpoint: Option<String>,
    /// The key pair.
    pub keys: Option<Keys>,
}

/// A key pair. It has no debug form that shows it.
#[derive(Clone, Eq, PartialEq)]
pub struct Keys {
    /// Access key id.
    pub id: String,
    /// Secret access key.
    pub secret: String,
    /// Session token of temporary keys.
    pub session: Option<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(hidden)")
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Settings(hidden)")
    }
}

impl Settings {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it can't be read or understood; the message names the line, never a value.
    pub fn read(path: &Path) -> Result<Self> {
        let doing = || format!("read settings from {}", path.display());
        let mut text = String::new();
        let file = std::fs::File::open(path).doing(doing())?;
        file.take(LONGEST)
            .read_to_string(&mut text)
            .doing(doing())?;
        Self::parse(&text).map_err(|cause| {
            Error::permanent(doing(), cause).hint("a line is 'key value'; see s3keys(5)")
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut settings = Self::default();
        let (mut id, mut secret, mut session) = (None, None, None);
        // Some editors begin a file with a byte order mark.
        for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| format!("line {number} has no value"))?;
            let value = value.trim().to_owned();
            if value.chars().any(char::is_control) {
                return Err(format!("line {number} holds a control character"));
            }
            if key == "bucket_name" && value.contains(':') {
                return Err(format!("line {number}: a bucket's name holds no colon"));
            }
            let slot = match key {
                "bucket_name" => &mut settings.bucket,
                "region" => &mut settings.region,
                "server" => &mut settings.endpoint,
                "access_key_id" => &mut id,
                "secret_access_key" => &mut secret,
                "session_token" => &mut session,
                "service" if value == "s3" => continue,
                "service" => return Err(format!("line {number}: the service can only be s3")),
                _ => return Err(format!("line {number} has an unknown key")),
            };
            if slot.replace(value).is_some() {
                return Err(format!("line {number} repeats {key}"));
            }
        }
        settings.endpoint = settings.endpoint.map(|server| base_url(&server));
        settings.keys = match (id, secret) {
            (Some(id), Some(secret)) => Some(Keys {
                id,
                secret,
                session,
            }),
            (None, None) => None,
            _ => return Err("access_key_id and secret_access_key go together".to_owned()),
        };
        Ok(settings)
    }
}

/// s3dump's `server` is a bare host name that is spoken to over https.
fn base_url(server: &str) -> String {
    if server.contains("://") {
        server.to_owned()
    } else {
        format!("https://{server}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEED: &str = "service s3\nregion eu-west-1\n# keys\n\nbucket_name  my-bucket\naccess_key_id AKIA\nsecret_access_key a+b c\n";

    #[test]
    fn the_seeds_file() {
        let settings = Settings::parse(SEED).unwrap();
        assert_eq!(settings.bucket.as_deref(), Some("my-bucket"));
        assert_eq!(settings.region.as_deref(), Some("eu-west-1"));
        assert_eq!(
            settings.keys.as_ref().map(|keys| keys.secret.as_str()),
            Some("a+b c")
        );
        assert_eq!(format!("{settings:?}"), "Settings(hidden)");
    }

    #[test]
    fn servers() {
        assert_eq!(
            Settings::parse("server s3.example.org")
                .unwrap()
                .endpoint
                .as_deref(),
            Some("https://s3.example.org")
        );
        assert_eq!(
            Settings::parse("server http://127.0.0.1:7480")
                .unwrap()
                .endpoint
                .as_deref(),
            Some("http://127.0.0.1:7480")
        );
    }

    #[test]
    fn rubbish_is_named_by_line_without_values() {
        for (text, cause) in [
            ("region", "line 1 has no value"),
            ("\nregoin x", "line 2 has an unknown key"),
            (
                "bucket_name file:///etc",
                "line 1: a bucket's name holds no colon",
            ),
            ("access_key_id a\u{1}b", "line 1 holds a control character"),
            ("service ec2", "line 1: the service can only be s3"),
            ("region a\nregion b", "line 2 repeats region"),
            (
                "access_key_id x",
                "access_key_id and secret_access_key go together",
            ),
        ] {
            assert_eq!(Settings::parse(text).unwrap_err(), cause);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,200}") {
            let _ = Settings::parse(&text);
        }
    }
}
