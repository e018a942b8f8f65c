//! Reading and listing: ranges, conditions, pages.

use super::*;

#[tokio::test]
async fn ranges_conditions_and_parts_of_reads() {
    let home = Home::new().await;
    let body = noise(2_000_000, 1);
    home.put("k", &body).await;
    let get = || home.client.get_object().bucket(BUCKET).key("k");
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=5-1999998", 5, 1_999_999),
        ("bytes=1999999-", 1_999_999, 2_000_000),
        ("bytes=-7", 1_999_993, 2_000_000),
        ("bytes=0-99999999", 0, 2_000_000),
    ] {
        let answer = get().range(range).send().await.unwrap();
        assert_eq!(
            answer.content_range().unwrap(),
            format!("bytes {from}-{}/2000000", to - 1)
        );
        assert_eq!(
            answer.body.collect().await.unwrap().to_vec(),
            body[from..to],
            "{range}"
        );
    }
    assert_eq!(
        refusal(get().range("bytes=2000000-").send().await),
        (416, "InvalidRange".into())
    );
    let tag = home
        .client
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap()
        .e_tag()
        .unwrap()
        .to_owned();
    assert_eq!(
        refusal(get().if_match("\"other\"").send().await),
        (412, "PreconditionFailed".into())
    );
    assert_eq!(refusal(get().if_none_match(&tag).send().await).0, 304);
    get()
        .if_match(&tag)
        .if_none_match("\"other\"")
        .send()
        .await
        .unwrap();
    let now = aws_smithy_types::DateTime::from(
        std::time::SystemTime::now() + std::time::Duration::from_secs(60),
    );
    assert_eq!(refusal(get().if_modified_since(now).send().await).0, 304);
    assert_eq!(
        refusal(
            get()
                .if_unmodified_since(aws_smithy_types::DateTime::from_secs(0))
                .send()
                .await
        )
        .0,
        412
    );
    get().part_number(1).send().await.unwrap();
    assert_eq!(
        refusal(get().part_number(2).send().await),
        (416, "InvalidPartNumber".into())
    );
    assert_eq!(
        refusal(
            home.client
                .get_object()
                .bucket(BUCKET)
                .key("no")
                .send()
                .await
        ),
        (404, "NoSuchKey".into())
    );
    assert_eq!(
        refusal(home.client.get_object().bucket("no").key("no").send().await),
        (404, "NoSuchBucket".into())
    );
    assert!(
        home.client
            .head_object()
            .bucket(BUCKET)
            .key("no")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_not_found()
    );
    home.put("empty", b"").await;
    assert_eq!(home.get("empty").await, b"");
    assert_eq!(
        refusal(
            home.client
                .get_object()
                .bucket(BUCKET)
                .key("empty")
                .range("bytes=0-")
                .send()
                .await
        ),
        (416, "InvalidRange".into())
    );
}

#[tokio::test]
async fn a_reader_finishes_what_it_began() {
    let home = Home::new().await;
    let body = noise(4_000_000, 2);
    home.put("k", &body).await;
    let answer = home
        .client
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    home.put("k", b"new").await;
    home.client
        .delete_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.body.collect().await.unwrap().to_vec(), body);
    home.assert_tidy();
}

#[tokio::test]
async fn listings_by_page_and_by_prefix() {
    let home = Home::new().await;
    for key in ["a", "b/1", "b/2", "b/c/3", "b0", "c/"] {
        home.put(key, b"x").await;
    }
    let list = || home.client.list_objects_v2().bucket(BUCKET);
    let mut token = None;
    let mut seen = Vec::new();
    loop {
        let page = list()
            .max_keys(2)
            .delimiter("/")
            .set_continuation_token(token)
            .send()
            .await
            .unwrap();
        seen.extend(
            page.contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned()),
        );
        seen.extend(
            page.common_prefixes()
                .iter()
                .map(|prefix| prefix.prefix().unwrap().to_owned()),
        );
        token = page.next_continuation_token().map(str::to_owned);
        assert_eq!(token.is_some(), page.is_truncated().unwrap());
        if token.is_none() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, ["a", "b/", "b0", "c/"]);
    let page = list()
        .prefix("b/")
        .delimiter("/")
        .start_after("b/1")
        .send()
        .await
        .unwrap();
    assert_eq!(page.contents()[0].key(), Some("b/2"));
    assert_eq!(page.common_prefixes()[0].prefix(), Some("b/c/"));
    assert_eq!(
        list().max_keys(5000).send().await.unwrap().max_keys(),
        Some(1000)
    );
    assert_eq!(
        list().max_keys(0).send().await.unwrap().key_count(),
        Some(0)
    );
    assert_eq!(
        refusal(list().continuation_token("zz").send().await),
        (400, "InvalidArgument".into())
    );
    let old = home
        .client
        .list_objects()
        .bucket(BUCKET)
        .delimiter("/")
        .max_keys(2)
        .send()
        .await
        .unwrap();
    assert_eq!(old.next_marker(), Some("b/"));
    let old = home
        .client
        .list_objects()
        .bucket(BUCKET)
        .delimiter("/")
        .marker("b/")
        .send()
        .await
        .unwrap();
    assert_eq!(old.contents()[0].key(), Some("b0"));
}
