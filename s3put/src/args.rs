//! The command line, and what follows from it alone.

use std::ffi::OsString;
use std::sync::Arc;

use clap::Parser;
use common::args::{Name, Voice, Where};
use common::bucket::put::{Order, Rest};
use common::bucket::{Bucket, random};
use common::listing::is_cold;
use common::names::Date;
use common::rate::{Pacer, Timetable};
use common::run::{Speaker, Spoken, Streams};
use common::units::Size;
use common::upstream::{OkStatus, Policy, Watch};
use common::{Doing, Error, Result};

use crate::chunks::{Chunks, Unfit};
use crate::expect::Expect;
use crate::guard::{Guard, Percent};
use crate::phases::Verb;
use crate::seam;

/// Parts under way at once.
const PARALLEL: u8 = 4;

/// Store standard input as one object of a bucket
#[derive(Parser, Debug)]
#[command(
    group = clap::ArgGroup::new("nameless").multiple(true),
    name = "s3put",
    version,
    term_width = 80,
    override_usage = "s3put [OPTIONS] FS LEVEL [-- COMMAND...]\n       s3put [OPTIONS] --key KEY [-- COMMAND...]\n       s3put [OPTIONS] --rest-of KEY [FS LEVEL | --key KEY]\n       s3put [OPTIONS] --members PREFIX [-- COMMAND...]\n       s3put [OPTIONS] --make-bucket\n       s3put [OPTIONS] --commit <RECEIPTS\n       s3put [OPTIONS] --abort <RECEIPTS"
)]
pub struct Args {
    #[command(flatten)]
    pub(crate) name: Name,
    /// Add ~ and 16 random hex digits to the date, so that nobody can guess it
    #[arg(long, conflicts_with = "key", help_heading = "Name")]
    pub(crate) random: bool,
    /// Replace an object of that name
    #[arg(long, help_heading = "Name")]
    pub(crate) overwrite: bool,
    /// Take only a new header from standard input, for the sealed object KEY, and have the server copy the rest of it.
    /// Without another name: in its place
    #[arg(long, value_name = "KEY", group = "nameless", conflicts_with_all = ["make_bucket", "acl", "abort", "resume", "part_size", "max_object", "allow_empty", "expect", "min_size", "shrink_limit"], help_heading = "Name")]
    pub(crate) rest_of: Option<String>,

