//! Deleting objects, many at a time.
//!
//! A server says of each key how it went. Those that it was too busy for are asked for again, by themselves; of a key
//! that is not named in an answer it is never assumed that it is gone where that can't be told.

use std::cell::RefCell;

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::Bucket;
use super::failure::Failure;
use super::patience::bounded;
use crate::error::{Error, Result};

/// What one DeleteObjects takes.
const BATCH: usize = 1000;

impl Bucket {
    /// Deletes objects, a thousand a request; returns those that could not be deleted, and why.
    ///
    /// # Errors
    /// If nothing can be deleted at all.
    pub fn delete(&self, keys: &[String]) -> Result<Vec<(String, Error)>> {
        let mut failed = Vec::new();
        for batch in keys.chunks(BATCH) {
            failed.extend(self.runtime.block_on(self.delete_batch(batch))?);
        }
        Ok(failed)
    }

    async fn delete_batch(&self, keys: &[String]) -> Result<Vec<(String, Error)>> {
        let doing = || format!("delete from {}", self.place);
        // Those that the server still has to delete, and those that it won't.
        let left = RefCell::new(keys.to_vec());
        let failed = RefCell::new(Vec::new());
        let deleted = self
            .patience
            .persist("delete", || async {
                let asked = left.borrow().clone();
                let delete = self.doomed(&asked)?;
                let request = self
                    .client
                    .delete_objects()
                    .bucket(&self.name)
                    .delete(delete);
                let sent = async move { request.send().await.map_err(|error| Failure::of(&error)) };
                let answer = bounded(self.patience.stall, sent).await?;
                let mut busy = None;
                let mut again = Vec::new();
                for error in answer.errors() {
                    let failure = Failure::answered(200, error.code(), error.message());
                    let named = error
                        .key()
                        .and_then(|key| self.bare(key))
                        .filter(|key| asked.contains(key));
                    // Where it names none of ours, which of them is still there can't be told: none may be taken for gone.
                    let named = named.map_or_else(|| asked.clone(), |key| vec![key]);
                    if failure.may_pass() {
                        again.extend(named);
                        busy = Some(failure);
                    } else {
                        failed
                            .borrow_mut()
                            .extend(named.into_iter().map(|key| (key, failure.clone())));
                    }
                }
                again.retain(|key| !failed.borrow().iter().any(|(known, _)| known == key));
                again.sort_unstable();
                again.dedup();
                let settled = again.is_empty();
                *left.borrow_mut() = again;
                match busy {
                    Some(failure) if !settled => Err(failure),
                    _ => Ok(()),
                }
            })
            .await;
        let mut failed = failed.into_inner();
        if let Err(failure) = deleted {
            let left = left.into_inner();
            if left.len() == keys.len() {
                return Err(failure.error(doing()));
            }
            failed.extend(left.into_iter().map(|key| (key, failure.clone())));
        }
        // A server may name a key twice.
        failed.sort_by(|(one, _), (other, _)| one.cmp(other));
        failed.dedup_by(|(one, _), (other, _)| one == other);
        Ok(failed
            .into_iter()
            .map(|(key, failure)| {
                let error = failure.error(format!("delete {key}"));
                (key, error)
            })
            .collect())
    }

    /// What DeleteObjects is to delete.
    fn doomed(&self, keys: &[String]) -> Result<Delete, Failure> {
        let objects = keys
            .iter()
            .map(|key| ObjectIdentifier::builder().key(self.full(key)).build())
            .collect::<Result<Vec<_>, _>>();
        let delete = objects.and_then(|objects| {
            Delete::builder()
                .set_objects(Some(objects))
                .quiet(true)
                .build()
        });
        delete.map_err(|error| Failure::answered(200, None, Some(&error.to_string())))
    }
}
