//! Connections that end in the middle.

use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::Outcome;
use super::answers::{Answer, body, demand, pattern, same, same_bytes};
use super::store::Room;
use super::upload::{MIN_PART, Upload};

/// A body that promises `length` bytes and breaks after `pieces` pieces of 64 KiB.
struct Broken {
    length: u64,
    pieces: usize,
}

impl Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(left) = self.pieces.checked_sub(1) else {
            return Poll::Ready(Some(Err(std::io::Error::other("the sender broke off"))));
        };
        self.pieces = left;
        Poll::Ready(Some(Ok(Frame::data(vec![7; 65536].into()))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// A body of 1 MiB that is cut in its middle.
fn broken() -> ByteStream {
    ByteStream::new(SdkBody::from_body_1_x(Broken {
        length: 1 << 20,
        pieces: 8,
    }))
}

pub async fn cut_put_leaves_nothing(room: Room) -> Outcome {
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("a"));
    let put = put.content_length(1 << 20).body(broken()).send().await;
    demand!(put.is_err(), "half a body was accepted");
    demand!(!room.has("a").await?, "an object appeared");
    let list = room
        .client
        .list_objects_v2()
        .bucket(&room.bucket)
        .prefix(room.key(""))
        .send()
        .await
        .done("list")?;
    same("objects listed", list.contents().len(), 0)
}

pub async fn cut_put_leaves_old_object(room: Room) -> Outcome {
    let etag = room.put("a", "old").await?;
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("a"));
    let put = put.content_length(1 << 20).body(broken()).send().await;
    demand!(put.is_err(), "half a body was accepted");
    same_bytes("get", &room.get("a").await?, b"old")?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .if_match(etag)
        .send()
        .await;
    head.done("head of the old version").map(drop)
}

pub async fn cut_part_leaves_no_part(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let first = upload.part(1, pattern(1, MIN_PART)).await?;
    let second = upload
        .request(2, "")
        .content_length(1 << 20)
        .body(broken())
        .send()
        .await;
    demand!(second.is_err(), "half a part was accepted");
    let list = room
        .client
        .list_parts()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .upload_id(&upload.id);
    same(
        "parts listed",
        list.send().await.done("list parts")?.parts().len(),
        1,
    )?;
    let second = upload.part(2, "tail").await?;
    upload.finish([first, second]).await?;
    let mut whole = pattern(1, MIN_PART);
    whole.extend_from_slice(b"tail");
    same_bytes("get", &room.get("a").await?, &whole)
}

/// A reader that loses interest costs the store nothing: the next one is served.
pub async fn get_abandoned_midway(room: Room) -> Outcome {
    let bytes = pattern(4, 3 << 20);
    room.put("a", bytes.clone()).await?;
    for _ in 0..8 {
        let got = room
            .client
            .get_object()
            .bucket(&room.bucket)
            .key(room.key("a"))
            .send()
            .await
            .done("get")?;
        let mut stream = got.body;
        stream
            .next()
            .await
            .ok_or("no first piece")?
            .map_err(|error| format!("first piece: {error}"))?;
    }
    let got = room
        .client
        .get_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("get")?;
    same_bytes("get", &body(got.body).await?, &bytes)
}
