//! Buckets, and the documents of buckets and objects.

use aws_sdk_s3::types::*;

use super::*;

#[tokio::test]
async fn documents_of_objects_and_buckets() {
    let home = Home::new().await;
    home.put("k", b"x").await;
    let c = &home.client;
    let tags = |pairs: &[(&str, &str)]| {
        let set = pairs
            .iter()
            .map(|(key, value)| Tag::builder().key(*key).value(*value).build().unwrap())
            .collect();
        Tagging::builder().set_tag_set(Some(set)).build().unwrap()
    };
    c.put_object_tagging()
        .bucket(BUCKET)
        .key("k")
        .tagging(tags(&[("a", "1"), ("b", "2")]))
        .send()
        .await
        .unwrap();
    assert_eq!(
        c.get_object_tagging()
            .bucket(BUCKET)
            .key("k")
            .send()
            .await
            .unwrap()
            .tag_set()
            .len(),
        2
    );
    assert_eq!(
        refusal(
            c.put_object_tagging()
                .bucket(BUCKET)
                .key("k")
                .tagging(tags(&[("a", "1"), ("a", "2")]))
                .send()
                .await
        ),
        (400, "InvalidTag".into())
    );
    c.delete_object_tagging()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(home.record("k").unwrap().description.tags, []);

    let acl = c
        .get_object_acl()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(acl.grants()[0].permission(), Some(&Permission::FullControl));
    let reader = Grant::builder()
        .permission(Permission::Read)
        .grantee(
            Grantee::builder()
                .r#type(Type::CanonicalUser)
                .id("other")
                .build()
                .unwrap(),
        )
        .build();
    let policy = AccessControlPolicy::builder()
        .owner(acl.owner().unwrap().clone())
        .grants(acl.grants()[0].clone())
        .grants(reader)
        .build();
    c.put_object_acl()
        .bucket(BUCKET)
        .key("k")
        .access_control_policy(policy.clone())
        .send()
        .await
        .unwrap();
    let again = c
        .get_object_acl()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!(again.grants(), policy.grants());
    c.put_bucket_acl()
        .bucket(BUCKET)
        .access_control_policy(policy.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(
        c.get_bucket_acl()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap()
            .grants(),
        policy.grants()
    );

    assert_eq!(
        refusal(
            c.get_bucket_lifecycle_configuration()
                .bucket(BUCKET)
                .send()
                .await
        ),
        (404, "NoSuchLifecycleConfiguration".into())
    );
    let rule = LifecycleRule::builder()
        .id("abort")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .abort_incomplete_multipart_upload(
            AbortIncompleteMultipartUpload::builder()
                .days_after_initiation(7)
                .build(),
        )
        .build()
        .unwrap();
    let rules = BucketLifecycleConfiguration::builder()
        .rules(rule.clone())
        .build()
        .unwrap();
    c.put_bucket_lifecycle_configuration()
        .bucket(BUCKET)
        .lifecycle_configuration(rules)
        .send()
        .await
        .unwrap();
    assert_eq!(
        c.get_bucket_lifecycle_configuration()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap()
            .rules(),
        [rule]
    );
    assert!(
        std::fs::read_to_string(home.inner("lifecycle.xml"))
            .unwrap()
            .contains("<DaysAfterInitiation>7<")
    );
    c.delete_bucket_lifecycle()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(
            c.get_bucket_lifecycle_configuration()
                .bucket(BUCKET)
                .send()
                .await
        )
        .0,
        404
    );

    assert_eq!(
        refusal(c.get_public_access_block().bucket(BUCKET).send().await),
        (404, "NoSuchPublicAccessBlockConfiguration".into())
    );
    let block = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .build();
    c.put_public_access_block()
        .bucket(BUCKET)
        .public_access_block_configuration(block)
        .send()
        .await
        .unwrap();
    let found = c
        .get_public_access_block()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(
        found
            .public_access_block_configuration()
            .unwrap()
            .block_public_acls(),
        Some(true)
    );
    assert_eq!(
        c.get_bucket_versioning()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap()
            .status(),
        None
    );
    c.get_bucket_location().bucket(BUCKET).send().await.unwrap();
}

#[tokio::test]
async fn buckets() {
    let home = Home::new().await;
    let c = &home.client;
    assert_eq!(
        refusal(c.create_bucket().bucket(BUCKET).send().await),
        (409, "BucketAlreadyOwnedByYou".into())
    );
    std::fs::create_dir(home.dir.path().join("not-one")).unwrap();
    c.create_bucket().bucket("second").send().await.unwrap();
    let listed = c.list_buckets().send().await.unwrap();
    assert_eq!(
        listed
            .buckets()
            .iter()
            .map(|bucket| bucket.name().unwrap())
            .collect::<Vec<_>>(),
        [BUCKET, "second"]
    );
    assert!(
        c.head_bucket()
            .bucket("not-one")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_not_found()
    );
    c.head_bucket().bucket("second").send().await.unwrap();
    home.put("k", b"x").await;
    assert_eq!(
        refusal(c.delete_bucket().bucket(BUCKET).send().await),
        (409, "BucketNotEmpty".into())
    );
    assert_eq!(home.get("k").await, b"x");
    let upload = c
        .create_multipart_upload()
        .bucket("second")
        .key("u")
        .send()
        .await
        .unwrap();
    assert_eq!(
        refusal(c.delete_bucket().bucket("second").send().await),
        (409, "BucketNotEmpty".into())
    );
    c.abort_multipart_upload()
        .bucket("second")
        .key("u")
        .upload_id(upload.upload_id().unwrap())
        .send()
        .await
        .unwrap();
    c.delete_bucket().bucket("second").send().await.unwrap();
    assert_eq!(names(home.dir.path()), [BUCKET, "not-one"]);
    std::fs::write(home.inner("format"), "s3pipes-store/2\n").unwrap();
    assert_eq!(
        refusal(c.get_object().bucket(BUCKET).key("k").send().await).0,
        507
    );
}

#[tokio::test]
async fn any_directory_name_is_a_bucket_name() {
    let home = Home::new().await;
    for name in [
        "a",
        "UPPER_case",
        "with:colon",
        "bücher",
        "100%",
        "a+b",
        "q?x#y",
        "192.168.0.1",
        "-",
        "...",
        &"n".repeat(255),
    ] {
        home.client
            .create_bucket()
            .bucket(name)
            .send()
            .await
            .unwrap();
        home.client
            .put_object()
            .bucket(name)
            .key("k ö")
            .body(stream(b"x"))
            .send()
            .await
            .unwrap();
        assert_eq!(
            std::fs::read(home.dir.path().join(name).join("k ö")).unwrap(),
            b"x",
            "{name}"
        );
        let page = home
            .client
            .list_objects_v2()
            .bucket(name)
            .send()
            .await
            .unwrap();
        assert_eq!(page.contents()[0].key(), Some("k ö"));
    }
}
