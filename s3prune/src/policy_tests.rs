use common::levels::Set;

use super::*;
use crate::graph::Graph;
use crate::tests::dumps;
use crate::ties::Ties;

fn policy(counts: &[(Period, u32)]) -> Policy {
    Policy {
        counts: counts.to_vec(),
        ..Policy::default()
    }
}

fn within(age: &str) -> Policy {
    Policy {
        within: Some(age.parse().unwrap()),
        ..Policy::default()
    }
}

pub(super) fn judge<'a>(
    dumps: &'a [Dump],
    policy: &Policy,
    trust_dates: bool,
) -> (Family<'a>, Vec<Vec<String>>) {
    let family = Family::of(Set::of(dumps.iter().collect()), trust_dates);
    let graph = Graph::of_families(vec![family], &Ties::default());
    let family = Family::of(Set::of(dumps.iter().collect()), trust_dates);
    let mut reasons = policy.judge(&family);
    graph.keep_needed(&mut reasons);
    (family, reasons)
}

/// `LEVEL:DATE` of what stays, oldest first.
fn kept(keys: &[(&str, &str)], policy: &Policy) -> Vec<String> {
    let full: Vec<(String, &str)> = keys
        .iter()
        .map(|(key, taken)| (format!("h:f:{key}"), *taken))
        .collect();
    let borrowed: Vec<(&str, &str)> = full
        .iter()
        .map(|(key, taken)| (key.as_str(), *taken))
        .collect();
    let dumps = dumps(&borrowed);
    let (family, reasons) = judge(&dumps, policy, false);
    let stays = family
        .dumps()
        .iter()
        .zip(&reasons)
        .filter(|(_, reasons)| !reasons.is_empty());
    stays
        .map(|(dump, _)| dump.key()["h:f:".len()..].to_owned())
        .collect()
}

fn on_time<'a>(keys: &[&'a str]) -> Vec<(&'a str, &'static str)> {
    keys.iter().map(|key| (*key, "")).collect()
}

#[test]
fn counting_dumps() {
    let keys = on_time(&[
        "0:2026-11-01",
        "0:2026-11-02",
        "0:2026-11-03",
        "0:2026-11-04",
    ]);
    assert_eq!(
        kept(&keys, &policy(&[(Period::Dump, 2)])),
        ["0:2026-11-03", "0:2026-11-04"]
    );
    assert_eq!(kept(&keys, &policy(&[(Period::Dump, 9)])).len(), 4);
}

#[test]
fn what_is_kept_keeps_its_chain() {
    let keys = on_time(&[
        "0:2026-11-01",
        "1:2026-11-02",
        "2:2026-11-03",
        "1:2026-11-04",
        "2:2026-11-05",
    ]);
    let stays = ["0:2026-11-01", "1:2026-11-04", "2:2026-11-05"];
    assert_eq!(kept(&keys, &policy(&[(Period::Dump, 1)])), stays);
}

#[test]
fn each_level_by_itself() {
    let keys = on_time(&[
        "0:2026-11-01",
        "1:2026-11-02",
        "0:2026-11-03",
        "1:2026-11-04",
        "1:2026-11-05",
        "1:2026-11-06",
    ]);
    let by_level = Policy {
        per_level: true,
        ..policy(&[(Period::Dump, 1)])
    };
    assert_eq!(kept(&keys, &by_level), ["0:2026-11-03", "1:2026-11-06"]);
    let two = Policy {
        per_level: true,
        ..policy(&[(Period::Dump, 2)])
    };
    assert_eq!(
        kept(&keys, &two),
        [
            "0:2026-11-01",
            "0:2026-11-03",
            "1:2026-11-05",
            "1:2026-11-06"
        ]
    );
}

