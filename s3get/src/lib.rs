//! `s3get`: the bytes of a dump on standard output.
//!
//! It exits 0 only after a checksum of the whole, as the server holds it, matched what was written. Without a
//! date it takes the newest dump; pieces that older programs made come out as one stream.

mod find;

use std::io::Write;
use std::sync::Arc;

use clap::Parser;
use common::args::{Name, Voice, Where};
use common::bucket::Bucket;
use common::bucket::get::{Span, Told, Wish};
use common::progress::Meter;
use common::rate::{Pacer, Timetable, obey_signals};
use common::run::{Spoken, Streams, written};
use common::units::{Size, human};
use common::{Error, Result};

/// Write a dump to standard output
#[derive(Parser, Debug)]
#[command(
    name = "s3get",
    version,
    term_width = 80,
    override_usage = "s3get [OPTIONS] FS LEVEL\n       s3get [OPTIONS] --key KEY\n       s3get [OPTIONS] --prefix PREFIX"
)]
pub struct Args {
    #[command(flatten)]
    name: Name,
    /// All objects whose keys begin with PREFIX, in order, as one stream
    #[arg(long, value_name = "PREFIX", group = "nameless", conflicts_with_all = ["fs", "host", "date"], help_heading = "Name")]
    prefix: Option<String>,

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
    if !args.verify && !args.acl && streams.output().is_terminal() {
        return Err(Error::usage("standard output is a terminal")
            .hint("a dump goes into a pipe or a file: s3get home 0 | tar x"));
    }
    let bucket = Bucket::open(&args.place, streams.voice())?;
    let keys = find::keys(&args, &bucket)?;
    if args.acl {
        return written(streams.output().write_all(&bucket.acl(&keys[0])?));
    }
    fetch(&args, &bucket, keys, streams)
}

fn fetch(args: &Args, bucket: &Bucket, keys: Vec<String>, streams: &mut Streams) -> Result<()> {
    let voice = streams.voice();
    let pacer = Arc::new(Pacer::new(args.limit.clone().unwrap_or_default()));
    let _obedience = obey_signals(&pacer, voice)?;
    let head = args.head.map(|Size(size)| Span::First(size));
    let wish = Wish {
        keys,
        span: args.range.or(head),
        range_size: args.part_size.0.max(1 << 16),
        parallel: usize::from(args.parallel),
        memory: args.memory.0,
        pacer,
    };
    let meter = Meter::new(voice);
    let output = streams.output();
    let verify = args.verify;
    let mut sink = |bytes: &[u8]| {
        if verify {
            Ok(())
        } else {
            written(output.write_all(bytes))
        }
    };
    let fetched = bucket.get(&wish, &mut sink, &|told| match told {
        Told::Total(bytes) => meter.expect(bytes),
        Told::Out(bytes) => meter.add(bytes),
    })?;
    drop(meter);
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
    Ok(())
}
