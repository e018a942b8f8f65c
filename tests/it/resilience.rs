//! What long runs meet: keys that run out, servers and networks that go quiet, overload, slow programs on either side.
//!
//! The tools run as programs against the test server in this process. What stands between them, where something
//! does, is [`bridge`]; a server that answers nonsense is in [`answers`], and one of sparse giants in [`giant`].

mod answers;
mod bare;
mod bridge;
mod busy;
mod giant;
mod keys;
mod quiet;
mod slow;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tests::client::wait_for;
use tests::serve::{self, Options, Running};
use tests::servers::Server;
use tests::tools::Workshop;

use crate::conformance::answers::pattern;

const MIB: usize = 1 << 20;

/// A workshop whose tools go to a test server, and the server, with a bucket `bkt`.
struct Site {
    shop: Workshop,
    running: Option<Running>,
}

impl Site {
    /// With these faults.
    fn new(faults: &[&str]) -> Self {
        Self::with(|options| {
            faults
                .iter()
                .fold(options, |options, spec| options.fault(spec))
        })
    }

    fn with(change: impl FnOnce(Options) -> Options) -> Self {
        let mut site = Self {
            shop: Workshop::new(),
            running: None,
        };
        site.serve(|options| options);
        wait_for(site.client().create_bucket().bucket("bkt").send()).expect("make a bucket");
        site.serve(change);
        site
    }

    /// Ends the server, with all of its connections, and starts one on the same folder, and port if there was one.
    fn serve(&mut self, change: impl FnOnce(Options) -> Options) {
        let listen = self.running.as_ref().map(|_| self.address());
        drop(self.running.take());
        let mut options = Options::new(self.shop.folder().join("disk"));
        if let Some(listen) = listen {
            options.listen = listen;
        }
        let running = serve::start(change(options)).expect("start the server");
        let server = Server::of_tests("s3serve", &running.url);
        self.shop.go_to(&server, "bkt");
        self.running = Some(running);
    }

    fn address(&self) -> SocketAddr {
        let url = &self.running.as_ref().expect("a server").url;
        url.trim_start_matches("http://")
            .parse()
            .expect("an address")
    }

    fn client(&self) -> aws_sdk_s3::Client {
        let url = &self.running.as_ref().expect("a server").url;
        Server::of_tests("s3serve", url).client()
    }

    fn log(&self) -> Vec<String> {
        self.running.as_ref().map(Running::log).unwrap_or_default()
    }

    /// Lines of the log that begin with `operation` and contain `what`.
    fn count(&self, operation: &str, what: &str) -> usize {
        let operation = format!("{operation} ");
        self.log()
            .iter()
            .filter(|line| line.starts_with(&operation) && line.contains(what))
            .count()
    }

    /// Stores `bytes` by way of the SDK.
    fn store(&self, key: &str, bytes: Vec<u8>) {
        let put = self.client().put_object().bucket("bkt").key(key);
        wait_for(put.body(bytes.into()).send()).expect("put");
    }

    /// What lies in the bucket's folder under `key`.
    fn stored(&self, key: &str) -> Vec<u8> {
        std::fs::read(self.body(key)).expect("read a stored object")
    }

    fn body(&self, key: &str) -> PathBuf {
        self.shop.folder().join("disk/bkt").join(key)
    }

    /// Runs a tool with `input`.
    fn run(&self, tool: &str, arguments: &[&str], input: &[u8]) -> Ended {
        let mut tool = self.start(tool, arguments);
        let mut stdin = tool.input();
        let input = input.to_vec();
        // A tool that fails early doesn't read it.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let ended = tool.end();
        writer.join().expect("write");
        ended
    }

    /// Starts a tool.
    fn start(&self, tool: &str, arguments: &[&str]) -> Tool {
        let mut command = self.shop.command(tool);
        command.args(arguments);
        Tool::start(command)
    }
}

/// A tool at work.
struct Tool {
    child: Child,
    input: Option<ChildStdin>,
    says: Arc<Mutex<String>>,
    listener: JoinHandle<()>,
}

/// What a tool left behind.
struct Ended {
    status: ExitStatus,
    out: Vec<u8>,
    says: String,
}

impl Tool {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start a tool");
        let stderr = child.stderr.take().expect("its standard error");
        let says: Arc<Mutex<String>> = Arc::default();
        let shared = Arc::clone(&says);
        let listener = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                // What is no text ends it, and fails the test that reads it.
                let Ok(line) = line else { return };
                let mut text = shared.lock().expect("what it says");
                text.push_str(&line);
                text.push('\n');
            }
        });
        Self {
            input: child.stdin.take(),
            child,
            says,
            listener,
        }
    }

    /// What it has said so far.
    fn says(&self) -> String {
        self.says.lock().expect("what it says").clone()
    }

    fn input(&mut self) -> ChildStdin {
        self.input.take().expect("its standard input")
    }

    /// Ends it at once.
    fn kill(mut self) {
        self.child.kill().expect("end a tool");
        self.end();
    }

    /// Reads all that it still writes, and waits for its end.
    fn end(mut self) -> Ended {
        drop(self.input.take());
        let mut out = Vec::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_end(&mut out).expect("read its output");
        }
        let status = self.child.wait().expect("wait for a tool");
        self.listener.join().expect("read what it says");
        let says = std::mem::take(&mut *self.says.lock().expect("what it says"));
        Ended { status, out, says }
    }
}

impl Ended {
    /// Fails the test if the tool failed.
    #[track_caller]
    fn well(self) -> Self {
        assert!(self.status.success(), "{}: {}", self.status, self.says);
        self
    }
}

/// Asks until it is so. It never takes long; if it never comes true the test says what it waited for.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..60_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("waited in vain: {what}");
}

/// Bytes that nothing else looks like.
fn bytes(size: usize) -> Vec<u8> {
    pattern(7, size)
}
