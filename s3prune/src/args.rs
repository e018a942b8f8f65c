//! The command line, and what it asks for.

use clap::Parser;
use common::args::{Voice, Where};
use common::error::{Error, Result};
use common::names::{Date, DumpName, short_host};
use common::prices::PriceList;
use common::run::Spoken;

use crate::age::Age;
use crate::policy::{Period, Policy};
use crate::ties::Wait;

/// Remove dumps that are no longer wanted
#[derive(Debug, Parser)]
#[command(name = "s3prune", version, max_term_width = 80)]
pub struct Args {
    /// Remove a dump of this file system; '-' reads keys from standard input
    #[arg(value_name = "FS")]
    fs: Option<String>,
    /// The dump's level
    #[arg(value_name = "LEVEL")]
    level: Option<u32>,
    /// The dump's date
    #[arg(long, value_name = "DATE", requires = "level")]
    date: Option<Date>,
    /// Remove the dump or the object with this key
    #[arg(short, long, value_name = "KEY", conflicts_with_all = ["fs", "host", "all"])]
    key: Option<String>,
    /// Remove what is named even if other dumps need it
    #[arg(long)]
    force: bool,
    /// Keep the newest N dumps
    #[arg(long, value_name = "N", help_heading = "Policy")]
    keep_last: Option<u32>,
    /// Keep the newest dump of each of the last N hours that have one
    #[arg(long, value_name = "N", help_heading = "Policy")]
    keep_hourly: Option<u32>,
    /// Keep the newest dump of each of the last N days that have one
    #[arg(long, value_name = "N", help_heading = "Policy")]
    keep_daily: Option<u32>,
    /// Keep the newest dump of each of the last N weeks that have one
    #[arg(long, value_name = "N", help_heading = "Policy")]
    keep_weekly: Option<u32>,
    /// Keep the newest dump of each of the last N months that have one
    #[arg(long, value_name = "N", help_heading = "Policy")]
    keep_monthly: Option<u32>,
    /// Keep the newest dump of each of the last N years that have one
    #[arg(long, value_name = "N", help_heading = "Policy")]
    keep_yearly: Option<u32>,
    /// Keep what is at most so much older than the newest dump
    #[arg(long, value_name = "SPAN", help_heading = "Policy")]
    keep_within: Option<Age>,
    /// Count each level by itself
    #[arg(long, help_heading = "Policy")]
    per_level: bool,
    /// Believe dates that the server's clock does not bear out
    #[arg(long, help_heading = "Policy")]
    pub(crate) trust_dates: bool,
    /// Leave alone what was the newest of its set less than SPAN ago, and what that needs
    #[arg(long, value_name = "SPAN", help_heading = "Deduplicated dumps")]
    grace: Option<Age>,
    /// Nobody is making a dump: don't wait for the grace
    #[arg(long, conflicts_with = "grace", help_heading = "Deduplicated dumps")]
    no_grace: bool,
    /// Don't look for dumps that refer to others: there are none
    #[arg(long, conflicts_with_all = ["grace", "no_grace"], help_heading = "Deduplicated dumps")]
    pub(crate) no_refs: bool,
    /// Make the dump with this key need no other: it takes in their chunks
    #[arg(long, value_name = "KEY", conflicts_with_all = ["fs", "key", "host", "all", "no_refs", "uploads"], help_heading = "Deduplicated dumps")]
    repack: Option<String>,
    /// Consider the dumps of every host
    #[arg(short, long, conflicts_with = "host")]
    all: bool,
    /// Consider the dumps of HOST instead of this host's
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Abort uploads that were begun longer than SPAN ago and never finished
    #[arg(long, value_name = "SPAN")]
    pub(crate) uploads: Option<Age>,
    /// Delete what the plan says
    #[arg(long)]
    pub(crate) delete: bool,
    /// Print the plan as JSON lines
    #[arg(short, long)]
    pub(crate) json: bool,
    /// End each key with a NUL instead of a line feed
    #[arg(short = '0', long, conflicts_with = "json")]
    pub(crate) null: bool,
    #[command(flatten)]
    pub(crate) price_list: PriceList,
    #[command(flatten)]
    pub(crate) place: Where,
    #[command(flatten)]
    voice: Voice,
}

/// What is to go.
#[derive(Debug)]
pub(crate) enum Task {
    /// What no rule keeps.
    Policy(Policy),
    /// One dump, or an object that isn't one.
    Key(String),
    /// The dumps whose keys are on standard input.
    Listed,
    /// Nothing goes: a dump takes in what it needs of others.
    Repack(String),
    /// Nothing but unfinished uploads.
    Uploads,
}

impl Spoken for Args {
    fn voice(&self) -> Voice {
        self.voice
    }
}

impl Args {
    /// What is to go.
    ///
    /// # Errors
    /// If that isn't said, or in two ways at once.
    pub(crate) fn task(&self) -> Result<Task> {
        let named = self.named()?;
        if matches!(named, Some(Task::Repack(_))) && self.force {
            return Err(Error::usage("--force is for dumps that are removed"));
        }
        let rules = self.policy()?;
        if self.per_level && rules.as_ref().is_none_or(|policy| policy.counts.is_empty()) {
            return Err(
                Error::usage("--per-level needs a number to keep").hint("add --keep-last N")
            );
        }
        match (named, rules) {
            (Some(_), Some(_)) => Err(Error::usage(
                "dumps are named, and there is a policy as well",
            )
            .hint("name what should go, or say what to keep")),
            (Some(task), None) => Ok(task),
            (None, _) if self.force => Err(Error::usage("--force is for dumps that are named")),
            (None, Some(policy)) => Ok(Task::Policy(policy)),
            (None, None) if self.uploads.is_some() => Ok(Task::Uploads),
            (None, None) => Err(Error::usage("nothing is said about what to keep")
                .hint("give a rule such as --keep-last 7, or name the dump that should go")),
        }
    }

