//! What storage costs, from a dated table that the user can replace.
//!
//! What is there costs storage. What is read costs requests, retrieval and transfer, of which a table need not tell.
//! A storage class that the table doesn't know has no price; it is named, never guessed. A month is the
//! price list's month, and thirty days where a part of one is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::{SignedDuration, civil};

use crate::error::{Doing, Error, Result};
use crate::units::parse_size;

/// The table that is used when no other is named.
const BUILT_IN: &str = include_str!("../prices.txt");

const DAYS_OF_A_MONTH: f64 = 30.0;
const GIB: f64 = (1u64 << 30) as f64;

/// Which table of prices to use.
#[derive(Args, Clone, Debug, Default)]
pub struct PriceList {
    /// Take prices from FILE
    #[arg(long, value_name = "FILE", env = "S3PIPES_PRICES", hide_env = true)]
    pub prices: Option<PathBuf>,
}

impl PriceList {
    /// The table in the file named, or else the one built in.
    ///
    /// # Errors
    /// If the file can't be read or understood.
    pub fn read(&self) -> Result<Prices> {
        match &self.prices {
            Some(path) => Prices::read(path),
            None => {
                Prices::parse(BUILT_IN).map_err(|cause| Error::permanent("read the prices", cause))
            }
        }
    }
}

/// A price table.
#[derive(Clone, Debug, PartialEq)]
pub struct Prices {
    date: civil::Date,
    currency: String,
    region: String,
    source: String,
    classes: BTreeMap<String, Tariff>,
    /// By class: a thousand requests, and a GiB that is retrieved.
    reading: BTreeMap<String, (f64, f64)>,
    /// A GiB that leaves for the internet.
    out: Option<f64>,
    /// By class and tier: bringing back a thousand objects, and a GiB.
    thawing: BTreeMap<(String, String), (f64, f64)>,
}

/// What one storage class costs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tariff {
    gib_month: f64,
    least_days: u32,
    least_bytes: u64,
    own_overhead: u64,
    standard_overhead: u64,
}

