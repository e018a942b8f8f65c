//! The test server does what `--fault` says: a test that injects a fault must be able to trust it.

use std::io::{Read, Write};
use std::net::TcpStream;

use aws_sdk_s3::Client;
use tests::client::wait_for;
use tests::scratch;
use tests::serve::{self, Options, Running, faults::Fault};
use tests::servers::Server;

use crate::conformance::answers::{Answer, body};

/// A server with faults, a client for it, and a bucket `bkt` that holds `a`: 1000 times `x`.
fn server(faults: &[&str]) -> (tempfile::TempDir, Running, Client) {
    let folder = scratch::folder();
    let quiet = serve::start(Options::new(folder.path())).expect("start the server");
    let client = Server::of_tests("s3serve", &quiet.url).client();
    wait_for(client.create_bucket().bucket("bkt").send()).expect("make a bucket");
    wait_for(
        client
            .put_object()
            .bucket("bkt")
            .key("a")
            .body(vec![b'x'; 1000].into())
            .send(),
    )
    .expect("put");
    drop(quiet);
    let options = faults
        .iter()
        .fold(Options::new(folder.path()), |options, spec| {
            options.fault(spec)
        });
    let running = serve::start(options).expect("start the server");
    let client = Server::of_tests("s3serve", &running.url).client();
    (folder, running, client)
}

async fn put(client: &Client, key: &str, create: bool) -> Result<(), String> {
    let put = client
        .put_object()
        .bucket("bkt")
        .key(key)
        .set_if_none_match(create.then(|| "*".to_owned()));
    put.body(b"new".to_vec().into())
        .send()
        .await
        .done("put")
        .map(drop)
}

async fn get(client: &Client, key: &str) -> Result<Vec<u8>, String> {
    body(
        client
            .get_object()
            .bucket("bkt")
            .key(key)
            .send()
            .await
            .done("get")?
            .body,
    )
    .await
}

#[test]
fn refusals_happen_to_the_requests_that_they_name() {
    let (_folder, running, client) = server(&[
        "PutObject#2:slowdown",
        "PutObject#3-4:conflict",
        "HeadObject:error=500,Odd",
    ]);
    wait_for(async {
        let mut told = Vec::new();
        for key in ["1", "2", "3", "4", "5"] {
            told.push(put(&client, key, false).await.err().unwrap_or_default());
        }
        assert!(told[0].is_empty() && told[4].is_empty(), "{told:?}");
        assert!(told[1].contains("503 SlowDown"), "{told:?}");
        assert!(
            told[2].contains("409 ConditionalRequestConflict") && told[3].contains("409"),
            "{told:?}"
        );
        client
            .head_object()
            .bucket("bkt")
            .key("a")
            .send()
            .await
            .refused("head", 500, &[])
            .expect("a refusal");
        assert!(
            get(&client, "2")
                .await
                .is_err_and(|why| why.contains("NoSuchKey")),
            "a refused put was done"
        );
    });
    let log = running.log();
    assert_eq!(
        log[1],
        "PutObject PUT /bkt/2?x-id=PutObject 503 content-length=3 fault=refused"
    );
    assert_eq!(
        log.iter().filter(|line| line.contains(" fault=")).count(),
        4,
        "{log:?}"
    );
}

#[test]
fn chance_follows_the_seed() {
    let outcomes = |seed| {
        let folder = scratch::folder();
        let options = Options {
            seed,
            ..Options::new(folder.path())
        }
        .fault("HeadBucket%30:slowdown");
        let running = serve::start(options).expect("start the server");
        let client = Server::of_tests("s3serve", &running.url).client();
        wait_for(async {
            for _ in 0..100 {
                // Refused or not found: the log tells them apart.
                let _ = client.head_bucket().bucket("none").send().await;
            }
        });
        running
            .log()
            .iter()
            .map(|line| line.contains(" 503 "))
            .collect::<Vec<bool>>()
    };
    let first = outcomes(7);
    assert_eq!(first, outcomes(7));
    assert_ne!(first, outcomes(8));
    let struck = first.iter().filter(|&&struck| struck).count();
    assert!((15..45).contains(&struck), "{struck} of 100");
}

