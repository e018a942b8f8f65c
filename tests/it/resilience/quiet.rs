//! Nothing moves: servers that stop reading, stop answering or never answer, and connections that died unseen. An
//! attempt is given up after `--stall`, and made again.

use std::io::Write;

use tests::missing;

use super::bridge::{Bridge, Way};
use super::{MIB, Site, Tool, bytes, until};

const STALL: [&str; 2] = ["--stall", "1s"];

fn with<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&STALL[..], arguments].concat()
}

/// Every kind of request is once left without an answer.
#[test]
fn requests_without_an_answer_are_made_again() {
    let site = Site::new(&[
        "HeadObject#1:stall",
        "PutObject#1:stall",
        "CreateMultipartUpload#1:stall",
        "UploadPart#2:stall",
        "GetObject#1:stall",
        "ListObjectsV2#1:stall",
        "DeleteObjects#1:stall",
        "ListMultipartUploads#1:stall",
    ]);
    let dump = bytes(12 * MIB);
    site.run("s3put", &with(&["-k", "h:small:0:2024-01-01"]), b"a word")
        .well();
    site.run(
        "s3put",
        &with(&["-k", "h:big:0:2024-01-01", "--part-size", "5M"]),
        &dump,
    )
    .well();
    assert!(site.stored("h:big:0:2024-01-01") == dump);
    let listed = site.run("s3ls", &with(&["-q", "-a", "-0"]), b"").well();
    assert_eq!(listed.out, b"h:big:0:2024-01-01\0h:small:0:2024-01-01\0");
    let got = site
        .run(
            "s3get",
            &with(&["-k", "h:big:0:2024-01-01", "--part-size", "1M"]),
            b"",
        )
        .well();
    assert!(got.out == dump);
    let gone = site
        .run(
            "s3prune",
            &with(&["-q", "-k", "h:small:0:2024-01-01", "--force", "--delete"]),
            b"",
        )
        .well();
    assert_eq!(gone.out, b"h:small:0:2024-01-01\n");
    site.run("s3ls", &with(&["--uploads", "-a"]), b"");
    for operation in [
        "HeadObject",
        "PutObject",
        "UploadPart",
        "GetObject",
        "ListObjectsV2",
        "DeleteObjects",
        "ListMultipartUploads",
    ] {
        assert!(
            site.count(operation, " 20") + site.count(operation, " 404") > 0,
            "{operation}: {:?}",
            site.log()
        );
    }
}

fn across(ways: &[Way]) -> (Site, Bridge) {
    across_to(Site::new(&[]), ways)
}

fn across_to(mut site: Site, ways: &[Way]) -> (Site, Bridge) {
    let bridge = Bridge::to(site.address(), ways);
    site.shop
        .set("AWS_ENDPOINT_URL_S3", &format!("http://{}", bridge.address));
    (site, bridge)
}

#[test]
fn a_server_that_never_reads_is_left() {
    let (site, bridge) = across(&[Way::Deaf, Way::Clear, Way::Deaf, Way::Deaf]);
    let dump = bytes(22 * MIB);
    site.run("s3put", &with(&["-k", "big", "--part-size", "5M"]), &dump)
        .well();
    assert!(site.stored("big") == dump);
    assert_eq!(bridge.broken(), 3);
}

#[test]
fn a_server_that_stops_reading_in_the_middle_of_a_part_is_left() {
    let (site, bridge) = across(&[Way::StopsReading(3 * MIB), Way::StopsReading(MIB)]);
    let dump = bytes(22 * MIB);
    site.run("s3put", &with(&["-k", "big", "--part-size", "10M"]), &dump)
        .well();
    assert!(site.stored("big") == dump);
    assert_eq!(bridge.broken(), 2);
}

#[test]
fn a_server_that_stops_in_the_middle_of_an_answer_is_left() {
    let site = Site::new(&[]);
    let dump = bytes(22 * MIB);
    site.run("s3put", &["-k", "big"], &dump).well();
    let ways = [
        Way::StopsAnswering(3 * MIB),
        Way::StopsAnswering(100),
        Way::Cut(2 * MIB),
    ];
    let (site, bridge) = across_to(site, &ways);
    let got = site
        .run("s3get", &with(&["-k", "big", "--part-size", "5M"]), b"")
        .well();
    assert!(got.out == dump);
    assert_eq!(bridge.broken(), 3);
}

/// A firewall has lost the connections while the producer was silent: what is sent on them goes nowhere.
#[test]
fn connections_that_died_unseen_are_left() {
    let (site, bridge) = across(&[]);
    let dump = bytes(40 * MIB);
    let mut tool = site.start("s3put", &with(&["-k", "big", "--part-size", "5M"]));
    let mut input = tool.input();
    input.write_all(&dump[..18 * MIB]).expect("write");
    until("three parts are stored", || {
        site.count("UploadPart", " 200") == 3
    });
    let before = bridge.connections();
    bridge.forget();
    input.write_all(&dump[18 * MIB..]).expect("write");
    drop(input);
    tool.end().well();
    assert!(site.stored("big") == dump);
    assert!(bridge.connections() > before);
}

#[test]
fn a_time_of_nothing_is_refused() {
    let site = Site::new(&[]);
    for wrong in ["0", "0m", "never", "-1"] {
        let ended = site.run("s3ls", &[&format!("--stall={wrong}")], b"");
        assert_eq!(ended.status.code(), Some(2), "{wrong}: {}", ended.says);
    }
}

/// A connection that is encrypted, and cut in the middle of a record: what came until then is not lost, and the rest
/// is asked for on another one.
#[test]
fn encrypted_connections_are_cut() {
    let lacking = missing::programs(&["openssl", "socat"]);
    if !lacking.is_empty() {
        missing::skipped(
            "a cut in TLS",
            &format!("not installed: {}", lacking.join(" ")),
        );
        return;
    }
    let mut site = Site::new(&[]);
    let dump = bytes(22 * MIB);
    site.run("s3put", &["-k", "there"], &dump).well();
    let mut terminator = site.shop.bash(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=bridge \
            -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE \
            -keyout key -out cert 2>/dev/null
        exec socat -d -d OPENSSL-LISTEN:0,bind=127.0.0.1,fork,cert=cert,key=key,verify=0 \"TCP:$1\"",
    );
    terminator.arg(site.address().to_string());
    let terminator = Tool::start(terminator);
    let port = |says: &str| {
        let line = says.lines().find(|line| line.contains("listening on "))?;
        line.rsplit_once(':')?.1.trim().parse::<u16>().ok()
    };
    until("socat listens", || port(&terminator.says()).is_some());
    let port = port(&terminator.says()).expect("a port");
    // Before anything is agreed on, in the middle of that, and in the middle of what follows.
    let ways = [
        Way::Cut(0),
        Way::Cut(700),
        Way::Cut(3 * MIB),
        Way::StopsReading(2 * MIB),
    ];
    let bridge = Bridge::to(([127, 0, 0, 1], port).into(), &ways);
    let url = format!("https://{}", bridge.address);
    site.shop.set("AWS_ENDPOINT_URL_S3", &url);
    let got = site.run(
        "s3get",
        &with(&["-k", "there", "--part-size", "8M", "--ca", "cert"]),
        b"",
    );
    assert!(got.well().out == dump);
    assert_eq!(bridge.broken(), 3);
    let put = ["-k", "here", "--part-size", "5M", "--ca", "cert"];
    site.run("s3put", &with(&put), &dump).well();
    assert!(site.stored("here") == dump);
    terminator.kill();
}
