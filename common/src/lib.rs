//! What the s3pipes tools share.
//!
//! Without features this crate holds no network code and no async runtime. The feature `bucket` is the
//! only door to tokio and to the S3 SDK; the pure filters are built without it, and a test asks cargo.

pub mod age;
pub mod args;
pub mod chunks;
pub mod error;
pub mod flow;
pub mod input;
pub mod levels;
pub mod listing;
pub mod names;
pub mod place;
pub mod pool;
pub mod prices;
pub mod rate;
pub mod room;
pub mod run;
pub mod scratch;
pub mod settings;
pub mod tar;
pub mod units;
pub mod upstream;

#[cfg(feature = "bucket")]
pub mod bucket;
#[cfg(feature = "bucket")]
pub mod members;
#[cfg(feature = "bucket")]
pub mod progress;
pub mod through;

pub use error::{Class, Doing, Error, Result};
