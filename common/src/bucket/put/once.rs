//! Objects that are small enough for one request, many at once.
//!
//! The promises are those of a stream: create-only, with its checksum, and settled where an answer was lost. A look at what
//! was stored is left out where the answer proves it.

use bytes::Bytes;

use super::reader::Part;
use super::{Approval, Order, Standing, Stored, commit};
use crate::bucket::content::Content;
use crate::bucket::{Bucket, checksum};
use crate::error::Result;

/// The cause of the error where an object exists already, and isn't to be replaced.
pub const EXISTS: &str = "it exists already";

impl Bucket {
    /// Stores `bytes` as one object. It may be called by several threads.
    ///
    /// # Errors
    /// If the object exists already, with [`EXISTS`] for its cause, or the server can't be brought to store it.
    pub fn put_at_once(&self, bytes: Vec<u8>, order: &Order) -> Result<Stored> {
        let standing = Standing::of(&order.key);
        let judge = || Ok(Approval::default());
        let run = self.run(order, &standing, &|_| (), Box::new(judge))?;
        let began = std::time::Instant::now();
        let part = Part {
            crc: checksum::crc64(&bytes),
            content: Content::Memory([Bytes::from(bytes)].into()),
            full: false,
            last: true,
        };
        self.unless_ended(
            &standing,
            Box::pin(async {
                if order.overwrite {
                    run.check_place().await?;
                } else {
                    commit::absent(self, &order.key).await?;
                }
                let stored = run.store_at_once(part, true).await?;
                Ok(run.told(stored, began))
            }),
        )
    }

    /// Has `tell` called once a signal asks us to end, as long as this process lives.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn on_signal(&self, tell: impl FnOnce(crate::Error) + Send + 'static) -> Result<()> {
        use crate::error::Doing as _;
        let runtime = self.runtime;
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || tell(runtime.block_on(super::signals::ended())))
            .doing("start a thread")?;
        Ok(())
    }
}
