//! Streams that don't end soon: memory is bounded, and stays so.
//!
//! A server that keeps no bytes swallows what s3put sends, and checks it; on the way the size of the process is read
//! from /proc. Nobody waits for time to pass: the server's count says when to look.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};

use tests::client::wait_for;
use tests::scratch;
use tests::serve::sink::{Sink, Swallowed};
use tests::serve::{self, Options, Swallow};
use tests::servers::Server;
use tests::tools::Workshop;

use crate::conformance::answers::Answer as _;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// What a process may take besides the buffers that it was allowed.
const BESIDES: u64 = 40 * MIB;
/// More than this is growth.
const STEADY: u64 = 4 * MIB;

/// 200 GiB through 64 MiB: from 55 GiB on parts don't fit twice, and go through files.
///
/// `S3PIPES_LONG_GIB` makes it shorter, for those who wait.
#[test]
fn a_long_stream_needs_no_more_memory_than_a_short_one() {
    let long = std::env::var("S3PIPES_LONG_GIB")
        .ok()
        .and_then(|gib| gib.parse().ok())
        .unwrap_or(200);
    let mut run = Run::start(long * GIB, &["--memory", "64M"]);
    run.wait_for(long * GIB / 10);
    let early = run.memory("VmRSS");
    run.wait_for(long * GIB / 20 * 19);
    let late = run.memory("VmRSS");
    let most = run.finish();
    assert!(
        late <= early + STEADY,
        "it grew from {early} to {late} bytes"
    );
    assert!(most <= 64 * MIB + BESIDES, "{most} bytes");
}

/// Parts grow up to half of the memory, with the fast growth of a server that takes few parts.
#[test]
fn growing_parts_stay_within_memory() {
    let run = Run::start(15 * GIB, &["--max-parts", "1000"]);
    let most = run.finish();
    assert!(most <= 256 * MIB + BESIDES, "{most} bytes");
    // Else it would prove nothing.
    assert!(most > 200 * MIB, "only {most} bytes were used");
}

/// Many objects: what one took is there for the next one.
#[test]
fn many_objects_stay_within_memory() {
    let options = [
        "--max-object",
        "100M",
        "--part-size",
        "20M",
        "--memory",
        "64M",
    ];
    let run = Run::start(2050 * MIB, &options);
    // All but the last one, which is not full, are followed by another one.
    for _ in 1..21 {
        run.release();
    }
    let most = run.finish();
    assert!(most <= 64 * MIB + BESIDES, "{most} bytes");
}

/// The sink refuses what it should: a test that counts on it must be able to trust it.
#[test]
fn what_is_swallowed_is_checked() {
    let folder = scratch::folder();
    let running = serve::start(Options {
        swallow: Some(serve::Swallow::Freely),
        ..Options::new(folder.path())
    })
    .expect("start the server");
    let client = Server::of_tests("s3serve", &running.url).client();
    let crc = |bytes: &[u8]| Swallowed::of(bytes).encoded();
    let (first, last) = (vec![1; 5 << 20], b"the end".to_vec());
    let whole = [first.clone(), last.clone()].concat();
    wait_for(async {
        let start = client.create_multipart_upload().bucket("bkt").key("m");
        let start = start.send().await.expect("start an upload");
        let id = start.upload_id().expect("an id");
        let send = async |number, bytes: &[u8], claimed: &[u8]| {
            let part = client
                .upload_part()
                .bucket("bkt")
                .key("m")
                .upload_id(id)
                .part_number(number)
                .checksum_crc64_nvme(crc(claimed));
            part.body(bytes.to_vec().into()).send().await
        };
        send(1, &first, &last)
            .await
            .refused("a part", 400, &["BadDigest"])
            .expect("a refusal");
        let mut parts = Vec::new();
        for (number, bytes) in [(1, &first), (2, &last)] {
            let sent = send(number, bytes, bytes).await.expect("a part");
            parts.push(crate::conformance::upload::part(
                number,
                sent.e_tag().expect("an ETag"),
            ));
        }
        let complete = async |parts: Vec<_>, claimed: &[u8], size: usize| {
            let parts = aws_sdk_s3::types::CompletedMultipartUpload::builder()
                .set_parts(Some(parts))
                .build();
            client
                .complete_multipart_upload()
                .bucket("bkt")
                .key("m")
                .upload_id(id)
                .multipart_upload(parts)
                .checksum_crc64_nvme(crc(claimed))
                .mpu_object_size(i64::try_from(size).expect("a length"))
                .send()
                .await
        };
        let swapped: Vec<_> = parts.iter().rev().cloned().collect();
        for (parts, claimed, size, code) in [
            (parts[..1].to_vec(), &first, first.len(), "InvalidPart"),
            (swapped, &whole, whole.len(), "InvalidPartOrder"),
            (parts.clone(), &first, whole.len(), "BadDigest"),
            (parts.clone(), &whole, first.len(), "BadDigest"),
        ] {
            complete(parts, claimed, size)
                .await
                .refused("complete", 400, &[code])
                .expect("a refusal");
        }
        let head = client.head_object().bucket("bkt").key("m");
        head.clone()
            .send()
            .await
            .refused("head", 404, &[])
            .expect("nothing is there");
        complete(parts, &whole, whole.len())
            .await
            .expect("complete");
        let head = head.send().await.expect("head");
        assert_eq!(
            head.content_length(),
            Some(i64::try_from(whole.len()).expect("a length"))
        );
    });
    let sink = running.sink().expect("a sink");
    assert_eq!(sink.object("/bkt/m"), Some(Swallowed::of(&whole)));
    assert_eq!(sink.open_uploads(), 0);
}

