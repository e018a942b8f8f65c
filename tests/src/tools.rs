//! The tools, as a user has them: programs on a PATH, in an environment that holds nothing of ours.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The names of all tools.
pub const TOOLS: [&str; 7] = [
    "s3put", "s3get", "s3ls", "s3prune", "s3rate", "s3seal", "s3chunk",
];

/// The folder that holds the tools: `S3_BIN_DIR`, or links to the one program that is all of them. A relative
/// `S3_BIN_DIR` begins at the top of the source tree: cargo runs tests in a folder that its user doesn't see.
///
/// # Panics
/// If the links can't be made.
pub fn bin() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| match std::env::var_os("S3_BIN_DIR") {
        Some(folder) => crate::servers::project().join(folder),
        None => links(),
    })
}

/// Links beside the programs of this build. They stay: another test process may be using them.
fn links() -> PathBuf {
    let all = built("s3box");
    let bin = all.with_file_name("s3box-bin");
    std::fs::create_dir_all(&bin).expect("make a folder for the tools");
    for (name, target) in TOOLS
        .map(|name| (name, all.clone()))
        .into_iter()
        .chain([("s3serve", built("s3serve"))])
    {
        let link = bin.join(name);
        if std::fs::read_link(&link).ok().as_ref() != Some(&target) {
            let fresh = bin.join(format!(".{name}.{}", std::process::id()));
            symlink(&target, &fresh)
                .and_then(|()| std::fs::rename(&fresh, &link))
                .expect("link a tool");
        }
    }
    bin
}

/// A program of this crate, as cargo built it for this test.
///
/// # Panics
/// If it isn't where cargo puts it.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    // Test binaries are in `deps`, programs one folder up.
    let me = std::env::current_exe().expect("know our own path");
    let program = me
        .parent()
        .and_then(Path::parent)
        .expect("a target folder")
        .join(name);
    assert!(program.is_file(), "{} is not built", program.display());
    program
}

/// What a command said, and how it ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: Vec<u8>,
    /// Its standard error.
    pub err: String,
}

/// Seconds after which a tool that hangs is ended; its exit code is then 124.
const HANGS: &str = "120";

/// A place to run tools in: an empty home, an empty working folder, and nothing else of this machine but its programs.
pub struct Workshop {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Workshop {
    /// With a bucket at `file://`, in a folder that exists; the bucket doesn't, yet.
    ///
    /// # Panics
    /// If no folder can be made.
    #[must_use]
    pub fn new() -> Self {
        let folder = crate::scratch::folder();
        for name in ["home", "desk", "tmp", "disk"] {
            std::fs::create_dir(folder.path().join(name)).expect("make a folder");
        }
        let mut shop = Self {
            folder,
            variables: Vec::new(),
        };
        shop.set("S3_BUCKET", &format!("file://{}", shop.bucket().display()));
        shop
    }

    /// The folder that everything is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where commands run.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.folder().join("desk")
    }

    /// The folder that is the bucket of `file://`.
    #[must_use]
    pub fn bucket(&self) -> PathBuf {
        self.folder().join("disk/backups")
    }

    /// Sets a variable for every command.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a variable away from every command.
    pub fn unset(&mut self, name: &str) {
        self.variables.retain(|(known, _)| known != name);
    }

    /// Makes the tools go to a server.
    pub fn go_to(&mut self, server: &crate::servers::Server, bucket: &str) {
        self.set("S3_BUCKET", &format!("s3://{bucket}"));
        self.set("AWS_ENDPOINT_URL_S3", &server.endpoint);
        self.set("AWS_REGION", &server.region);
        self.set("AWS_ACCESS_KEY_ID", &server.access_key);
        self.set("AWS_SECRET_ACCESS_KEY", &server.secret_key);
    }

    /// A command: a tool, or any program of the system.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let system = std::env::var_os("PATH").unwrap_or_default();
        let system = std::env::split_paths(&system).chain(["/usr/sbin".into(), "/sbin".into()]);
        let path =
            std::env::join_paths([bin().to_owned()].into_iter().chain(system)).expect("a PATH");
        // Nothing of the user's: no keys, no bucket, no locale, no configuration.
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder().join("home"))
            .env("TMPDIR", self.folder().join("tmp"))
            .env("TZ", "UTC")
            .env("LC_ALL", "C")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .current_dir(self.work());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a tool to its end, with the file `input` or nothing on standard input. One that hangs is ended.
    ///
    /// # Panics
    /// If it can't be started, or there is no such file.
    #[must_use]
    pub fn run(&self, words: &[&str], input: Option<&Path>) -> Ran {
        let input = input.map_or_else(Stdio::null, |path| {
            std::fs::File::open(path).expect("open the input").into()
        });
        let done = self
            // By its path: then the standard library need not fork, which takes long in a process of this size.
            .command(crate::missing::find("timeout").expect("timeout is part of coreutils"))
            .args(["--kill-after=5", HANGS])
            .args(words)
            .stdin(input)
            .output()
            .expect("start a tool");
        Ran {
            code: done.status.code(),
            out: done.stdout,
            err: String::from_utf8_lossy(&done.stderr).into_owned(),
        }
    }

    /// A bash script, given to bash as a file's text would be.
    pub fn bash(&self, script: &str) -> Command {
        let mut command = self.command("bash");
        command.arg("-c").arg(script).arg("bash");
        command
    }
}

impl Default for Workshop {
    fn default() -> Self {
        Self::new()
    }
}
