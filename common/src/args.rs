//! Groups of flags that several tools share, so that the same letter means the same thing everywhere.
//!
//! Flags of one tool alone live in that tool. Spellings of older systems live in the recipes, never here.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::error::{Error, Result};
use crate::names::{Date, DumpName, short_host};
use crate::place::Place;

/// How much a tool says on standard error.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Voice {
    /// Say nothing but errors and warnings
    #[arg(short, long, help_heading = "Messages")]
    pub quiet: bool,
    /// Say more about what is being done
    #[arg(short, long, conflicts_with = "quiet", help_heading = "Messages")]
    pub verbose: bool,
}

/// Where the bucket is and how to get in.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Place")]
pub struct Where {
    /// Bucket: s3://BUCKET[/PREFIX] or file:///DIR
    #[arg(short, long, value_name = "URL")]
    pub bucket: Option<String>,
    /// Read bucket, region, server and keys from FILE, in the format of s3dump
    #[arg(short = 'f', long, value_name = "FILE")]
    pub settings: Option<std::path::PathBuf>,
    /// Use the profile NAME of the AWS configuration files
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Region of the bucket
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// Base URL of the S3 server
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Put the bucket's name into the path of requests (the default with an endpoint)
    #[arg(long, conflicts_with = "virtual_host")]
    pub path_style: bool,
    /// Put the bucket's name into the host name of requests (the default without an endpoint)
    #[arg(long)]
    pub virtual_host: bool,
    /// Trust the certificates in FILE (PEM) besides the system's
    #[arg(long, value_name = "FILE", env = "AWS_CA_BUNDLE", hide_env = true)]
    pub ca: Option<std::path::PathBuf>,
    /// Keep trying a request that fails for TIME (30s, 10m, 2h; 0: don't)
    #[arg(long, value_name = "TIME", default_value = "15m")]
    pub patience: Patience,
    /// The place where none is named
    #[arg(skip)]
    pub otherwise: Option<String>,
    /// Give up an attempt on which nothing moves for TIME (at least 1s)
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub stall: Stall,
}

/// How long a failing request is tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Patience(pub Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(Duration::from_secs(15 * 60))
    }
}

impl FromStr for Patience {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        time(text).map(Self)
    }
}

/// How long nothing may move before an attempt is given up: at least a second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stall(pub Duration);

impl Default for Stall {
    fn default() -> Self {
        Self(Duration::from_secs(60))
    }
}

impl FromStr for Stall {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match time(text)? {
            Duration::ZERO => Err(Error::usage("without any time nothing could ever move")
                .hint("a time is 30s, 10m or 2h")),
            time => Ok(Self(time)),
        }
    }
}

/// A number of seconds, or of minutes or hours with a letter after it.
fn time(text: &str) -> Result<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 0,
    };
    let seconds = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|_| unit > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| {
        Error::usage(format!("'{}' is not a time", text.escape_debug()))
            .hint("a time is 30s, 10m or 2h")
    })
}

impl Where {
    /// The place that the flag names, or else the settings file, or else `S3_BUCKET`, or else the tool.
    ///
    /// # Errors
    /// If none is named, or it can't be understood.
    pub fn place(&self, from_settings: Option<&str>) -> Result<Place> {
        if let Some(url) = &self.bucket {
            return Place::parse(url);
        }
        if let Some(bucket) = from_settings {
            return Place::parse(&format!("s3://{bucket}"));
        }
        match std::env::var("S3_BUCKET") {
            Ok(url) if !url.is_empty() => Place::parse(&url),
            _ if self.otherwise.is_some() => {
                Place::parse(self.otherwise.as_deref().unwrap_or_default())
            }
            _ => Err(Error::usage("no bucket is named").hint("use -b URL, or set S3_BUCKET")),
        }
    }
}

/// Which dump: file system and level, or a literal key.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Name")]
pub struct Name {
    /// File system: any text without a colon
    #[arg(value_name = "FS", required_unless_present_any = ["key", "nameless"], requires = "level")]
    pub fs: Option<String>,
    /// Level: 0 is a full dump
    #[arg(value_name = "LEVEL")]
    pub level: Option<u32>,
    /// Literal key of the object
    #[arg(short, long, value_name = "KEY", group = "nameless", conflicts_with_all = ["fs", "host", "date"])]
    pub key: Option<String>,
    /// Host name in the key (default: this host's, up to the first dot)
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Date in the key: YYYY-MM-DD or YYYY-MM-DDTHHMMSSZ
    #[arg(long, value_name = "DATE")]
    pub date: Option<Date>,
}

impl Name {
    /// The name's host: the one given, or this machine's.
    ///
    /// # Errors
    /// If the host name can't be part of a key.
    pub fn host(&self) -> Result<String> {
        self.host.clone().map_or_else(short_host, Ok)
    }

    /// The name of the dump, dated `date` or else with the date given.
    ///
    /// # Errors
    /// If a part can't be in a key, or no name was given.
    pub fn dump(&self, default: Date) -> Result<DumpName> {
        let (Some(fs), Some(level)) = (&self.fs, self.level) else {
            return Err(Error::usage("no dump is named").hint("give FS and LEVEL, or -k KEY"));
        };
        DumpName::new(
            self.host()?,
            fs.clone(),
            level,
            self.date.clone().unwrap_or(default),
        )
    }
}
