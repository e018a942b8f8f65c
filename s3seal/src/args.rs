//! The command line: which of the tool's jobs is meant, and what it needs.

use std::path::PathBuf;

use clap::Parser;
use common::args::Voice;
use common::run::Spoken;
use common::{Error, Result};

use crate::compress::Method;
use crate::passphrase::Source;
use crate::seeds::Seed;

/// Compress and encrypt standard input, or open what was sealed
#[derive(Clone, Debug, Parser)]
#[command(name = "s3seal", version)]
pub struct Args {
    /// Open: decrypt and decompress
    #[arg(short = 'd', long, help_heading = "Jobs")]
    pub open: bool,
    /// Open, but write nothing: only check
    #[arg(long, help_heading = "Jobs")]
    pub verify: bool,
    /// Say for whom it is sealed, how, and how large it is
    #[arg(long, help_heading = "Jobs", conflicts_with_all = ["open", "verify"])]
    pub inspect: bool,
    /// Seal for other recipients without touching the content
    #[arg(long, help_heading = "Jobs", conflicts_with_all = ["open", "verify", "inspect"])]
    pub rewrap: bool,
    /// Make a new identity and print it with its recipient
    #[arg(long, help_heading = "Jobs", conflicts_with_all = ["open", "verify", "inspect", "rewrap"])]
    pub keygen: bool,
    /// Make it a post-quantum one
    #[arg(long, help_heading = "Jobs", requires = "keygen")]
    pub pq: bool,

    /// Seal for RECIPIENT, of age or a key of ssh
    #[arg(short, long, value_name = "RECIPIENT", help_heading = "Keys")]
    pub recipient: Vec<String>,
    /// Seal for the recipients in FILE, one a line
    #[arg(short = 'R', long, value_name = "FILE", help_heading = "Keys")]
    pub recipients_file: Vec<PathBuf>,
    /// Open with the identities in FILE
    #[arg(short, long, value_name = "FILE", help_heading = "Keys")]
    pub identity: Vec<PathBuf>,
    /// Seal or open with a passphrase that is typed
    #[arg(short, long, help_heading = "Keys")]
    pub passphrase: bool,
    /// Seal or open with the passphrase in FILE
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Keys",
        conflicts_with = "passphrase"
    )]
    pub passphrase_file: Option<PathBuf>,
    /// Use the passphrase that descriptor N has
    // The first three are streams.
    #[arg(
        long,
        value_name = "N",
        help_heading = "Keys",
        value_parser = clap::value_parser!(u32).range(3..),
        conflicts_with_all = ["passphrase", "passphrase_file"]
    )]
    pub passphrase_fd: Option<u32>,
    /// Don't encrypt; open what isn't encrypted
    #[arg(long, help_heading = "Keys")]
    pub plain: bool,
    /// Allow post-quantum recipients beside others
    #[arg(long, help_heading = "Keys")]
    pub mixed: bool,

    /// Compress by zstd, bzip2, none or cmd:COMMAND
    #[arg(short = 'z', long, value_name = "METHOD", help_heading = "Compression")]
    pub compress: Option<Method>,
    /// Decompress by COMMAND, or none for not at all
    #[arg(
        short = 'Z',
        long,
        value_name = "COMMAND",
        help_heading = "Compression",
        value_parser = command
    )]
    pub decompress: Option<String>,

    /// Hide the exact length: add up to 12 %
    #[arg(long, help_heading = "Compression")]
    pub pad: bool,
    /// Open the CONTAINER of an older program
    #[arg(long, value_name = "CONTAINER", help_heading = "Jobs")]
    pub seed: Option<Seed>,

    /// How much to say.
    #[command(flatten)]
    pub voice: Voice,
}

impl Spoken for Args {
    fn voice(&self) -> Voice {
        self.voice
    }
}

/// An empty command does nothing with success: a restore would come out empty.
fn command(text: &str) -> Result<String> {
    if text.trim().is_empty() {
        return Err(Error::usage("a command is empty").hint("'-Z none' doesn't decompress"));
    }
    Ok(text.to_owned())
}

/// What the tool is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Job {
    /// Make a sealed stream.
    Seal,
    /// Open one; with output or without.
    Open { shown: bool },
    /// Describe one.
    Inspect,
    /// Change its recipients.
    Rewrap,
    /// Make keys.
    Keygen,
}

