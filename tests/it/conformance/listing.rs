//! ListObjectsV2: order, pages, prefixes, delimiters, and what an entry says.

use std::collections::HashSet;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use futures_util::StreamExt;

use super::Outcome;
use super::answers::{Answer, bare, demand, same};
use super::store::Room;

/// Puts an object of one byte under each name, sixteen at a time.
async fn fill(room: &Room, names: &[String]) -> Outcome {
    let puts = futures_util::stream::iter(names.iter().map(|name| room.put(name, "x")));
    let results: Vec<Result<String, String>> = puts.buffer_unordered(16).collect().await;
    results.into_iter().collect::<Result<Vec<_>, _>>().map(drop)
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn keys(page: &ListObjectsV2Output) -> Vec<String> {
    page.contents()
        .iter()
        .filter_map(|object| object.key())
        .map(str::to_owned)
        .collect()
}

fn folders(page: &ListObjectsV2Output) -> Vec<String> {
    page.common_prefixes()
        .iter()
        .filter_map(|common| common.prefix())
        .map(str::to_owned)
        .collect()
}

pub async fn pages_of_2500_keys_in_byte_order(room: Room) -> Outcome {
    // Folders, names that are beginnings of others, and characters on both sides of the slash.
    let shape = |n: usize| match n % 5 {
        0 => format!("d/{n:04}"),
        1 => format!("d-{n:04}"),
        2 => format!("d0{n:04}"),
        3 => format!("D/{}/{n}", n % 7),
        _ => format!("{n}"),
    };
    let mut names: Vec<String> = (0..2500).map(shape).collect();
    fill(&room, &names).await?;
    names.sort_unstable();
    let mut seen = Vec::new();
    let mut pages = Vec::new();
    let mut token = None;
    loop {
        let list = room
            .client
            .list_objects_v2()
            .bucket(&room.bucket)
            .set_continuation_token(token);
        let page = list.send().await.done("list")?;
        same(
            "KeyCount",
            page.key_count(),
            i32::try_from(page.contents().len()).ok(),
        )?;
        pages.push(page.contents().len());
        seen.extend(keys(&page));
        if page.is_truncated() != Some(true) {
            break;
        }
        demand!(pages.len() < 10, "no end of pages");
        token = page.next_continuation_token().map(str::to_owned);
        demand!(token.is_some(), "a page is truncated and has no token");
    }
    same("objects in each page", pages, [1000, 1000, 500])?;
    demand!(
        seen == names,
        "the keys are not in byte order, or not the ones that were stored"
    );
    Ok(())
}

pub async fn page_by_page(room: Room) -> Outcome {
    let names = owned(&["a", "a/", "a/b", "a/b/c", "a0", "b", "ü"]);
    fill(&room, &names).await?;
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        let list = room
            .client
            .list_objects_v2()
            .bucket(&room.bucket)
            .max_keys(1)
            .set_continuation_token(token);
        let page = list.send().await.done("list")?;
        demand!(
            page.contents().len() == 1,
            "a page of {} keys, not 1",
            page.contents().len()
        );
        seen.extend(keys(&page));
        demand!(seen.len() <= names.len(), "the pages repeat themselves");
        if page.is_truncated() != Some(true) {
            break;
        }
        token = page.next_continuation_token().map(str::to_owned);
    }
    same("keys", seen, names)
}

pub async fn prefix_and_start_after(room: Room) -> Outcome {
    let names = owned(&[
        "a",
        "host:fs:0:2024-01-01",
        "host:fs:1:2024-01-02",
        "host:fsx:0:2024-01-01",
        "hostess",
        "z",
    ]);
    fill(&room, &names).await?;
    for (prefix, after, wanted) in [
        ("host:", "", &names[1..4]),
        ("host:fs:", "", &names[1..3]),
        ("none", "", &[]),
        ("", "host:fs:0:2024-01-01", &names[2..]),
        ("", "host:fs:0", &names[1..]),
        ("host:", "host:fs:0:2024-01-01", &names[2..4]),
        ("host:", "z", &[]),
    ] {
        let list = room
            .client
            .list_objects_v2()
            .bucket(&room.bucket)
            .prefix(prefix)
            .start_after(after);
        let page = list.send().await.done("list")?;
        same(
            &format!("prefix '{prefix}', after '{after}'"),
            keys(&page),
            wanted,
        )?;
    }
    Ok(())
}

