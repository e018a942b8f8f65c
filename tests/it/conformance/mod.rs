//! One suite for every store: what an S3 store must do for s3pipes to work on it, as AWS does it.
//!
//! The checks are written once, against the SDK, and run on each store: on `file://`, on the same store behind
//! HTTP, on radosgw, and on whatever server the environment names ([`tests::servers`] has the variables).
//! `S3_TEST_CHECK=WORD` runs only the checks whose name contains WORD; it is an error if there is none.
//!
//! Where a server is known to fall short, [`gaps`] says what it does instead. A gap is a claim that is
//! tested too: a server that turns out to conform fails the suite until the line is removed.

mod access;
pub mod answers;
mod archive;
mod attributes;
mod buckets;
mod checksums;
mod conditions;
mod copies;
mod cuts;
mod gaps;
mod keys;
mod listing;
mod multipart;
mod objects;
mod parts;
mod race;
pub mod store;
pub mod upload;

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::client::wait_for;
use tests::servers::Server;
use tests::{missing, scratch, serve, servers};

use store::{Room, Store};

/// How a check ends: well, or with what was wrong.
type Outcome = Result<(), String>;

/// One thing that a store must do.
struct Check {
    name: &'static str,
    /// It needs a bucket of its own: it lists, or uses keys that can't stand behind a prefix.
    alone: bool,
    run: fn(Room) -> Pin<Box<dyn Future<Output = Outcome>>>,
}

macro_rules! checks {
    ($($module:ident { $($name:ident $(($word:ident))?),* $(,)? })*) => {
        const CHECKS: &[Check] = &[$($(
            Check { name: stringify!($name), alone: checks!(@$($word)?), run: |room| Box::pin($module::$name(room)) },
        )*)*];
    };
    (@) => { false };
    (@alone) => { true };
}

checks! {
    objects {
        put_get_head_delete, empty_object, object_of_12_mib, overwrite_replaces_all, missing_object, missing_bucket(alone),
        ranges, range_outside, get_if_match, get_if_none_match, readers_see_one_whole_object,
    }
    cuts { cut_put_leaves_nothing, cut_put_leaves_old_object, cut_part_leaves_no_part, get_abandoned_midway }
    conditions {
        put_if_none_match, put_if_none_match_after_delete, put_if_match, put_if_match_unquoted, put_if_match_of_nothing,
        complete_if_none_match, complete_if_match,
    }
    race { creators_by_put, creators_by_complete, creators_by_both, replacers_by_put }
    checksums {
        right_checksums_accepted, wrong_content_md5_refused, wrong_crc32_refused, wrong_crc32c_refused,
        wrong_crc64nvme_refused, wrong_sha1_refused, wrong_sha256_refused, malformed_content_md5_refused,
        wrong_part_content_md5_refused, wrong_part_crc64nvme_refused, sent_checksum_is_told,
        unsent_checksum_is_crc64nvme, trailing_checksum_accepted, wrong_whole_crc64nvme_refused,
        right_whole_crc64nvme_accepted, whole_crc64nvme_is_told, wrong_whole_size_refused,
    }
    multipart {
        three_parts, invisible_until_complete, parts_out_of_order, part_numbers_with_gaps, part_uploaded_again, part_left_out,
        wrong_part_etag_refused, absent_part_refused, unordered_complete_refused, empty_complete_refused,
        small_part_refused, part_0_refused, part_10001_refused, abort, complete_after_abort_refused, unknown_upload, complete_reply_has_etag,
        complete_repeated, two_uploads_of_one_key, metadata_of_upload,
    }
    parts {
        list_parts_in_order, list_parts_paged, list_uploads(alone), list_uploads_paged(alone), part_copied,
        part_copied_from_range, part_copied_if_match, part_copy_tells_crc64nvme, get_by_part_number, attributes_of_object, attributes_of_parts,
    }
    listing {
        pages_of_2500_keys_in_byte_order(alone), page_by_page(alone), prefix_and_start_after(alone), delimiter(alone),
        delimiter_paged(alone), entries_have_size_etag_and_class(alone), max_keys_capped_at_1000(alone),
        empty_listing(alone), byte_order_beyond_ascii(alone),
    }
    keys {
        odd_keys_hold_their_own(alone), odd_keys_listed_as_written(alone), key_of_1025_bytes_refused,
        keys_stay_in_their_bucket(alone),
    }
    attributes {
        user_metadata, system_metadata, content_type_by_default, tags_from_put, tags_from_upload, tags_replaced_and_deleted,
        storage_classes_kept, storage_class_of_upload, unknown_storage_class_refused, acl_by_default, acl_canned,
    }
    copies {
        copy_keeps_metadata, copy_replaces_metadata, copy_onto_itself_refused, copy_changes_class, copy_of_nothing,
        copy_of_odd_key(alone),
    }
    buckets {
        bucket_life(alone), bucket_made_twice(alone), full_bucket_not_deleted(alone), delete_many, delete_many_quiet,
        delete_more_than_1000_refused,
    }
    archive { archived_get_refused, archived_head_answers, archived_restored, instant_archive_is_readable }
    access { wrong_secret_refused, unknown_access_key_refused }
}