#[test]
fn answers_are_cut_and_bent() {
    let (_folder, _running, client) = server(&["GetObject#1:cut=600", "GetObject#2:flip=10"]);
    wait_for(async {
        let cut = client
            .get_object()
            .bucket("bkt")
            .key("a")
            .send()
            .await
            .expect("get");
        assert_eq!(cut.content_length(), Some(1000));
        assert!(body(cut.body).await.is_err(), "the body was not cut");
        let bent = get(&client, "a").await.expect("get");
        assert_eq!(bent.len(), 1000);
        assert_eq!(bent.iter().filter(|&&byte| byte != b'x').count(), 1);
        assert_eq!(bent[10], b'y');
        assert_eq!(get(&client, "a").await.expect("get"), [b'x'; 1000]);
    });
}

#[test]
fn a_lost_answer_was_done_and_a_hung_up_request_was_not() {
    let (_folder, running, client) = server(&["PutObject#1:lost", "PutObject#2:hangup=1"]);
    wait_for(async {
        assert!(
            put(&client, "lost", true)
                .await
                .is_err_and(|why| why.contains("no answer"))
        );
        assert_eq!(get(&client, "lost").await.expect("get"), b"new");
        assert!(
            put(&client, "hung", true)
                .await
                .is_err_and(|why| why.contains("no answer"))
        );
        assert!(get(&client, "hung").await.is_err());
    });
    assert!(
        running.log()[0].starts_with("PutObject PUT /bkt/lost?x-id=PutObject - if-none-match=*"),
        "{:?}",
        running.log()
    );
}

#[test]
fn complete_fails_late_and_can_be_repeated() {
    let (_folder, _running, client) = server(&["CompleteMultipartUpload#1:late"]);
    wait_for(async {
        let start = client
            .create_multipart_upload()
            .bucket("bkt")
            .key("m")
            .send()
            .await
            .expect("start an upload");
        let id = start.upload_id().expect("an id");
        let part = client
            .upload_part()
            .bucket("bkt")
            .key("m")
            .upload_id(id)
            .part_number(1)
            .body(b"new".to_vec().into());
        let etag = part
            .send()
            .await
            .expect("upload a part")
            .e_tag()
            .expect("an ETag")
            .to_owned();
        let part = crate::conformance::upload::part(1, &etag);
        let parts = aws_sdk_s3::types::CompletedMultipartUpload::builder()
            .parts(part)
            .build();
        let complete = client
            .complete_multipart_upload()
            .bucket("bkt")
            .key("m")
            .upload_id(id)
            .multipart_upload(parts);
        complete
            .clone()
            .send()
            .await
            .refused("complete", 200, &["InternalError"])
            .expect("an error in the body");
        assert!(get(&client, "m").await.is_err());
        complete.send().await.expect("complete again");
        assert_eq!(get(&client, "m").await.expect("get"), b"new");
    });
}

