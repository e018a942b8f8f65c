//! A dump takes in the chunks that it needs of others, so that those may go.
//!
//! Promised: nothing is changed without `--delete`, for the object that the dump was is gone then; its key, its id and the
//! numbers of its own chunks stay, so that whatever refers to it finds them. Refused: a dump of which one that is being
//! made now may have learned, because that may refer to what this one then no longer keeps (`doc/grace.md`, P8).

use std::io::Write;

use common::bucket::Bucket;
use common::bucket::chunked::Reading;
use common::bucket::put::Repack;
use common::error::{Error, Result};
use common::listing::Catalogue;
use common::prices::Prices;
use common::run::{Speaker, Streams, written};
use common::units::{human, total};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::Args;
use crate::graph::Graph;
use crate::refs;
use crate::ties::{Ties, WITHIN};

/// One line for pipes.
#[derive(Serialize)]
struct Line<'a> {
    key: &'a str,
    action: &'static str,
    reasons: Vec<String>,
    size: u64,
    class: &'a str,
    before: u64,
    copied: u64,
    read: u64,
    sent: u64,
}

/// Shows what repacking `key` takes and what it sets free, and does it if `args` say so.
///
/// # Errors
/// If it may not be repacked now, or can't be.
pub(crate) fn run(key: &str, args: &Args, bucket: &Bucket, streams: &mut Streams) -> Result<()> {
    let voice = streams.voice();
    let prices = args.price_list.read()?;
    let began = Timestamp::now();
    let all = bucket.catalogue(bucket.list("")?)?;
    let ties = Ties::new(refs::of_all(&all, bucket)?, &args.wait(), began)?;
    is_free(&all, key, &ties)?;
    let repack = bucket.look_to_repack(key)?;
    let readings = repack.readings();
    let freed = freed(&all, key, &ties, args.trust_dates);
    say(&repack, &readings, &freed, &prices, voice);
    if args.delete {
        bucket.repack(&repack, &|_| {})?;
    } else {
        voice.plain("Nothing was changed: that takes --delete");
    }
    let text = if args.json {
        let line = Line {
            key,
            action: "repack",
            reasons: freed.iter().map(Freed::told).collect(),
            size: repack.size(),
            class: repack.class(),
            before: repack.before(),
            copied: repack.copied(),
            read: read(&readings),
            sent: repack.sent(),
        };
        let text = serde_json::to_string(&line)
            .map_err(|cause| Error::permanent(format!("describe {}", key.escape_debug()), cause))?;
        text + "\n"
    } else {
        format!("{key}{}", if args.null { '\0' } else { '\n' })
    };
    written(streams.output().write_all(text.as_bytes()))
}

/// Refuses a dump that somebody who is writing now may have learned from. Pure.
///
/// # Errors
/// If so, or there is no such key.
pub(crate) fn is_free(catalogue: &Catalogue, key: &str, ties: &Ties) -> Result<()> {
    let doing = || format!("repack {}", key.escape_debug());
    let held = if let Some(dump) = catalogue.dumps.iter().find(|dump| dump.key() == key) {
        let set: Vec<_> = catalogue
            .dumps
            .iter()
            .filter(|other| (&other.name.host, &other.name.fs) == (&dump.name.host, &dump.name.fs))
            .collect();
        let held = ties.held(&set);
        let found = set.iter().zip(held).find(|(other, _)| other.key() == key);
        found.and_then(|(_, held)| held)
    } else if let Some(entry) = catalogue.others.iter().find(|entry| entry.key == key) {
        ties.holds_object(key, entry.modified).then_some(WITHIN)
    } else {
        return Err(Error::permanent(doing(), "there is no such key"));
    };
    match held {
        None => Ok(()),
        Some(why) => Err(Error::permanent(
            doing(),
            format!("a dump that is being made may refer to what it needs: it is {why}"),
        )
        .hint("--no-grace says that nobody is making one; nothing was changed")),
    }
}

/// An object that the dump needs, and who else does.
struct Freed {
    key: String,
    size: u64,
    class: String,
    needers: Vec<String>,
}

impl Freed {
    fn told(&self) -> String {
        let key = self.key.escape_debug();
        match self.needers.as_slice() {
            [] => format!("{key} is needed by no other"),
            [first] => format!("{key} is still needed by {}", first.escape_debug()),
            [first, more @ ..] => format!(
                "{key} is still needed by {} and {} more",
                first.escape_debug(),
                more.len()
            ),
        }
    }
}

