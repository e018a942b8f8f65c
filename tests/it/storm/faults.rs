//! The faults of the matrix.

/// A fault of s3serve, and what the page calls it.
#[derive(Clone, Copy)]
pub struct Fault {
    /// As tests/src/serve/faults.rs writes it.
    pub word: &'static str,
    /// For people.
    pub text: &'static str,
    /// True if it happens to all later requests as well.
    pub lasts: bool,
    /// True if the request may have been carried out, though no answer says so.
    pub done: bool,
}

const fn once(word: &'static str, text: &'static str) -> Fault {
    Fault {
        word,
        text,
        lasts: false,
        done: false,
    }
}

/// The request is carried out; its answer is not what it was.
const fn done(word: &'static str, text: &'static str) -> Fault {
    Fault {
        done: true,
        ..once(word, text)
    }
}

const fn lasting(fault: Fault) -> Fault {
    Fault {
        lasts: true,
        ..fault
    }
}

/// What every tool is told so that it doesn't wait for a minute until a silent server counts as one.
pub const STALL: &str = "1s";

/// All of them, in the order of the page.
pub static FAULTS: &[Fault] = &[
    once("slowdown", "503 SlowDown"),
    once("retry=1", "503 with Retry-After"),
    once("error=500,InternalError", "500 InternalError"),
    once("html=502", "502 and a proxy's page"),
    once("html=200", "200 and a proxy's page"),
    once("html=403", "403 and a proxy's page"),
    once("late", "200, then InternalError in the body"),
    once("conflict", "409 ConditionalRequestConflict"),
    once("deny", "403 AccessDenied"),
    once("expired", "400 ExpiredToken"),
    once("skew", "403 RequestTimeTooSkewed"),
    once("redirect=eu-north-1", "301 to another region"),
    once("temporary=http://127.0.0.1:9/", "307 to another server"),
    once("reset", "connection reset"),
    once("hangup=0", "connection ends"),
    once("garbage", "no HTTP"),
    once("stall", "no answer"),
    done("lost", "answer lost"),
    done("cut=10", "answer ends after 10 bytes"),
    done("short=5", "answer 5 bytes too short"),
    done("long=5", "answer 5 bytes too long"),
    done("flip=0", "a bit of the answer flipped"),
    done("bare", "answer without an ETag"),
    lasting(once("slowdown", "503 SlowDown from then on")),
    lasting(once("reset", "no connection from then on")),
    lasting(once("deny", "403 AccessDenied from then on")),
    lasting(done("lost", "answers lost from then on")),
    lasting(once("stall", "no answer from then on")),
];
