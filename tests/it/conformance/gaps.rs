//! Where a server is known not to do what the suite demands.
//!
//! Each line is a check and a piece of what the check says when it fails there: what the server does instead.
//! The suite fails if a server does something else again, and if it turns out to conform: then the line goes.

/// What a server does instead of passing a check.
pub struct Gap {
    pub check: &'static str,
    /// Part of the check's complaint.
    pub instead: &'static str,
}

/// The gap of a server in a check, if there is a known one.
pub fn of(server: &str, check: &str) -> Option<&'static Gap> {
    let (_, gaps) = ALL.iter().find(|(name, _)| *name == server)?;
    gaps.iter().find(|gap| gap.check == check)
}

macro_rules! gaps {
    ($($check:ident: $instead:literal),* $(,)?) => {
        &[$(Gap { check: stringify!($check), instead: $instead }),*]
    };
}

pub const ALL: &[(&str, &[Gap])] = &[("file", FILE), ("radosgw", RADOSGW)];

/// The embedded store inside the process.
const FILE: &[Gap] = gaps! {
    // There is nobody to keep out: the keys are fixed, and the protocol library has a word of its own for others.
    unknown_access_key_refused: "403 NotSignedUp",
};

/// Ceph 16.2, as Debian 12 has it.
const RADOSGW: &[Gap] = gaps! {
    // An ETag in quotes, as RFC 9110 writes it, never matches on a write.
    put_if_match: "replace this version: 412",
    put_if_match_of_nothing: "412 PreconditionFailed, not 404",
    replacers_by_put: "winners: 0",
    // CompleteMultipartUpload takes no notice of conditions.
    complete_if_none_match: "create what exists: accepted",
    complete_if_match: "replace a version that is gone: accepted",
    creators_by_complete: "winners: 20",
    creators_by_both: "winners: 1",
    // Of all checksums only Content-MD5 is looked at.
    wrong_crc32_refused: "accepted",
    wrong_crc32c_refused: "accepted",
    wrong_crc64nvme_refused: "accepted",
    wrong_sha1_refused: "accepted",
    wrong_sha256_refused: "accepted",
    wrong_part_crc64nvme_refused: "accepted",
    wrong_whole_crc64nvme_refused: "accepted",
    wrong_whole_size_refused: "accepted",
    sent_checksum_is_told: "crc64nvme by HEAD: None",
    unsent_checksum_is_crc64nvme: "crc64nvme: None",
    whole_crc64nvme_is_told: "crc64nvme in the reply: None",
    trailing_checksum_accepted: "400 XAmzContentSHA256Mismatch",
    // Multipart is laxer here and stricter there.
    part_0_refused: "accepted",
    part_10001_refused: "accepted",
    unordered_complete_refused: "accepted",
    part_left_out: "complete: 400 InvalidPart",
    abort: "parts of an aborted upload: 404 NoSuchKey",
    complete_after_abort_refused: "500 InternalError",
    complete_reply_has_etag: "ETag in the reply: \"\"",
    // The source of a copied part is whatever is there.
    part_copied_if_match: "copy from what is gone: accepted",
    part_copy_tells_crc64nvme: "crc64nvme: None",
    tags_from_upload: "200 with a body that is no answer",
    get_by_part_number: "number of parts: None",
    attributes_of_object: "403 SignatureDoesNotMatch",
    attributes_of_parts: "200 with a body that is no answer",
    key_of_1025_bytes_refused: "400 InvalidObjectName",
    unknown_storage_class_refused: "400 InvalidArgument",
    delete_more_than_1000_refused: "delete 1001: 400",
    // Archives are classes like the others.
    archived_get_refused: "get: accepted",
    archived_restored: "501 NotImplemented",
    instant_archive_is_readable: "501 NotImplemented",
};