/// What the dump won't need any more.
fn freed(catalogue: &Catalogue, key: &str, ties: &Ties, trust_dates: bool) -> Vec<Freed> {
    let needs = ties.all().find(|(other, _)| *other == key);
    let needs = needs.map(|(_, needs)| needs.to_vec()).unwrap_or_default();
    let rest = ties.without(key);
    let graph = Graph::of(catalogue, |_| true, trust_dates, &rest);
    let dumps = graph.dumps();
    needs
        .into_iter()
        .map(|need| {
            let (mut size, mut class, mut needers) = (0, String::new(), Vec::new());
            if let Some(index) = dumps.iter().position(|dump| dump.key() == need) {
                size = dumps[index].size();
                dumps[index].class().clone_into(&mut class);
                let by_dumps =
                    (0..dumps.len()).filter(|&other| graph.needs(other).contains(&index));
                needers.extend(by_dumps.rev().map(|other| dumps[other].key()));
                needers.extend(graph.outside(index).iter().cloned());
            } else if let Some(entry) = catalogue.others.iter().find(|entry| entry.key == need) {
                (size, class) = (entry.size, entry.class.clone());
                let others = rest.all().filter(|(_, needs)| needs.contains(&need));
                needers.extend(others.map(|(other, _)| other.to_owned()));
            }
            Freed {
                key: need,
                size,
                class,
                needers,
            }
        })
        .collect()
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

fn read(readings: &[Reading]) -> u64 {
    total(readings.iter().map(|reading| reading.bytes))
}

fn say(repack: &Repack, readings: &[Reading], freed: &[Freed], prices: &Prices, voice: Speaker) {
    voice.plain(format_args!(
        "repack {} {:>8}  now {}; needs {}",
        repack.key().escape_debug(),
        human(repack.size()),
        human(repack.before()),
        counted(freed.len() as u64, "other")
    ));
    for reading in readings {
        voice.plain(format_args!(
            "read   {} {:>8}  of {}, with {}",
            reading.key.escape_debug(),
            human(reading.bytes),
            human(reading.size),
            counted(reading.requests, "request")
        ));
    }
    voice.plain(format_args!(
        "{} to be copied by the server and {} to be sent, with {}",
        human(repack.copied()),
        human(repack.sent()),
        counted(repack.parts(), "request")
    ));
    for one in freed {
        let worth = match (one.needers.is_empty(), prices.month(&one.class, one.size)) {
            (true, Some(month)) => format!(": {}, {}/month", human(one.size), prices.money(month)),
            (true, None) => format!(": {}", human(one.size)),
            (false, _) => String::new(),
        };
        voice.plain(format_args!("{} then{worth}", one.told()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use common::listing::Entry;

    use super::*;
    use crate::ties::{Tie, Wait};

    const DAY: u64 = 86_400;

    /// Four dumps of a set, a day each, and an object that is none; what each needs.
    fn place(needs: &[(&str, &[&str])], now: &str) -> (Catalogue, Ties) {
        let keys = ["01", "02", "03", "04"].map(|day| format!("h:f:0:2026-11-{day}"));
        let entry = |(key, day): (&str, &str)| Entry {
            key: key.to_owned(),
            size: 1 << 20,
            modified: format!("2026-11-{day}T12:00:00Z").parse().unwrap(),
            etag: String::new(),
            class: "STANDARD".to_owned(),
        };
        let all = keys.iter().map(|key| (key.as_str(), &key[14..]));
        let catalogue = all.chain([("object", "02")]).map(entry).collect();
        let tie = |(key, needs): &(&str, &[&str])| {
            let needs = needs.iter().map(|&key| key.to_owned()).collect();
            (key.to_string(), Tie { grace: DAY, needs })
        };
        let streams: BTreeMap<String, Tie> = needs.iter().map(tie).collect();
        let wait = Wait::For("1d".parse().unwrap());
        let ties = Ties::new(streams, &wait, now.parse().unwrap()).unwrap();
        (catalogue, ties)
    }

    const NEEDS: [(&str, &[&str]); 4] = [
        ("h:f:0:2026-11-01", &[]),
        ("h:f:0:2026-11-02", &["h:f:0:2026-11-01", "object"]),
        ("h:f:0:2026-11-03", &["h:f:0:2026-11-01"]),
        ("object", &[]),
    ];

    #[test]
    fn what_may_be_referred_to_is_left_alone() {
        let free = |key: &str, now: &str| {
            let (catalogue, ties) = place(&NEEDS, now);
            is_free(&catalogue, key, &ties).map_err(|error| error.to_string())
        };
        let second = "h:f:0:2026-11-02";
        // The third came a day ago, and not longer.
        let refused = free(second, "2026-11-04T12:00:00Z").unwrap_err();
        assert_eq!(
            refused,
            "could not repack h:f:0:2026-11-02: a dump that is being made may refer to what it needs: it is within the grace"
        );
        assert_eq!(free(second, "2026-11-04T12:00:01Z"), Ok(()));
        // Nobody refers to a dump that is no chunk stream, and another look says so.
        assert_eq!(free("h:f:0:2026-11-04", "2026-11-04T12:00:01Z"), Ok(()));
        assert!(free("h:f:0:2026-11-03", "2026-11-05T12:00:00Z").is_err());
        assert!(free("object", "2026-11-03T12:00:00Z").is_err());
        assert_eq!(free("object", "2026-11-03T12:00:01Z"), Ok(()));
        assert!(free("other", "2036-11-03T12:00:01Z").is_err());
    }

    #[test]
    fn what_becomes_free() {
        let (catalogue, ties) = place(&NEEDS, "2026-12-01T00:00:00Z");
        let told = |key: &str| -> Vec<String> {
            let freed = freed(&catalogue, key, &ties, false);
            freed.iter().map(Freed::told).collect()
        };
        assert_eq!(
            told("h:f:0:2026-11-02"),
            [
                "h:f:0:2026-11-01 is still needed by h:f:0:2026-11-03",
                "object is needed by no other"
            ]
        );
        assert_eq!(
            told("h:f:0:2026-11-03"),
            ["h:f:0:2026-11-01 is still needed by h:f:0:2026-11-02"]
        );
        assert!(told("object").is_empty());
    }
}
