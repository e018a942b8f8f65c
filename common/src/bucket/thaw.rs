//! Bringing back what is in an archive, so that it can be read.
//!
//! The server is asked for each object once: one that is on its way already isn't asked for again. Nothing waits here; that
//! takes hours.

use std::str::FromStr;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{GlacierJobParameters, RestoreRequest, Tier as Grade};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Bucket;
use super::failure::{Failure, Kind};
use super::patience::bounded;
use crate::error::{Error, Result};

/// Objects that are asked for at once.
const AT_ONCE: usize = 16;

/// How to bring back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Thawing {
    /// How long the copy is to stay.
    pub days: u16,
    /// How fast it is to come.
    pub tier: Tier,
}

/// How fast, and for how much: the names are those of S3.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Tier {
    /// In minutes, where the class allows it.
    Expedited,
    /// In hours.
    #[default]
    Standard,
    /// In many hours, for little or nothing.
    Bulk,
}

impl FromStr for Tier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let tiers = [Self::Expedited, Self::Standard, Self::Bulk];
        let found = tiers
            .into_iter()
            .find(|tier| tier.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            Error::usage(format!("'{}' is not a tier", text.escape_debug()))
                .hint("a tier is Expedited, Standard or Bulk")
        })
    }
}

impl Tier {
    /// Its name in S3.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Expedited => "Expedited",
            Self::Standard => "Standard",
            Self::Bulk => "Bulk",
        }
    }
}

/// An object in an archive.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frozen {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Its storage class.
    pub class: String,
    /// It was asked for, and isn't there yet.
    pub is_coming: bool,
}

impl Bucket {
    /// Asks the server to bring back those objects that aren't coming yet; returns how many that were.
    ///
    /// # Errors
    /// If one can't be asked for; others may have been.
    pub fn thaw(&self, objects: &[Frozen], thawing: Thawing) -> Result<usize> {
        let wanted: Vec<&Frozen> = objects.iter().filter(|object| !object.is_coming).collect();
        let asked = stream::iter(&wanted)
            .map(|object| self.ask_for(object, thawing))
            .buffer_unordered(AT_ONCE)
            .try_for_each(|()| futures_util::future::ready(Ok(())));
        self.runtime.block_on(asked)?;
        Ok(wanted.len())
    }

    async fn ask_for(&self, object: &Frozen, thawing: Thawing) -> Result<()> {
        let what = format!("bring back {}", object.key);
        let asked = self.patience.persist(&what, || async {
            let job = GlacierJobParameters::builder()
                .tier(Grade::from(thawing.tier.name()))
                .build()
                .map_err(|error| Failure::passing(error.to_string()))?;
            let request = RestoreRequest::builder().glacier_job_parameters(job);
            // Where the class is none of an archive, an object comes back for good.
            let days = (object.class != "INTELLIGENT_TIERING").then(|| i32::from(thawing.days));
            let request = self
                .client
                .restore_object()
                .bucket(&self.name)
                .key(self.full(&object.key))
                .restore_request(request.set_days(days).build());
            bounded(self.patience.stall, async move {
                match request.send().await {
                    Ok(_) => Ok(()),
                    // Somebody else asked meanwhile, or an answer was lost.
                    Err(error) if error.code() == Some("RestoreAlreadyInProgress") => Ok(()),
                    Err(error) => Err(Failure::of(&error)),
                }
            })
            .await
        });
        match asked.await {
            // It can be read after all.
            Err(failure) if failure.kind == Kind::Archived => Ok(()),
            Err(failure) => Err(failure.error(what)),
            Ok(()) => Ok(()),
        }
    }
}