/// The store inside the process.
#[test]
fn file() {
    let folder = scratch::folder();
    judge(&Store::in_folder(folder.path()));
}

/// The same store behind HTTP, with signatures and sockets.
#[test]
fn served() {
    let folder = scratch::folder();
    let running = serve::start(serve::Options::new(folder.path())).expect("start the server");
    judge(&Store::on_server(Server::of_tests("s3serve", &running.url)));
}

/// radosgw from the distribution's packages.
#[test]
fn radosgw() {
    if let Some(server) = servers::radosgw() {
        judge(&Store::on_server(server.clone()));
    }
}

/// Whatever the environment names. Nothing is skipped when it names nothing: these are for who has them.
#[test]
fn named_servers() {
    for server in servers::named() {
        judge(&Store::on_server(server));
    }
}

/// Every gap is about a check that exists.
#[test]
fn gaps_name_checks() {
    for gap in gaps::ALL.iter().flat_map(|(_, gaps)| *gaps) {
        assert!(
            CHECKS.iter().any(|check| check.name == gap.check),
            "no check is called {}",
            gap.check
        );
    }
}

/// Runs the checks on a store, a few at a time, and fails with a list of all that went wrong.
fn judge(store: &Store) {
    let word = std::env::var("S3_TEST_CHECK").unwrap_or_default();
    let asked = CHECKS.iter().filter(|check| check.name.contains(&word));
    let (chosen, dropped): (Vec<&Check>, Vec<&Check>) =
        asked.partition(|check| !check.alone || store.makes_buckets());
    assert!(
        !chosen.is_empty() || !dropped.is_empty(),
        "no check's name contains {word:?}"
    );
    if !dropped.is_empty() {
        let names: Vec<&str> = dropped.iter().map(|check| check.name).collect();
        missing::skipped(
            &format!("{} on {}", names.join(" "), store.name()),
            "each needs a bucket of its own, and one bucket is all we may use",
        );
    }
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(check) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(reason) = verdict(store, check) {
                        wrong
                            .lock()
                            .unwrap()
                            .push(format!("  {}: {reason}", check.name));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!("{}: {} checks", store.name(), chosen.len());
    assert!(
        wrong.is_empty(),
        "{} of {} checks on {}:\n{}",
        wrong.len(),
        chosen.len(),
        store.name(),
        wrong.join("\n")
    );
}

/// The outcome of a check, turned round where it falls into a known gap.
fn verdict(store: &Store, check: &Check) -> Outcome {
    let outcome = attempt(store, check);
    match (outcome, gaps::of(store.name(), check.name)) {
        (outcome, None) => outcome,
        (Ok(()), Some(_)) => Err("conforms now: remove it from the known gaps".to_owned()),
        (Err(reason), Some(gap)) if reason.contains(gap.instead) => Ok(()),
        (Err(reason), Some(gap)) => Err(format!("{reason} (the known gap is: {})", gap.instead)),
    }
}

/// Runs a check on a thread with a runtime of its own, as a process of its own would; a panic is a failure.
fn attempt(store: &Store, check: &Check) -> Outcome {
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            wait_for(async {
                let room = store.room(check.name).await?;
                let cleared = room.clone();
                let outcome = (check.run)(room).await;
                cleared.clear().await;
                outcome
            })
        });
        run.join()
            .unwrap_or_else(|_| Err("panicked, see above".to_owned()))
    })
}
