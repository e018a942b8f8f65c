//! What an object carries besides its bytes: metadata, tags, storage class, ACL.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{ObjectCannedAcl, Permission, StorageClass, Tag, Tagging};

use super::Outcome;
use super::answers::{Answer, demand, same, same_bytes};
use super::store::Room;
use super::upload::Upload;

pub async fn user_metadata(room: Room) -> Outcome {
    let long = "v".repeat(1500);
    let wanted: BTreeMap<String, String> = [
        ("token", "0123456789abcdef"),
        ("two-words", "a  b, c"),
        ("long", &long),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .body(b"x".to_vec().into());
    put.set_metadata(Some(wanted.clone().into_iter().collect()))
        .send()
        .await
        .done("put")?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("head")?;
    let told: BTreeMap<String, String> = head
        .metadata()
        .cloned()
        .unwrap_or_default()
        .into_iter()
        .collect();
    same("metadata", told, wanted)
}

pub async fn system_metadata(room: Room) -> Outcome {
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .body(b"x".to_vec().into());
    let put = put
        .content_type("application/x-tar")
        .cache_control("no-store")
        .content_encoding("zstd");
    let put = put
        .content_disposition("attachment; filename=\"a.tar\"")
        .content_language("en");
    put.send().await.done("put")?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("head")?;
    same(
        "Content-Type",
        head.content_type(),
        Some("application/x-tar"),
    )?;
    same("Cache-Control", head.cache_control(), Some("no-store"))?;
    same("Content-Encoding", head.content_encoding(), Some("zstd"))?;
    same(
        "Content-Disposition",
        head.content_disposition(),
        Some("attachment; filename=\"a.tar\""),
    )?;
    same("Content-Language", head.content_language(), Some("en"))
}

pub async fn content_type_by_default(room: Room) -> Outcome {
    room.put("a", "x").await?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("head")?;
    let told = head.content_type();
    demand!(
        matches!(
            told,
            None | Some("binary/octet-stream" | "application/octet-stream")
        ),
        "the content type is {told:?}"
    );
    Ok(())
}

async fn tags(room: &Room) -> Result<Vec<(String, String)>, String> {
    let ask = room
        .client
        .get_object_tagging()
        .bucket(&room.bucket)
        .key(room.key("a"));
    let told = ask.send().await.done("ask for tags")?;
    let mut tags: Vec<_> = told
        .tag_set()
        .iter()
        .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
        .collect();
    tags.sort();
    Ok(tags)
}

pub async fn tags_from_put(room: Room) -> Outcome {
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .body(b"x".to_vec().into());
    put.tagging("kind=full&note=two%20words")
        .send()
        .await
        .done("put")?;
    let wanted = [("kind", "full"), ("note", "two words")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    same("tags", tags(&room).await?, wanted.to_vec())
}

pub async fn tags_from_upload(room: Room) -> Outcome {
    let upload = Upload::start_with(&room, "a", |create| create.tagging("kind=parts")).await?;
    let part = upload.part(1, "x").await?;
    upload.finish([part]).await?;
    same(
        "tags",
        tags(&room).await?,
        vec![("kind".to_owned(), "parts".to_owned())],
    )
}

pub async fn tags_replaced_and_deleted(room: Room) -> Outcome {
    let etag = room.put("a", "x").await?;
    same("tags at first", tags(&room).await?, Vec::new())?;
    let tag = Tag::builder()
        .key("keep")
        .value("yes")
        .build()
        .map_err(|error| error.to_string())?;
    let set = Tagging::builder()
        .tag_set(tag)
        .build()
        .map_err(|error| error.to_string())?;
    let put = room
        .client
        .put_object_tagging()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .tagging(set);
    put.send().await.done("put tags")?;
    same(
        "tags",
        tags(&room).await?,
        vec![("keep".to_owned(), "yes".to_owned())],
    )?;
    let delete = room
        .client
        .delete_object_tagging()
        .bucket(&room.bucket)
        .key(room.key("a"));
    delete.send().await.done("delete tags")?;
    same("tags in the end", tags(&room).await?, Vec::new())?;
    let get = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .if_match(etag)
        .send()
        .await;
    get.done("head of the same version")?;
    same_bytes("get", &room.get("a").await?, b"x")
}

const CLASSES: [StorageClass; 7] = [
    StorageClass::ReducedRedundancy,
    StorageClass::StandardIa,
    StorageClass::OnezoneIa,
    StorageClass::IntelligentTiering,
    StorageClass::GlacierIr,
    StorageClass::Glacier,
    StorageClass::DeepArchive,
];

pub async fn storage_classes_kept(room: Room) -> Outcome {
    for class in CLASSES {
        let put = room
            .client
            .put_object()
            .bucket(&room.bucket)
            .key(room.key(class.as_str()))
            .body(b"x".to_vec().into());
        put.storage_class(class.clone())
            .send()
            .await
            .done(class.as_str())?;
        same(
            "class by HEAD",
            class_of(&room, class.as_str()).await?,
            Some(class),
        )?;
    }
    let list = room
        .client
        .list_objects_v2()
        .bucket(&room.bucket)
        .prefix(room.key(""))
        .send()
        .await
        .done("list")?;
    same("objects listed", list.contents().len(), CLASSES.len())?;
    for entry in list.contents() {
        let class = entry.storage_class().map_or("none", |class| class.as_str());
        let key = entry.key().unwrap_or_default();
        demand!(
            key == room.key(class),
            "{key} is listed with the class {class}"
        );
    }
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("plain"))
        .body(b"x".to_vec().into());
    put.storage_class(StorageClass::Standard)
        .send()
        .await
        .done("STANDARD")?;
    // HEAD keeps silent about the ordinary class.
    let class = class_of(&room, "plain").await?;
    demand!(
        matches!(class, None | Some(StorageClass::Standard)),
        "the class is {class:?}"
    );
    Ok(())
}

pub async fn storage_class_of_upload(room: Room) -> Outcome {
    let upload = Upload::start_with(&room, "a", |create| {
        create.storage_class(StorageClass::StandardIa)
    })
    .await?;
    let part = upload.part(1, "x").await?;
    upload.finish([part]).await?;
    same(
        "class",
        class_of(&room, "a").await?,
        Some(StorageClass::StandardIa),
    )
}

async fn class_of(room: &Room, name: &str) -> Result<Option<StorageClass>, String> {
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key(name))
        .send()
        .await
        .done("head")?;
    Ok(head.storage_class().cloned())
}

