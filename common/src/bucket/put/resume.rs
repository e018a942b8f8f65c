//! Going on with an upload that an earlier run left unfinished.
//!
//! The producer is run again and delivers the same stream again; a part that the server has, by number, size
//! and checksum, is not sent again. Every other part is sent over what is there. So nothing is believed of the
//! earlier run: what is completed are the parts of this stream, with checksums computed from this stream.

use aws_sdk_s3::operation::list_parts::ListPartsOutput;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType};

use super::reader::Part;
use super::{Order, Sent, Standing};
use crate::bucket::checksum;
use crate::bucket::content::Content;
use crate::bucket::failure::{Failure, Kind};
use crate::bucket::ladder::{LARGEST, Ladder, SMALLEST};
use crate::bucket::{Bucket, Upload};
use crate::error::Result;
use crate::units::human;

/// An upload to go on with.
pub(super) struct Unfinished {
    /// The server's name for it.
    pub(super) id: String,
    /// How it was cut, and so is to be cut now.
    pub(super) ladder: Ladder,
    parts: Vec<Stored>,
}

/// A part as the server lists it.
#[derive(Clone, Debug)]
struct Stored {
    number: u32,
    size: u64,
    etag: String,
    crc64nvme: Option<u64>,
}

/// What a run says that leaves its upload behind.
pub(super) fn left(key: &str) -> String {
    format!(
        "the unfinished upload of {key} stays: the same command with --resume goes on with it, and 's3prune --uploads' removes it"
    )
}

/// The newest unfinished upload of the order's key, if this run can go on with it. Where one can be found at
/// all, what this run begins stays behind when it fails.
pub(super) async fn find(
    bucket: &Bucket,
    order: &Order,
    standing: &Standing,
) -> Result<Option<Unfinished>> {
    let (key, speaker) = (&order.key, bucket.patience.speaker);
    let newest = match newest(bucket, key).await {
        Ok(newest) => newest,
        Err(failure) if is_refusal(&failure) => {
            speaker.note(format_args!(
                "unfinished uploads can't be listed here ({}); {key} is sent from its beginning",
                failure.text()
            ));
            return Ok(None);
        }
        Err(failure) => return Err(failure.error(format!("look for unfinished uploads of {key}"))),
    };
    standing.keeps.set(true);
    let Some(upload) = newest else {
        return Ok(None);
    };
    let afresh = |why: &str| {
        speaker.note(format_args!(
            "the unfinished upload of {key} from {:.0} is of no use: {why}",
            upload.started
        ));
        Ok(None)
    };
    let pages = match bucket.parts(key, &upload.id).await {
        Ok(pages) => pages,
        Err(failure) if matches!(failure.kind, Kind::NoUpload | Kind::Missing) => return Ok(None),
        Err(failure) if is_refusal(&failure) => {
            return afresh(&format!("its parts can't be listed ({})", failure.text()));
        }
        Err(failure) => {
            return Err(failure.error(format!("list the parts of the upload of {key}")));
        }
    };
    if let Some(why) = pages.first().and_then(|page| unlike(page, order)) {
        return afresh(why);
    }
    let mut parts: Vec<Stored> = pages
        .iter()
        .flat_map(ListPartsOutput::parts)
        .filter_map(Stored::of)
        .collect();
    parts.sort_by_key(|part| part.number);
    let Some(ladder) = ladder(order, order.plan()?.ladder, &parts) else {
        return afresh("it was cut into parts of other sizes");
    };
    speaker.note(format_args!(
        "going on with the upload of {key} from {:.0}, of which {} are stored",
        upload.started,
        human(parts.iter().map(|part| part.size).sum())
    ));
    Ok(Some(Unfinished {
        id: upload.id,
        ladder,
        parts,
    }))
}

/// The newest unfinished upload of exactly this key.
async fn newest(bucket: &Bucket, key: &str) -> Result<Option<Upload>, Failure> {
    let uploads = bucket.upload_names(key).await?;
    Ok(uploads
        .into_iter()
        .filter(|upload| upload.key == key && !upload.id.is_empty())
        .max_by_key(|upload| upload.started))
}

fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.kind, Kind::Denied | Kind::Unsupported)
}

/// Why an upload is not one that this run would have begun; it can't be changed any more.
fn unlike(page: &ListPartsOutput, order: &Order) -> Option<&'static str> {
    let other_sum = page
        .checksum_algorithm()
        .is_some_and(|algorithm| *algorithm != ChecksumAlgorithm::Crc64Nvme);
    if other_sum || page.checksum_type() == Some(&ChecksumType::Composite) {
        return Some("it has checksums of another kind");
    }
    let class = order.class.as_deref().unwrap_or("STANDARD");
    page.storage_class()
        .is_some_and(|other| other.as_str() != class)
        .then_some("it is of another storage class")
}

impl Stored {
    fn of(part: &aws_sdk_s3::types::Part) -> Option<Self> {
        Some(Self {
            number: u32::try_from(part.part_number()?).ok()?,
            size: u64::try_from(part.size()?).ok()?,
            etag: part.e_tag()?.to_owned(),
            crc64nvme: part.checksum_crc64_nvme().and_then(checksum::decode),
        })
    }
}

/// How the stored parts were cut: as the order says, or else all alike, if the order says nothing. The last of
/// them may be short.
fn ladder(order: &Order, wanted: Ladder, parts: &[Stored]) -> Option<Ladder> {
    let last = parts.iter().map(|part| part.number).max();
    let fits = |ladder: &Ladder| {
        parts.iter().all(|part| {
            let full = ladder.part(part.number);
            part.size == full || (Some(part.number) == last && part.size < full)
        })
    };
    let alike = parts
        .iter()
        .find(|part| Some(part.number) != last)
        .filter(|part| order.part_size.is_none() && (SMALLEST..=LARGEST).contains(&part.size))
        .map(|part| Ladder::Fixed(part.size));
    [Some(wanted), alike].into_iter().flatten().find(fits)
}

impl Unfinished {
    /// True if parts are stored that a stream of `parts` parts doesn't have. Some servers (Ceph) don't complete
    /// such an upload.
    pub(super) fn is_longer(&self, parts: u32) -> bool {
        self.parts.last().is_some_and(|last| last.number > parts)
    }

    /// What the server has of part `number`, if it is these bytes.
    pub(super) fn candidate(&self, number: u32, part: &Part) -> Option<Candidate> {
        let at = self
            .parts
            .binary_search_by_key(&number, |stored| stored.number)
            .ok()?;
        let stored = &self.parts[at];
        if stored.size != part.content.len() {
            return None;
        }
        let sent = Sent {
            number,
            size: stored.size,
            etag: Some(stored.etag.clone()),
            crc64nvme: Some(part.crc),
            resumed: true,
        };
        match stored.crc64nvme {
            Some(crc) if crc == part.crc => Some(Candidate::Same(sent)),
            Some(_) => None,
            None => checksum::is_md5(stored.etag.trim_matches('"'))
                .then(|| Candidate::Perhaps(sent, part.content.clone())),
        }
    }
}

/// A stored part that may be the one at hand.
pub(super) enum Candidate {
    /// It is.
    Same(Sent),
    /// It is if the MD5 of this content says so.
    Perhaps(Sent, Content),
}

impl Candidate {
    /// The stored part, if it is the one at hand. An MD5 takes a while, so that is left to another thread.
    pub(super) async fn settled(self) -> Option<Sent> {
        match self {
            Self::Same(sent) => Some(sent),
            Self::Perhaps(sent, content) => {
                let found = tokio::task::spawn_blocking(move || checksum::md5(&content))
                    .await
                    .ok()??;
                let is_same = sent
                    .etag
                    .as_deref()
                    .is_some_and(|etag| etag.trim_matches('"').eq_ignore_ascii_case(&found));
                is_same.then_some(sent)
            }
        }
    }
}
