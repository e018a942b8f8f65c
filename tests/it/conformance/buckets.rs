//! Buckets, and deleting many objects at once.

use aws_sdk_s3::operation::delete_objects::builders::DeleteObjectsFluentBuilder;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::Outcome;
use super::answers::{Answer, demand, same, same_bytes};
use super::store::Room;

pub async fn bucket_life(room: Room) -> Outcome {
    let name = format!("{}-x", room.bucket);
    let head = || room.client.head_bucket().bucket(&name).send();
    head().await.refused("head of a bucket to come", 404, &[])?;
    room.client
        .create_bucket()
        .bucket(&name)
        .send()
        .await
        .done("make a bucket")?;
    head().await.done("head of a bucket")?;
    let listed = async {
        let list = room
            .client
            .list_buckets()
            .send()
            .await
            .done("list buckets")?;
        Ok::<bool, String>(
            list.buckets()
                .iter()
                .any(|bucket| bucket.name() == Some(&name)),
        )
    };
    demand!(listed.await?, "the bucket is not listed");
    room.client
        .delete_bucket()
        .bucket(&name)
        .send()
        .await
        .done("delete a bucket")?;
    head()
        .await
        .refused("head of a bucket that went", 404, &[])?;
    room.client
        .delete_bucket()
        .bucket(&name)
        .send()
        .await
        .refused("delete it again", 404, &["NoSuchBucket"])
}

/// The owner may ask twice, and is told so or not; what is in the bucket stays.
pub async fn bucket_made_twice(room: Room) -> Outcome {
    room.put("a", "x").await?;
    let again = room
        .client
        .create_bucket()
        .bucket(&room.bucket)
        .send()
        .await;
    if again.is_err() {
        again.refused("make the bucket again", 409, &["BucketAlreadyOwnedByYou"])?;
    }
    same_bytes("get", &room.get("a").await?, b"x")
}

pub async fn full_bucket_not_deleted(room: Room) -> Outcome {
    room.put("a/b", "x").await?;
    let delete = room
        .client
        .delete_bucket()
        .bucket(&room.bucket)
        .send()
        .await;
    delete.refused("delete a bucket that isn't empty", 409, &["BucketNotEmpty"])?;
    same_bytes("get", &room.get("a/b").await?, b"x")?;
    room.client
        .delete_object()
        .bucket(&room.bucket)
        .key(room.key("a/b"))
        .send()
        .await
        .done("delete the object")?;
    room.client
        .delete_bucket()
        .bucket(&room.bucket)
        .send()
        .await
        .done("delete the bucket")
        .map(drop)
}

fn delete(room: &Room, names: &[&str], quiet: bool) -> DeleteObjectsFluentBuilder {
    let name = |name: &&str| {
        ObjectIdentifier::builder()
            .key(room.key(name))
            .build()
            .expect("a key")
    };
    let names = names.iter().map(name).collect();
    let delete = Delete::builder()
        .set_objects(Some(names))
        .quiet(quiet)
        .build()
        .expect("some keys");
    room.client
        .delete_objects()
        .bucket(&room.bucket)
        .delete(delete)
}

/// A name that isn't there counts as deleted.
pub async fn delete_many(room: Room) -> Outcome {
    for name in ["a", "a/b", "odd key&<>", "stays"] {
        room.put(name, "x").await?;
    }
    let deleted = delete(&room, &["a", "a/b", "odd key&<>", "none"], false)
        .send()
        .await
        .done("delete")?;
    same("errors", deleted.errors().len(), 0)?;
    let mut told: Vec<&str> = deleted
        .deleted()
        .iter()
        .filter_map(|entry| entry.key())
        .collect();
    told.sort_unstable();
    same(
        "deleted",
        told,
        ["a", "a/b", "none", "odd key&<>"].map(|name| room.key(name)),
    )?;
    for name in ["a", "a/b", "odd key&<>"] {
        demand!(!room.has(name).await?, "{name} is still there");
    }
    same_bytes("what stays", &room.get("stays").await?, b"x")
}

pub async fn delete_many_quiet(room: Room) -> Outcome {
    room.put("a", "x").await?;
    let deleted = delete(&room, &["a", "none"], true)
        .send()
        .await
        .done("delete")?;
    same(
        "entries in a quiet answer",
        deleted.deleted().len() + deleted.errors().len(),
        0,
    )?;
    demand!(!room.has("a").await?, "still there");
    Ok(())
}

pub async fn delete_more_than_1000_refused(room: Room) -> Outcome {
    room.put("0", "x").await?;
    let names: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    delete(&room, &names, false)
        .send()
        .await
        .refused("delete 1001", 400, &["MalformedXML"])?;
    same_bytes("get", &room.get("0").await?, b"x")?;
    delete(&room, &names[..1000], false)
        .send()
        .await
        .done("delete 1000")?;
    demand!(!room.has("0").await?, "still there");
    Ok(())
}
