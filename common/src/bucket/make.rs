//! Making a bucket fit for backups: created, closed to the public, swept of unfinished uploads, and tried.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint,
    CreateBucketConfiguration, ExpirationStatus, LifecycleRule, LifecycleRuleFilter,
    PublicAccessBlockConfiguration,
};

use super::failure::{Failure, Kind};
use super::patience::bounded;
use super::{Bucket, checksum};
use crate::error::{Error, Result};
use crate::place::Place;

/// Days after which a server throws an unfinished upload away.
const DAYS: i32 = 7;
const RULE: &str = "s3pipes: abort unfinished uploads";
/// Always the same, so that the next run removes what an interrupted one left.
const CANARY_KEY: &str = "s3pipes-canary";
const CANARY: &[u8] = b"s3pipes wrote this to see whether it can.\n";

/// One thing that was done to a bucket, or why it was not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What was to be done.
    pub what: String,
    /// Why it was left; `None` when it was done.
    pub left: Option<String>,
}

impl Bucket {
    /// Creates the bucket if need be, and sets it up; returns what was done, in order.
    ///
    /// # Errors
    /// If it can't be created, or does not give back what is written to it.
    pub fn make(&self) -> Result<Vec<Step>> {
        self.runtime.block_on(async {
            let mut steps = vec![self.create().await?];
            if matches!(self.place, Place::S3 { .. }) {
                steps.push(self.close(true).await?);
                steps.push(self.sweep().await?);
            }
            let doing = || format!("try {} with a first object", self.place);
            let written = match self.write_canary().await {
                Err(failure)
                    if failure.kind == Kind::Denied
                        && steps.get(1).is_some_and(|close| close.left.is_none()) =>
                {
                    // Ceph 16 takes every write without an ACL for one with a public ACL. Such ACLs are still ignored.
                    self.close(false).await?;
                    steps[1].left = Some(
                        "this server then refuses every write; public ACLs are only ignored"
                            .to_owned(),
                    );
                    self.write_canary().await
                }
                other => other,
            };
            written.map_err(|failure| failure.error(doing()))?;
            let read = self.read_canary().await;
            // Whatever came back, it doesn't stay.
            let removed = self.remove_canary().await;
            let left = removed.is_err();
            read.and(removed).map_err(|failure| match left {
                true => failure
                    .error(doing())
                    .hint(format!("{CANARY_KEY} may be left in it")),
                false => failure.error(doing()),
            })?;
            steps.push(Step {
                what: "write, read and delete a first object".to_owned(),
                left: None,
            });
            Ok(steps)
        })
    }

    /// Fails if the bucket is not there. A key that may not look at it is no reason to fail.
    ///
    /// # Errors
    /// If it is missing, or the server can't be asked.
    pub fn check_present(&self) -> Result<()> {
        match self.runtime.block_on(self.find_bucket()) {
            Ok(()) => Ok(()),
            Err(failure) if failure.kind == Kind::Denied => Ok(()),
            Err(failure) => Err(failure.error(format!("use {}", self.place))),
        }
    }

    async fn find_bucket(&self) -> Result<(), Failure> {
        let found = self.patience.persist("look for the bucket", || async {
            let request = self.client.head_bucket().bucket(&self.name);
            let sent = async move { request.send().await.map_err(|error| Failure::of(&error)) };
            match bounded(self.patience.stall, sent).await {
                Err(failure) if failure.is_mute() => Err(self.reason(failure).await),
                settled => settled.map(drop),
            }
        });
        match found.await {
            Ok(()) => Ok(()),
            // The answer to a HEAD has no body that could say more.
            Err(failure) if failure.kind == Kind::Missing => Err(Failure::answered(
                404,
                Some("NoSuchBucket"),
                Some("there is no such bucket"),
            )),
            Err(failure) => Err(failure),
        }
    }

    /// Why a look at the bucket failed with `failure`: an answer to GET can say it.
    async fn reason(&self, failure: Failure) -> Failure {
        let request = self.client.list_objects_v2();
        let request = request.bucket(&self.name).max_keys(1);
        let sent = async move { request.send().await.map_err(|error| Failure::of(&error)) };
        failure.explained(bounded(self.patience.stall, sent).await)
    }

    async fn create(&self) -> Result<Step> {
        let what = format!("create {}", self.place);
        match self.find_bucket().await {
            Ok(()) => {
                return Ok(Step {
                    what,
                    left: Some("it exists".to_owned()),
                });
            }
            Err(failure) if matches!(failure.kind, Kind::NoBucket | Kind::Denied) => {}
            Err(failure) => return Err(failure.error(what)),
        }
        let region = self
            .client
            .config()
            .region()
            .map(|region| region.as_ref().to_owned());
        // AWS's first region is the only one that must not be named.
        let constraint = region
            .filter(|region| region != "us-east-1" && matches!(self.place, Place::S3 { .. }))
            .map(|region| {
                CreateBucketConfiguration::builder()
                    .location_constraint(BucketLocationConstraint::from(region.as_str()))
                    .build()
            });
        let created = self
            .patience
            .persist(&what, || {
                let request = self
                    .client
                    .create_bucket()
                    .bucket(&self.name)
                    .set_create_bucket_configuration(constraint.clone());
                bounded(self.patience.stall, async move {
                    request.send().await.map_err(|error| Failure::of(&error))
                })
            })
            .await;
        match created {
            Ok(_) => Ok(Step { what, left: None }),
            // The answer to a first attempt may have been lost.
            Err(failure) => match self.find_bucket().await {
                Ok(()) => Ok(Step { what, left: None }),
                Err(_) => Err(failure.error(what)),
            },
        }
    }