    /// Store each member of a tar archive as an object of its own, below PREFIX
    #[arg(long, value_name = "PREFIX", group = "nameless", conflicts_with_all = ["fs", "key", "host", "date", "random", "rest_of", "make_bucket", "acl", "abort", "prepare", "resume", "expect", "min_size", "shrink_limit"], help_heading = "Members")]
    pub(crate) members: Option<String>,
    /// Have the bytes of each file pass through CMD, a command for the shell
    #[arg(
        long,
        value_name = "CMD",
        conflicts_with = "metadata_only",
        help_heading = "Members"
    )]
    pub(crate) through: Option<OsString>,
    /// Send no bytes: only change the metadata of what is stored
    #[arg(long, help_heading = "Members")]
    pub(crate) metadata_only: bool,

    #[command(flatten)]
    pub(crate) place: Where,

    /// Storage class, as S3 names it
    #[arg(long, value_name = "CLASS", help_heading = "Object")]
    pub(crate) storage_class: Option<String>,
    /// Use the storage class STANDARD_IA
    #[arg(short, long, conflicts_with = "storage_class", help_heading = "Object")]
    pub(crate) infrequent: bool,
    /// Add metadata (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = metadata, help_heading = "Object")]
    pub(crate) meta: Vec<(String, String)>,
    /// Add a tag (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair, help_heading = "Object")]
    pub(crate) tag: Vec<(String, String)>,
    /// Give the bucket's owner full control of the object
    #[arg(long, help_heading = "Object")]
    pub(crate) grant_owner: bool,
    /// Store an empty stream instead of refusing it
    #[arg(long, help_heading = "Object")]
    pub(crate) allow_empty: bool,

    /// Send at most RATE bytes a second (300k, 5M), or by a timetable
    #[arg(short = 'L', long, value_name = "RATE", help_heading = "Speed")]
    pub(crate) limit: Option<Timetable>,
    /// Parts of SIZE instead of growing ones (5M to 5G)
    #[arg(long, value_name = "SIZE", help_heading = "Speed")]
    pub(crate) part_size: Option<Size>,
    /// Go on in another object after SIZE (5M to 48.8T) [default: 5T]
    #[arg(long, value_name = "SIZE", help_heading = "Speed")]
    pub(crate) max_object: Option<Size>,
    /// Parts of one object, where the server takes fewer than S3
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "Speed")]
    pub(crate) max_parts: u32,
    /// Parts under way at once [default: 4; 16 members]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..), help_heading = "Speed")]
    pub(crate) parallel: Option<u8>,
    /// Memory for parts
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "256M",
        help_heading = "Speed"
    )]
    pub(crate) memory: Size,

    /// Go on with the upload that a broken run of the same command left
    #[arg(long, conflicts_with_all = ["make_bucket", "acl", "abort"], help_heading = "Two phases")]
    pub(crate) resume: bool,
    /// Send everything, but leave the last request to --commit; print what it takes
    #[arg(long, conflicts_with_all = ["make_bucket", "acl", "abort"], help_heading = "Two phases")]
    pub(crate) prepare: bool,
    /// Abort what was prepared; read that from standard input
    #[arg(long, group = "nameless", conflicts_with_all = ["make_bucket", "acl", "fs", "key", "command"], help_heading = "Two phases")]
    pub(crate) abort: bool,

    /// Say what would be done; read and write nothing
    #[arg(short = 'n', long, help_heading = "Instead of storing")]
    pub(crate) dry_run: bool,
    /// Create the bucket and set it up for backups
    #[arg(long, group = "nameless", conflicts_with_all = ["fs", "key", "acl"], help_heading = "Instead of storing")]
    pub(crate) make_bucket: bool,
    /// Read an ACL document (XML) and set it on the named dump
    #[arg(long, help_heading = "Instead of storing")]
    pub(crate) acl: bool,

    /// Store only what ended well: clean, not-failed (the default) or always. Without a value: commit what was
    /// prepared, and read that from standard input
    #[arg(long, value_name = "POLICY", num_args = 0..=1, hide_possible_values = true, group = "nameless", conflicts_with_all = ["make_bucket", "acl", "abort"], help_heading = "Producer")]
    pub(crate) commit: Option<Option<Policy>>,
    /// Call this exit status of a program before us, or of COMMAND, fine, too: N, or NAME:N (repeatable)
    #[arg(long, value_name = "STATUS", help_heading = "Producer")]
    pub(crate) ok_status: Vec<OkStatus>,
    /// Store nothing unless the stream ends as FORMAT must: tar, gzip, zstd, xz, bzip2, age, auto
    #[arg(
        long,
        value_name = "FORMAT",
        hide_possible_values = true,
        help_heading = "Producer"
    )]
    pub(crate) expect: Option<Expect>,
    /// Store nothing if fewer bytes come than SIZE
    #[arg(long, value_name = "SIZE", help_heading = "Producer")]
    pub(crate) min_size: Option<Size>,
    /// Store nothing if the stream is smaller than the dump before by more than PERCENT (50%)
    #[arg(long, value_name = "PERCENT", help_heading = "Producer")]
    pub(crate) shrink_limit: Option<Percent>,
    /// Run this and store what it writes, if it exits with 0
    #[arg(
        last = true,
        value_name = "COMMAND",
        group = "nameless",
        conflicts_with = "make_bucket",
        help_heading = "Producer"
    )]
    pub(crate) command: Vec<OsString>,

    #[command(flatten)]
    pub(crate) voice: Voice,
}

impl Spoken for Args {
    fn voice(&self) -> Voice {
        self.voice
    }
}

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is not NAME=VALUE".to_owned()),
    }
}

/// Metadata travels in headers: what they can't carry would be refused by the server, or worse, changed.
fn metadata(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = pair(text)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.chars().all(fits) {
        return Err("a name is made of letters, digits, '-', '_' and '.'".to_owned());
    }
    if name.to_ascii_lowercase().starts_with("s3pipes-") {
        return Err("names that begin with s3pipes- are taken".to_owned());
    }
    if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) || value.trim() != value {
        return Err("a value is printable ASCII without blanks at its ends".to_owned());
    }
    Ok((name.to_ascii_lowercase(), value))
}

