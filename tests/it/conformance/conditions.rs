//! Writing on condition. Races for a condition are in `race`.

use super::Outcome;
use super::answers::{Answer, bare, demand, same_bytes};
use super::store::Room;
use super::upload::Upload;

const LOST: &[&str] = &["PreconditionFailed"];

pub async fn put_if_none_match(room: Room) -> Outcome {
    let put = |body: &str| {
        let put = room
            .client
            .put_object()
            .bucket(&room.bucket)
            .key(room.key("a"))
            .if_none_match("*");
        put.body(body.as_bytes().to_vec().into()).send()
    };
    put("first").await.done("create")?;
    put("second")
        .await
        .refused("create what exists", 412, LOST)?;
    same_bytes("get", &room.get("a").await?, b"first")
}

pub async fn put_if_none_match_after_delete(room: Room) -> Outcome {
    room.put("a", "old").await?;
    room.client
        .delete_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("delete")?;
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .if_none_match("*");
    put.body(b"new".to_vec().into())
        .send()
        .await
        .done("create what was deleted")?;
    same_bytes("get", &room.get("a").await?, b"new")
}

pub async fn put_if_match(room: Room) -> Outcome {
    let first = room.put("a", "first").await?;
    replace(&room, &first).await
}

/// With the ETag as `s3api` users type it.
pub async fn put_if_match_unquoted(room: Room) -> Outcome {
    let first = room.put("a", "first").await?;
    replace(&room, bare(Some(&first))).await
}

async fn replace(room: &Room, etag: &str) -> Outcome {
    let put = |body: &str| {
        let put = room
            .client
            .put_object()
            .bucket(&room.bucket)
            .key(room.key("a"))
            .if_match(etag);
        put.body(body.as_bytes().to_vec().into()).send()
    };
    put("second").await.done("replace this version")?;
    put("third")
        .await
        .refused("replace a version that is gone", 412, LOST)?;
    same_bytes("get", &room.get("a").await?, b"second")
}

pub async fn put_if_match_of_nothing(room: Room) -> Outcome {
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("a"));
    let put = put
        .if_match("\"00000000000000000000000000000000\"")
        .body(b"x".to_vec().into());
    put.send()
        .await
        .refused("replace what isn't there", 404, &["NoSuchKey"])?;
    demand!(!room.has("a").await?, "an object appeared");
    Ok(())
}

pub async fn complete_if_none_match(room: Room) -> Outcome {
    let upload = Upload::start(&room, "a").await?;
    let part = upload.part(1, "first").await?;
    upload
        .complete([part])
        .if_none_match("*")
        .send()
        .await
        .done("create")?;
    let upload = Upload::start(&room, "a").await?;
    let part = upload.part(1, "second").await?;
    upload
        .complete([part.clone()])
        .if_none_match("*")
        .send()
        .await
        .refused("create what exists", 412, LOST)?;
    same_bytes("get", &room.get("a").await?, b"first")?;
    // The upload is still there, for whoever wants it without the condition.
    upload.finish([part]).await?;
    same_bytes("get", &room.get("a").await?, b"second")
}

pub async fn complete_if_match(room: Room) -> Outcome {
    let first = room.put("a", "first").await?;
    let upload = Upload::start(&room, "a").await?;
    let part = upload.part(1, "second").await?;
    upload
        .complete([part])
        .if_match(&first)
        .send()
        .await
        .done("replace this version")?;
    let upload = Upload::start(&room, "a").await?;
    let part = upload.part(1, "third").await?;
    upload
        .complete([part])
        .if_match(&first)
        .send()
        .await
        .refused("replace a version that is gone", 412, LOST)?;
    same_bytes("get", &room.get("a").await?, b"second")
}
