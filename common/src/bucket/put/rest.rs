//! Another beginning for an object that is stored: the server copies the rest.
//!
//! What comes is the beginning of a stored object with another front: a sealed stream with another header. We read the
//! old beginning, too, and what comes must be that, but for the front. What is stored is the new front, and the old
//! object behind its own front; so it doesn't matter how much of the rest came along, and only some MiB pass through
//! here. What can't be proven to be copied right is refused before anything becomes visible.
//!
//! The old object may be replaced in place. It is there until the request that completes the new one, and goes only if
//! it is still the one that was seen. What continues it then stays as it is. Under another key that is copied, too.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use aws_sdk_s3::types::StorageClass;
use bytes::Bytes;

use super::copy::{WHOLE, copied};
use super::original::{HANDLED, Original, tags};
use super::reader::Part;
use super::send::tagging;
use super::upload::{About, begin, send_part};
use super::{Order, Prepared, Run, Stage, aside, commit};
use crate::bucket::content::Content;
use crate::bucket::ladder::{Cuts, SMALLEST};
use crate::bucket::{Bucket, checksum, continued};
use crate::error::{Doing, Error, Result};
use crate::units::human;

/// Whose rest it is, and where the beginnings join.
#[derive(Clone)]
pub struct Rest {
    /// Key of the stored object, without the place's prefix.
    pub of: String,
    /// Says of the new beginning and of the old one how long their fronts are, or in words why it can't.
    pub seam: fn(&[u8], &[u8]) -> Result<Seam, String>,
    /// The metadata is the order's alone; otherwise that of the stored object, and the order's.
    pub restated: bool,
}

/// How many bytes of two beginnings come before what they have in common.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Seam {
    /// In the new one.
    pub new: usize,
    /// In the old one.
    pub old: usize,
}

impl Order {
    /// True if the object takes the place of the one whose rest it has.
    fn is_in_place(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.of == self.key)
    }
}

impl Bucket {
    /// Fails if the object is not there that `rest` is about, or what would be copied of it could not be proven.
    ///
    /// # Errors
    /// If so, or the server can't be asked.
    pub fn check_rest(&self, rest: &Rest, max_parts: u32) -> Result<()> {
        self.runtime.block_on(async {
            let seen = self.look(&rest.of).await?;
            super::original::check(&seen, max_parts)
        })
    }
}

