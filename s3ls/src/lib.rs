//! s3ls: what a bucket holds.
//!
//! For people a table of dumps, grouped by host and file system; for pipes one JSON line, or one key, for
//! each. It only reads. What is not a dump is shown apart and never hidden; a date in a name that the
//! server's clock doesn't bear out is remarked upon.

mod args;
mod chunks;
mod row;
mod table;
mod unfinished;
mod wanted;

use std::collections::BTreeMap;
use std::io::Write;

use common::bucket::Bucket;
use common::error::{Class, Error, Result};
use common::levels::{Set, is_trusted};
use common::listing::Dump;
use common::names::{parse_key, short_host};
use common::prices::Bill;
use common::run::{Speaker, Streams, written};

pub use crate::args::Args;
use crate::chunks::Chunks;
use crate::row::Row;
use crate::wanted::Wanted;

/// How many questionable dumps get a warning each; a bucket full of them gets one for the rest.
const WARNINGS: usize = 10;

/// Prints what `args` ask for.
///
/// # Errors
/// If the bucket can't be listed or a chain isn't complete; [`Class::Nothing`] if there is nothing to list.
/// A reader that went away has seen enough, and is no error.
#[allow(clippy::needless_pass_by_value, reason = "a tool owns its arguments")]
pub fn run(args: Args, streams: &mut Streams) -> Result<()> {
    match list(&args, streams) {
        Err(error) if error.class() == Class::ReaderGone => Ok(()),
        other => other,
    }
}

fn list(args: &Args, streams: &mut Streams) -> Result<()> {
    let this_host = short_host();
    let host = match (&args.host, args.all) {
        (Some(host), _) => Some(host.clone()),
        (None, true) => None,
        (None, false) => Some(this_host.clone()?),
    };
    let wanted = Wanted {
        host,
        fs: args.chain.iter().chain(&args.fs).cloned().collect(),
    };
    let voice = streams.voice();
    let bucket = Bucket::open(&args.place, voice)?;
    if args.uploads {
        return unfinished::print(bucket.uploads()?, &wanted, args.json, streams);
    }

    let mut entries = Vec::new();
    for prefix in wanted.prefixes() {
        entries.extend(bucket.list(&prefix)?);
    }
    let mut catalogue = bucket.catalogue(entries)?;
    let of_others = catalogue.dumps.len();
    catalogue
        .dumps
        .retain(|dump| wanted.includes(&dump.name.host, &dump.name.fs));
    let of_others = of_others - catalogue.dumps.len();

    if args.chain.is_some() {
        let set = Set::of(catalogue.dumps.iter().collect());
        let chain = set
            .chain(args.at.as_ref())
            .map_err(|error| none_of(error, &wanted))?;
        warn(chain.iter().copied(), voice);
        // In a chain each dump is the next one's parent.
        let parents = std::iter::once(None).chain(chain.iter().copied().map(Some));
        let pairs: Vec<_> = chain.iter().copied().zip(parents).collect();
        return print_dumps(&pairs, &BTreeMap::new(), args, &bucket, streams);
    }
    if !wanted.fs.is_empty() {
        // Something else below the same prefix was not asked for, but for what looks like pieces of these dumps.
        catalogue.others.retain(|entry| {
            parse_key(&entry.key).is_some_and(|(name, _)| wanted.includes(&name.host, &name.fs))
        });
    }
    warn(&catalogue.dumps, voice);
    let chunks = match args.chunks {
        true => chunks::survey(&catalogue, &bucket)?,
        false => BTreeMap::new(),
    };
    for (key, chunks) in &chunks {
        if let Some(ailment) = chunks.ailment() {
            voice.warning(format_args!("{key} can't be restored: {ailment}"));
        }
    }

    if args.json || args.null {
        // All sets at once: a set of one dump would be asked for by itself.
        let mut all = Vec::new();
        for set in Set::all(&catalogue.dumps) {
            let parent = |index| set.parent(index).map(|parent| set.dumps()[parent]);
            let mut pairs: Vec<_> = set
                .dumps()
                .iter()
                .enumerate()
                .map(|(index, dump)| (*dump, parent(index)))
                .collect();
            pairs.sort_by_key(|(dump, _)| &dump.name);
            all.append(&mut pairs);
        }
        print_dumps(&all, &chunks, args, &bucket, streams)?;
        if args.json {
            let rows = catalogue.others.iter().map(Row::other).collect();
            print_rows(rows, args, &bucket, streams)?;
        }
    } else {
        let prices = args.price_list.read()?;
        let mut bill = Bill::default();
        let objects = catalogue
            .dumps
            .iter()
            .flat_map(|dump| dump.pieces.iter().map(|(_, entry)| entry));
        for entry in objects.chain(&catalogue.others) {
            bill.add(&prices, &entry.class, entry.size);
        }
        for class in bill.unknown() {
            voice.note(format_args!(
                "the price table has no storage class {class}; it is not in the cost"
            ));
        }
        let text = if args.cost {
            table::costs(&bill, &prices)
        } else {
            table::listing(
                &catalogue,
                this_host.as_deref().unwrap_or_default(),
                &chunks,
                &bill,
                &prices,
            )
        };
        written(streams.output().write_all(text.as_bytes()))?;
    }
    if catalogue.dumps.is_empty() {
        let error = Error::nothing(format!("there is no dump{}", wanted.described()));
        return Err(if of_others > 0 {
            error.hint("there are dumps of other hosts; -a lists them")
        } else {
            error
        });
    }
    Ok(())
}