#[test]
fn periods() {
    let keys = on_time(&[
        "0:2024-12-30T100000Z", // ISO week 2025-W01
        "0:2025-01-05T100000Z", // ISO week 2025-W01
        "0:2025-01-06T100000Z", // ISO week 2025-W02
        "0:2025-01-06T103000Z",
        "0:2025-01-06T110000Z",
    ]);
    let newest = "0:2025-01-06T110000Z";
    assert_eq!(
        kept(&keys, &policy(&[(Period::Hour, 2)])),
        ["0:2025-01-06T103000Z", newest]
    );
    assert_eq!(
        kept(&keys, &policy(&[(Period::Day, 2)])),
        ["0:2025-01-05T100000Z", newest]
    );
    assert_eq!(
        kept(&keys, &policy(&[(Period::Week, 3)])),
        ["0:2025-01-05T100000Z", newest]
    );
    assert_eq!(
        kept(&keys, &policy(&[(Period::Month, 3)])),
        ["0:2024-12-30T100000Z", newest]
    );
    assert_eq!(kept(&keys, &policy(&[(Period::Year, 1)])), [newest]);
    let union = policy(&[(Period::Hour, 2), (Period::Year, 2)]);
    assert_eq!(
        kept(&keys, &union),
        ["0:2024-12-30T100000Z", "0:2025-01-06T103000Z", newest]
    );
}

#[test]
fn within_is_measured_from_the_newest() {
    let keys = on_time(&["0:2001-01-01", "0:2001-01-20", "0:2001-02-01"]);
    assert_eq!(
        kept(&keys, &within("12d")),
        ["0:2001-01-20", "0:2001-02-01"]
    );
    assert_eq!(kept(&keys, &within("11d")), ["0:2001-02-01"]);
    assert_eq!(kept(&keys, &within("1m")).len(), 3);
}

#[test]
fn the_newest_chain_that_can_be_restored_stays_beside_the_newest_dump() {
    // The full dump that the newest ones were made against has lost its beginning.
    let keys = on_time(&[
        "0:2016-11-01",
        "1:2016-11-02",
        "0:2016-11-03:1",
        "1:2016-11-04",
        "1:2016-11-05",
    ]);
    let stays = [
        "0:2016-11-01",
        "1:2016-11-02",
        "0:2016-11-03",
        "1:2016-11-05",
    ];
    assert_eq!(kept(&keys, &policy(&[(Period::Dump, 1)])), stays);
}

#[test]
fn a_date_that_is_not_trusted_counts_for_nothing_and_harms_nothing() {
    let keys = [
        ("0:2026-11-01", ""),
        ("0:2026-11-05", "2026-11-20T12:00:00Z"), // planted: taken in later than it says
        ("1:2026-11-06", ""),
        ("1:2026-11-07", ""),
        ("0:2030-01-01", "2026-11-20T12:00:00Z"), // planted: from the future
    ];
    assert_eq!(
        kept(&keys, &policy(&[(Period::Dump, 1)])),
        [
            "0:2026-11-01",
            "0:2026-11-05",
            "1:2026-11-07",
            "0:2030-01-01"
        ]
    );
    let dumps = dumps(&[
        ("h:f:0:2020-01-01", "2026-11-20T12:00:00Z"),
        ("h:f:0:2021-01-01", "2026-11-20T12:00:00Z"),
    ]);
    let (_, reasons) = judge(&dumps, &policy(&[(Period::Dump, 1)]), true);
    assert!(reasons[0].is_empty() && !reasons[1].is_empty());
}

#[test]
fn a_dump_with_a_wrong_date_keeps_what_it_was_made_against() {
    // By name the level 1 belongs to the first full dump, by arrival to the second.
    let keys = [
        ("0:2026-11-01", ""),
        ("0:2026-11-10", ""),
        ("1:2026-11-02", "2026-11-11T12:00:00Z"),
        ("0:2026-11-20", ""),
    ];
    assert_eq!(kept(&keys, &policy(&[(Period::Dump, 1)])).len(), 4);
}

#[test]
fn reasons() {
    let dumps = dumps(&[
        ("h:f:0:2026-11-01", ""),
        ("h:f:1:2026-11-02", ""),
        ("h:f:1:2026-11-03", ""),
    ]);
    let mut rules = policy(&[(Period::Dump, 2), (Period::Week, 4)]);
    rules.within = Some("1d".parse().unwrap());
    let (_, reasons) = judge(&dumps, &rules, false);
    assert_eq!(
        reasons[0],
        ["weekly 2026-W44", "needed by h:f:1:2026-11-03 and 1 more"]
    );
    assert_eq!(reasons[1], ["among the last 2", "within 1d of the newest"]);
    assert_eq!(
        reasons[2],
        [
            "newest of its set",
            "newest that can be restored",
            "among the last 2",
            "weekly 2026-W45",
            "within 1d of the newest"
        ]
    );
}
