//! The embedded store between processes, and after `kill -9`.
//!
//! The processes are this test binary itself, which runs [`actor`] alone. Each of them connects to a socket when it is
//! ready, and acts when it is told to: nothing here waits for time to pass.

mod actor;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};

use aws_sdk_s3::Client;
use tests::client::wait_for;
use tests::scratch;

use crate::conformance::answers::pattern;
use crate::conformance::store::{Room, Store};
use crate::conformance::upload::Upload;

/// Twenty processes create one key, some by PutObject and some by CompleteMultipartUpload: one wins.
#[test]
fn one_of_twenty_creators_wins() {
    let stage = Stage::new();
    for round in 0..3 {
        let key = format!("round-{round}/a");
        let actors: Vec<Actor> = (0..20)
            .map(|number| {
                stage.send(
                    if number % 2 == 0 { "put" } else { "complete" },
                    &key,
                    &number.to_string(),
                )
            })
            .collect();
        let mut actors = stage.ready(actors);
        for actor in &mut actors {
            actor.go();
        }
        let told: Vec<String> = actors.iter_mut().map(Actor::line).collect();
        let winners: Vec<&str> = told
            .iter()
            .filter_map(|line| line.strip_prefix("won "))
            .collect();
        assert_eq!(winners.len(), 1, "{told:?}");
        let lost = told
            .iter()
            .filter(|line| line.starts_with("lost 412") || line.starts_with("lost 409"))
            .count();
        assert_eq!(lost, 19, "{told:?}");
        assert_eq!(stage.get(&key), winners[0].as_bytes());
    }
}

/// Whoever dies in the middle of a body leaves nothing to be seen, and nobody in the way.
#[test]
fn killed_in_the_middle_of_a_put() {
    let stage = Stage::new();
    for old in [None, Some("old")] {
        if let Some(text) = old {
            wait_for(stage.room.put("a", text)).expect("put");
        }
        let actor = stage
            .ready(vec![stage.send("half", "a", "0")])
            .pop()
            .expect("an actor");
        actor.kill();
        assert_eq!(
            stage.keys(),
            old.map(|_| "a".to_owned()).into_iter().collect::<Vec<_>>()
        );
        if let Some(text) = old {
            assert_eq!(stage.get("a"), text.as_bytes());
        }
    }
    wait_for(stage.room.put("a", "new")).expect("put after the kill");
    assert_eq!(stage.get("a"), b"new");
}

/// What was acknowledged before a kill is there, and what was under way is whole or not there.
#[test]
fn killed_while_overwriting() {
    let stage = Stage::new();
    for round in 0..8 {
        let mut actor = stage
            .ready(vec![stage.send("rewrite", "a", "0")])
            .pop()
            .expect("an actor");
        actor.go();
        // One more line for each round: the kill falls on another instant of the next overwrite.
        let lines: Vec<String> = (0..=round).map(|_| actor.line()).collect();
        actor.kill();
        let last: usize = lines
            .last()
            .and_then(|line| line.parse().ok())
            .expect("a number");
        let head = stage
            .client
            .head_object()
            .bucket(&stage.room.bucket)
            .key("a")
            .send();
        let head = wait_for(head).expect("head");
        let version = head
            .metadata()
            .and_then(|all| all.get("version"))
            .expect("a version");
        let version: usize = version.parse().expect("a number");
        assert!(
            version >= last,
            "version {last} was acknowledged, and {version} is there"
        );
        assert!(
            stage.get("a") == version_of(version),
            "version {version} is not whole"
        );
        assert_eq!(stage.keys(), ["a"]);
    }
}

/// What a killed process has completed is there and whole; what it was completing is whole or not there.
#[test]
fn killed_while_completing_uploads() {
    const UPLOADS: usize = 24;
    for round in 0..8 {
        let stage = Stage::new();
        let mut actor = stage
            .ready(vec![stage.send("completions", "a", &UPLOADS.to_string())])
            .pop()
            .expect("an actor");
        actor.go();
        // Another number of lines each time: the kill falls on another instant of the next completion.
        let mut told: Vec<String> = (0..=round * 2).map(|_| actor.line()).collect();
        told.extend(actor.last_words());
        let all: Vec<String> = (0..UPLOADS).map(|number| number.to_string()).collect();
        assert_eq!(told, all[..told.len()]);

        let mut visible: Vec<usize> = stage.keys().iter().map(|key| number_in(key)).collect();
        visible.sort_unstable();
        // Those that were told, and the one that may have been on its way.
        assert!(
            (told.len()..=told.len() + 1).contains(&visible.len()),
            "{} were told, and these are there: {visible:?}",
            told.len()
        );
        assert!(visible.iter().copied().eq(0..visible.len()), "{visible:?}");
        for number in visible {
            assert!(
                stage.get(&format!("a/{number}")) == version_of(number),
                "a/{number} is not whole"
            );
        }
        // Nobody is in the way of a new attempt, of the next one least of all.
        let next = format!("a/{}", told.len());
        wait_for(stage.room.put(&next, "new")).expect("put after the kill");
        assert_eq!(stage.get(&next), b"new");
    }
}

