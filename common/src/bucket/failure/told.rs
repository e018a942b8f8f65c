//! What an answer says besides its status, code and message: when to come back, where the bucket is, which time
//! the server has.
//!
//! All of it comes from outside. Nothing is believed that doesn't look like what it should be, and a wrong answer
//! is no worse than none.

use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::date_time::{DateTime, Format};

/// No message is longer, in characters.
const LONGEST: usize = 300;
/// Beginning of an answer in which anything is looked for.
const LOOKED_AT: usize = 64 << 10;
/// Clocks may differ by so much; S3 allows 15 minutes.
const ALLOWED: i64 = 15 * 60;

/// What an answer is that no S3 server writes.
pub(super) const PAGE: &str = "a web page came instead of the server's answer";

/// An answer that is no success.
pub(super) struct Told<'a>(pub(super) &'a HttpResponse);

impl<'a> Told<'a> {
    /// True where the answer has no body that could say more.
    pub(super) fn is_bare(&self) -> bool {
        self.body().is_empty()
    }

    /// True where it is a web page: S3 answers in XML, and to HEAD without a word.
    pub(super) fn is_page(&self) -> bool {
        let start = self.body().trim_ascii_start();
        self.0
            .headers()
            .get("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"))
            || start.get(..5).is_some_and(|start| {
                start.eq_ignore_ascii_case(b"<html") || start.eq_ignore_ascii_case(b"<!doc")
            })
    }

    /// `Retry-After`: seconds, or a date.
    pub(super) fn come_back(&self) -> Option<Duration> {
        let text = self.0.headers().get("retry-after")?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let then = date(text)?;
        // The server's clock counts, where it says what it shows.
        let now = self.date().unwrap_or_else(now);
        Some(Duration::from_secs(
            u64::try_from(then.saturating_sub(now)).unwrap_or(0),
        ))
    }

    /// Which region or server to use instead.
    pub(super) fn whereabouts(&self) -> Option<String> {
        let region = self
            .0
            .headers()
            .get("x-amz-bucket-region")
            .or_else(|| self.element("Region"))
            .filter(|text| is_name(text, ""));
        if let Some(region) = region {
            return Some(format!("the bucket is in {region}: use --region {region}"));
        }
        let server = self
            .element("Endpoint")
            .filter(|text| is_name(text, ".:"))?;
        Some(format!(
            "the server names another one, {server}: use --endpoint or --region"
        ))
    }

    /// Both clocks, as far as they are known.
    pub(super) fn times(&self) -> Option<String> {
        let element = |name| self.element(name).filter(|text| is_name(text, ".:"));
        let ours =
            element("RequestTime").map_or_else(|| shown(now()), |text| Some(text.to_owned()));
        let theirs = element("ServerTime")
            .map(str::to_owned)
            .or_else(|| self.date().and_then(shown));
        Some(format!(
            "set this machine's clock: it shows {}, and the server's {}",
            ours?, theirs?
        ))
    }

    /// True where our clock is so wrong that the server can't but refuse us.
    pub(super) fn clocks_differ(&self) -> bool {
        self.date()
            .is_some_and(|theirs| theirs.saturating_sub(now()).saturating_abs() > ALLOWED)
    }

    /// The server's clock, in seconds since 1970.
    fn date(&self) -> Option<i64> {
        date(self.0.headers().get("date")?)
    }

    /// The text of an element of the error's document.
    fn element(&self, name: &str) -> Option<&'a str> {
        let body = std::str::from_utf8(self.body()).ok()?;
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once("</")?;
        Some(text.trim())
    }

    fn body(&self) -> &'a [u8] {
        let body = self.0.body().bytes().unwrap_or_default();
        &body[..body.len().min(LOOKED_AT)]
    }
}

/// What to call an answer that says success and can't be understood.
pub(super) fn nonsense(raw: &HttpResponse) -> &'static str {
    if Told(raw).is_page() {
        PAGE
    } else {
        "the server's answer makes no sense"
    }
}

/// A message of the server's, as long as a message may be.
pub(super) fn shortened(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// True if `text` can be the name of a region, or with some more characters of a server or a time.
fn is_name(text: &str, more: &str) -> bool {
    (1..=100).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || more.contains(c))
}

/// An HTTP date in seconds since 1970.
fn date(text: &str) -> Option<i64> {
    DateTime::from_str(text.trim(), Format::HttpDate)
        .ok()
        .map(|time| time.secs())
}

fn now() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn shown(seconds: i64) -> Option<String> {
    DateTime::from_secs(seconds).fmt(Format::DateTime).ok()
}
