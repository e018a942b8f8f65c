//! `s3get`: the bytes of a dump on standard output.
//!
//! It exits 0 only after a checksum of the whole, as the server holds it, matched what was written. Without a
//! date it takes the newest dump; pieces that older programs made come out as one stream. Of a chunk stream it writes
//! all chunks, those of other dumps too.

mod find;
mod members;
mod plan;

use std::ffi::OsString;
use std::io::Write;
use std::sync::Arc;

use clap::Parser;
use common::args::{Name, Voice, Where};
use common::bucket::Bucket;
use common::bucket::chunked::{Gathered, Positions, Want, begins_so};
use common::bucket::get::{Frame, Looked, Span, Told, Wish};
use common::bucket::thaw::{Frozen, Thawing, Tier};
use common::error::Class;
use common::prices::PriceList;
use common::progress::Meter;
use common::rate::{Pacer, Timetable, obey_signals};
use common::run::{Spoken, Streams, written};
use common::units::{Size, human, total};
use common::{Error, Result};

/// Write a dump to standard output
#[derive(Parser, Debug)]
#[command(
    name = "s3get",
    version,
    term_width = 80,
    override_usage = "s3get [OPTIONS] FS LEVEL\n       s3get [OPTIONS] --key KEY\n       s3get [OPTIONS] --prefix PREFIX\n       s3get [OPTIONS] --members PREFIX [--only KEY]..."
)]
pub struct Args {
    #[command(flatten)]
    name: Name,
    /// All objects whose keys begin with PREFIX, in order, as one stream
    #[arg(long, value_name = "PREFIX", group = "nameless", conflicts_with_all = ["fs", "host", "date"], help_heading = "Name")]
    prefix: Option<String>,

    /// The members below PREFIX, as a tar archive
    #[arg(long, value_name = "PREFIX", group = "nameless", conflicts_with_all = ["fs", "host", "date", "prefix", "range", "head", "acl", "raw", "tail", "chunks", "plan", "thaw"], help_heading = "Members")]
    members: Option<String>,
    /// Only the member with this key; with a slash at its end, a directory and all below it; -: the keys on standard
    /// input (repeatable)
    #[arg(long, value_name = "KEY", help_heading = "Members")]
    only: Vec<String>,
    /// Have the bytes of each file that is encrypted pass through CMD, a command for the shell
    #[arg(long, value_name = "CMD", help_heading = "Members")]
    through: Option<OsString>,

    #[command(flatten)]
    place: Where,

    /// Only these bytes: FIRST-LAST, FIRST- or -COUNT
    #[arg(
        long,
        value_name = "RANGE",
        allow_hyphen_values = true,
        help_heading = "What"
    )]
    range: Option<Span>,
    /// Only the first SIZE bytes (4M), or all if there are not so many
    #[arg(
        long,
        value_name = "SIZE",
        conflicts_with = "range",
        help_heading = "What"
    )]
    head: Option<Size>,
    /// Read and check everything, but write nothing
    #[arg(long, conflicts_with_all = ["range", "head"], help_heading = "What")]
    verify: bool,
    /// Write the ACL document (XML) of the dump instead
    #[arg(long, conflicts_with_all = ["range", "head", "verify", "prefix"], help_heading = "What")]
    acl: bool,
    /// Write a chunk stream as it is stored, without the chunks of other dumps
    #[arg(long, conflicts_with = "acl", help_heading = "What")]
    raw: bool,
    /// Write only index, files and refs of a chunk stream
    #[arg(long, conflicts_with_all = ["range", "head", "acl", "raw", "prefix"], help_heading = "What")]
    tail: bool,
    /// Write only these chunks of a chunk stream (0-3,17)
    #[arg(long, value_name = "LIST", conflicts_with_all = ["range", "head", "acl", "raw", "prefix", "tail"], help_heading = "What")]
    chunks: Option<Positions>,
    /// Show what would be read, and what that costs, and write nothing
    #[arg(long, conflicts_with_all = ["range", "head", "acl", "verify"], help_heading = "What")]
    plan: bool,
    #[command(flatten)]
    prices: PriceList,
    /// Have what is in an archive brought back, for DAYS days (7), and exit 111 until it is there
    #[arg(long, value_name = "DAYS", num_args = 0..=1, require_equals = true, default_missing_value = "7", value_parser = clap::value_parser!(u16).range(1..=3650), conflicts_with = "acl", help_heading = "What")]
    thaw: Option<u16>,
    /// How fast: Expedited, Standard or Bulk
    #[arg(
        long,
        value_name = "TIER",
        default_value = "Standard",
        hide_default_value = true,
        help_heading = "What"
    )]
    tier: Tier,

    /// Read at most RATE bytes a second (300k, 5M), or by a timetable
    #[arg(short = 'L', long, value_name = "RATE", help_heading = "Speed")]
    limit: Option<Timetable>,
    /// Bytes of one request
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "8M",
        help_heading = "Speed"
    )]
    part_size: Size,
    /// Read what lies between two chunks, if it is not more than SIZE
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "256k",
        help_heading = "Speed"
    )]
    gap: Size,
    /// Requests under way at once
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u8).range(1..), help_heading = "Speed")]
    parallel: u8,
    /// Memory for bytes that wait for their turn
    #[arg(
        long,
        value_name = "SIZE",
        default_value = "256M",
        help_heading = "Speed"
    )]
    memory: Size,

    #[command(flatten)]
    voice: Voice,
}