fn number_in(key: &str) -> usize {
    let number = key.strip_prefix("a/").expect("a key of ours");
    number.parse().expect("a number")
}

/// An upload outlives the process that began it.
#[test]
fn upload_goes_on_after_a_kill() {
    let stage = Stage::new();
    let upload = wait_for(Upload::start(&stage.room, "a")).expect("start an upload");
    let mut actor = stage
        .ready(vec![stage.send("part", "a", &upload.id)])
        .pop()
        .expect("an actor");
    actor.go();
    let etag = actor.line();
    actor.kill();
    let second = wait_for(upload.part(2, "tail")).expect("upload part 2");
    let first = crate::conformance::upload::part(1, &etag);
    wait_for(upload.finish([first, second])).expect("complete");
    assert!(
        stage.get("a")
            == [
                pattern(1, crate::conformance::upload::MIN_PART),
                b"tail".to_vec()
            ]
            .concat()
    );
}

fn version_of(number: usize) -> Vec<u8> {
    pattern(u64::try_from(number).unwrap(), 100_000 + number * 1000)
}

/// A bucket, and the socket where the actors of a test report.
struct Stage {
    folder: tempfile::TempDir,
    gate: UnixListener,
    room: Room,
    client: Client,
}

impl Stage {
    fn new() -> Self {
        let folder = scratch::folder();
        let store = Store::in_folder(folder.path());
        let room = wait_for(store.room("stage")).expect("make a bucket");
        let gate = UnixListener::bind(folder.path().join("gate")).expect("make a socket");
        Self {
            folder,
            gate,
            room,
            client: store.client(),
        }
    }

    fn send(&self, role: &str, key: &str, number: &str) -> Actor {
        let child = Command::new(std::env::current_exe().expect("know our own path"))
            .args([
                "--exact",
                "processes::actor::act_as_told",
                "--ignored",
                "--nocapture",
            ])
            .env("S3PIPES_ACTOR", role)
            .env("S3PIPES_ACTOR_STAGE", self.folder.path())
            .env("S3PIPES_ACTOR_BUCKET", &self.room.bucket)
            .env("S3PIPES_ACTOR_KEY", key)
            .env("S3PIPES_ACTOR_NUMBER", number)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("start an actor");
        Actor { child, line: None }
    }

    /// Waits until all of them have reported. Which connection is whose doesn't matter.
    fn ready(&self, mut actors: Vec<Actor>) -> Vec<Actor> {
        for actor in &mut actors {
            let (stream, _) = self.gate.accept().expect("hear from an actor");
            actor.line = Some(BufReader::new(stream));
        }
        actors
    }

    fn get(&self, key: &str) -> Vec<u8> {
        wait_for(self.room.get(key)).expect("get")
    }

    fn keys(&self) -> Vec<String> {
        let list = self
            .client
            .list_objects_v2()
            .bucket(&self.room.bucket)
            .send();
        let page = wait_for(list).expect("list");
        page.contents()
            .iter()
            .filter_map(|object| object.key())
            .map(str::to_owned)
            .collect()
    }
}

/// A process that acts on the store.
struct Actor {
    child: Child,
    line: Option<BufReader<UnixStream>>,
}

impl Actor {
    fn go(&mut self) {
        self.line
            .as_mut()
            .expect("it is ready")
            .get_mut()
            .write_all(b"!")
            .expect("tell an actor");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.line
            .as_mut()
            .expect("it is ready")
            .read_line(&mut line)
            .expect("hear from an actor");
        line.trim_end().to_owned()
    }

    fn kill(mut self) {
        self.child.kill().expect("kill an actor");
    }

    /// Kills it, and returns the lines that it had told and nobody had heard yet.
    fn last_words(mut self) -> Vec<String> {
        self.child.kill().expect("kill an actor");
        let line = self.line.take().expect("it is ready");
        line.lines().map_while(Result::ok).collect()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
