//! What the server does wrong on purpose.
//!
//! A fault is written `VERB[WHICH]:FAULT[=ARG]`.
//!
//! ```text
//! VERB    an S3 operation (PutObject, UploadPart, CompleteMultipartUpload, GetObject, …), or
//!         reading (every GET and HEAD), deleting (DeleteObject, DeleteObjects, DeleteBucket), any
//! WHICH   #3   the third request of that verb        #3-  the third and all later ones
//!         #-3  the first three                       /3   every third
//!         %20  of a hundred, twenty, by a generator that --seed sets            (none: all)
//! FAULT   conflict       409 ConditionalRequestConflict, nothing done
//!         slowdown       503 SlowDown, nothing done
//!         error=500,CODE any other refusal, nothing done
//!         deny           403 AccessDenied, nothing done
//!         retry=SECONDS  503 SlowDown with Retry-After, nothing done
//!         skew           403 RequestTimeTooSkewed with both times in the body, nothing done
//!         expired        400 ExpiredToken, nothing done
//!         redirect=REGION 301 PermanentRedirect to a region, with x-amz-bucket-region and an Endpoint, nothing done
//!         temporary=URL  307 TemporaryRedirect with that Location, nothing done
//!         html=STATUS    a page in HTML, as a proxy or a hotel sends it; 200 is a status like any other. Nothing done
//!         late=CODE      200, and then an error of that code in the body (InternalError), nothing done
//!         lost           done, but the connection ends instead of the answer
//!         cut=N          done, but the connection ends after N bytes of the answer's body
//!         flip=N         done, but bit 0 of byte N (from 0) of the answer's body is wrong
//!         short=N        done, but Content-Length announces N bytes more than come, and then the connection ends
//!                        (of HEAD: the connection ends instead)
//!         long=N         done, but N bytes more are announced and sent (HEAD: nothing is wrong)
//!         bare           done, but the answer names no ETag, in no header and in no document
//!         hollow         done, but the answer has no body, as if nothing had been asked that has one
//!         hangup=N       the connection ends after N bytes of the request's body, nothing done
//!         reset          the connection is reset (RST) instead of an answer, nothing done
//!         garbage        bytes that are no HTTP instead of an answer, then the connection ends, nothing done
//!         stall          no answer, ever, and nothing done
//!         blind          done without looking at If-None-Match and If-Match
//! ```
//!
//! The first fault that fits a request happens to it. Requests are counted from 1, for each fault apart.

use std::fmt;
use std::str::FromStr;

/// A fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    verb: String,
    which: Which,
    /// What happens.
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Which {
    /// From the first to the second one, both included.
    Span(u64, u64),
    Every(u64),
    Percent(u64),
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    Refuse {
        status: u16,
        code: String,
    },
    Late {
        code: String,
    },
    /// 503 with Retry-After, in seconds.
    Retry(u64),
    Skew,
    Expired,
    /// To a region.
    Redirect(String),
    /// To a URL.
    Temporary(String),
    Html(u16),
    Lost,
    Cut(usize),
    Flip(usize),
    Short(usize),
    Long(usize),
    Bare,
    Hollow,
    Hangup(usize),
    Reset,
    Garbage,
    Stall,
    Blind,
}

impl Fault {
    /// True if the fault is for requests of this kind.
    pub(super) fn fits(&self, operation: &str, method: &str) -> bool {
        match self.verb.as_str() {
            "any" => true,
            "reading" => method == "GET" || method == "HEAD",
            "deleting" => matches!(operation, "DeleteObject" | "DeleteObjects" | "DeleteBucket"),
            verb => verb == operation,
        }
    }

