//! The command line.

use clap::Parser;
use common::args::{Voice, Where};
use common::names::Date;
use common::prices::PriceList;
use common::run::Spoken;

/// List the dumps in a bucket
#[derive(Debug, Parser)]
#[command(name = "s3ls", version, max_term_width = 80)]
pub struct Args {
    /// List only dumps of these file systems
    #[arg(value_name = "FS", conflicts_with = "chain")]
    pub(crate) fs: Vec<String>,
    /// List the dumps of every host
    #[arg(short, long, conflicts_with = "host")]
    pub(crate) all: bool,
    /// List the dumps of HOST instead of this host's
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Print what a restore of FS needs: keys, oldest first
    #[arg(long, value_name = "FS", conflicts_with = "all")]
    pub(crate) chain: Option<String>,
    /// Restore to the state of DATE instead of the newest
    #[arg(long, value_name = "DATE", requires = "chain")]
    pub(crate) at: Option<Date>,
    /// Print uploads that were begun and never finished
    #[arg(long, conflicts_with = "chain")]
    pub(crate) uploads: bool,
    /// Print bytes and cost by storage class
    #[arg(long, conflicts_with_all = ["chain", "uploads"])]
    pub(crate) cost: bool,
    /// Print a JSON object a line
    #[arg(short, long, conflicts_with = "cost")]
    pub(crate) json: bool,
    /// Print keys of dumps, each followed by a NUL
    #[arg(short = '0', long, conflicts_with_all = ["json", "cost", "uploads"])]
    pub(crate) null: bool,
    /// With -j, don't ask for the checksum of each object
    #[arg(long, requires = "json")]
    pub(crate) no_checksum: bool,
    /// Say of deduplicated dumps what they need, and whether it is there
    #[arg(long, conflicts_with_all = ["uploads", "cost", "null", "chain"])]
    pub(crate) chunks: bool,
    #[command(flatten)]
    pub(crate) price_list: PriceList,
    #[command(flatten)]
    pub(crate) place: Where,
    #[command(flatten)]
    voice: Voice,
}

impl Spoken for Args {
    fn voice(&self) -> Voice {
        self.voice
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Args::command().debug_assert();
        for line in [
            "--at 2026-11-20",
            "--chain /home /home",
            "--chain /home -a",
            "--chain /home --uploads",
            "-a --host h",
            "-j -0",
            "--cost -j",
            "--uploads -0",
            "--no-checksum",
            "--chunks -0",
            "--chunks --cost",
            "--chain /home --at 20.11.2026",
        ] {
            let words = std::iter::once("s3ls").chain(line.split_whitespace());
            assert!(Args::try_parse_from(words).is_err(), "{line}");
        }
    }
}
