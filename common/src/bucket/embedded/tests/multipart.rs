//! Multipart uploads: placement, refusals, checksums, repeats.

use aws_sdk_s3::types::*;

use super::super::checksums::Algorithm;
use super::*;

const MIB: usize = 1 << 20;
const PART: usize = 5 * MIB;

impl Home {
    async fn begin(&self, key: &str) -> String {
        self.client
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap()
            .upload_id()
            .unwrap()
            .to_owned()
    }

    async fn part(&self, key: &str, id: &str, number: i32, bytes: &[u8]) -> CompletedPart {
        let request = self
            .client
            .upload_part()
            .bucket(BUCKET)
            .key(key)
            .upload_id(id)
            .part_number(number)
            .body(stream(bytes));
        let answer = request.send().await.unwrap();
        CompletedPart::builder()
            .part_number(number)
            .set_e_tag(answer.e_tag)
            .build()
    }

    fn finish(
        &self,
        key: &str,
        id: &str,
        parts: Vec<CompletedPart>,
    ) -> aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder{
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts))
            .build();
        self.client
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .upload_id(id)
            .multipart_upload(parts)
    }

    fn upload(&self, id: &str) -> PathBuf {
        self.inner("uploads").join(id)
    }

    /// The parts that have files of their own.
    fn stragglers(&self, id: &str) -> usize {
        names(&self.upload(id))
            .iter()
            .filter(|name| name.starts_with("part."))
            .count()
    }
}

fn crc64(bytes: &[u8]) -> String {
    Algorithm::Crc64Nvme.encode_crc(crcs::checksum(crcs::CrcAlgorithm::Crc64Nvme, bytes))
}

#[tokio::test]
async fn parts_in_order_and_out_of_order_lie_in_place() {
    let home = Home::new().await;
    for order in [vec![1, 2, 3, 4], vec![3, 1, 4, 2], vec![4, 3, 2, 1]] {
        let bytes = noise(3 * PART + 77, 3);
        let id = home.begin("dir/big").await;
        let mut parts = Vec::new();
        // The last part is the shorter one, so it comes after one that tells the others' length.
        let order: Vec<usize> = if order[0] == 4 {
            vec![3, 4, 2, 1]
        } else {
            order
        };
        for number in order {
            let piece = &bytes[(number - 1) * PART..(number * PART).min(bytes.len())];
            parts.push(home.part("dir/big", &id, number as i32, piece).await);
        }
        parts.sort_by_key(CompletedPart::part_number);
        let inode =
            |path: &Path| std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap());
        let before = inode(&home.upload(&id).join("body"));
        let answer = home.finish("dir/big", &id, parts).send().await.unwrap();
        let record = home.record("dir/big").unwrap();
        assert_eq!(
            inode(&home.path().join(&record.body)),
            before,
            "the body was not copied"
        );
        assert_eq!(answer.checksum_crc64_nvme(), Some(crc64(&bytes).as_str()));
        assert_eq!(record.crc64nvme, crc64(&bytes));
        assert_eq!(record.parts, [(1, 3, PART as u64), (4, 1, 77)]);
        assert!(answer.e_tag().unwrap().ends_with("-4\""));
        assert!(home.body("dir/big") == bytes);
        home.assert_tidy();
    }
    let get = home
        .client
        .get_object()
        .bucket(BUCKET)
        .key("dir/big")
        .part_number(4)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (get.parts_count(), get.content_length()),
        (Some(4), Some(77))
    );
}

#[tokio::test]
async fn gaps_repeats_changed_sizes_and_parts_left_out() {
    let home = Home::new().await;
    let id = home.begin("k").await;
    let (one, two, three) = (noise(PART, 1), noise(PART + 5, 2), noise(PART, 3));
    home.part("k", &id, 2, &noise(PART, 9)).await;
    let first = home.part("k", &id, 2, &one).await;
    home.part("k", &id, 4, b"left out").await;
    home.part("k", &id, 7, &noise(PART, 8)).await;
    let second = home.part("k", &id, 7, &two).await;
    let third = home.part("k", &id, 9, &three).await;
    assert!(home.stragglers(&id) >= 2);
    home.finish("k", &id, vec![first, second, third])
        .send()
        .await
        .unwrap();
    assert!(home.body("k") == [one, two, three].concat());
    assert_eq!(
        home.record("k").unwrap().parts,
        [
            (2, 1, PART as u64),
            (7, 1, PART as u64 + 5),
            (9, 1, PART as u64)
        ]
    );
    home.assert_tidy();
}

