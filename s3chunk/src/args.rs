//! The command line: which of the tool's jobs is meant, and what it needs.

use std::path::PathBuf;

use clap::Parser;
use common::age::Age;
use common::args::Voice;
use common::chunks::{Cut, LONGEST, grace};
use common::run::Spoken;
use common::units::Size;
use common::{Error, Result};
use jiff::Timestamp;

use crate::cut::Order;

/// The smallest chunks that may be asked for: smaller ones cost more to keep account of than they save.
const LEAST: u64 = 4 << 10;
/// The largest average.
const MOST: u64 = LONGEST / 4;
/// The average where none is asked for.
const AVERAGE: u64 = 1 << 20;

/// Cut standard input into chunks, without those that an earlier dump holds; or join them
#[derive(Clone, Debug, Parser)]
#[command(name = "s3chunk", version)]
pub struct Args {
    /// Join: write the stream that was cut
    #[arg(short = 'd', long, help_heading = "Jobs")]
    pub join: bool,
    /// Join, but write nothing: only check
    #[arg(long, help_heading = "Jobs")]
    pub verify: bool,
    /// List the chunks of a chunk stream
    #[arg(long, help_heading = "Jobs", conflicts_with_all = ["join", "verify"])]
    pub list: bool,
    /// Have FILE know the dump whose receipt comes on standard input
    #[arg(long, value_name = "FILE", help_heading = "Jobs", conflicts_with_all = ["join", "verify", "list"])]
    pub learn: Option<PathBuf>,

    /// Cut where the content says, into chunks of SIZE on average (default 1M)
    #[arg(long, value_name = "SIZE", help_heading = "Cutting")]
    pub average: Option<Size>,
    /// Cut into chunks of SIZE
    #[arg(
        long,
        value_name = "SIZE",
        help_heading = "Cutting",
        conflicts_with = "average"
    )]
    pub fixed: Option<Size>,
    /// Make plain pieces, which s3put stores as KEY:1, KEY:2 and so on
    #[arg(
        long,
        help_heading = "Cutting",
        requires = "fixed",
        conflicts_with = "known"
    )]
    pub numbered: bool,
    /// Leave out the chunks of the dump that FILE knows
    #[arg(long, value_name = "FILE", help_heading = "Cutting")]
    pub known: Option<PathBuf>,
    /// Rely on earlier dumps for SPAN at most (default 30d)
    #[arg(long, value_name = "SPAN", help_heading = "Cutting")]
    pub grace: Option<Age>,
    /// Leave nothing out: begin a new chain of dumps
    #[arg(long, help_heading = "Cutting", requires = "known")]
    pub full: bool,

    /// How much to say.
    #[command(flatten)]
    pub voice: Voice,
}

impl Spoken for Args {
    fn voice(&self) -> Voice {
        self.voice
    }
}

/// What the tool is to do.
pub enum Job {
    /// Make a chunk stream.
    Cut(Order),
    /// Make plain pieces of so many bytes.
    Number(u64),
    /// Join one; with output or without.
    Join { shown: bool },
    /// Show the index of one.
    List,
    /// Make a pending file the current one.
    Learn(PathBuf),
}

impl Args {
    /// The job that is meant.
    ///
    /// # Errors
    /// If an option was given that it has no use for, or a size or span that can't be.
    pub fn job(self) -> Result<Job> {
        let job = match &self {
            Self {
                learn: Some(path), ..
            } => Job::Learn(path.clone()),
            Self { list: true, .. } => Job::List,
            Self { verify: true, .. } => Job::Join { shown: false },
            Self { join: true, .. } => Job::Join { shown: true },
            _ => return self.cutting(),
        };
        let given = [
            ("--average", self.average.is_some()),
            ("--fixed", self.fixed.is_some()),
            ("--known", self.known.is_some()),
            ("--grace", self.grace.is_some()),
        ];
        match given.iter().find(|(_, given)| *given) {
            None => Ok(job),
            Some((option, _)) => Err(Error::usage(format!("{option} has no use here"))
                .hint("it is for cutting a stream")),
        }
    }

    fn cutting(self) -> Result<Job> {
        let cut = match (self.average, self.fixed) {
            (_, Some(Size(bytes))) => Cut::Fixed(within(bytes, LONGEST, "--fixed", "4k to 256M")?),
            (average, None) => {
                let bytes = average.map_or(AVERAGE, |Size(bytes)| bytes);
                Cut::Average(within(bytes, MOST, "--average", "4k to 64M")?)
            }
        };
        if let (true, Cut::Fixed(size)) = (self.numbered, cut) {
            return Ok(Job::Number(size));
        }
        let grace = self
            .grace
            .map_or(grace::DEFAULT, |span| span.seconds(Timestamp::now()));
        if !(grace::LEAST..=grace::MOST).contains(&grace) {
            return Err(Error::usage("a --grace is from 4h to 10y"));
        }
        Ok(Job::Cut(Order {
            cut,
            known: self.known,
            grace,
            full: self.full,
        }))
    }
}

fn within(bytes: u64, most: u64, option: &str, range: &str) -> Result<u64> {
    if (LEAST..=most).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(Error::usage(format!("{option} is from {range}")))
    }
}