/// An s3put that stores a stream.
struct Run {
    server: serve::Running,
    child: Child,
    generator: Option<std::thread::JoinHandle<()>>,
    size: u64,
    _shop: Workshop,
    _folder: tempfile::TempDir,
}

impl Run {
    fn start(size: u64, options: &[&str]) -> Self {
        let folder = scratch::folder();
        let server = serve::start(Options {
            swallow: Some(Swallow::WhenReleased),
            ..Options::new(folder.path())
        })
        .expect("start the server");
        let mut shop = Workshop::new();
        shop.go_to(&Server::of_tests("s3serve", &server.url), "bkt");
        let mut child = shop
            .command("s3put")
            .args(["-q", "-k", "long"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("run s3put");
        let mut input = child.stdin.take().expect("its input");
        let generator = std::thread::spawn(move || {
            let mut block = block();
            for number in 0..size / MIB {
                block[..8].copy_from_slice(&number.to_le_bytes());
                // If it went away, the test finds out why.
                if input.write_all(&block).is_err() {
                    return;
                }
            }
        });
        Self {
            server,
            child,
            generator: Some(generator),
            size,
            _shop: shop,
            _folder: folder,
        }
    }

    fn sink(&self) -> &Sink {
        self.server.sink().expect("a sink")
    }

    /// Waits until the server has so many bytes.
    fn wait_for(&mut self, bytes: u64) {
        let sink = self.server.sink().expect("a sink");
        let child = &mut self.child;
        let came = sink.wait_for(bytes, || child.try_wait().expect("ask for s3put").is_none());
        assert!(came, "s3put ended before its time");
    }

    fn release(&self) {
        self.sink().release();
    }

    /// A line of the process's status, in bytes.
    fn memory(&self, line: &str) -> u64 {
        let status = Path::new("/proc")
            .join(self.child.id().to_string())
            .join("status");
        let status = std::fs::read_to_string(status).expect("read the status of s3put");
        let value = status
            .lines()
            .find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))
            .and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        value.expect("a number of kilobytes") * KIB
    }

    /// Lets it finish, and checks what is stored. Returns the most memory that it ever had.
    fn finish(mut self) -> u64 {
        self.wait_for(self.size);
        // All was sent; the upload is not completed before it is released.
        let most = self.memory("VmHWM");
        println!("at most {} KiB for {} MiB", most / KIB, self.size / MIB);
        self.release();
        let mut receipt = String::new();
        let mut output = self.child.stdout.take().expect("its output");
        output.read_to_string(&mut receipt).expect("a receipt");
        let status = self.child.wait().expect("wait for s3put");
        assert!(status.success(), "{status}");
        self.generator
            .take()
            .expect("the generator")
            .join()
            .expect("the generator ends");
        let receipt: serde_json::Value = serde_json::from_str(&receipt).expect("JSON");
        let expected = expected(self.size);
        assert_eq!(receipt["size"], expected.size);
        assert_eq!(receipt["crc64nvme"], expected.encoded());
        let objects = receipt["objects"].as_array().map_or(1, Vec::len);
        let stored = (0..objects)
            .map(|number| match number {
                0 => "/bkt/long".to_owned(),
                number => format!("/bkt/long%3A{number}"),
            })
            .map(|path| self.sink().object(&path).expect("an object"))
            .reduce(Swallowed::then);
        assert_eq!(stored, Some(expected));
        assert_eq!(self.sink().open_uploads(), 0);
        most
    }
}

/// A mebibyte; its first eight bytes are to be its number.
fn block() -> Vec<u8> {
    (0..MIB)
        .map(|at| u8::try_from(at * 7 % 251).expect("a byte"))
        .collect()
}

/// What the generator makes, by arithmetic.
fn expected(size: u64) -> Swallowed {
    let rest = Swallowed::of(&block()[8..]);
    (0..size / MIB)
        .map(|number: u64| Swallowed::of(&number.to_le_bytes()).then(rest))
        .reduce(Swallowed::then)
        .expect("at least one block")
}