#[tokio::test]
async fn parts_that_grow_are_placed_behind_one_another() {
    let home = Home::new().await;
    let id = home.begin("k").await;
    let sizes = [PART, PART, PART + MIB, PART + MIB, PART + 2 * MIB, 3];
    let mut bytes = Vec::new();
    let mut parts = Vec::new();
    let pieces: Vec<Vec<u8>> = sizes
        .iter()
        .enumerate()
        .map(|(at, &size)| noise(size, at as u64))
        .collect();
    for at in [0, 1, 3, 2, 4, 5] {
        parts.push(home.part("k", &id, at + 1, &pieces[at as usize]).await);
    }
    parts.sort_by_key(CompletedPart::part_number);
    pieces
        .iter()
        .for_each(|piece| bytes.extend_from_slice(piece));
    assert_eq!(home.stragglers(&id), 0);
    home.finish("k", &id, parts).send().await.unwrap();
    assert!(home.body("k") == bytes);
}

#[tokio::test]
async fn refused_completions_change_nothing() {
    let home = Home::new().await;
    let id = home.begin("k").await;
    let bytes = noise(2 * PART, 4);
    let one = home.part("k", &id, 1, &bytes[..PART]).await;
    let two = home.part("k", &id, 2, &bytes[PART..]).await;
    let small = home.part("k", &id, 3, b"small").await;
    let wrong = CompletedPart::builder()
        .part_number(2)
        .e_tag("\"0123\"")
        .build();
    let both = || vec![one.clone(), two.clone()];
    assert_eq!(
        refusal(home.finish("k", &id, vec![one.clone(), wrong]).send().await),
        (400, "InvalidPart".into())
    );
    assert_eq!(
        refusal(
            home.finish("k", &id, vec![two.clone(), one.clone()])
                .send()
                .await
        ),
        (400, "InvalidPartOrder".into())
    );
    let late = CompletedPart::builder()
        .part_number(4)
        .e_tag("\"0123\"")
        .build();
    assert_eq!(
        refusal(
            home.finish("k", &id, vec![one.clone(), small, late])
                .send()
                .await
        ),
        (400, "InvalidPart".into())
    );
    let five = home.part("k", &id, 5, b"x").await;
    let small = home.part("k", &id, 3, b"small").await;
    assert_eq!(
        refusal(
            home.finish("k", &id, vec![one.clone(), small, five])
                .send()
                .await
        ),
        (400, "EntityTooSmall".into())
    );
    assert_eq!(
        refusal(
            home.finish("k", &id, both())
                .checksum_crc64_nvme("AAAAAAAAAAA=")
                .send()
                .await
        ),
        (400, "BadDigest".into())
    );
    assert_eq!(
        refusal(
            home.finish("k", &id, both())
                .mpu_object_size(1)
                .send()
                .await
        ),
        (400, "InvalidRequest".into())
    );
    assert_eq!(
        refusal(home.finish("k", &id, both()).if_match("\"x\"").send().await),
        (404, "NoSuchKey".into())
    );
    assert_eq!(
        refusal(home.finish("other", &id, both()).send().await),
        (404, "NoSuchUpload".into())
    );
    home.put("k", b"there").await;
    assert_eq!(
        refusal(
            home.finish("k", &id, both())
                .if_none_match("*")
                .send()
                .await
        ),
        (412, "PreconditionFailed".into())
    );
    assert_eq!(home.body("k"), b"there");
    let request = |number| {
        home.client
            .upload_part()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&id)
            .part_number(number)
            .body(stream(b"x"))
    };
    assert_eq!(
        refusal(request(10_001).send().await),
        (400, "InvalidArgument".into())
    );
    assert_eq!(
        refusal(request(0).send().await),
        (400, "InvalidArgument".into())
    );
    assert_eq!(
        refusal(request(2).checksum_crc64_nvme("AAAAAAAAAAA=").send().await),
        (400, "BadDigest".into())
    );
    assert_eq!(
        refusal(
            request(2)
                .content_md5("AAAAAAAAAAAAAAAAAAAAAA==")
                .send()
                .await
        ),
        (400, "BadDigest".into())
    );
    let whole = home
        .finish("k", &id, both())
        .checksum_crc64_nvme(crc64(&bytes))
        .mpu_object_size(2 * PART as i64);
    whole.send().await.unwrap();
    assert!(home.body("k") == bytes);
    home.assert_tidy();
}