impl Args {
    /// The job that is meant.
    ///
    /// # Errors
    /// If an option was given that it has no use for, or one is missing that it needs.
    pub fn job(&self) -> Result<Job> {
        let job = match self {
            Self { keygen: true, .. } => Job::Keygen,
            Self { inspect: true, .. } => Job::Inspect,
            Self { rewrap: true, .. } => Job::Rewrap,
            Self { verify: true, .. } => Job::Open { shown: false },
            Self { open: true, .. } => Job::Open { shown: true },
            _ => Job::Seal,
        };
        let (seals, opens) = match job {
            Job::Seal => (true, false),
            Job::Open { .. } | Job::Inspect => (false, true),
            Job::Rewrap => (true, true),
            Job::Keygen => (false, false),
        };
        let content = matches!(job, Job::Seal | Job::Open { .. });
        let given = [
            ("-r", !self.recipient.is_empty(), seals),
            ("-R", !self.recipients_file.is_empty(), seals),
            ("--mixed", self.mixed, seals),
            ("-i", !self.identity.is_empty(), opens),
            ("a passphrase", self.has_passphrase(), seals || opens),
            ("--plain", self.plain, content),
            ("-z", self.compress.is_some(), job == Job::Seal),
            (
                "-Z",
                self.decompress.is_some(),
                matches!(job, Job::Open { .. }),
            ),
            ("--pad", self.pad, job == Job::Seal),
            (
                "--seed",
                self.seed.is_some(),
                matches!(job, Job::Open { .. }),
            ),
        ];
        if let Some((option, ..)) = given.iter().find(|(_, given, useful)| *given && !useful) {
            return Err(
                Error::usage(format!("{option} has no use here")).hint(match *option {
                    "-i" => "-d opens with an identity; -r and -R seal for recipients",
                    "-r" | "-R" => "-d opens and needs no recipients; -i names an identity",
                    _ => "see 's3seal --help'",
                }),
            );
        }
        if job == Job::Seal {
            self.check_seal()?;
        }
        if self.seed.is_some() && (!self.has_passphrase() || !self.identity.is_empty()) {
            return Err(Error::usage("--seed needs a passphrase and no identity")
                .hint("use -p, --passphrase-file FILE or --passphrase-fd N"));
        }
        if job == Job::Rewrap && !self.names_recipients() {
            return Err(
                Error::usage("no new recipients are named").hint("use -r RECIPIENT or -R FILE")
            );
        }
        Ok(job)
    }

    fn check_seal(&self) -> Result<()> {
        let keyed = self.names_recipients() || self.has_passphrase();
        if !keyed && !self.plain {
            return Err(Error::usage(
                "neither a recipient (-r RECIPIENT, -R FILE, -p) nor --plain was given",
            )
            .hint(
                "-r age1... seals for who has that key; --plain compresses and does not encrypt",
            ));
        }
        if keyed && self.plain {
            return Err(Error::usage("--plain and recipients exclude each other"));
        }
        if self.pad
            && !matches!(
                self.compress.clone().unwrap_or_default(),
                Method::Zstd { .. }
            )
        {
            return Err(Error::usage(
                "--pad needs zstd, which passes over what is added",
            ));
        }
        if self.names_recipients() && self.has_passphrase() {
            return Err(Error::usage(
                "a passphrase can't be one of several recipients",
            ));
        }
        Ok(())
    }

    /// True if somebody is named whose key opens the seal.
    #[must_use]
    pub fn names_recipients(&self) -> bool {
        !self.recipient.is_empty() || !self.recipients_file.is_empty()
    }

    /// True if a passphrase is to be used.
    #[must_use]
    pub fn has_passphrase(&self) -> bool {
        self.passphrase_source().is_some()
    }

    /// Where the passphrase is to come from.
    #[must_use]
    pub fn passphrase_source(&self) -> Option<Source> {
        if self.passphrase {
            return Some(Source::Terminal);
        }
        let file = self.passphrase_file.clone().map(Source::File);
        file.or_else(|| self.passphrase_fd.map(Source::descriptor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(line: &str) -> Result<Job> {
        let words = std::iter::once("s3seal").chain(line.split_whitespace());
        Args::try_parse_from(words).unwrap().job()
    }

    #[test]
    fn jobs() {
        assert_eq!(job("-r age1x").unwrap(), Job::Seal);
        assert_eq!(job("--plain").unwrap(), Job::Seal);
        assert_eq!(job("-d").unwrap(), Job::Open { shown: true });
        assert_eq!(job("-d --plain").unwrap(), Job::Open { shown: true });
        assert_eq!(job("--verify -i k").unwrap(), Job::Open { shown: false });
        assert_eq!(job("-d --verify -i k").unwrap(), Job::Open { shown: false });
        assert_eq!(job("--rewrap -i k -r age1x").unwrap(), Job::Rewrap);
        assert_eq!(job("--inspect").unwrap(), Job::Inspect);
        assert_eq!(job("--keygen --pq").unwrap(), Job::Keygen);
    }

    #[test]
    fn values_that_would_do_harm() {
        for words in [
            ["-Z", ""],
            ["-Z", " "],
            ["--passphrase-fd", "0"],
            ["--passphrase-fd", "2"],
        ] {
            let words = ["s3seal", "-d"].into_iter().chain(words);
            assert!(Args::try_parse_from(words.clone()).is_err(), "{words:?}");
        }
    }

    #[test]
    fn a_seal_without_a_key_names_both_ways() {
        let error = job("").unwrap_err().to_string();
        assert!(
            error.contains("-r RECIPIENT") && error.contains("--plain"),
            "{error}"
        );
    }

    #[test]
    fn what_has_no_use_is_refused() {
        for line in [
            "-i k",
            "-r age1x -i k",
            "-d -r age1x",
            "-d -z none",
            "-r age1x -Z cat",
            "--keygen -r age1x",
            "--keygen --plain",
            "--rewrap -i k",
            "--rewrap -i k -r age1x --plain",
            "--plain -r age1x",
            "-p -r age1x",
            "--inspect -z zstd",
            "-d --mixed",
            "-d --pad",
            "--plain -z bzip2 --pad",
            "--plain --seed openssl-md5 --passphrase-file p",
            "-d --seed openssl-md5",
            "-d --seed openssl-md5 -i k --passphrase-file p",
        ] {
            assert_eq!(
                job(line).unwrap_err().class(),
                common::Class::Usage,
                "{line}"
            );
        }
    }
}
