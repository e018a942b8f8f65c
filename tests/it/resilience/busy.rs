//! Overload: two requests in five are refused, whatever they are, and everything comes out right.

use super::answers::{Canned, document};
use super::{MIB, Site, bytes};

#[test]
fn two_of_five_requests_refused_are_survived() {
    let mut site = Site::new(&[]);
    for number in 0..1100 {
        site.store(&format!("h:fs{number}:0:2024-01-01"), b"x".to_vec());
    }
    site.serve(|options| options.fault("any%40:slowdown"));
    let dump = bytes(48 * MIB);
    // As many parts as the smallest size gives, and as many ranges as make thousands of requests.
    site.run(
        "s3put",
        &["-k", "h:big:0:2024-01-01", "--part-size", "5M"],
        &dump,
    )
    .well();
    assert!(site.stored("h:big:0:2024-01-01") == dump);
    let got = site
        .run(
            "s3get",
            &[
                "-k",
                "h:big:0:2024-01-01",
                "--part-size",
                "64K",
                "--parallel",
                "64",
            ],
            b"",
        )
        .well();
    assert!(got.out == dump);

    let listed = site.run("s3ls", &["-q", "-a", "-0"], b"").well();
    assert_eq!(listed.out.iter().filter(|&&byte| byte == 0).count(), 1101);
    // The checksum of each is asked for on its own.
    let listed = site.run("s3ls", &["-q", "-a", "-j"], b"").well();
    assert_eq!(
        listed.out.iter().filter(|&&byte| byte == b'\n').count(),
        1101
    );
    let keys: String = (0..1100)
        .map(|number| format!("h:fs{number}:0:2024-01-01\n"))
        .collect();
    let prune = ["-q", "-", "--force", "--delete"];
    let gone = site.run("s3prune", &prune, keys.as_bytes()).well();
    assert_eq!(gone.out.iter().filter(|&&byte| byte == b'\n').count(), 1100);
    assert_eq!(
        site.run("s3ls", &["-q", "-a", "-0"], b"").well().out,
        b"h:big:0:2024-01-01\0"
    );

    let (refused, all) = (
        site.log()
            .iter()
            .filter(|line| line.contains(" 503 "))
            .count(),
        site.log().len(),
    );
    println!("{refused} of {all} requests were refused");
    assert!(all > 2500 && refused * 3 > all, "{refused} of {all}");
}

/// DeleteObjects says of each key how it went.
#[test]
fn keys_that_a_busy_server_did_not_delete_are_deleted_later() {
    let listed = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>";
    let busy = "<DeleteResult><Error><Key>a</Key><Code>SlowDown</Code><Message>later</Message></Error></DeleteResult>";
    let done = "<DeleteResult></DeleteResult>";
    let server = Canned::new(&[document(listed), document(busy), document(done)]);
    let ended = server
        .run("s3prune", &["-q", "-k", "a", "--delete"], b"")
        .well();
    assert_eq!(ended.out, b"a\n");
    assert_eq!(server.answered(), 3);
}
