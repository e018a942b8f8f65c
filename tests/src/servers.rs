//! S3 servers to test against: radosgw started here, and any other that the environment names.
//!
//! | environment | meaning |
//! |---|---|
//! | `S3_TEST_ENDPOINT` | URL of a running server; the rest of this table is about it |
//! | `S3_TEST_SERVER` | what it is (`radosgw`, `garage`, `moto`, `localstack`, `aws`): chooses the table of known gaps, if it has one |
//! | `S3_TEST_REGION`, `S3_TEST_ACCESS_KEY`, `S3_TEST_SECRET_KEY` | defaults `us-east-1`, `test`, `testsecret` |
//! | `S3_TEST_BUCKET` | use this bucket only, under prefixes of its own (default: a new bucket for each check) |
//! | `S3_TEST_GARAGE`, `S3_TEST_MOTO`, `S3_TEST_LOCALSTACK` | URLs of further servers; `…_REGION`, `…_ACCESS_KEY`, `…_SECRET_KEY`, `…_BUCKET` may follow each name |
//! | `S3_TEST_RADOSGW` | `no`: don't start radosgw |
//!
//! Known gaps are in `tests/it/conformance/gaps.rs`. Only `file` and `radosgw` have a table; s3serve has no gaps. The
//! others have never been measured: whatever they fall short in fails the suite. A table is added by running the suite
//! there and writing, for each check that fails, a line of the check and a piece of its complaint, in a constant of its
//! own that `ALL` lists under the server's name.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

use crate::missing;

/// A server that speaks S3, and how to get in.
#[derive(Clone, Debug)]
pub struct Server {
    /// What it is: the name that its table of known gaps has, if there is one.
    pub name: String,
    /// Base URL, `http://` or `https://`.
    pub endpoint: String,
    /// Region to sign for.
    pub region: String,
    /// Access key id.
    pub access_key: String,
    /// Secret key.
    pub secret_key: String,
    /// The only bucket we may use, or none: then buckets are made.
    pub bucket: Option<String>,
}

impl Server {
    /// A server that lets `test` in with `testsecret`.
    #[must_use]
    pub fn of_tests(name: &str, url: &str) -> Self {
        Self {
            name: name.to_owned(),
            endpoint: url.to_owned(),
            region: "us-east-1".to_owned(),
            access_key: "test".to_owned(),
            secret_key: "testsecret".to_owned(),
            bucket: None,
        }
    }

    /// The server that variables beginning with `prefix` describe; `url` is the name of the one that holds its URL.
    fn from_variables(name: &str, url: &str, prefix: &str) -> Option<Self> {
        let get = |what: &str| {
            std::env::var(format!("{prefix}_{what}"))
                .ok()
                .filter(|value| !value.is_empty())
        };
        Some(Self {
            name: name.to_owned(),
            endpoint: std::env::var(url).ok().filter(|value| !value.is_empty())?,
            region: get("REGION").unwrap_or_else(|| "us-east-1".to_owned()),
            access_key: get("ACCESS_KEY").unwrap_or_else(|| "test".to_owned()),
            secret_key: get("SECRET_KEY").unwrap_or_else(|| "testsecret".to_owned()),
            bucket: get("BUCKET"),
        })
    }
}

/// The running servers that the environment names.
#[must_use]
pub fn named() -> Vec<Server> {
    let kind = std::env::var("S3_TEST_SERVER").unwrap_or_else(|_| "aws".to_owned());
    let mut servers: Vec<Server> = Server::from_variables(&kind, "S3_TEST_ENDPOINT", "S3_TEST")
        .into_iter()
        .collect();
    for name in ["garage", "moto", "localstack"] {
        let variable = format!("S3_TEST_{}", name.to_uppercase());
        servers.extend(Server::from_variables(name, &variable, &variable));
    }
    servers
}