impl Run<'_> {
    /// Brings the new beginning to the server, and has it copy the rest: as uploads that only need to be completed, in
    /// the order of the bytes.
    pub(super) async fn send_beginning(
        &self,
        input: impl Read + Send + 'static,
        rest: &Rest,
    ) -> Result<Vec<Prepared>> {
        let (bucket, order) = (self.bucket, self.order);
        if !order.overwrite {
            commit::absent(bucket, &order.key).await?;
        }
        let seen = bucket.look(&rest.of).await?;
        if continued::says(&seen.head, continued::CONTINUES).is_some() {
            let why = "it continues another object, and has no beginning of its own";
            return Err(Error::permanent(
                format!("replace the beginning of {}", rest.of),
                why,
            ));
        }
        let further = if order.is_in_place() {
            Vec::new()
        } else {
            bucket.continuations(&rest.of, &seen.head).await?
        };
        let original = Original::open(self, seen).await?;
        let came = aside("reader", "read the stream", move || all_of(input)).await?;
        self.judged_at_end().await?;
        let came = Bytes::from(came);
        let seam = seam(order, rest, &came, &original)?;
        let fronts = [came.slice(..seam.new), original.beginning.slice(seam.old..)];
        // All objects of a dump have the same.
        let tags = merged(tags(self, &original.seen).await?, &order.tags);
        let mut prepared = vec![self.grafted(0, &original, fronts.to_vec(), &tags).await?];
        for (number, (key, head)) in (1..).zip(further) {
            let original = Original::open(self, bucket.seen(&key, head)?).await?;
            let beginning = vec![original.beginning.clone()];
            prepared.push(self.grafted(number, &original, beginning, &tags).await?);
        }
        Ok(prepared)
    }

    /// An upload of these bytes, and what follows the original's beginning: number `number` of what the new dump is.
    async fn grafted(
        &self,
        number: u32,
        original: &Original,
        beginning: Vec<Bytes>,
        tags: &[(String, String)],
    ) -> Result<Prepared> {
        let (bucket, order) = (self.bucket, self.order);
        let key = continued::key(&order.key, number);
        if number > 0 && !order.overwrite {
            commit::absent(bucket, &key).await?;
        }
        let pieces: Vec<Bytes> = beginning.into_iter().filter(|it| !it.is_empty()).collect();
        let content = Content::Memory(Arc::from(pieces));
        let first = content.len();
        if original.copied() > 0 && first < SMALLEST {
            return Err(Error::permanent(
                format!("store {key}"),
                "the front of the old object is too long",
            )
            .hint(WHOLE));
        }
        let size = first + original.copied();
        let class = self
            .class()
            .or_else(|| original.seen.head.storage_class.clone());
        let about = About {
            metadata: self.carried(number, original, size, original.cuts(first)),
            class: class.clone(),
            tagging: tagging(tags),
            like: Some(&original.seen.head),
        };
        self.standing.stage.set(Stage::Beginning);
        let id = begin(self, &key, about).await?;
        self.standing.opened(&key, &id);
        let crc = crc_of(&content)?;
        let part = Part {
            content,
            crc,
            full: false,
            last: false,
        };
        let head = send_part(self, &key, &id, 1, part).await?;
        let rest = copied(self, &key, &id, &original.seen, &original.pieces()).await?;
        let rest_crc = original.proven(&rest)?;
        bucket.patience.speaker.detail(format_args!(
            "of {key}, {} were sent and {} copied by the server",
            human(first),
            human(original.copied())
        ));
        let crc64nvme = checksum::of_all([(Some(crc), first), (rest_crc, original.copied())]);
        Ok(Prepared {
            key,
            token: Some(self.token.clone()),
            overwrite: order.overwrite,
            replaces: order
                .is_in_place()
                .then(|| original.seen.etag.clone())
                .flatten(),
            class: class.as_ref().map(StorageClass::as_str).map(str::to_owned),
            upload: id,
            size,
            crc64nvme,
            parts: std::iter::once(head).chain(rest).collect(),
            resumed: 0,
        })
    }

    /// The metadata of the original, with the order's, and with ours as it is for the new object.
    fn carried(
        &self,
        number: u32,
        original: &Original,
        size: u64,
        cuts: Cuts,
    ) -> HashMap<String, String> {
        let head = &original.seen.head;
        let restated = self.order.rest.as_ref().is_some_and(|rest| rest.restated);
        let mut all = head.metadata().cloned().unwrap_or_default();
        if restated && number == 0 {
            all.clear();
        }
        let bond = continued::bond(head).map(str::to_owned);
        let limit: Option<u64> = all.get(continued::LIMIT).and_then(|text| text.parse().ok());
        all.remove(continued::BEGINS);
        all.extend(self.order.metadata.iter().cloned());
        let mut say = |name: &str, value: String| all.insert(name.to_owned(), value);
        say(continued::TOKEN, self.token.clone());
        say(Cuts::METADATA, cuts.to_string());
        // Another front makes it longer or shorter. Whether it goes on must not change by that.
        if continued::is_full(head) {
            say(continued::LIMIT, size.to_string());
        } else if let Some(limit) = limit {
            say(continued::LIMIT, limit.max(size + 1).to_string());
        }
        if number > 0 {
            say(continued::CONTINUES, continued::mark(&self.token, number));
        } else if continued::is_full(head)
            && self.order.is_in_place()
            && let Some(bond) = bond
        {
            say(continued::BEGINS, bond);
        }
        all
    }
}

/// Where what came joins the original: behind its own front it must go on as the original does.
fn seam(order: &Order, rest: &Rest, came: &[u8], original: &Original) -> Result<Seam> {
    let doing = || format!("store {}", order.key);
    if came.is_empty() {
        return Err(Error::permanent(doing(), "the stream was empty")
            .hint("the program before us may have failed"));
    }
    let old = &original.beginning;
    let seam = (rest.seam)(came, old)
        .map_err(|why| Error::permanent(doing(), why).hint("nothing was stored"))?;
    let other = || {
        Error::permanent(
            doing(),
            format!(
                "what came is not the beginning of {} with another header",
                rest.of
            ),
        )
        .hint("nothing was stored; s3get must read the same dump")
    };
    let new = came.get(seam.new..).ok_or_else(other)?;
    let old = old.get(seam.old..).ok_or_else(other)?;
    let both = new.len().min(old.len());
    let fits = new.len() as u64 <= original.seen.size - seam.old as u64;
    if new.is_empty() || !fits || new[..both] != old[..both] {
        return Err(other());
    }
    Ok(seam)
}

/// All that comes, which can't be much.
fn all_of(input: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input
        .take(HANDLED + 1)
        .read_to_end(&mut bytes)
        .doing("read the stream")?;
    if bytes.len() as u64 > HANDLED {
        return Err(Error::permanent(
            "read the stream",
            format!(
                "there are more than {} of it, and only a beginning is needed",
                human(HANDLED)
            ),
        )
        .hint("s3get --head 4M"));
    }
    Ok(bytes)
}

fn crc_of(content: &Content) -> Result<u64> {
    let mut digest = checksum::digest();
    let mut reading = content.read();
    while reading.left() > 0 {
        let count = reading.next(1 << 20);
        digest.update(&reading.take(count).doing("read what is to be sent")?);
    }
    Ok(digest.finalize())
}

/// The old tags, and the new ones, which win.
fn merged(mut old: Vec<(String, String)>, new: &[(String, String)]) -> Vec<(String, String)> {
    old.retain(|(name, _)| new.iter().all(|(other, _)| other != name));
    old.extend(new.iter().cloned());
    old
}