impl Prices {
    /// The table in the file at `path`.
    ///
    /// # Errors
    /// If it can't be read or understood; the message names the line.
    pub fn read(path: &Path) -> Result<Self> {
        let doing = || format!("read prices from {}", path.display());
        let text = std::fs::read_to_string(path).doing(doing())?;
        Self::parse(&text).map_err(|cause| {
            Error::permanent(doing(), cause).hint("the form of the table is in s3ls(1)")
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut heads: BTreeMap<&str, &str> = BTreeMap::new();
        let mut classes = BTreeMap::new();
        let (mut reading, mut out, mut thawing) = (BTreeMap::new(), None, BTreeMap::new());
        for (number, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let understood = match words[..] {
                [] => true,
                [first, ..] if first.starts_with('#') => true,
                ["class", name, ref numbers @ ..] => tariff(numbers)
                    .is_some_and(|tariff| classes.insert(name.to_owned(), tariff).is_none()),
                ["read", name, requests, retrieval] => price(requests)
                    .zip(price(retrieval))
                    .is_some_and(|prices| reading.insert(name.to_owned(), prices).is_none()),
                ["thaw", name, tier, objects, gib] => {
                    price(objects).zip(price(gib)).is_some_and(|prices| {
                        let place = (name.to_owned(), tier.to_owned());
                        thawing.insert(place, prices).is_none()
                    })
                }
                ["out", amount] => {
                    let known = out.is_some();
                    out = price(amount);
                    out.is_some() && !known
                }
                [head @ ("date" | "currency" | "region" | "source"), value] => {
                    heads.insert(head, value).is_none()
                }
                _ => false,
            };
            if !understood {
                return Err(format!("line {} is not understood", number + 1));
            }
        }
        let head = |name: &str| {
            heads
                .get(name)
                .map(|value| (*value).to_owned())
                .ok_or(format!("it has no {name}"))
        };
        if classes.is_empty() {
            return Err("it has no class".to_owned());
        }
        Ok(Self {
            date: head("date")?
                .parse()
                .map_err(|_| "its date is not YYYY-MM-DD".to_owned())?,
            currency: head("currency")?,
            region: head("region")?,
            source: head("source")?,
            classes,
            reading,
            out,
            thawing,
        })
    }

    /// What so many requests cost that bring so many bytes, but for the way out; nothing is known of an unknown class.
    #[must_use]
    pub fn reading(&self, class: &str, requests: u64, bytes: u64) -> Option<f64> {
        let (thousand, gib) = self.reading.get(class)?;
        Some(requests as f64 / 1000.0 * thousand + bytes as f64 / GIB * gib)
    }

    /// What bringing back an object of `bytes` from an archive costs, but for the copy while it stays.
    #[must_use]
    pub fn thawing(&self, class: &str, tier: &str, bytes: u64) -> Option<f64> {
        let (thousand, gib) = self.thawing.get(&(class.to_owned(), tier.to_owned()))?;
        Some(thousand / 1000.0 + bytes as f64 / GIB * gib)
    }

    /// What the way to the internet costs, if that is known.
    #[must_use]
    pub fn out(&self, bytes: u64) -> Option<f64> {
        Some(bytes as f64 / GIB * self.out?)
    }

    /// What an object of `size` bytes costs a month; nothing is known of an unknown class.
    #[must_use]
    pub fn month(&self, class: &str, size: u64) -> Option<f64> {
        let tariff = self.classes.get(class)?;
        let standard = self
            .classes
            .get("STANDARD")
            .map_or(tariff.gib_month, |standard| standard.gib_month);
        let overhead = tariff.standard_overhead as f64 / GIB * standard;
        Some(tariff.own(size) + overhead)
    }

    /// What deleting an object costs that has been stored for `age`, less than its class's least time.
    #[must_use]
    pub fn early(&self, class: &str, size: u64, age: SignedDuration) -> f64 {
        let Some(tariff) = self.classes.get(class) else {
            return 0.0;
        };
        let days = f64::from(tariff.least_days) - age.as_secs_f64().max(0.0) / 86400.0;
        if days > 0.0 {
            tariff.own(size) * days / DAYS_OF_A_MONTH
        } else {
            0.0
        }
    }

    /// Days that an object of this class is paid for at least.
    #[must_use]
    pub fn least_days(&self, class: &str) -> u32 {
        self.classes
            .get(class)
            .map_or(0, |tariff| tariff.least_days)
    }

    /// An amount of money: `$0.55`, or `0.55 EUR`.
    #[must_use]
    pub fn money(&self, amount: f64) -> String {
        if self.currency == "USD" {
            format!("${amount:.2}")
        } else {
            format!("{amount:.2} {}", self.currency)
        }
    }

    /// Where the prices are from: date, region, currency and page.
    #[must_use]
    pub fn origin(&self) -> String {
        format!(
            "{}, {}, {}, {}",
            self.date, self.region, self.currency, self.source
        )
    }
}

impl Tariff {
    fn own(&self, size: u64) -> f64 {
        size.saturating_add(self.own_overhead).max(self.least_bytes) as f64 / GIB * self.gib_month
    }
}

fn tariff(numbers: &[&str]) -> Option<Tariff> {
    let &[price, days, least, own, standard] = numbers else {
        return None;
    };
    Some(Tariff {
        gib_month: self::price(price)?,
        least_days: days.parse().ok()?,
        least_bytes: parse_size(least).ok()?,
        own_overhead: parse_size(own).ok()?,
        standard_overhead: parse_size(standard).ok()?,
    })
}

fn price(text: &str) -> Option<f64> {
    let price: f64 = text.parse().ok()?;
    (price.is_finite() && price >= 0.0).then_some(price)
}

/// Objects counted by storage class.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bill {
    classes: BTreeMap<String, Share>,
    unknown: BTreeSet<String>,
}

/// What is stored, and what it costs a month.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// Number of objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What they cost a month, as far as their class has a price.
    pub month: f64,
}

impl Bill {
    /// Counts one object.
    pub fn add(&mut self, prices: &Prices, class: &str, size: u64) {
        let month = prices.month(class, size);
        if month.is_none() {
            self.unknown.insert(class.to_owned());
        }
        let share = self.classes.entry(class.to_owned()).or_default();
        share.objects += 1;
        share.bytes = share.bytes.saturating_add(size);
        share.month += month.unwrap_or(0.0);
    }

    /// What there is of each class, in the order of their names.
    pub fn classes(&self) -> impl Iterator<Item = (&str, &Share)> {
        self.classes
            .iter()
            .map(|(class, share)| (class.as_str(), share))
    }

    /// All classes together.
    #[must_use]
    pub fn total(&self) -> Share {
        self.classes
            .values()
            .fold(Share::default(), |sum, share| Share {
                objects: sum.objects + share.objects,
                bytes: sum.bytes.saturating_add(share.bytes),
                month: sum.month + share.month,
            })
    }