impl Args {
    /// The verb that ends what was prepared, if that is asked for.
    pub(crate) fn verb(&self) -> Result<Option<Verb>> {
        if self.abort {
            self.check_no_guard("--abort")?;
            return Ok(Some(Verb::Abort));
        }
        for (instead, what) in [(self.make_bucket, "--make-bucket"), (self.acl, "--acl")] {
            if instead {
                self.check_no_guard(what)?;
            }
        }
        if !matches!(self.commit, Some(None)) {
            return Ok(None);
        }
        self.check_no_guard("--commit without a policy")?;
        let named = self.name.fs.is_some()
            || self.name.key.is_some()
            || self.rest_of.is_some()
            || self.members.is_some()
            || !self.command.is_empty();
        if named {
            return Err(
                Error::usage("--commit without a policy takes no name: it reads receipts")
                    .hint("a policy is clean, not-failed or always"),
            );
        }
        if self.prepare || self.resume {
            return Err(Error::usage(
                "--commit without a policy ends what was prepared: it goes with neither --prepare nor --resume",
            ));
        }
        Ok(Some(Verb::Commit))
    }

    /// Whoever asks for a check is not to believe that it was made.
    fn check_no_guard(&self, what: &str) -> Result<()> {
        let asked = [
            (self.expect.is_some(), "--expect"),
            (self.min_size.is_some(), "--min-size"),
            (self.shrink_limit.is_some(), "--shrink-limit"),
            (!self.ok_status.is_empty(), "--ok-status"),
            (self.overwrite, "--overwrite"),
        ];
        match asked.into_iter().find(|(asked, _)| *asked) {
            None => Ok(()),
            Some((_, flag)) => Err(Error::usage(format!(
                "{flag} is about a stream, and {what} reads none"
            ))),
        }
    }

    /// `--` also ends the options, as everywhere: `s3put -- -odd-name 0`. Then the first two words after it are
    /// the name.
    pub(crate) fn take_name(&mut self) -> Result<()> {
        // clap asks for nothing that something else forbids.
        if self.members.is_none() && (self.through.is_some() || self.metadata_only) {
            return Err(Error::usage(
                "--through and --metadata-only are about --members PREFIX",
            ));
        }
        let named = self.name.fs.is_some()
            || self.name.key.is_some()
            || self.rest_of.is_some()
            || self.members.is_some();
        if !self.make_bucket && !named {
            let (Some(fs), Some(level)) = (self.command.first(), self.command.get(1)) else {
                return Err(Error::usage("no dump is named").hint("give FS and LEVEL, or -k KEY"));
            };
            let fs = fs
                .to_str()
                .ok_or_else(|| Error::usage("the file system is not valid UTF-8"))?;
            let number = level.to_str().and_then(|level| level.parse().ok());
            let number = number.ok_or_else(|| {
                Error::usage(format!("'{}' is not a level", level.to_string_lossy()))
                    .hint("a level is a whole number; 0 is a full dump")
            })?;
            (self.name.fs, self.name.level) = (Some(fs.to_owned()), Some(number));
            self.command.drain(..2);
            if self.command.first().is_some_and(|word| word == "--") {
                self.command.remove(0);
            }
        }
        if self.acl && !self.command.is_empty() {
            return Err(Error::usage("--acl runs no command"));
        }
        Ok(())
    }

    /// Begins to watch who writes to standard input, if it is to be stored and is a pipe.
    pub(crate) fn watch(&self, streams: &Streams) -> Result<Option<Watch>> {
        let stores = !(self.make_bucket || self.acl || self.dry_run);
        match streams.input() {
            Some(input) if stores && self.command.is_empty() => {
                Watch::start(input).doing("look at standard input")
            }
            _ => Ok(None),
        }
    }

    /// What has to be known of the producers for the commit.
    pub(crate) fn policy(&self) -> Policy {
        self.commit.flatten().unwrap_or_default()
    }

