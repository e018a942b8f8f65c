//! What would be read, and what that costs.

use common::Result;
use common::bucket::chunked::Reading;
use common::bucket::thaw::{Frozen, Tier};
use common::prices::Prices;
use common::run::Streams;
use common::units::{human, total};

use crate::{Args, objects};

/// Shows which objects are read, with how many requests, and what that costs as far as the table of prices tells.
pub(crate) fn show(
    args: &Args,
    readings: &[Reading],
    frozen: &[Frozen],
    streams: &mut Streams,
) -> Result<()> {
    let prices = args.prices.read()?;
    let width = readings
        .iter()
        .map(|reading| reading.key.chars().count())
        .fold(5, usize::max);
    let class = readings
        .iter()
        .map(|reading| reading.class.len())
        .fold(5, usize::max);
    let output = streams.output();
    output.line(format_args!(
        "{:width$} {:class$} {:>8} {:>8} {:>8}",
        "KEY", "CLASS", "REQUESTS", "READ", "OF"
    ))?;
    for reading in readings {
        output.line(format_args!(
            "{:width$} {:class$} {:>8} {:>8} {:>8}",
            reading.key,
            reading.class,
            reading.requests,
            human(reading.bytes),
            human(reading.size)
        ))?;
    }
    let requests = total(readings.iter().map(|reading| reading.requests));
    let (bytes, size) = (
        total(readings.iter().map(|reading| reading.bytes)),
        total(readings.iter().map(|reading| reading.size)),
    );
    output.line(format_args!(
        "{:width$} {:class$} {requests:>8} {:>8} {:>8}",
        "total",
        "",
        human(bytes),
        human(size)
    ))?;
    if !frozen.is_empty() {
        output.line(thawing(&prices, frozen, args.tier))?;
    }
    output.line(cost(&prices, readings, bytes))
}

/// What is in an archive, in a sentence.
fn thawing(prices: &Prices, frozen: &[Frozen], tier: Tier) -> String {
    let size = total(frozen.iter().map(|object| object.size));
    let coming = frozen.iter().filter(|object| object.is_coming).count();
    let cost = frozen
        .iter()
        .filter(|object| !object.is_coming)
        .try_fold(0.0, |sum, object| {
            Some(sum + prices.thawing(&object.class, tier.name(), object.size)?)
        });
    let cost = cost.map_or_else(
        || "for a price that is not in the table".to_owned(),
        |cost| format!("for {}", amount(prices, cost)),
    );
    format!(
        "in an archive: {} ({}), on their way: {coming}; --thaw brings back what is not ({}) {cost}",
        objects(frozen.len()),
        human(size),
        tier.name()
    )
}

/// In a sentence.
fn cost(prices: &Prices, readings: &[Reading], bytes: u64) -> String {
    let reading = readings.iter().try_fold(0.0, |sum, reading| {
        let cost = prices.reading(&reading.class, reading.requests, reading.bytes)?;
        Some(sum + cost)
    });
    let origin = prices.origin();
    let Some(reading) = reading else {
        return format!("what that costs is not in the table of prices ({origin})");
    };
    let way = prices.out(bytes).map_or_else(String::new, |way| {
        format!(", and the way to the internet {}", amount(prices, way))
    });
    format!("reading costs {}{way} ({origin})", amount(prices, reading))
}

fn amount(prices: &Prices, amount: f64) -> String {
    let cent = 0.01;
    if amount > 0.0 && amount < cent {
        format!("less than {}", prices.money(cent))
    } else {
        prices.money(amount)
    }
}
