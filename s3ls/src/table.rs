//! Tables for people, in the form that users of s3dump know.

use std::collections::BTreeMap;
use std::fmt::Write;

use common::listing::Catalogue;
use common::prices::{Bill, Prices};
use common::units::human;

use crate::chunks::Chunks;

/// The listing: dumps by host and file system (those of `this_host` first) with what is known of their chunks, other
/// objects, and the total.
pub(crate) fn listing(
    catalogue: &Catalogue,
    this_host: &str,
    chunks: &BTreeMap<String, Chunks>,
    bill: &Bill,
    prices: &Prices,
) -> String {
    let mut text = String::new();
    let (ours, theirs): (Vec<_>, Vec<_>) = catalogue
        .dumps
        .iter()
        .partition(|dump| dump.name.host == this_host);
    let mut group = None;
    for dump in ours.into_iter().chain(theirs) {
        let name = &dump.name;
        let (host, fs) = group.unzip();
        if host != Some(&name.host) {
            if host.is_some() {
                text.push('\n');
            }
            if name.host == this_host {
                line(
                    &mut text,
                    format_args!("Dumps for this host ({}):", name.host),
                );
            } else {
                line(&mut text, format_args!("Dumps for host {}:", name.host));
            }
        }
        if host != Some(&name.host) || fs != Some(&name.fs) {
            text += &name.fs;
            text.push('\n');
        }
        group = Some((&name.host, &name.fs));
        line(
            &mut text,
            format_args!(
                "    Level {} {}: {:>8}{}",
                name.level,
                name.date,
                human(dump.size()),
                chunks
                    .get(&dump.key())
                    .map(|chunks| format!("  {}", chunks.told()))
                    .unwrap_or_default()
            ),
        );
    }
    if !catalogue.others.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str("Other objects:\n");
        let keys: Vec<String> = catalogue
            .others
            .iter()
            .map(|entry| visible(&entry.key))
            .collect();
        let width = keys
            .iter()
            .map(|key| key.chars().count())
            .max()
            .unwrap_or(0);
        for (key, entry) in keys.iter().zip(&catalogue.others) {
            line(
                &mut text,
                format_args!("    {key:width$} {:>8}", human(entry.size)),
            );
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let total = bill.total();
    line(
        &mut text,
        format_args!(
            "Total data stored: {} ({}/month)",
            human(total.bytes),
            prices.money(total.month)
        ),
    );
    text
}

/// Objects, bytes and money by storage class, and where the prices are from.
pub(crate) fn costs(bill: &Bill, prices: &Prices) -> String {
    let mut text = String::new();
    let total = bill.total();
    line(
        &mut text,
        format_args!(
            "{:20} {:>9} {:>10} {:>12}",
            "class", "objects", "bytes", "month"
        ),
    );
    for (class, share) in bill.classes().chain([("total", &total)]) {
        let month = if bill.unknown().contains(class) {
            "?".to_owned()
        } else {
            prices.money(share.month)
        };
        line(
            &mut text,
            format_args!(
                "{class:20} {:>9} {:>10} {month:>12}",
                share.objects,
                human(share.bytes)
            ),
        );
    }
    line(&mut text, format_args!("Prices of {}", prices.origin()));
    text
}

/// A key as it can be shown on a terminal: control characters would move the cursor, or worse.
pub(crate) fn visible(key: &str) -> String {
    key.chars().fold(String::new(), |mut shown, c| {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        shown
    })
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string can't fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use common::listing::Entry;
    use common::prices::PriceList;
    use jiff::Timestamp;

    use super::*;

    fn catalogue(entries: &[(&str, u64, &str)]) -> (Catalogue, Bill, Prices) {
        let prices = PriceList::default().read().unwrap();
        let mut bill = Bill::default();
        let catalogue = entries
            .iter()
            .map(|&(key, size, class)| {
                bill.add(&prices, class, size);
                Entry {
                    key: key.to_owned(),
                    size,
                    modified: Timestamp::UNIX_EPOCH,
                    etag: String::new(),
                    class: class.to_owned(),
                }
            })
            .collect();
        (catalogue, bill, prices)
    }

    #[test]
    fn hosts_file_systems_and_levels() {
        let (listed, bill, prices) = catalogue(&[
            ("attic:/:0:2009-10-07", 1024, "STANDARD"),
            ("ember:/:0:2009-10-07", 22_544_384, "STANDARD"),
            ("ember:/:0:2010-06-28", 22_544_384, "STANDARD"),
            ("ember:/:1:2006-11-20", 14336, "STANDARD"),
            ("ember:/home:0:2009-07-08", 5_798_205_850, "STANDARD"),
            ("zed:photo-tar.gz:12:2019-11-30T010203Z", 1, "STANDARD"),
            ("a\tnote", 7, "STANDARD"),
            ("notes/långt", 7, "STANDARD"),
        ]);
        assert_eq!(
            listing(&listed, "ember", &BTreeMap::new(), &bill, &prices),
            "\
Dumps for this host (ember):
/
    Level 0 2009-10-07:    21.5M
    Level 0 2010-06-28:    21.5M
    Level 1 2006-11-20:    14.0k
/home
    Level 0 2009-07-08:     5.4G

Dumps for host attic:
/
    Level 0 2009-10-07:     1024

Dumps for host zed:
photo-tar.gz
    Level 12 2019-11-30T010203Z:        1

Other objects:
    a\\tnote            7
    notes/långt        7

Total data stored: 5.4G ($0.13/month)
"
        );
    }

    #[test]
    fn nothing_at_all() {
        let (listed, bill, prices) = catalogue(&[]);
        assert_eq!(
            listing(&listed, "ember", &BTreeMap::new(), &bill, &prices),
            "Total data stored: 0 ($0.00/month)\n"
        );
    }

    #[test]
    fn costs_by_class() {
        let (_, bill, prices) = catalogue(&[
            ("a", 100 << 30, "STANDARD"),
            ("b", 1000 << 30, "DEEP_ARCHIVE"),
            ("c", 1 << 30, "COLD"),
        ]);
        let text = costs(&bill, &prices);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..5],
            [
                "class                  objects      bytes        month",
                "COLD                         1    1024.0M            ?",
                "DEEP_ARCHIVE                 1    1000.0G        $0.99",
                "STANDARD                     1     100.0G        $2.30",
                "total                        3       1.1T        $3.29",
            ]
        );
        assert!(lines[5].starts_with("Prices of 20"), "{}", lines[5]);
    }
}
