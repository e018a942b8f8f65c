//! Slow programs on either side: a producer that is silent for long, and a reader that stands still.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use tests::tools::Workshop;

use super::giant::Giant;
use super::{MIB, Site, Tool, bytes, until};

/// While the producer is silent the server closes all connections, is away, and comes back with another key.
#[test]
fn a_silent_producer_loses_nothing() {
    let mut site = Site::new(&[]);
    site.shop.unset("AWS_ACCESS_KEY_ID");
    site.shop.unset("AWS_SECRET_ACCESS_KEY");
    let (accepted, home) = (
        site.shop.folder().join("accepted"),
        site.shop.folder().join("home/.aws"),
    );
    std::fs::create_dir_all(&home).expect("make a folder");
    let profile = |id: &str| {
        std::fs::write(&accepted, format!("{id} {id}secret")).expect("write a file");
        let text = format!("[default]\naws_access_key_id={id}\naws_secret_access_key={id}secret\n");
        std::fs::write(home.join("credentials"), text).expect("write a file");
    };
    let serve = |site: &mut Site| {
        let key_file = Some(accepted.clone());
        site.serve(|options| tests::serve::Options {
            key_file,
            ..options
        });
        site.shop.unset("AWS_ACCESS_KEY_ID");
        site.shop.unset("AWS_SECRET_ACCESS_KEY");
    };
    profile("old");
    serve(&mut site);
    let dump = bytes(32 * MIB);
    let mut tool = site.start("s3put", &["-v", "-k", "big", "--part-size", "5M"]);
    let mut input = tool.input();
    input.write_all(&dump[..11 * MIB]).expect("write");
    until("two parts are stored", || {
        site.count("UploadPart", " 200") == 2
    });
    profile("new");
    serve(&mut site);
    assert!(site.log().is_empty(), "something was asked for meanwhile");
    input.write_all(&dump[11 * MIB..]).expect("write");
    drop(input);
    let ended = tool.end().well();
    assert!(site.stored("big") == dump);
    assert!(site.count("UploadPart", " 400") > 0, "{}", ended.says);
}

/// 4 GiB, and nobody reads: memory stays in its bounds, nothing is given up, and then all of it comes.
#[test]
fn a_reader_that_stands_still_costs_no_memory() {
    const MEMORY: u64 = 64;
    const SIZE: u64 = 4 << 30;
    // Of that many zeros; crc-fast says so too.
    let giant = Giant::new(SIZE, &checksum_of_zeros(SIZE));
    let mut shop = Workshop::new();
    shop.set("S3_BUCKET", "s3://bkt");
    shop.set("AWS_ENDPOINT_URL_S3", &format!("http://{}", giant.address));
    shop.set("AWS_ACCESS_KEY_ID", "test");
    shop.set("AWS_SECRET_ACCESS_KEY", "testsecret");
    let mut command = shop.command("s3get");
    let memory = format!("{MEMORY}M");
    command.args([
        "-q",
        "-k",
        "a",
        "--stall",
        "1s",
        "--patience",
        "0",
        "--parallel",
        "16",
        "--memory",
        &memory,
    ]);
    let mut tool = Tool::start(command);
    let mut stdout = tool.child.stdout.take().expect("its output");
    let mut beginning = vec![1; MIB];
    stdout.read_exact(&mut beginning).expect("read");
    // Nothing has moved for three times as long as an attempt may stand still.
    let (mut seen, mut since) = (giant.sent(), Instant::now());
    until("everything stands still", || {
        if giant.sent() != seen {
            (seen, since) = (giant.sent(), Instant::now());
        }
        since.elapsed() > Duration::from_secs(3)
    });
    let most = high_water(tool.child.id());
    println!(
        "{most} MiB with --memory {MEMORY}M; {} MiB were sent",
        seen >> 20
    );
    assert!(seen < (MEMORY + 32) << 20, "{} MiB were sent", seen >> 20);
    assert!(most <= MEMORY + 40, "{most} MiB");

    let mut total = beginning.len() as u64;
    let mut buffer = vec![1; MIB];
    loop {
        match stdout.read(&mut buffer).expect("read") {
            0 => break,
            read => {
                assert!(buffer[..read].iter().all(|&byte| byte == 0));
                total += read as u64;
            }
        }
    }
    assert_eq!(total, SIZE);
    // Exit 0 means that the checksum of the whole was right.
    tool.end().well();
}

fn checksum_of_zeros(size: u64) -> String {
    use base64::Engine;
    let zeros = vec![0; 16 * MIB];
    let mut digest = crcs::Digest::new(crcs::CrcAlgorithm::Crc64Nvme);
    for _ in 0..size / zeros.len() as u64 {
        digest.update(&zeros);
    }
    base64::engine::general_purpose::STANDARD.encode(digest.finalize().to_be_bytes())
}

/// The most memory that a process ever had, in MiB.
fn high_water(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("read /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let words = line.and_then(|line| line.split_whitespace().next());
    words
        .and_then(|kib| kib.parse::<u64>().ok())
        .expect("a number")
        >> 10
}