    /// The classes that have no price.
    #[must_use]
    pub fn unknown(&self) -> &BTreeSet<String> {
        &self.unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in() -> Prices {
        PriceList::default().read().unwrap()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn the_built_in_table() {
        let prices = built_in();
        for (class, gib) in [
            ("STANDARD", 0.023),
            ("INTELLIGENT_TIERING", 0.023),
            ("STANDARD_IA", 0.0125),
            ("ONEZONE_IA", 0.01),
            ("GLACIER_IR", 0.004),
            ("REDUCED_REDUNDANCY", 0.024),
        ] {
            assert!(close(prices.month(class, 1 << 30).unwrap(), gib), "{class}");
        }
        assert_eq!(prices.month("COLD", 1), None);
        assert!(
            prices
                .origin()
                .ends_with("us-east-1, USD, https://aws.amazon.com/s3/pricing/")
        );
        assert_eq!(prices.money(0.554), "$0.55");
    }

    #[test]
    fn small_objects_count_for_more() {
        let prices = built_in();
        assert!(close(
            prices.month("STANDARD_IA", 1).unwrap(),
            0.0125 / 8192.0
        ));
        assert!(close(prices.month("STANDARD", 0).unwrap(), 0.0));
        let archived = 32.0 / 1_048_576.0 * 0.00099 + 8.0 / 1_048_576.0 * 0.023;
        assert!(close(prices.month("DEEP_ARCHIVE", 0).unwrap(), archived));
    }

    #[test]
    fn leaving_early_costs_the_rest_of_the_time() {
        let prices = built_in();
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        let gib = (1 << 30) - (32 << 10);
        assert!(close(prices.early("GLACIER", gib, days(30)), 0.0036 * 2.0));
        assert!(close(prices.early("GLACIER", gib, days(90)), 0.0));
        assert!(close(prices.early("STANDARD", gib, days(0)), 0.0));
        assert!(close(prices.early("GLACIER", gib, days(-5)), 0.0036 * 3.0));
    }

    #[test]
    fn a_table_of_ones_own() {
        let heads = "date 2026-01-01\ncurrency EUR\nregion here\nsource file\n";
        let prices = Prices::parse(&format!("{heads}class STANDARD 1 0 0 0 0 # no\n")).unwrap_err();
        assert_eq!(prices, "line 5 is not understood");
        let prices = Prices::parse(&format!("{heads}class STANDARD 1 0 0 0 0\n")).unwrap();
        assert_eq!(prices.money(1.0), "1.00 EUR");
        for bad in [
            "",
            heads,
            "class STANDARD 1 0 0 0 0",
            "date x",
            "class A -1 0 0 0 0",
            "class A NaN 0 0 0 0",
            "class A 1 0 0 0",
            "region a b",
            "read STANDARD 1",
            "read STANDARD 1 x",
            "out -1",
            "region a\nregion b",
            "class A 1 0 0 0 0\nclass A 1 0 0 0 0",
        ] {
            assert!(Prices::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reading_costs_requests_and_what_is_retrieved() {
        let prices = built_in();
        let cost = |class, requests, bytes| prices.reading(class, requests, bytes).unwrap();
        assert!(close(cost("STANDARD", 5000, 1 << 40), 0.002));
        assert!(close(cost("STANDARD_IA", 1000, 1 << 30), 0.011));
        assert!(close(prices.out(1 << 31).unwrap(), 0.18));
        let thawing = |tier| prices.thawing("GLACIER", tier, 1 << 30).unwrap();
        assert!(close(thawing("Standard"), 0.01005));
        assert!(close(thawing("Bulk"), 0.0));
        assert_eq!(prices.thawing("DEEP_ARCHIVE", "Expedited", 1), None);
        assert_eq!(prices.reading("COLD", 1, 1), None);
        let heads =
            "date 2026-01-01\ncurrency EUR\nregion here\nsource file\nclass STANDARD 1 0 0 0 0\n";
        let prices = Prices::parse(heads).unwrap();
        assert_eq!(
            (prices.reading("STANDARD", 1, 1), prices.out(1)),
            (None, None)
        );
        assert!(Prices::parse(&format!("{heads}out 1\nout 1\n")).is_err());
    }

    #[test]
    fn a_bill() {
        let prices = built_in();
        let mut bill = Bill::default();
        for (class, size) in [("STANDARD", 1 << 30), ("STANDARD", 1 << 30), ("COLD", 7)] {
            bill.add(&prices, class, size);
        }
        let total = bill.total();
        assert_eq!((total.objects, total.bytes), (3, (2 << 30) + 7));
        assert!(close(total.month, 0.046));
        assert!(bill.unknown().contains("COLD"));
    }
}