impl Spoken for Args {
    fn voice(&self) -> Voice {
        self.voice
    }
}

/// Runs the tool.
///
/// # Errors
/// See EXIT STATUS in s3get(1).
#[allow(clippy::needless_pass_by_value, reason = "a tool owns its arguments")]
pub fn run(args: Args, streams: &mut Streams) -> Result<()> {
    // clap asks for nothing that something else forbids.
    if args.members.is_none() && (args.through.is_some() || !args.only.is_empty()) {
        return Err(Error::usage(
            "--through and --only are about --members PREFIX",
        ));
    }
    if !args.verify && !args.acl && !args.plan && streams.output().is_terminal() {
        return Err(Error::usage("standard output is a terminal")
            .hint("a dump goes into a pipe or a file: s3get home 0 | tar x"));
    }
    let bucket = Bucket::open(&args.place, streams.voice())?;
    if let Some(prefix) = args.members.clone() {
        return members::run(&args, &prefix, bucket, streams);
    }
    let keys = find::keys(&args, &bucket)?;
    if args.acl {
        return written(streams.output().write_all(&bucket.acl(&keys[0])?));
    }
    let pacer = Arc::new(Pacer::new(args.limit.clone().unwrap_or_default()));
    let _obedience = obey_signals(&pacer, streams.voice())?;
    let head = args.head.map(|Size(size)| Span::First(size));
    let wish = Wish {
        span: args.range.or(head),
        range_size: args.part_size.0.max(1 << 16),
        parallel: usize::from(args.parallel),
        memory: args.memory.0,
        pacer,
        keys,
    };
    let looked = bucket.look_at(&wish.keys)?;
    if find::is_dump(&args) {
        looked.check_pieces()?;
    }
    Fetch {
        looked,
        args: &args,
        bucket: &bucket,
        wish,
    }
    .run(streams)
}

/// What was found, and how it is to be read.
struct Fetch<'a> {
    args: &'a Args,
    bucket: &'a Bucket,
    looked: Looked,
    wish: Wish,
}