#[tokio::test]
async fn completing_twice_answers_the_same() {
    let home = Home::new().await;
    let id = home.begin("k").await;
    let part = home.part("k", &id, 1, b"only").await;
    let first = home
        .finish("k", &id, vec![part.clone()])
        .if_none_match("*")
        .send()
        .await
        .unwrap();
    let second = home
        .finish("k", &id, vec![part.clone()])
        .if_none_match("*")
        .send()
        .await
        .unwrap();
    assert_eq!(first.e_tag(), second.e_tag());
    home.put("k", b"new").await;
    assert_eq!(
        refusal(home.finish("k", &id, vec![part]).send().await),
        (404, "NoSuchUpload".into())
    );
    assert_eq!(home.get("k").await, b"new");
    let abort = home
        .client
        .abort_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&id)
        .send()
        .await;
    assert_eq!(refusal(abort), (404, "NoSuchUpload".into()));
}

#[tokio::test]
async fn uploads_and_parts_are_listed() {
    let home = Home::new().await;
    let mut ids = Vec::new();
    for key in ["b", "a", "b", "dir/x"] {
        ids.push((key.to_owned(), home.begin(key).await));
    }
    ids.sort();
    let list = || home.client.list_multipart_uploads().bucket(BUCKET);
    let mut seen = Vec::new();
    let (mut key, mut id) = (None, None);
    loop {
        let page = list()
            .max_uploads(2)
            .set_key_marker(key)
            .set_upload_id_marker(id)
            .send()
            .await
            .unwrap();
        seen.extend(page.uploads().iter().map(|upload| {
            (
                upload.key().unwrap().to_owned(),
                upload.upload_id().unwrap().to_owned(),
            )
        }));
        (key, id) = (
            page.next_key_marker().map(str::to_owned),
            page.next_upload_id_marker().map(str::to_owned),
        );
        if !page.is_truncated().unwrap() {
            break;
        }
    }
    assert_eq!(seen, ids);
    assert_eq!(
        list().prefix("dir/").send().await.unwrap().uploads().len(),
        1
    );
    let rolled = list().delimiter("/").send().await.unwrap();
    assert_eq!(
        (rolled.uploads().len(), rolled.common_prefixes()[0].prefix()),
        (3, Some("dir/"))
    );

    let id = &ids[0].1;
    for number in [11, 2, 1] {
        home.part("a", id, number, &[number as u8; 9]).await;
    }
    let parts = || {
        home.client
            .list_parts()
            .bucket(BUCKET)
            .key("a")
            .upload_id(id)
    };
    let page = parts().max_parts(2).send().await.unwrap();
    assert_eq!(
        page.parts()
            .iter()
            .map(|part| part.part_number().unwrap())
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(
        (page.is_truncated(), page.next_part_number_marker()),
        (Some(true), Some("2"))
    );
    assert!(
        page.parts()
            .iter()
            .all(|part| part.e_tag().is_some() && part.size() == Some(9))
    );
    let page = parts().part_number_marker("2").send().await.unwrap();
    assert_eq!((page.parts().len(), page.is_truncated()), (1, Some(false)));
    for (key, id) in &ids {
        home.client
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .upload_id(id)
            .send()
            .await
            .unwrap();
    }
    home.assert_tidy();
}

#[tokio::test]
async fn checksums_of_every_kind() {
    let home = Home::new().await;
    let bytes = noise(PART + 9, 6);
    let kinds = [
        (ChecksumAlgorithm::Crc32, Some(ChecksumType::FullObject)),
        (ChecksumAlgorithm::Crc32, None),
        (ChecksumAlgorithm::Crc32C, Some(ChecksumType::Composite)),
        (ChecksumAlgorithm::Sha256, None),
        (ChecksumAlgorithm::Crc64Nvme, None),
    ];
    for (algorithm, kind) in kinds {
        let begin = home
            .client
            .create_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .checksum_algorithm(algorithm.clone());
        let id = begin
            .set_checksum_type(kind.clone())
            .send()
            .await
            .unwrap()
            .upload_id()
            .unwrap()
            .to_owned();
        let mut parts = Vec::new();
        for (number, piece) in [(1, &bytes[..PART]), (2, &bytes[PART..])] {
            let request = home
                .client
                .upload_part()
                .bucket(BUCKET)
                .key("k")
                .upload_id(&id)
                .part_number(number);
            let answer = request
                .checksum_algorithm(algorithm.clone())
                .body(stream(piece))
                .send()
                .await
                .unwrap();
            let part = CompletedPart::builder()
                .part_number(number)
                .set_e_tag(answer.e_tag)
                .set_checksum_crc32(answer.checksum_crc32);
            parts.push(part.set_checksum_sha256(answer.checksum_sha256).build());
        }
        home.finish("k", &id, parts).send().await.unwrap();
        let record = home.record("k").unwrap();
        assert_eq!(record.crc64nvme, crc64(&bytes));
        if kind == Some(ChecksumType::FullObject) {
            let whole = crcs::checksum(crcs::CrcAlgorithm::Crc32IsoHdlc, &bytes);
            assert_eq!(
                record.checksums["CRC32"],
                Algorithm::Crc32.encode_crc(whole)
            );
        }
        assert_eq!(
            record.composite,
            record.checksums.values().any(|value| value.ends_with("-2"))
        );
        assert!(home.get("k").await == bytes);
        let wanted = [
            ObjectAttributes::Checksum,
            ObjectAttributes::ObjectParts,
            ObjectAttributes::ObjectSize,
            ObjectAttributes::Etag,
        ];
        let found = home
            .client
            .get_object_attributes()
            .bucket(BUCKET)
            .key("k")
            .set_object_attributes(Some(wanted.to_vec()))
            .send()
            .await
            .unwrap();
        assert_eq!(found.object_size(), Some(bytes.len() as i64));
        assert_eq!(found.object_parts().unwrap().total_parts_count(), Some(2));
        assert!(found.checksum().is_some());
    }
    let begin = home
        .client
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .checksum_algorithm(ChecksumAlgorithm::Sha256);
    assert_eq!(
        refusal(begin.checksum_type(ChecksumType::FullObject).send().await),
        (400, "InvalidRequest".into())
    );
}

#[tokio::test]
async fn parts_are_copied_from_objects() {
    let home = Home::new().await;
    let bytes = noise(PART + 100, 7);
    home.put("from", &bytes).await;
    let id = home.begin("to").await;
    let copy = |number: i32, range: Option<&str>| {
        let request = home
            .client
            .upload_part_copy()
            .bucket(BUCKET)
            .key("to")
            .upload_id(&id)
            .part_number(number);
        request
            .copy_source("Any%20Name/from")
            .set_copy_source_range(range.map(str::to_owned))
            .send()
    };
    let part = |number, tag: Option<&str>| {
        CompletedPart::builder()
            .part_number(number)
            .set_e_tag(tag.map(str::to_owned))
            .build()
    };
    let one = copy(1, None).await.unwrap();
    let two = copy(2, Some("bytes=10-19")).await.unwrap();
    assert_eq!(
        refusal(copy(3, Some("bytes=10-9999999")).await),
        (416, "InvalidRange".into())
    );
    let parts = vec![
        part(1, one.copy_part_result().unwrap().e_tag()),
        part(2, two.copy_part_result().unwrap().e_tag()),
    ];
    home.finish("to", &id, parts).send().await.unwrap();
    assert!(home.body("to") == [&bytes, &bytes[10..20]].concat());
    home.assert_tidy();
}

/// A part whose request is dropped leaves nothing that a completion could take for data.
#[tokio::test]
async fn a_dropped_part_can_be_sent_again() {
    let home = Home::new().await;
    let bytes = noise(PART, 8);
    let id = home.begin("k").await;
    let (sender, receiver) =
        tokio::sync::mpsc::channel::<Result<http_body::Frame<bytes::Bytes>, std::io::Error>>(1);
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async {
        Some((receiver.recv().await?, receiver))
    });
    let body = aws_smithy_types::body::SdkBody::from_body_1_x(http_body_util::StreamBody::new(
        Box::pin(frames),
    ));
    let request = home
        .client
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&id)
        .part_number(1)
        .content_length(PART as i64);
    let request = request
        .checksum_crc64_nvme(crc64(&bytes))
        .body(ByteStream::new(body))
        .send();
    {
        let mut request = Box::pin(request);
        let feed = async {
            for _ in 0..3 {
                sender
                    .send(Ok(http_body::Frame::data(bytes::Bytes::from(vec![
                        1;
                        1000
                    ]))))
                    .await
                    .unwrap();
            }
        };
        tokio::select! {
            _ = &mut request => panic!("it can't be complete"),
            () = feed => {}
        }
    }
    let part = home.part("k", &id, 1, &bytes).await;
    let last = home.part("k", &id, 2, b"end").await;
    home.finish("k", &id, vec![part, last])
        .send()
        .await
        .unwrap();
    assert!(home.body("k") == [bytes, b"end".to_vec()].concat());
    home.assert_tidy();
}
