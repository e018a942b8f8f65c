//! The other side: what a process does that a test of `processes` starts.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sdk_s3::types::CompletedMultipartUpload;
use bytes::Bytes;
use http_body::{Body, Frame};
use tests::client::wait_for;

use super::version_of;
use crate::conformance::answers::{Answer, pattern};
use crate::conformance::store::Store;
use crate::conformance::upload::{MIN_PART, part as named_part};

/// Not a test: what the other processes do.
#[test]
#[ignore = "it is the other side of the tests in this module"]
fn act_as_told() {
    let Ok(role) = std::env::var("S3PIPES_ACTOR") else {
        return;
    };
    let get = |name: &str| std::env::var(format!("S3PIPES_ACTOR_{name}")).expect("what to do");
    let stage = PathBuf::from(get("STAGE"));
    let client = Store::in_folder(&stage).client();
    wait_for(act(
        &role,
        &client,
        &stage,
        &get("BUCKET"),
        &get("KEY"),
        &get("NUMBER"),
    ));
}

async fn act(role: &str, client: &Client, stage: &Path, bucket: &str, key: &str, number: &str) {
    let put = client.put_object().bucket(bucket).key(key);
    let body = ByteStream::from(number.as_bytes().to_vec());
    match role {
        "put" => {
            let mut gate = report(stage);
            let result = put.if_none_match("*").body(body).send().await;
            tell(&mut gate, &verdict(result.done("put"), number));
        }
        "complete" => {
            let complete = uploaded(client, bucket, key, body).await.if_none_match("*");
            let mut gate = report(stage);
            tell(
                &mut gate,
                &verdict(complete.send().await.done("complete"), number),
            );
        }
        "part" => {
            let mut gate = report(stage);
            let bytes = pattern(1, MIN_PART);
            let part = client
                .upload_part()
                .bucket(bucket)
                .key(key)
                .upload_id(number)
                .part_number(1)
                .body(bytes.into());
            let etag = part
                .send()
                .await
                .expect("upload a part")
                .e_tag()
                .expect("an ETag")
                .to_owned();
            tell(&mut gate, &etag);
            wait_for_the_end(&mut gate);
        }
        "rewrite" => {
            let mut gate = report(stage);
            for version in 0.. {
                let put = client
                    .put_object()
                    .bucket(bucket)
                    .key(key)
                    .metadata("version", version.to_string())
                    .body(version_of(version).into());
                put.send().await.expect("put");
                tell(&mut gate, &version.to_string());
            }
        }
        "completions" => {
            // All parts are there before: from now on every instant is one of a completion, or between two.
            let mut uploads = Vec::new();
            for version in 0..number.parse().expect("a number") {
                let body = version_of(version).into();
                uploads.push(uploaded(client, bucket, &format!("{key}/{version}"), body).await);
            }
            let mut gate = report(stage);
            for (version, complete) in uploads.into_iter().enumerate() {
                complete.send().await.expect("complete");
                tell(&mut gate, &version.to_string());
            }
            wait_for_the_end(&mut gate);
        }
        "half" => {
            let body = Half {
                stage: stage.to_owned(),
                pieces: 8,
                gate: None,
            };
            let body = ByteStream::new(SdkBody::from_body_1_x(body));
            put.content_length(1 << 20)
                .body(body)
                .send()
                .await
                .expect("the other side kills us before");
        }
        other => panic!("nobody plays {other}"),
    }
}

/// Uploads a body of one part; what is left is to complete it.
async fn uploaded(
    client: &Client,
    bucket: &str,
    key: &str,
    body: ByteStream,
) -> CompleteMultipartUploadFluentBuilder {
    let start = client.create_multipart_upload().bucket(bucket).key(key);
    let start = start.send().await.expect("start an upload");
    let id = start.upload_id().expect("an id");
    let part = client.upload_part().bucket(bucket).key(key).upload_id(id);
    let part = part.part_number(1).body(body).send().await;
    let part = part.expect("upload a part");
    let parts = CompletedMultipartUpload::builder()
        .parts(named_part(1, part.e_tag().expect("an ETag")))
        .build();
    let complete = client.complete_multipart_upload().bucket(bucket).key(key);
    complete.upload_id(id).multipart_upload(parts)
}

/// Says that we are ready, and waits until we are told to go on.
fn report(stage: &Path) -> UnixStream {
    let mut gate = UnixStream::connect(stage.join("gate")).expect("reach the gate");
    gate.read_exact(&mut [0]).expect("be told to go on");
    gate
}

fn tell(gate: &mut UnixStream, line: &str) {
    gate.write_all(format!("{line}\n").as_bytes())
        .expect("tell");
}

fn wait_for_the_end(gate: &mut UnixStream) {
    let _ = gate.read(&mut [0]);
}

fn verdict<T>(result: Result<T, String>, number: &str) -> String {
    match result {
        Ok(_) => format!("won {number}"),
        // "put: 412 PreconditionFailed": without what was being done.
        Err(why) => format!("lost {}", why.split_once(": ").map_or("", |(_, why)| why)),
    }
}

/// A body that stops in its middle, and says so at the gate.
struct Half {
    stage: PathBuf,
    pieces: usize,
    gate: Option<UnixStream>,
}

impl Body for Half {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(left) = self.pieces.checked_sub(1) {
            self.pieces = left;
            return Poll::Ready(Some(Ok(Frame::data(vec![7; 65536].into()))));
        }
        if self.gate.is_none() {
            self.gate = Some(UnixStream::connect(self.stage.join("gate"))?);
        }
        Poll::Pending
    }
}
