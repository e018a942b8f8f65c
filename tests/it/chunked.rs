//! Deduplicated dumps from one end of the line to the other: cut, sealed, stored, brought back, pruned. Each tool has
//! its own tests; here they stand in one pipe, as people use them.

mod kills;
mod life;
mod repack;

use std::path::PathBuf;

use tests::client::wait_for;
use tests::serve::{self, Options, Running};
use tests::servers::Server;
use tests::tools::Workshop;

use crate::conformance::store::Store;
use crate::stored::Stored;
use crate::storm::verbs::{BUCKET, stock};

/// What every script here may call. Small chunks, so that little data has many.
const LINES: &str = r#"set -eu -o pipefail
backup() {
    s3chunk -q --average 16K --known known | s3seal -q -R recipient |
        s3put -q --host h --date "$1" home 0 | s3chunk -q --learn known
}
restore() {
    s3get -q --host h --date "$1" home 0 | s3seal -q -d -i key | s3chunk -q -d
}
"#;

/// A bucket, the tools pointed to it, and a key to seal with.
struct Place {
    shop: Workshop,
    /// Held for as long as it is needed.
    #[allow(dead_code)]
    server: Option<Running>,
}

impl Place {
    fn new(served: bool) -> Self {
        let mut shop = Workshop::new();
        let disk = shop.folder().join("disk");
        wait_for(stock(&Store::in_folder(&disk).client(), &[]));
        let server = served.then(|| serve::start(Options::new(&disk)).expect("start s3serve"));
        if let Some(running) = &server {
            shop.go_to(&Server::of_tests("s3serve", &running.url), BUCKET);
        } else {
            let url = format!("file://{}", disk.join(BUCKET).display());
            shop.set("S3_BUCKET", &url);
        }
        let place = Self { shop, server };
        place.bash(
            "umask 077; s3seal -q --keygen >key; sed -n 's/^# public key: //p' key >recipient",
        );
        place
    }

    fn stored(&self) -> Stored {
        let disk = self.shop.folder().join("disk");
        Stored::of(&Store::in_folder(&disk).client(), BUCKET)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.shop.work().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.file(name), bytes).expect("write a file");
    }

    /// What a script prints; every program in its pipes must succeed.
    fn bash(&self, script: &str) -> String {
        let (code, out, err) = self.try_bash(script);
        assert!(code == Some(0), "{script}\nended with {code:?}: {err}");
        out
    }

    /// Its exit code, and what it says.
    fn try_bash(&self, script: &str) -> (Option<i32>, String, String) {
        let script = format!("{LINES}{script}");
        let done = self.shop.bash(&script).output().expect("run bash");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    }
}