    /// The host whose dumps are considered; none for every one.
    pub(crate) fn host(&self) -> Result<Option<String>> {
        match (&self.host, self.all) {
            (_, true) => Ok(None),
            (Some(host), false) => Ok(Some(host.clone())),
            (None, false) => short_host().map(Some),
        }
    }

    /// How long to wait for those who are writing now.
    pub(crate) fn wait(&self) -> Wait {
        match (&self.grace, self.no_grace) {
            (_, true) => Wait::No,
            (Some(age), false) => Wait::For(age.clone()),
            (None, false) => Wait::Enough,
        }
    }

    /// True with `--force`.
    pub(crate) fn is_forced(&self) -> bool {
        self.force
    }

    fn named(&self) -> Result<Option<Task>> {
        if let Some(key) = &self.key {
            return Ok(Some(Task::Key(key.clone())));
        }
        if let Some(key) = &self.repack {
            return Ok(Some(Task::Repack(key.clone())));
        }
        match (self.fs.as_deref(), self.level, &self.date) {
            (None, _, _) => Ok(None),
            (Some("-"), None, _) => Ok(Some(Task::Listed)),
            (Some(_), None, _) => {
                Err(Error::usage("a file system alone names no dump")
                    .hint("give FS LEVEL --date DATE"))
            }
            (Some(_), Some(_), None) => {
                Err(Error::usage("file system and level do not say which dump")
                    .hint("add --date DATE; s3ls shows the dates"))
            }
            (Some(fs), Some(level), Some(date)) => {
                let Some(host) = self.host()? else {
                    return Err(
                        Error::usage("a dump that is named is of one host").hint("use --host HOST")
                    );
                };
                let name = DumpName::new(host, fs.to_owned(), level, date.clone())?;
                Ok(Some(Task::Key(name.to_string())))
            }
        }
    }

    fn policy(&self) -> Result<Option<Policy>> {
        let given = [
            (Period::Dump, self.keep_last),
            (Period::Hour, self.keep_hourly),
            (Period::Day, self.keep_daily),
            (Period::Week, self.keep_weekly),
            (Period::Month, self.keep_monthly),
            (Period::Year, self.keep_yearly),
        ];
        let counts: Vec<(Period, u32)> = given
            .into_iter()
            .filter_map(|(period, count)| Some((period, count.filter(|count| *count > 0)?)))
            .collect();
        if self.keep_within.as_ref().is_some_and(Age::is_nothing) {
            return Err(Error::usage("--keep-within 0 would keep nothing"));
        }
        if !counts.is_empty() || self.keep_within.is_some() {
            return Ok(Some(Policy {
                counts,
                within: self.keep_within.clone(),
                per_level: self.per_level,
            }));
        }
        if given.iter().any(|(_, count)| count.is_some()) {
            return Err(Error::usage("to keep 0 of everything is no policy")
                .hint("give a number above 0, or name the dumps that should go"));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(line: &str) -> Result<Task, u8> {
        let args = Args::try_parse_from(std::iter::once("s3prune").chain(line.split_whitespace()))
            .map_err(|_| 2)?;
        args.task().map_err(|error| error.class().code())
    }

    #[test]
    fn what_says_too_little_or_too_much_is_refused() {
        for line in [
            "",
            "-a",
            "--delete",
            "--keep-last 0",
            "--keep-last 0 --keep-daily 0",
            "--per-level",
            "--per-level --keep-within 3d",
            "/home",
            "/home 0",
            "/home 0 --date x",
            "--date 2026-11-20",
            "-a /home 0 --date 2026-11-20",
            "-k x /home 0",
            "--keep-last 3 -k x",
            "--keep-last 3 -",
            "--keep-last 3 --force",
            "--keep-last -3",
            "--keep-within 0d",
            "--uploads 7d --force",
            "-a --host h --keep-last 3",
            "a:b 0 --date 2026-11-20",
            "-j -0 --keep-last 3",
            "--repack",
            "--repack x -k y",
            "--repack x /home 0",
            "--repack x --keep-last 3",
            "--repack x --force",
            "--repack x -a",
            "--repack x --host h",
            "--repack x --uploads 7d",
            "--repack x --no-refs",
        ] {
            assert_eq!(task(line).map(|task| format!("{task:?}")), Err(2), "{line}");
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn tasks() {
        assert!(
            matches!(task("--keep-last 3 --keep-daily 0"), Ok(Task::Policy(policy)) if policy.counts == [(Period::Dump, 3)])
        );
        assert!(
            matches!(task("--keep-within 30d"), Ok(Task::Policy(policy)) if policy.counts.is_empty())
        );
        assert!(
            matches!(task("--host h /home 2 --date 2026-11-20"), Ok(Task::Key(key)) if key == "h:/home:2:2026-11-20")
        );
        assert!(matches!(task("-k x --force"), Ok(Task::Key(_))));
        assert!(matches!(task("--repack x --no-grace"), Ok(Task::Repack(key)) if key == "x"));
        assert!(matches!(task("-"), Ok(Task::Listed)));
        assert!(matches!(task("- --uploads 7d"), Ok(Task::Listed)));
        assert!(matches!(task("--uploads 7d"), Ok(Task::Uploads)));
    }
}
