//! Objects in an archive have to be restored before they can be read.

use aws_sdk_s3::types::{GlacierJobParameters, RestoreRequest, StorageClass, Tier};

use super::Outcome;
use super::answers::{Answer, body, demand, same, same_bytes};
use super::store::Room;

async fn put(room: &Room, name: &str, class: StorageClass) -> Outcome {
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key(room.key(name))
        .body(b"cold".to_vec().into());
    put.storage_class(class).send().await.done("put").map(drop)
}

pub async fn archived_get_refused(room: Room) -> Outcome {
    for class in [StorageClass::Glacier, StorageClass::DeepArchive] {
        put(&room, class.as_str(), class.clone()).await?;
        let get = room
            .client
            .get_object()
            .bucket(&room.bucket)
            .key(room.key(class.as_str()));
        get.send()
            .await
            .refused("get", 403, &["InvalidObjectState"])?;
        let copy = room
            .client
            .copy_object()
            .bucket(&room.bucket)
            .key(room.key("copy"));
        let copy = copy.copy_source(format!("{}/{}", room.bucket, room.key(class.as_str())));
        copy.send()
            .await
            .refused("copy", 403, &["InvalidObjectState"])?;
    }
    Ok(())
}

pub async fn archived_head_answers(room: Room) -> Outcome {
    put(&room, "a", StorageClass::Glacier).await?;
    let head = room
        .client
        .head_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("head")?;
    same("length", head.content_length(), Some(4))?;
    same("class", head.storage_class(), Some(&StorageClass::Glacier))?;
    same("Restore", head.restore(), None)
}

pub async fn archived_restored(room: Room) -> Outcome {
    put(&room, "a", StorageClass::Glacier).await?;
    let job = GlacierJobParameters::builder()
        .tier(Tier::Standard)
        .build()
        .map_err(|error| error.to_string())?;
    let request = RestoreRequest::builder()
        .days(2)
        .glacier_job_parameters(job)
        .build();
    let restore = room
        .client
        .restore_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .restore_request(request);
    restore.send().await.done("restore")?;
    // Some servers take a while. This many questions are patience enough for those in a test.
    for _ in 0..2000 {
        let head = room
            .client
            .head_object()
            .bucket(&room.bucket)
            .key(room.key("a"))
            .send()
            .await
            .done("head")?;
        let told = head
            .restore()
            .ok_or("HEAD says nothing of the restore")?
            .to_owned();
        if told.contains("ongoing-request=\"false\"") {
            demand!(told.contains("expiry-date="), "no expiry date in {told}");
            let got = room
                .client
                .get_object()
                .bucket(&room.bucket)
                .key(room.key("a"))
                .send()
                .await
                .done("get")?;
            same("class", got.storage_class(), Some(&StorageClass::Glacier))?;
            return same_bytes("get", &body(got.body).await?, b"cold");
        }
        demand!(
            told.contains("ongoing-request=\"true\""),
            "Restore is {told}"
        );
    }
    Err("the restore never ended".to_owned())
}

pub async fn instant_archive_is_readable(room: Room) -> Outcome {
    put(&room, "a", StorageClass::GlacierIr).await?;
    same_bytes("get", &room.get("a").await?, b"cold")?;
    let request = RestoreRequest::builder().days(1).build();
    let restore = room
        .client
        .restore_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .restore_request(request);
    restore.send().await.refused(
        "restore of what isn't archived",
        403,
        &["InvalidObjectState"],
    )
}