    /// True if the fault happens to the request that is the `number`-th which it fits. `chance` is a number
    /// from the generator.
    pub(super) fn strikes(&self, number: u64, chance: u64) -> bool {
        match self.which {
            Which::Span(first, last) => (first..=last).contains(&number),
            Which::Every(step) => number.is_multiple_of(step),
            Which::Percent(percent) => chance % 100 < percent,
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("'{text}' is no fault: {why}");
        let (head, tail) = text
            .split_once(':')
            .ok_or_else(|| wrong("a colon is missing"))?;
        let at = head.find(['#', '/', '%']).unwrap_or(head.len());
        let (verb, which) = head.split_at(at);
        if verb.is_empty() {
            return Err(wrong("it names no verb"));
        }
        let which = which_from(which).ok_or_else(|| wrong("which requests?"))?;
        let what = what_from(tail).ok_or_else(|| wrong("what happens?"))?;
        Ok(Self {
            verb: verb.to_owned(),
            which,
            what,
        })
    }
}

fn which_from(text: &str) -> Option<Which> {
    let mut letters = text.chars();
    let kind = letters.next();
    let rest = letters.as_str();
    let positive = |text: &str| text.parse::<u64>().ok().filter(|&number| number > 0);
    match kind {
        None => Some(Which::Span(1, u64::MAX)),
        Some('#') => match rest.split_once('-') {
            None => positive(rest).map(|only| Which::Span(only, only)),
            Some(("", last)) => positive(last).map(|last| Which::Span(1, last)),
            Some((first, "")) => positive(first).map(|first| Which::Span(first, u64::MAX)),
            Some((first, last)) => Some(Which::Span(positive(first)?, positive(last)?)),
        },
        Some('/') => positive(rest).map(Which::Every),
        Some('%') => positive(rest)
            .filter(|&percent| percent <= 100)
            .map(Which::Percent),
        Some(_) => None,
    }
}

fn what_from(text: &str) -> Option<What> {
    let refuse = |status, code: &str| What::Refuse {
        status,
        code: code.to_owned(),
    };
    let (name, arg) = text
        .split_once('=')
        .map_or((text, None), |(name, arg)| (name, Some(arg)));
    match (name, arg) {
        ("conflict", None) => Some(refuse(409, "ConditionalRequestConflict")),
        ("slowdown", None) => Some(refuse(503, "SlowDown")),
        ("deny", None) => Some(refuse(403, "AccessDenied")),
        ("error", Some(arg)) => {
            let (status, code) = arg.split_once(',')?;
            let status = status
                .parse()
                .ok()
                .filter(|status| (400..600).contains(status))?;
            Some(refuse(status, code))
        }
        ("late", code) => Some(What::Late {
            code: code.unwrap_or("InternalError").to_owned(),
        }),
        ("retry", Some(seconds)) => seconds.parse().ok().map(What::Retry),
        ("skew", None) => Some(What::Skew),
        ("expired", None) => Some(What::Expired),
        ("redirect", Some(region)) if is_plain(region) => Some(What::Redirect(region.to_owned())),
        ("temporary", Some(url)) if is_plain(url) => Some(What::Temporary(url.to_owned())),
        ("html", Some(status)) => {
            let status = status.parse().ok();
            status
                .filter(|status| (200..600).contains(status))
                .map(What::Html)
        }
        ("lost", None) => Some(What::Lost),
        ("reset", None) => Some(What::Reset),
        ("garbage", None) => Some(What::Garbage),
        ("short", Some(bytes)) => positive_size(bytes).map(What::Short),
        ("long", Some(bytes)) => positive_size(bytes).map(What::Long),
        ("bare", None) => Some(What::Bare),
        ("hollow", None) => Some(What::Hollow),
        ("stall", None) => Some(What::Stall),
        ("blind", None) => Some(What::Blind),
        ("cut", Some(bytes)) => bytes.parse().ok().map(What::Cut),
        ("flip", Some(byte)) => byte.parse().ok().map(What::Flip),
        ("hangup", Some(bytes)) => bytes.parse().ok().map(What::Hangup),
        _ => None,
    }
}

/// True for what a header can carry.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn positive_size(text: &str) -> Option<usize> {
    text.parse().ok().filter(|&bytes| bytes > 0)
}

/// The name of the fault, for the log.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse { .. } => f.write_str("refused"),
            Self::Late { .. } => f.write_str("late"),
            Self::Retry(seconds) => write!(f, "retry={seconds}"),
            Self::Skew => f.write_str("skew"),
            Self::Expired => f.write_str("expired"),
            Self::Redirect(_) => f.write_str("redirect"),
            Self::Temporary(_) => f.write_str("temporary"),
            Self::Html(status) => write!(f, "html={status}"),
            Self::Short(bytes) => write!(f, "short={bytes}"),
            Self::Long(bytes) => write!(f, "long={bytes}"),
            Self::Bare => f.write_str("bare"),
            Self::Hollow => f.write_str("hollow"),
            Self::Reset => f.write_str("reset"),
            Self::Garbage => f.write_str("garbage"),
            Self::Lost => f.write_str("lost"),
            Self::Cut(bytes) => write!(f, "cut={bytes}"),
            Self::Flip(byte) => write!(f, "flip={byte}"),
            Self::Hangup(bytes) => write!(f, "hangup={bytes}"),
            Self::Stall => f.write_str("stall"),
            Self::Blind => f.write_str("blind"),
        }
    }
}
