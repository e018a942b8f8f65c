//! Any text of up to 1,024 bytes is a key, and no two texts are the same key.

use aws_sdk_s3::types::EncodingType;

use super::Outcome;
use super::answers::{Answer, body, demand, same, same_bytes};
use super::store::Room;

/// Keys that file systems, URLs, XML and shells take for something else.
pub fn odd_keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "plain",
        "with space",
        " leading space",
        "trailing space ",
        "a",
        "a/b",
        "a/b/",
        "a//b",
        "a/",
        "a///",
        "/lead",
        "//lead",
        "/",
        "tail/",
        ".",
        "..",
        "./x",
        "../x",
        "x/.",
        "x/..",
        "x/../y",
        "x/./y",
        ".hidden",
        "host:fs/var:0:2024-01-01",
        "a%41",
        "aA",
        "a+b",
        "a b",
        "a%20b",
        "a&b=c?d#e",
        "quote'",
        "quote\"",
        "back\\slash",
        "<xml>&amp;",
        "new\nline",
        "return\r",
        "tab\t",
        "control\u{1}",
        "delete\u{7f}",
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{1f600}",
        "\u{fffd}",
        "*?[a-z]",
        "$HOME `id` ;|",
        "-rf",
        "~",
        "CON",
        ".s3pipes",
        ".s3pipes/format",
        "tmp",
        "meta%o",
        "a%2Fb",
        "Case",
        "case",
    ]
    .map(str::to_owned)
    .into();
    keys.push("n".repeat(1024));
    keys.push(format!("{}/x", "s".repeat(255)));
    keys.push(format!("{}/x", "s".repeat(256)));
    keys.push("/".repeat(1024));
    keys.push("é".repeat(512));
    keys.push("%".repeat(1024));
    keys.push("d/".repeat(512));
    keys
}

pub async fn odd_keys_hold_their_own(room: Room) -> Outcome {
    let keys = odd_keys();
    for (number, key) in keys.iter().enumerate() {
        let put = room
            .client
            .put_object()
            .bucket(&room.bucket)
            .key(key)
            .metadata("number", number.to_string());
        put.body(format!("{number}:{key}").into_bytes().into())
            .send()
            .await
            .done(&short("put", key))?;
    }
    for (number, key) in keys.iter().enumerate() {
        let got = room
            .client
            .get_object()
            .bucket(&room.bucket)
            .key(key)
            .send()
            .await
            .done(&short("get", key))?;
        let told = got.metadata().and_then(|all| all.get("number")).cloned();
        same(&short("metadata of", key), told, Some(number.to_string()))?;
        same_bytes(
            &short("content of", key),
            &body(got.body).await?,
            format!("{number}:{key}").as_bytes(),
        )?;
    }
    // Each goes alone.
    for (number, key) in keys.iter().enumerate() {
        let delete = room
            .client
            .delete_object()
            .bucket(&room.bucket)
            .key(key)
            .send()
            .await;
        delete.done(&short("delete", key))?;
        if let Some(next) = keys.get(number + 1) {
            let head = room
                .client
                .head_object()
                .bucket(&room.bucket)
                .key(next)
                .send()
                .await;
            head.done(&format!(
                "{}, still there after its neighbour went",
                short("head", next)
            ))?;
        }
    }
    let list = room
        .client
        .list_objects_v2()
        .bucket(&room.bucket)
        .encoding_type(EncodingType::Url)
        .send()
        .await;
    same("keys left", list.done("list")?.contents().len(), 0)
}

pub async fn odd_keys_listed_as_written(room: Room) -> Outcome {
    let mut wanted = odd_keys();
    for key in &wanted {
        let put = room
            .client
            .put_object()
            .bucket(&room.bucket)
            .key(key)
            .body(b"x".to_vec().into());
        put.send().await.done(&short("put", key))?;
    }
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        // XML has no way to write some of them, so they are asked for in another spelling.
        let list = room
            .client
            .list_objects_v2()
            .bucket(&room.bucket)
            .encoding_type(EncodingType::Url)
            .max_keys(7);
        let page = list
            .set_continuation_token(token)
            .send()
            .await
            .done("list")?;
        seen.extend(
            page.contents()
                .iter()
                .filter_map(|object| object.key())
                .map(decoded),
        );
        demand!(seen.len() <= wanted.len(), "the pages repeat themselves");
        if page.is_truncated() != Some(true) {
            break;
        }
        token = page.next_continuation_token().map(str::to_owned);
    }
    wanted.sort_unstable();
    for key in &wanted {
        demand!(seen.contains(key), "{} is missing", short("list", key));
    }
    for key in &seen {
        demand!(
            wanted.contains(key),
            "{} was never stored",
            short("list", key)
        );
    }
    same("keys in order", seen, wanted)
}

pub async fn key_of_1025_bytes_refused(room: Room) -> Outcome {
    let put = room
        .client
        .put_object()
        .bucket(&room.bucket)
        .key("n".repeat(1025))
        .body(b"x".to_vec().into());
    put.send().await.refused("put", 400, &["KeyTooLongError"])
}

/// However a key climbs, it stays where it was put.
pub async fn keys_stay_in_their_bucket(room: Room) -> Outcome {
    let other = room.store.room("other").await?;
    for key in ["../x", "../../x", "/etc/x", "a/../../x"]
        .map(str::to_owned)
        .into_iter()
        .chain([
            format!("../{}/x", other.bucket),
            format!("/{}/x", other.bucket),
        ])
    {
        let put = room
            .client
            .put_object()
            .bucket(&room.bucket)
            .key(&key)
            .body(b"x".to_vec().into());
        put.send().await.done(&short("put", &key))?;
    }
    let list = room
        .client
        .list_objects_v2()
        .bucket(&other.bucket)
        .send()
        .await
        .done("list the other bucket")?;
    same("keys in the other bucket", list.contents().len(), 0)?;
    let list = room
        .client
        .list_objects_v2()
        .bucket(&room.bucket)
        .send()
        .await
        .done("list")?;
    same("keys in the bucket", list.contents().len(), 6)?;
    other.clear().await;
    if let Some(folder) = room.store.folder() {
        demand!(
            !folder.join("x").exists(),
            "a file appeared beside the bucket"
        );
    }
    Ok(())
}

/// A key in a message: some of them are long, and some move the cursor.
fn short(doing: &str, key: &str) -> String {
    let shown: String = key.escape_debug().take(40).collect();
    format!("{doing} '{shown}'")
}

/// A key out of a listing with `encoding-type=url`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = (first == b'%').then(|| tail.get(..2)).flatten();
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        rest = if byte.is_some() { &tail[2..] } else { tail };
        bytes.push(byte.unwrap_or(if first == b'+' { b' ' } else { first }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