/// The radosgw of this test process: started when first asked for, on free ports, in a scratch folder. None,
/// after saying so, if its programs are missing. It ends with this process, however that ends: its script
/// waits for the other end of a pipe that we hold.
///
/// # Panics
/// If it is installed and doesn't start.
pub fn radosgw() -> Option<&'static Server> {
    static RUNNING: OnceLock<Option<Radosgw>> = OnceLock::new();
    RUNNING
        .get_or_init(|| Radosgw::start("shared"))
        .as_ref()
        .map(|running| &running.server)
}

/// A radosgw of one test's own, which may kill it.
pub struct Radosgw {
    /// How to reach it.
    pub server: Server,
    folder: PathBuf,
    /// Closing its input ends the server.
    script: Child,
    leash: Option<ChildStdin>,
}

impl Radosgw {
    /// Kills the gateway with SIGKILL.
    ///
    /// # Panics
    /// If it doesn't run.
    pub fn kill(&self) {
        self.tell("kill-gateway");
    }

    /// Starts it again, and waits until it answers.
    ///
    /// # Panics
    /// If it doesn't.
    pub fn revive(&self) {
        self.tell("start-gateway");
    }

    fn tell(&self, what: &str) {
        let done = Command::new(project().join("tests/servers/radosgw"))
            .arg(what)
            .env("RADOSGW_DIR", &self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        assert!(done.is_ok_and(|status| status.success()), "radosgw {what}");
    }
}

impl Drop for Radosgw {
    fn drop(&mut self) {
        drop(self.leash.take());
        // It removes what it made; nobody is left who could mend it if it can't.
        let _ = self.script.wait();
    }
}

impl Radosgw {
    /// Starts one, on free ports, in a scratch folder with `name` in its name. None, after saying so, if its programs
    /// are missing.
    ///
    /// # Panics
    /// If it is installed and doesn't start.
    #[must_use]
    pub fn start(name: &str) -> Option<Self> {
        start_radosgw(name)
    }
}

fn start_radosgw(name: &str) -> Option<Radosgw> {
    if std::env::var("S3_TEST_RADOSGW").is_ok_and(|value| value == "no") {
        missing::skipped("radosgw", "S3_TEST_RADOSGW=no");
        return None;
    }
    let lacking = missing::programs(&[
        "radosgw",
        "radosgw-admin",
        "ceph",
        "ceph-mon",
        "ceph-osd",
        "monmaptool",
    ]);
    if !lacking.is_empty() {
        missing::skipped(
            "radosgw",
            &format!(
                "not installed: {} (tests/install gets it)",
                lacking.join(" ")
            ),
        );
        return None;
    }
    // Not in memory: the script removes the folder after we are gone, and it may grow to gigabytes.
    let folder =
        std::env::temp_dir().join(format!("s3pipes-radosgw-{name}-{}", std::process::id()));
    let mut script = Command::new(project().join("tests/servers/radosgw"))
        .arg("run")
        .env("RADOSGW_DIR", &folder)
        .env("RADOSGW_PORT", "0")
        .env("RADOSGW_MON_PORT", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start tests/servers/radosgw");
    let mut lines = String::new();
    script
        .stdout
        .take()
        .expect("its output")
        .read_to_string(&mut lines)
        .expect("read what radosgw's script says");
    let says: HashMap<&str, &str> = lines
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let said = |name: &str| {
        let value = says
            .get(name)
            .unwrap_or_else(|| panic!("radosgw did not start, see above: no {name}"));
        (*value).to_owned()
    };
    let server = Server {
        name: "radosgw".to_owned(),
        endpoint: said("S3_TEST_ENDPOINT"),
        region: said("S3_TEST_REGION"),
        access_key: said("S3_TEST_ACCESS_KEY"),
        secret_key: said("S3_TEST_SECRET_KEY"),
        bucket: None,
    };
    let leash = script.stdin.take();
    Some(Radosgw {
        server,
        folder,
        script,
        leash,
    })
}

/// The top of the source tree.
#[must_use]
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are inside the project")
        .to_owned()
}
