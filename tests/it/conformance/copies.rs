//! CopyObject.

use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::types::{MetadataDirective, StorageClass};

use super::Outcome;
use super::answers::{Answer, demand, pattern, same, same_bytes};
use super::store::Room;

/// A request to copy `from` to `to`.
fn copy(room: &Room, from: &str, to: &str) -> CopyObjectFluentBuilder {
    let source: String = room.key(from).bytes().map(encoded).collect();
    let copy = room
        .client
        .copy_object()
        .bucket(&room.bucket)
        .key(room.key(to));
    copy.copy_source(format!("{}/{source}", room.bucket))
}

/// The source of a copy is a URL path.
fn encoded(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    }
}

async fn source(room: &Room) -> Result<Vec<u8>, String> {
    let bytes = pattern(1, 200_000);
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("from"))
        .body(bytes.clone().into());
    put.metadata("token", "old")
        .content_type("application/x-tar")
        .send()
        .await
        .done("put")?;
    Ok(bytes)
}

async fn metadata(room: &Room, name: &str) -> Result<(Option<String>, Option<String>), String> {
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key(name))
        .send()
        .await
        .done("head")?;
    let token = head.metadata().and_then(|all| all.get("token")).cloned();
    Ok((token, head.content_type().map(str::to_owned)))
}

pub async fn copy_keeps_metadata(room: Room) -> Outcome {
    let bytes = source(&room).await?;
    let copied = copy(&room, "from", "to").send().await.done("copy")?;
    demand!(
        copied
            .copy_object_result()
            .is_some_and(|result| result.e_tag().is_some()),
        "the reply has no ETag"
    );
    same_bytes("the copy", &room.get("to").await?, &bytes)?;
    same(
        "metadata",
        metadata(&room, "to").await?,
        (Some("old".to_owned()), Some("application/x-tar".to_owned())),
    )?;
    same_bytes("the source", &room.get("from").await?, &bytes)
}

pub async fn copy_replaces_metadata(room: Room) -> Outcome {
    let bytes = source(&room).await?;
    for to in ["to", "from"] {
        let copy = copy(&room, "from", to).metadata_directive(MetadataDirective::Replace);
        copy.metadata("token", "new")
            .content_type("text/plain")
            .send()
            .await
            .done("copy")?;
        same_bytes("the copy", &room.get(to).await?, &bytes)?;
        same(
            "metadata",
            metadata(&room, to).await?,
            (Some("new".to_owned()), Some("text/plain".to_owned())),
        )?;
    }
    Ok(())
}

pub async fn copy_onto_itself_refused(room: Room) -> Outcome {
    let bytes = source(&room).await?;
    copy(&room, "from", "from").send().await.refused(
        "copy onto itself",
        400,
        &["InvalidRequest"],
    )?;
    same_bytes("the object", &room.get("from").await?, &bytes)
}

pub async fn copy_changes_class(room: Room) -> Outcome {
    let bytes = source(&room).await?;
    copy(&room, "from", "from")
        .storage_class(StorageClass::StandardIa)
        .send()
        .await
        .done("copy to another class")?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("from"))
        .send()
        .await
        .done("head")?;
    same(
        "class",
        head.storage_class(),
        Some(&StorageClass::StandardIa),
    )?;
    same_bytes("the object", &room.get("from").await?, &bytes)
}

pub async fn copy_of_nothing(room: Room) -> Outcome {
    copy(&room, "none", "to")
        .send()
        .await
        .refused("copy", 404, &["NoSuchKey"])?;
    demand!(!room.has("to").await?, "an object appeared");
    Ok(())
}

pub async fn copy_of_odd_key(room: Room) -> Outcome {
    for key in ["a b+c%41", "caf\u{e9}/?#&", "//x/../y"] {
        room.put(key, key).await?;
        copy(&room, key, "to").send().await.done("copy")?;
        same_bytes("the copy", &room.get("to").await?, key.as_bytes())?;
    }
    Ok(())
}