pub async fn unknown_storage_class_refused(room: Room) -> Outcome {
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .body(b"x".to_vec().into());
    let put = put.storage_class(StorageClass::from("LUKEWARM"));
    put.send()
        .await
        .refused("put", 400, &["InvalidStorageClass"])?;
    demand!(!room.has("a").await?, "an object appeared");
    Ok(())
}

/// The permissions in an ACL, with the groups that have them.
async fn grants(room: &Room) -> Result<Vec<(Option<Permission>, String)>, String> {
    let ask = room
        .client
        .get_object_acl()
        .bucket(&room.bucket)
        .key(room.key("a"));
    let told = ask.send().await.done("ask for the ACL")?;
    demand!(
        told.owner().is_some_and(|owner| owner.id().is_some()),
        "the ACL names no owner"
    );
    let group = |grant: &aws_sdk_s3::types::Grant| {
        let uri = grant
            .grantee()
            .and_then(|grantee| grantee.uri())
            .unwrap_or_default();
        (
            grant.permission().cloned(),
            uri.rsplit('/').next().unwrap_or_default().to_owned(),
        )
    };
    let mut grants: Vec<_> = told.grants().iter().map(group).collect();
    grants.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(grants)
}

pub async fn acl_by_default(room: Room) -> Outcome {
    room.put("a", "x").await?;
    same(
        "grants",
        grants(&room).await?,
        vec![(Some(Permission::FullControl), String::new())],
    )
}

pub async fn acl_canned(room: Room) -> Outcome {
    room.put("a", "x").await?;
    let put = |acl| {
        room.client
            .put_object_acl()
            .bucket(&room.bucket)
            .key(room.key("a"))
            .acl(acl)
            .send()
    };
    put(ObjectCannedAcl::PublicRead)
        .await
        .done("put public-read")?;
    let owner = (Some(Permission::FullControl), String::new());
    let public = (Some(Permission::Read), "AllUsers".to_owned());
    same("grants", grants(&room).await?, vec![owner.clone(), public])?;
    put(ObjectCannedAcl::Private).await.done("put private")?;
    same("grants", grants(&room).await?, vec![owner])?;
    let none = room
        .client
        .get_object_acl()
        .bucket(&room.bucket)
        .key(room.key("none"))
        .send()
        .await;
    none.refused("ACL of a missing object", 404, &["NoSuchKey"])
}
