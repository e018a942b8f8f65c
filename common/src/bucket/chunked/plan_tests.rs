//! What is planned: few requests, in order, within bounds, and every chunk from where it lies.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::chunks::{Id, Refs, Runs, Toc};

const NO_LIMITS: Limits = Limits {
    gap: 0,
    request: u64::MAX,
    stretch: u64::MAX,
    keep: 0,
};

fn layouts(sizes: &[&[u64]]) -> Vec<Layout> {
    let toc = |sizes: &&[u64]| Toc {
        sizes: sizes.to_vec(),
    };
    sizes.iter().map(|sizes| Layout::new(toc(sizes))).collect()
}

fn refs(places: &[(u32, u64)]) -> Refs {
    let mut runs = Runs::default();
    for &(object, number) in places {
        runs.push(Place { object, number });
    }
    Refs {
        id: Id([0; 16]),
        grace: 0,
        bond: None,
        brought: None,
        runs: runs.finish(),
    }
}

fn plan(refs: &Refs, layouts: &[Layout], limits: Limits) -> Vec<Stretch> {
    Plan::new(&refs.runs, refs.places(), layouts, limits).collect()
}

/// The requests, in the order in which they are made.
fn asked(stretches: &[Stretch]) -> Vec<String> {
    let requests = stretches.iter().flat_map(|stretch| {
        let made = |&index: &usize| &stretch.requests[index];
        stretch.order.iter().map(made)
    });
    requests
        .map(|request| format!("{}:{}-{}", request.object, request.from, request.to))
        .collect()
}