    async fn close(&self, refuse_public_acls: bool) -> Result<Step> {
        let what = "block public access".to_owned();
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(refuse_public_acls)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        let done = self
            .patience
            .persist(&what, || {
                let request = self
                    .client
                    .put_public_access_block()
                    .bucket(&self.name)
                    .public_access_block_configuration(block.clone());
                bounded(self.patience.stall, async move {
                    request.send().await.map_err(|error| Failure::of(&error))
                })
            })
            .await;
        optional(what, done)
    }

    /// The rule that frees the parts of uploads that nobody finished. Other people's rules are left as they are.
    async fn sweep(&self) -> Result<Step> {
        let what = format!("have unfinished uploads thrown away after {DAYS} days");
        let present = self
            .patience
            .persist(&what, || {
                let request = self
                    .client
                    .get_bucket_lifecycle_configuration()
                    .bucket(&self.name);
                bounded(self.patience.stall, async move {
                    request.send().await.map_err(|error| Failure::of(&error))
                })
            })
            .await;
        match present {
            Ok(answer)
                if answer
                    .rules()
                    .iter()
                    .any(|rule| rule.abort_incomplete_multipart_upload().is_some()) =>
            {
                return Ok(Step {
                    what,
                    left: Some("a rule for that exists".to_owned()),
                });
            }
            Ok(answer) if !answer.rules().is_empty() => {
                return Ok(Step {
                    what,
                    left: Some("the bucket has other lifecycle rules; add one by hand".to_owned()),
                });
            }
            Err(failure) if !matches!(failure.kind, Kind::Missing) => {
                return optional(what, Err::<(), _>(failure));
            }
            _ => {}
        }
        let rule = LifecycleRule::builder()
            .id(RULE)
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix("").build())
            .abort_incomplete_multipart_upload(
                AbortIncompleteMultipartUpload::builder()
                    .days_after_initiation(DAYS)
                    .build(),
            )
            .build();
        let rules =
            rule.and_then(|rule| BucketLifecycleConfiguration::builder().rules(rule).build());
        let rules = rules.map_err(|error| Error::permanent(&what, error))?;
        let done = self
            .patience
            .persist(&what, || {
                let request = self
                    .client
                    .put_bucket_lifecycle_configuration()
                    .bucket(&self.name)
                    .lifecycle_configuration(rules.clone());
                bounded(self.patience.stall, async move {
                    request.send().await.map_err(|error| Failure::of(&error))
                })
            })
            .await;
        optional(what, done)
    }

    async fn write_canary(&self) -> Result<(), Failure> {
        self.patience
            .persist("write a first object", || {
                let request = self
                    .client
                    .put_object()
                    .bucket(&self.name)
                    .key(self.full(CANARY_KEY))
                    .checksum_crc64_nvme(checksum::encode(checksum::crc64(CANARY)))
                    .body(ByteStream::from_static(CANARY));
                bounded(self.patience.stall, async move {
                    request.send().await.map_err(|error| Failure::of(&error))
                })
            })
            .await
            .map(drop)
    }

    async fn read_canary(&self) -> Result<(), Failure> {
        let bytes = self
            .patience
            .persist("read it", || {
                let request = self
                    .client
                    .get_object()
                    .bucket(&self.name)
                    .key(self.full(CANARY_KEY));
                bounded(self.patience.stall, async move {
                    let answer = request.send().await.map_err(|error| Failure::of(&error))?;
                    answer
                        .body
                        .collect()
                        .await
                        .map_err(|error| Failure::passing(error.to_string()))
                })
            })
            .await?;
        if bytes.into_bytes() != CANARY {
            return Err(Failure::answered(
                500,
                Some("BadDigest"),
                Some("it gave back something else than was written"),
            ));
        }
        Ok(())
    }

    async fn remove_canary(&self) -> Result<(), Failure> {
        self.patience
            .persist("delete it", || {
                let request = self
                    .client
                    .delete_object()
                    .bucket(&self.name)
                    .key(self.full(CANARY_KEY));
                bounded(self.patience.stall, async move {
                    request.send().await.map_err(|error| Failure::of(&error))
                })
            })
            .await
            .map(drop)
    }
}

/// A step that a server may not know, or the key may not take.
fn optional<T>(what: String, done: Result<T, Failure>) -> Result<Step> {
    match done {
        Ok(_) => Ok(Step { what, left: None }),
        Err(failure) if matches!(failure.kind, Kind::Passing) => Err(failure.error(what)),
        Err(failure) => Ok(Step {
            what,
            left: Some(failure.text().to_owned()),
        }),
    }
}
