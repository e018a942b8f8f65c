//! The command line: which of the tool's jobs is meant, and what it needs.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
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

/// Cut standard input into chunks that no earlier dump holds, or join them
#[derive(Clone, Debug, Parser)]
#[command(name = "s3chunk", version)]
pub struct Args {
    /// Join: write the stream that was cut
    #[arg(short = 'd', long, help_heading = "Jobs", group = "job")]
    pub join: bool,
    /// Join, but write nothing: only check
    #[arg(long, help_heading = "Jobs")]
    pub verify: bool,
    /// List the chunks of a stream
    #[arg(long, help_heading = "Jobs", group = "job")]
    pub list: bool,
    /// List the members of the archive that was cut
    #[arg(long, help_heading = "Jobs", group = "job")]
    pub files: bool,
    /// Say which chunks hold the members PATH
    #[arg(
        long,
        help_heading = "Jobs",
        group = "job",
        requires = "tail",
        requires = "paths"
    )]
    pub find: bool,
    /// Have FILE know the dump whose receipt is on standard input
    #[arg(long, value_name = "FILE", help_heading = "Jobs", group = "job")]
    pub learn: Option<PathBuf>,
    /// Read index and list of files from FILE
    #[arg(long, value_name = "FILE", help_heading = "Jobs")]
    pub tail: Option<PathBuf>,
    /// Members of the archive that was cut; a folder is all below it
    #[arg(value_name = "PATH", requires = "tail")]
    pub paths: Vec<OsString>,

    /// Cut where the content says, SIZE on average (default 1M)
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
    /// Make plain pieces, called 1, 2 and so on
    #[arg(long, help_heading = "Cutting", requires = "fixed", conflicts_with_all = ["known", "members"])]
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
    /// Also list the members of the tar archive that is cut
    #[arg(long, help_heading = "Cutting")]
    pub members: bool,

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
    /// Write some members, out of some chunks.
    Pick { tail: PathBuf, paths: Vec<Vec<u8>> },
    /// Show the index of one, in a file or on standard input.
    List(Option<PathBuf>),
    /// Show its members.
    Files(Option<PathBuf>),
    /// Say which chunks hold these members.
    Find { tail: PathBuf, paths: Vec<Vec<u8>> },
    /// Make a pending file the current one.
    Learn(PathBuf),
}

impl Args {
    /// The job that is meant.
    ///
    /// # Errors
    /// If an option was given that it has no use for, or a size or span that can't be.
    pub fn job(self) -> Result<Job> {
        let joins = self.join || self.verify;
        let others = self.list || self.files || self.find || self.learn.is_some();
        let cuts = !joins && !others;
        let given = [
            ("--verify", self.verify, !others),
            ("--average", self.average.is_some(), cuts),
            ("--fixed", self.fixed.is_some(), cuts),
            ("--known", self.known.is_some(), cuts),
            ("--grace", self.grace.is_some(), cuts && !self.numbered),
            ("--members", self.members, cuts),
            ("--tail", self.tail.is_some(), !cuts && self.learn.is_none()),
            ("PATH", !self.paths.is_empty(), self.find || joins),
        ];
        if let Some((option, ..)) = given.iter().find(|(_, given, useful)| *given && !useful) {
            return Err(
                Error::usage(format!("{option} has no use here")).hint("see 's3chunk --help'")
            );
        }
        let shown = !self.verify;
        let paths = self
            .paths
            .iter()
            .map(|path| path.as_bytes().to_vec())
            .collect();
        Ok(match self {
            Self {
                learn: Some(path), ..
            } => Job::Learn(path),
            Self {
                list: true, tail, ..
            } => Job::List(tail),
            Self {
                files: true, tail, ..
            } => Job::Files(tail),
            Self {
                find: true,
                tail: Some(tail),
                ..
            } => Job::Find { tail, paths },
            Self {
                tail: Some(tail), ..
            } => {
                if paths.is_empty() || !shown {
                    return Err(Error::usage("--tail is for writing some members")
                        .hint("name them: s3chunk -d --tail FILE PATH"));
                }
                Job::Pick { tail, paths }
            }
            _ if joins => Job::Join { shown },
            _ => return self.cutting(),
        })
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
            members: self.members,
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