    pub(crate) fn key(&self) -> Result<String> {
        if let Some(key) = &self.name.key {
            return common::names::literal(key);
        }
        if let (Some(key), None) = (&self.rest_of, &self.name.fs) {
            return common::names::literal(key);
        }
        let mut name = self.name.dump(Date::today())?;
        if self.random {
            name.date = name.date.with_token(random());
        }
        common::names::literal(&name.to_string())
    }

    /// Fails if a name of metadata is given twice.
    pub(crate) fn check_metadata(&self) -> Result<()> {
        let mut names: Vec<&String> = self.meta.iter().map(|(name, _)| name).collect();
        names.sort();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(twice) => Err(Error::usage(format!("--meta {} is given twice", twice[0]))),
            None => Ok(()),
        }
    }

    pub(crate) fn guard(&self, bucket: &Bucket, key: &str, voice: Speaker) -> Result<Guard> {
        let (least, shrink) = (self.min_size, self.shrink_limit);
        Guard::new(bucket, key, self.expect, least, shrink, voice)
    }

    /// What is to be done with a chunk stream, if that comes.
    pub(crate) fn chunks(&self, order: &Order) -> Chunks {
        let unfit = if self.resume {
            Some(Error::usage(
                "--resume can't go on with a chunk stream: s3chunk makes another one each time",
            ))
        } else if self.shrink_limit.is_some() {
            Some(Error::usage(
                "--shrink-limit says nothing of a chunk stream: it is small where much was stored before",
            ))
        } else {
            // Nobody would ask it what it needs.
            common::names::part_of(&order.key).map(|whole| {
                let key = &order.key;
                Error::usage(format!(
                    "a chunk stream can't be called {key}, like a part of {whole}"
                ))
                .hint("a key that ends in .tail, in a colon and a number, or in /chunk_ and a number may belong to another object")
            })
        };
        let unfit = Unfit {
            chunks: unfit,
            pieces: self.unfit_for_pieces(),
        };
        let keeps = order.class.as_deref().is_some_and(is_cold);
        Chunks::new(Arc::clone(&order.id), order.pieces.clone(), unfit, keeps)
    }

    /// Why a stream in numbered pieces can't be stored in this way.
    fn unfit_for_pieces(&self) -> Option<Error> {
        let refused = [
            (self.overwrite, "--overwrite"),
            (self.resume, "--resume"),
            (self.prepare, "--prepare"),
            (self.rest_of.is_some(), "--rest-of"),
            (self.part_size.is_some(), "--part-size"),
            (self.max_object.is_some(), "--max-object"),
        ];
        let (_, flag) = refused.into_iter().find(|(refused, _)| *refused)?;
        Some(Error::usage(format!(
            "{flag} doesn't go with a stream in numbered pieces"
        )))
    }

    /// `started` is the second in which all began.
    pub(crate) fn order(&self, key: String, started: i64, pacer: Arc<Pacer>) -> Result<Order> {
        let rest = self.rest(&key)?;
        let infrequent = self.infrequent.then(|| "STANDARD_IA".to_owned());
        Ok(Order {
            overwrite: self.overwrite,
            class: self.storage_class.clone().or(infrequent),
            metadata: self.meta.clone(),
            tags: self.tag.clone(),
            grant_owner: self.grant_owner,
            allow_empty: self.allow_empty,
            part_size: self.part_size.map(|size| size.0),
            max_object: self.max_object.map(|size| size.0),
            max_parts: self.max_parts,
            parallel: usize::from(self.parallel.unwrap_or(PARALLEL)),
            memory: self.memory.0,
            pacer,
            resume: self.resume,
            rest,
            started,
            ..Order::of(key)
        })
    }

    /// The object that has the rest of what is to be `key`.
    fn rest(&self, key: &str) -> Result<Option<Rest>> {
        let Some(of) = &self.rest_of else {
            return Ok(None);
        };
        let of = common::names::literal(of)?;
        if of == key && !self.overwrite {
            return Err(Error::usage(format!("that would replace {of} itself"))
                .hint("add --overwrite, or give the new object another name, with -k"));
        }
        let seam = seam::headers;
        Ok(Some(Rest {
            of,
            seam,
            restated: false,
        }))
    }
}