/// Says whose dumps there are none of.
fn none_of(error: Error, wanted: &Wanted) -> Error {
    match error.class() {
        Class::Nothing => Error::nothing(format!("{error}{}", wanted.described())),
        _ => error,
    }
}

/// Remarks on dumps whose date is doubtful or that aren't whole.
fn warn<'a>(dumps: impl IntoIterator<Item = &'a Dump>, voice: Speaker) {
    let doubts: Vec<String> = dumps.into_iter().filter_map(doubt).collect();
    for doubt in doubts.iter().take(WARNINGS) {
        voice.note(doubt);
    }
    if doubts.len() > WARNINGS {
        voice.note(format_args!(
            "{} more dumps are doubtful in such ways",
            doubts.len() - WARNINGS
        ));
    }
}

fn doubt(dump: &Dump) -> Option<String> {
    if let Some(flaw) = dump.flaw() {
        return Some(format!("{} is not whole: {flaw}", dump.key()));
    }
    (!is_trusted(dump)).then(|| {
        format!(
            "the date of {} is not to be trusted: the server took it in at {:.0}",
            dump.key(),
            dump.modified()
        )
    })
}

/// Prints dumps, each beside its parent, as keys or JSON lines.
fn print_dumps(
    dumps: &[(&Dump, Option<&Dump>)],
    chunks: &BTreeMap<String, Chunks>,
    args: &Args,
    bucket: &Bucket,
    streams: &mut Streams,
) -> Result<()> {
    if args.json {
        let rows = dumps
            .iter()
            .map(|&(dump, parent)| {
                let mut row = Row::dump(dump, parent);
                row.chunks = args.chunks.then(|| chunks.get(&dump.key()).cloned());
                row
            })
            .collect();
        return print_rows(rows, args, bucket, streams);
    }
    let end = if args.null { '\0' } else { '\n' };
    let text: String = dumps
        .iter()
        .flat_map(|(dump, _)| [dump.key(), end.to_string()])
        .collect();
    written(streams.output().write_all(text.as_bytes()))
}

fn print_rows(
    mut rows: Vec<Row>,
    args: &Args,
    bucket: &Bucket,
    streams: &mut Streams,
) -> Result<()> {
    // A page at a time, so that a long listing starts at once although each object is asked for.
    for rows in rows.chunks_mut(1000) {
        if !args.no_checksum {
            let objects: Vec<String> = rows
                .iter()
                .filter(|row| row.pieces == 1)
                .map(|row| row.object.clone())
                .collect();
            let mut found = bucket.checksums(&objects)?.into_iter();
            for row in rows.iter_mut().filter(|row| row.pieces == 1) {
                row.checksum = found.next().flatten();
            }
        }
        let mut text = String::new();
        for row in rows {
            text.push_str(&row.line()?);
            text.push('\n');
        }
        written(streams.output().write_all(text.as_bytes()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use common::listing::{Catalogue, Entry};

    use super::*;

    #[test]
    fn doubts() {
        let entry = |key: &str| Entry {
            key: key.to_owned(),
            size: 1,
            modified: "2026-11-20T10:00:00.25Z".parse().unwrap(),
            etag: String::new(),
            class: "STANDARD".to_owned(),
        };
        let keys = ["h:f:0:2026-11-01", "h:f:0:2026-11-20", "h:f:0:2026-11-21:1"];
        let catalogue: Catalogue = keys.into_iter().map(entry).collect();
        assert_eq!(
            catalogue.dumps.iter().filter_map(doubt).collect::<Vec<_>>(),
            [
                "the date of h:f:0:2026-11-01 is not to be trusted: the server took it in at 2026-11-20T10:00:00Z",
                "h:f:0:2026-11-21 is not whole: its piece 0 is missing",
            ]
        );
    }
}