pub async fn delimiter(room: Room) -> Outcome {
    fill(
        &room,
        &owned(&["a", "a/1", "a/2", "a/b/3", "b/1", "c", "c-d/1"]),
    )
    .await?;
    for (prefix, wanted_keys, wanted_folders) in [
        ("", vec!["a", "c"], vec!["a/", "b/", "c-d/"]),
        ("a/", vec!["a/1", "a/2"], vec!["a/b/"]),
        ("a", vec!["a"], vec!["a/"]),
        ("b/", vec!["b/1"], vec![]),
    ] {
        let list = room
            .client
            .list_objects_v2()
            .bucket(&room.bucket)
            .prefix(prefix)
            .delimiter("/");
        let page = list.send().await.done("list")?;
        same(&format!("keys under '{prefix}'"), keys(&page), wanted_keys)?;
        same(
            &format!("folders under '{prefix}'"),
            folders(&page),
            wanted_folders,
        )?;
    }
    // A delimiter is any text.
    let list = room
        .client
        .list_objects_v2()
        .bucket(&room.bucket)
        .delimiter("-d")
        .send()
        .await
        .done("list")?;
    same("folders by another delimiter", folders(&list), ["c-d"])
}

pub async fn delimiter_paged(room: Room) -> Outcome {
    let names: Vec<String> = (0..30)
        .map(|n| format!("{}/{n:02}", n / 6))
        .chain(owned(&["2", "x"]))
        .collect();
    fill(&room, &names).await?;
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        let list = room
            .client
            .list_objects_v2()
            .bucket(&room.bucket)
            .delimiter("/")
            .max_keys(2);
        let page = list
            .set_continuation_token(token)
            .send()
            .await
            .done("list")?;
        let entries = page.contents().len() + page.common_prefixes().len();
        demand!(entries <= 2, "a page of {entries} entries, not 2");
        seen.extend(keys(&page));
        seen.extend(folders(&page));
        demand!(seen.len() <= 10, "the pages repeat themselves: {seen:?}");
        if page.is_truncated() != Some(true) {
            break;
        }
        token = page.next_continuation_token().map(str::to_owned);
    }
    seen.sort_unstable();
    same("entries", seen, ["0/", "1/", "2", "2/", "3/", "4/", "x"])
}

pub async fn entries_have_size_etag_and_class(room: Room) -> Outcome {
    let etag = room.put("a", "hello").await?;
    let list = room
        .client
        .list_objects_v2()
        .bucket(&room.bucket)
        .send()
        .await
        .done("list")?;
    let entry = list.contents().first().ok_or("nothing is listed")?;
    same("size", entry.size(), Some(5))?;
    same("ETag", bare(entry.e_tag()), bare(Some(&etag)))?;
    same(
        "class",
        entry
            .storage_class()
            .map(aws_sdk_s3::types::ObjectStorageClass::as_str),
        Some("STANDARD"),
    )?;
    demand!(entry.last_modified().is_some(), "no LastModified");
    same("bucket", list.name(), Some(room.bucket.as_str()))
}

pub async fn max_keys_capped_at_1000(room: Room) -> Outcome {
    let names: Vec<String> = (0..1001).map(|n| format!("{n:04}")).collect();
    fill(&room, &names).await?;
    let list = room
        .client
        .list_objects_v2()
        .bucket(&room.bucket)
        .max_keys(5000)
        .send()
        .await
        .done("list")?;
    same("keys in a page", list.contents().len(), 1000)?;
    same("truncated", list.is_truncated(), Some(true))
}

pub async fn empty_listing(room: Room) -> Outcome {
    let list = room
        .client
        .list_objects_v2()
        .bucket(&room.bucket)
        .send()
        .await
        .done("list")?;
    same("keys", list.contents().len(), 0)?;
    same("KeyCount", list.key_count(), Some(0))?;
    demand!(
        list.is_truncated() != Some(true),
        "an empty list is truncated"
    );
    room.put("a", "x").await?;
    room.client
        .delete_object()
        .bucket(&room.bucket)
        .key(room.key("a"))
        .send()
        .await
        .done("delete")?;
    let list = room
        .client
        .list_objects_v2()
        .bucket(&room.bucket)
        .send()
        .await
        .done("list")?;
    same("keys after the last one went", list.contents().len(), 0)
}

/// UTF-8's order is not that of UTF-16, nor that of any language.
pub async fn byte_order_beyond_ascii(room: Room) -> Outcome {
    let names = owned(&[
        "Z",
        "a",
        "z",
        "~",
        "e\u{301}",
        "\u{e9}",
        "\u{ff21}",
        "\u{1f600}",
        "\u{e000}",
        "\u{7f}",
    ]);
    fill(&room, &names).await?;
    let mut wanted = names;
    wanted.sort_unstable();
    let list = room
        .client
        .list_objects_v2()
        .bucket(&room.bucket)
        .send()
        .await
        .done("list")?;
    let seen = keys(&list);
    same(
        "different keys",
        seen.iter().collect::<HashSet<_>>().len(),
        wanted.len(),
    )?;
    same("keys", seen, wanted)
}
