//! What the tests of s3pipes stand on: the tools on a private PATH, scratch folders, servers to test against.
//!
//! The tests are one integration binary (`it/`), so that the S3 SDK is linked once. Nothing here sleeps to wait
//! for something, uses the network beyond 127.0.0.1 unless an endpoint is given, or leaves a process or a file behind.
//!
//! # What a test needs and doesn't find
//! A missing program or server is never passed over in silence: [`missing`] says so on the terminal, past the
//! test harness, and fails instead where `CI` or `S3PIPES_NO_SKIP=1` is set.

// A test that can't go on ends by a panic: that is how it fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod client;
pub mod fuzz;
pub mod missing;
pub mod net;
pub mod scratch;
pub mod serve;
pub mod servers;
pub mod tools;
