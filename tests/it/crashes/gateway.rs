//! radosgw killed with SIGKILL in the middle and started again: what was under way ends well, byte for byte.
//!
//! A radosgw of our own: other tests use the shared one meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};

use aws_sdk_s3::Client;
use tests::client::wait_for;
use tests::servers::Radosgw;
use tests::tools::{Workshop, bin};

use crate::conformance::answers::pattern;
use crate::stored::Stored;
use crate::storm::verbs::{BUCKET, stock};

/// Four parts of the least size, and a bit.
const SIZE: usize = (20 << 20) + 1;

#[test]
fn gateway_dies_and_comes_back() {
    let Some(gateway) = Radosgw::start("killed") else {
        return;
    };
    let client = gateway.server.client();
    wait_for(stock(&client, &[]));
    let mut shop = Workshop::new();
    shop.go_to(&gateway.server, BUCKET);
    // While parts are being sent; and after all of them, when the end of the stream is still to come.
    for (key, fed, parts) in [("early", SIZE / 2, 1), ("late", SIZE, 4)] {
        put(&gateway, &shop, &client, key, fed, parts);
    }
    get(&gateway, &shop);
}

/// Feeds some of the stream, kills the gateway when so many parts are stored, and revives it when s3put has noticed.
fn put(gateway: &Radosgw, shop: &Workshop, client: &Client, key: &str, fed: usize, parts: usize) {
    let bytes = pattern(3, SIZE);
    let mut child = start(
        shop,
        &[
            "s3put",
            "-v",
            "--patience",
            "3m",
            "--meta",
            "origin=the tests",
            "--part-size",
            "5M",
            "-k",
            key,
        ],
    );
    let mut input = child.stdin.take().expect("its input");
    input.write_all(&bytes[..fed]).expect("write to s3put");
    while stored_parts(client, key) < parts {}
    gateway.kill();
    let rest = bytes[fed..].to_vec();
    let feeder = std::thread::spawn(move || input.write_all(&rest).expect("write to s3put"));
    notices(&mut child);
    gateway.revive();
    feeder.join().expect("the feeder");
    assert_eq!(
        child.wait().expect("wait for s3put").code(),
        Some(0),
        "{key}"
    );
    let stored = Stored::of(client, BUCKET);
    let object = &stored.objects[key];
    assert!(
        object.body == bytes && object.metadata.contains_key("origin"),
        "{key}: {object:?}"
    );
    assert!(stored.uploads.is_empty(), "{key}: {:?}", stored.uploads);
}

/// Reads a quarter, kills the gateway, and revives it when s3get has noticed.
fn get(gateway: &Radosgw, shop: &Workshop) {
    let words = [
        "s3get",
        "-v",
        "--patience",
        "3m",
        "--part-size",
        "1M",
        "--memory",
        "4M",
        "-k",
        "early",
    ];
    let mut child = start(shop, &words);
    let mut output = child.stdout.take().expect("its output");
    let mut came = vec![0; SIZE / 4];
    output.read_exact(&mut came).expect("read from s3get");
    gateway.kill();
    let reader = std::thread::spawn(move || {
        output.read_to_end(&mut came).expect("read from s3get");
        came
    });
    notices(&mut child);
    gateway.revive();
    let came = reader.join().expect("the reader");
    assert_eq!(child.wait().expect("wait for s3get").code(), Some(0));
    assert!(came == pattern(3, SIZE), "other bytes came out");
}

fn start(shop: &Workshop, words: &[&str]) -> Child {
    shop.command(bin().join(words[0]))
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start a tool")
}

/// Waits until the tool says that it tries again. What it says later is read, too, so that it never waits for us.
fn notices(child: &mut Child) {
    let mut lines = BufReader::new(child.stderr.take().expect("its messages")).lines();
    let noticed = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line.contains("trying again"));
    assert!(noticed, "it ended without trying again");
    std::thread::spawn(move || lines.for_each(drop));
}

/// How many parts the unfinished upload of `key` has.
fn stored_parts(client: &Client, key: &str) -> usize {
    wait_for(async {
        let uploads = client
            .list_multipart_uploads()
            .bucket(BUCKET)
            .prefix(key)
            .send()
            .await;
        let uploads = uploads.expect("list uploads");
        let Some(id) = uploads
            .uploads()
            .first()
            .and_then(|upload| upload.upload_id())
        else {
            return 0;
        };
        let parts = client
            .list_parts()
            .bucket(BUCKET)
            .key(key)
            .upload_id(id)
            .send()
            .await;
        parts.expect("list parts").parts().len()
    })
}