#[test]
fn neighbours_are_one_request() {
    let layouts = layouts(&[&[512; 6]]);
    let refs = refs(&[(0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (0, 5)]);
    assert_eq!(asked(&plan(&refs, &layouts, NO_LIMITS)), ["0:1024-7168"]);
    let limits = Limits {
        request: 4096,
        ..NO_LIMITS
    };
    assert_eq!(
        asked(&plan(&refs, &layouts, limits)),
        ["0:1024-4096", "0:4096-7168"]
    );
    let limits = Limits {
        stretch: 4096,
        ..NO_LIMITS
    };
    assert_eq!(
        asked(&plan(&refs, &layouts, limits)),
        ["0:1024-5120", "0:5120-7168"]
    );
}

#[test]
fn a_gap_is_read_if_it_is_small() {
    let layouts = layouts(&[&[512, 512, 512, 0]]);
    let refs = refs(&[(0, 0), (0, 2), (0, 3)]);
    for (gap, expected) in [
        (1023, vec!["0:1024-2048", "0:3072-4608"]),
        (1024, vec!["0:1024-4608"]),
    ] {
        let limits = Limits { gap, ..NO_LIMITS };
        assert_eq!(asked(&plan(&refs, &layouts, limits)), expected);
    }
}

#[test]
fn no_gap_is_read_that_would_take_more_memory_than_there_is() {
    let layouts = layouts(&[&[512, 101_376, 512]]);
    let refs = refs(&[(0, 0), (0, 2)]);
    let limits = Limits {
        gap: u64::MAX,
        stretch: 2048,
        ..NO_LIMITS
    };
    assert_eq!(
        asked(&plan(&refs, &layouts, limits)),
        ["0:1024-2048", "0:103936-104960"]
    );
}

#[test]
fn objects_that_take_turns_are_read_once_each() {
    let layouts = layouts(&[&[512; 3], &[512; 3]]);
    let refs = refs(&[(1, 0), (0, 0), (1, 1), (0, 1), (1, 2), (0, 2)]);
    assert_eq!(
        asked(&plan(&refs, &layouts, NO_LIMITS)),
        ["1:1024-4096", "0:1024-4096"]
    );
}

#[test]
fn a_chunk_that_comes_again_is_read_once_if_it_may_be_kept() {
    let layouts = layouts(&[&[512; 4]]);
    let refs = refs(&[(0, 0), (0, 1), (0, 2), (0, 3), (0, 0), (0, 1)]);
    let limits = |keep| Limits {
        stretch: 1024,
        keep,
        ..NO_LIMITS
    };
    assert_eq!(asked(&plan(&refs, &layouts, limits(8192))).len(), 4);
    assert_eq!(asked(&plan(&refs, &layouts, limits(0))).len(), 6);
    // A single chunk that fills a terabyte.
    let refs = Refs {
        runs: vec![Run {
            object: 0,
            first: 1,
            count: 1,
            times: 100_000,
        }],
        ..refs
    };
    let stretches = plan(&refs, &layouts, limits(8192));
    assert_eq!(asked(&stretches), ["0:2048-3072"]);
    assert!(stretches.iter().all(|stretch| stretch.takes.len() <= MOST));
    let taken: usize = stretches.iter().map(|stretch| stretch.takes.len()).sum();
    assert_eq!(taken, 100_000);
}

#[test]
fn a_stream_of_nothing_needs_nothing() {
    let refs = refs(&[]);
    assert_eq!(plan(&refs, &layouts(&[&[]]), NO_LIMITS), []);
}

proptest! {
    #[test]
    fn every_chunk_comes_from_its_place_within_bounds(
        sizes in prop::collection::vec(prop::collection::vec(0u64..3000, 1..20), 1..4),
        picks in prop::collection::vec((any::<u32>(), any::<u64>()), 0..80),
        gap in 0u64..4000,
        request in 512u64..5000,
        stretch in 0u64..9000,
        keep in 0u64..9000,
    ) {
        let sizes: Vec<&[u64]> = sizes.iter().map(Vec::as_slice).collect();
        let layouts = layouts(&sizes);
        let places: Vec<(u32, u64)> = picks
            .iter()
            .map(|(object, number)| {
                let object = object % u32::try_from(sizes.len()).unwrap();
                (object, number % sizes[object as usize].len() as u64)
            })
            .collect();
        let refs = refs(&places);
        let stretches = plan(&refs, &layouts, Limits { gap, request, stretch, keep });
        let mut kept: BTreeMap<Place, u64> = BTreeMap::new();
        let mut taken = Vec::new();
        for part in &stretches {
            let bytes: u64 = part.requests.iter().map(|request| request.to - request.from).sum();
            let mut read = BTreeSet::new();
            let mut uses = vec![0; part.requests.len()];
            for take in &part.takes {
                taken.push((take.place.object, take.place.number));
                let layout = &layouts[take.place.object as usize];
                let (begin, size) = (layout.offset(take.place.number), layout.size(take.place.number));
                prop_assert_eq!(take.size, size);
                match take.from {
                    Source::Kept => prop_assert!(kept.contains_key(&take.place)),
                    Source::Read(first, from) => {
                        prop_assert_eq!(from, begin);
                        read.insert(take.place);
                        let mut at = begin;
                        for (index, request) in part.requests.iter().enumerate().skip(first) {
                            if at >= begin + stored(size) {
                                break;
                            }
                            prop_assert_eq!(request.object, take.place.object);
                            prop_assert!(request.from <= at && at < request.to);
                            at = request.to;
                            uses[index] += 1;
                        }
                        prop_assert!(at >= begin + stored(size));
                    }
                }
                if take.keep {
                    kept.insert(take.place, stored(size));
                }
            }
            for (request, uses) in part.requests.iter().zip(&uses) {
                prop_assert_eq!(request.uses, *uses);
                prop_assert!(request.from.is_multiple_of(512));
            }
            prop_assert!(part.requests.iter().all(|one| one.to - one.from <= request.next_multiple_of(512)));
            let twice = part.requests.iter().any(|request| request.uses > 1);
            prop_assert!((read.len() <= 1 && !twice) || bytes <= stretch * 2);
            let mut order = part.order.clone();
            order.sort_unstable();
            let made: Vec<usize> = (0..uses.len()).filter(|index| uses[*index] > 0).collect();
            prop_assert_eq!(order, made);
            for place in &part.forget {
                prop_assert!(kept.remove(place).is_some());
            }
            prop_assert!(kept.values().sum::<u64>() <= keep);
        }
        prop_assert_eq!(taken, places);
    }
}
