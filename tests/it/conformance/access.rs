//! Signatures.

use super::Outcome;
use super::answers::Answer;
use super::store::Room;

pub async fn wrong_secret_refused(room: Room) -> Outcome {
    room.put("a", "x").await?;
    let access_key = room.store.access_key();
    let stranger = room.store.client_with_keys(&access_key, "not-the-secret");
    let get = stranger
        .get_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await;
    get.refused("get with a wrong secret", 403, &["SignatureDoesNotMatch"])?;
    let put = stranger
        .put_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .body(b"y".to_vec().into())
        .send()
        .await;
    put.refused("put with a wrong secret", 403, &["SignatureDoesNotMatch"])
}

pub async fn unknown_access_key_refused(room: Room) -> Outcome {
    room.put("a", "x").await?;
    let stranger = room.store.client_with_keys("nobody", "not-the-secret");
    let get = stranger
        .get_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await;
    get.refused("get with an unknown key", 403, &["InvalidAccessKeyId"])
}