impl Fetch<'_> {
    fn run(&self, streams: &mut Streams) -> Result<()> {
        let args = self.args;
        let want = match &args.chunks {
            _ if args.raw || args.prefix.is_some() || self.wish.span.is_some() => None,
            Some(positions) => Some(Want::Part(positions.clone())),
            None if args.tail => Some(Want::Tail),
            None => Some(Want::Whole),
        };
        let Some(want) = want else {
            return self.plain(None, streams).map(drop);
        };
        let id = self.looked.says_chunks()?;
        let is_asked_for = want != Want::Whole;
        if id.is_none() && !is_asked_for {
            let perhaps = self.wish.keys.len() == 1 && self.looked.may_be_chunks();
            let unless = perhaps.then_some(begins_so as Unless);
            if self.plain(unless, streams)? {
                return Ok(());
            }
        }
        let pacer = &self.wish.pacer;
        let gathered = match self.bucket.gather(&self.looked, id, want.clone(), pacer) {
            // It has no tail that can be read at once, or something that it needs has none.
            Err(error) if error.class() == Class::Temporary => {
                if args.thaw.is_some() {
                    let frozen = self.bucket.frozen_needs(&self.looked, &want, pacer);
                    self.thaw(&frozen, streams)?;
                }
                return Err(error);
            }
            other => other?,
        };
        match gathered {
            Some(gathered) => self.chunks(&gathered, streams),
            None if is_asked_for => Err(Error::permanent(
                format!("read chunks of {}", self.wish.keys[0]),
                "it is no chunk stream",
            )),
            None => self.plain(None, streams).map(drop),
        }
    }

    /// The bytes as they are stored. False where they begin as they should not: nothing was written then.
    fn plain(&self, unless: Option<Unless>, streams: &mut Streams) -> Result<bool> {
        let voice = streams.voice();
        if self.args.plan {
            if unless.is_none() {
                let readings = self.looked.readings(&self.wish)?;
                plan::show(self.args, &readings, &self.looked.frozen(), streams)?;
            }
            return Ok(unless.is_none());
        }
        self.thaw(&self.looked.frozen(), streams)?;
        let meter = Meter::new(voice);
        let output = streams.output();
        let verify = self.args.verify;
        let mut sink = |bytes: &[u8]| {
            if verify {
                Ok(())
            } else {
                written(output.write_all(bytes))
            }
        };
        let unless = unless.unwrap_or(|_| false);
        let (looked, wish) = (&self.looked, &self.wish);
        let fetched = self
            .bucket
            .get_unless(looked, wish, &unless, &mut sink, &shown(&meter))?;
        drop(meter);
        let Some(fetched) = fetched else {
            return Ok(false);
        };
        if self.args.prefix.is_some() && wish.span.is_none() {
            looked.check_streams()?;
        }
        if !fetched.proven && wish.span.is_none() {
            return Err(Error::nothing(format!(
                "{} came, but the server holds no checksum of the whole to compare it with",
                human(fetched.size)
            ))
            .hint("its length is right; check the content by other means"));
        }
        voice.detail(format_args!(
            "{} came, and matched the checksum",
            human(fetched.size)
        ));
        Ok(true)
    }

    /// Has what is frozen brought back, if that is asked for.
    ///
    /// # Errors
    /// If there is anything: it isn't there yet.
    fn thaw(&self, frozen: &[Frozen], streams: &Streams) -> Result<()> {
        let Some(days) = self.args.thaw else {
            return Ok(());
        };
        if frozen.is_empty() || self.args.plan {
            return Ok(());
        }
        let tier = self.args.tier;
        let asked = self.bucket.thaw(frozen, Thawing { days, tier })?;
        if asked > 0 {
            streams.voice().note(format_args!(
                "asked the server to bring back {} for {days} days ({})",
                objects(asked),
                tier.name()
            ));
        }
        let size = total(frozen.iter().map(|object| object.size));
        Err(Error::temporary(
            format!("read {}", self.wish.keys[0]),
            format!(
                "{} ({}) must come from the archive",
                objects(frozen.len()),
                human(size)
            ),
        )
        .hint("try the same again in some hours"))
    }

    /// A chunk stream.
    fn chunks(&self, gathered: &Gathered, streams: &mut Streams) -> Result<()> {
        let (voice, gap) = (streams.voice(), self.args.gap.0);
        if self.args.plan {
            let readings = gathered.readings(&self.wish, gap);
            return plan::show(self.args, &readings, &gathered.frozen(), streams);
        }
        self.thaw(&gathered.frozen(), streams)?;
        gathered.is_readable()?;
        let meter = Meter::new(voice);
        let output = streams.output();
        let verify = self.args.verify;
        let mut sink = |pieces: &[_]| {
            if verify {
                Ok(())
            } else {
                output.pieces(pieces)
            }
        };
        let emitted = self
            .bucket
            .emit(gathered, &self.wish, gap, &mut sink, &shown(&meter))?;
        drop(meter);
        voice.detail(format_args!(
            "{} came from {}{}",
            human(emitted.size),
            objects(gathered.objects()),
            if emitted.proven {
                ", and the dump's own matched its checksum"
            } else {
                ""
            }
        ));
        Ok(())
    }
}

fn objects(count: usize) -> String {
    format!("{count} object{}", if count == 1 { "" } else { "s" })
}

/// Whether the first frames of a dump are something else than its bytes.
type Unless = fn(&[Frame]) -> bool;

fn shown(meter: &Meter) -> impl Fn(Told) + Sync {
    |told| match told {
        Told::Total(bytes) => meter.expect(bytes),
        Told::Out(bytes) => meter.add(bytes),
    }
}
