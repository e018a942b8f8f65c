//! The one integration test binary. Every module says at its top what belongs in it.

// A test fails by a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// What it prints is shown when it fails.
#![allow(clippy::print_stdout)]

mod chunked;
mod conformance;
mod crashes;
mod endless;
mod examples;
mod expect;
mod faults;
mod fuzz;
mod idioms;
mod killmatrix;
mod layers;
mod masks;
mod network;
mod outside;
mod pages;
mod phases;
mod processes;
mod resilience;
mod rewrap;
mod seal;
mod stored;
mod storm;
mod transcripts;