/// What comes back on the wire for a GET that nobody signed, and how the connection ended.
fn raw(running: &Running, request: &str) -> (String, std::io::Result<()>) {
    let address = running.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("connect");
    let text = format!("{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).expect("ask");
    let mut bytes = Vec::new();
    let ended = stream.read_to_end(&mut bytes).map(drop);
    (String::from_utf8_lossy(&bytes).into_owned(), ended)
}

#[test]
fn answers_in_other_words() {
    let (_folder, running, client) = server(&[
        "GetObject#1:retry=7",
        "GetObject#2:skew",
        "GetObject#3:expired",
        "GetObject#4:redirect=eu-north-1",
        "GetObject#5:temporary=http://there.example.com/",
        "GetObject#6:html=502",
        "HeadObject:html=200",
    ]);
    let wanted: [&[&str]; 6] = [
        &[
            "HTTP/1.1 503 ",
            "retry-after: 7\r\n",
            "<Code>SlowDown</Code>",
        ],
        &[
            "HTTP/1.1 403 ",
            "<Code>RequestTimeTooSkewed</Code>",
            "<RequestTime>",
            "<ServerTime>",
        ],
        &["HTTP/1.1 400 ", "<Code>ExpiredToken</Code>"],
        &[
            "HTTP/1.1 301 ",
            "x-amz-bucket-region: eu-north-1\r\n",
            "<Code>PermanentRedirect</Code>",
            "<Endpoint>s3.eu-north-1.example.com</Endpoint>",
        ],
        &[
            "HTTP/1.1 307 ",
            "location: http://there.example.com/\r\n",
            "<Code>TemporaryRedirect</Code>",
        ],
        &["HTTP/1.1 502 ", "content-type: text/html", "<html>"],
    ];
    for pieces in wanted {
        let (said, _) = raw(&running, "GET /bkt/a");
        for piece in pieces {
            assert!(said.contains(piece), "no {piece:?} in {said}");
        }
    }
    let (said, _) = raw(&running, "HEAD /bkt/a");
    assert!(
        said.starts_with("HTTP/1.1 200 ") && said.ends_with("\r\n\r\n"),
        "{said}"
    );
    assert_eq!(wait_for(get(&client, "a")).expect("get"), [b'x'; 1000]);
}

#[test]
fn answers_are_bare() {
    let (_folder, _running, client) = server(&["PutObject:bare", "ListObjectsV2:bare"]);
    wait_for(async {
        let request = client.put_object().bucket("bkt").key("b").send();
        assert_eq!(request.await.expect("put").e_tag, None);
        let request = client.list_objects_v2().bucket("bkt").send().await;
        let objects = request.expect("list").contents.unwrap_or_default();
        assert!(objects.iter().all(|object| object.e_tag.is_none()));
        assert!(objects.iter().any(|object| object.key() == Some("b")));
        let request = client.head_object().bucket("bkt").key("b").send();
        assert!(request.await.expect("head").e_tag.is_some());
    });
}

#[test]
fn answers_are_hollow() {
    let (_folder, _running, client) = server(&["ListObjectsV2:hollow"]);
    wait_for(async {
        let request = client.list_objects_v2().bucket("bkt").send().await;
        assert!(request.map_or(true, |listing| listing.contents.is_none()));
    });
}

#[test]
fn lengths_are_wrong() {
    let (_folder, _running, client) = server(&[
        "GetObject#1:short=5",
        "GetObject#2:long=5",
        "HeadObject#1:short=5",
        "HeadObject#2:long=5",
    ]);
    wait_for(async {
        let ask = || client.get_object().bucket("bkt").key("a").send();
        let short = ask().await.expect("get");
        assert_eq!(short.content_length(), Some(1005));
        assert!(body(short.body).await.is_err(), "the body was not short");
        let long = ask().await.expect("get");
        assert_eq!(long.content_length(), Some(1005));
        let bytes = body(long.body).await.expect("a whole body");
        assert_eq!((bytes.len(), &bytes[1000..]), (1005, b"xxxxx".as_slice()));
        let look = || client.head_object().bucket("bkt").key("a").send();
        assert!(look().await.is_err());
        assert_eq!(look().await.expect("head").content_length(), Some(1000));
    });
}

#[test]
fn connections_are_reset_or_speak_no_http() {
    let (_folder, running, client) = server(&["PutObject#1:reset", "PutObject#2:garbage"]);
    let (said, ended) = raw(&running, "PUT /bkt/r");
    let error = ended.expect_err("a reset");
    assert_eq!(
        (said.as_str(), error.kind()),
        ("", std::io::ErrorKind::ConnectionReset)
    );
    let (said, _) = raw(&running, "PUT /bkt/r");
    assert!(!said.is_empty() && !said.contains("HTTP"), "{said}");
    assert!(
        wait_for(get(&client, "r")).is_err(),
        "a broken put was done"
    );
    let log = running.log();
    assert!(
        log[0].ends_with(" - fault=reset") && log[1].ends_with(" - fault=garbage"),
        "{log:?}"
    );
}

#[test]
fn pages_are_small() {
    let folder = scratch::folder();
    let options = Options {
        page: Some(2),
        ..Options::new(folder.path())
    };
    let running = serve::start(options).expect("start the server");
    let client = Server::of_tests("s3serve", &running.url).client();
    wait_for(async {
        client
            .create_bucket()
            .bucket("bkt")
            .send()
            .await
            .expect("make a bucket");
        for key in ["1", "2", "3"] {
            put(&client, key, true).await.expect("put");
        }
        let page = client.list_objects_v2().bucket("bkt").send().await;
        let page = page.expect("list");
        assert_eq!(
            (page.contents().len(), page.is_truncated()),
            (2, Some(true))
        );
    });
}

#[test]
fn conditions_are_overlooked() {
    let (_folder, _running, client) = server(&["PutObject#1:blind"]);
    wait_for(async {
        put(&client, "a", true).await.expect("an overwrite");
        assert_eq!(get(&client, "a").await.expect("get"), b"new");
        assert!(
            put(&client, "a", true)
                .await
                .is_err_and(|why| why.contains("412"))
        );
    });
}

#[test]
fn a_key_that_may_only_write() {
    let (_folder, _running, client) = server(&["reading:deny", "deleting:deny"]);
    wait_for(async {
        put(&client, "new", true).await.expect("put");
        get(&client, "new").await.expect_err("get was allowed");
        client
            .head_object()
            .bucket("bkt")
            .key("a")
            .send()
            .await
            .refused("head", 403, &[])
            .expect("a refusal");
        let list = client.list_objects_v2().bucket("bkt").send().await;
        list.refused("list", 403, &["AccessDenied"])
            .expect("a refusal");
        let delete = client.delete_object().bucket("bkt").key("a").send().await;
        delete
            .refused("delete", 403, &["AccessDenied"])
            .expect("a refusal");
    });
}

#[test]
fn specs_that_make_no_sense_are_refused() {
    for spec in [
        "",
        "PutObject",
        ":slowdown",
        "PutObject#0:slowdown",
        "PutObject%101:deny",
        "PutObject:cut",
        "any:error=200,X",
        "any:html=99",
        "any:short=0",
        "any:redirect=",
        "any:retry",
        "any:what",
    ] {
        assert!(spec.parse::<Fault>().is_err(), "{spec}");
    }
    for spec in [
        "any:lost",
        "PutObject#3:cut=5",
        "UploadPart#2-:slowdown",
        "UploadPart#-2:slowdown",
        "GetObject/3:flip=0",
        "reading%5:deny",
        "any#2:temporary=http://127.0.0.1:9/?a=b",
    ] {
        assert!(spec.parse::<Fault>().is_ok(), "{spec}");
    }
}

#[test]
fn keys_that_may_only_write_are_held_to_it() {
    let folder = scratch::folder();
    let options = Options::new(folder.path())
        .writer("writer", false)
        .writer("creator", true);
    let running = serve::start(options).expect("start the server");
    let client = |id: &str| {
        Server {
            access_key: id.to_owned(),
            secret_key: format!("{id}secret"),
            ..Server::of_tests("s3serve", &running.url)
        }
        .client()
    };
    let (owner, writer, creator) = (client("test"), client("writer"), client("creator"));
    let denied = |answer: Result<(), String>| {
        let told = answer.err().unwrap_or_default();
        assert!(told.contains("403 AccessDenied"), "{told:?}");
    };
    wait_for(async {
        let made = owner.create_bucket().bucket("bkt").send().await;
        made.done("make a bucket").unwrap();

        put(&creator, "a", true).await.unwrap();
        denied(put(&creator, "b", false).await);
        put(&writer, "b", false).await.unwrap();
        put(&writer, "a", false).await.unwrap();
        for client in [&writer, &creator] {
            denied(get(client, "a").await.map(drop));
            let removed = client.delete_object().bucket("bkt").key("a").send().await;
            denied(removed.done("delete").map(drop));
            let listed = client.list_objects_v2().bucket("bkt").send().await;
            denied(listed.done("list").map(drop));
            let copied = client.copy_object().bucket("bkt").key("c");
            let copied = copied.copy_source("bkt/a").if_none_match("*").send().await;
            denied(copied.done("copy").map(drop));
        }
        assert_eq!(get(&owner, "a").await.unwrap(), b"new");
        assert!(get(&owner, "c").await.is_err());
    });
}
