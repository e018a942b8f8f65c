//! Many writers, one key, one winner. Each is a thread with a runtime and a client of its own.

use std::sync::Barrier;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use tests::client::wait_for;

use super::Outcome;
use super::answers::{Answer, describe, same, same_bytes};
use super::store::Room;
use super::upload::Upload;

/// How many try at once.
const RUNNERS: usize = 20;

/// Ways to write an object.
#[derive(Clone, Copy)]
enum Way {
    Put,
    Complete,
}

pub async fn creators_by_put(room: Room) -> Outcome {
    race(&room, "a", |_| Way::Put, None).await
}

pub async fn creators_by_complete(room: Room) -> Outcome {
    race(&room, "a", |_| Way::Complete, None).await
}

/// The two ways exclude each other, too.
pub async fn creators_by_both(room: Room) -> Outcome {
    race(
        &room,
        "a/b",
        |runner| {
            if runner % 2 == 0 {
                Way::Put
            } else {
                Way::Complete
            }
        },
        None,
    )
    .await
}

/// Who replaces the version that all of them know.
pub async fn replacers_by_put(room: Room) -> Outcome {
    let etag = room.put("a", "old").await?;
    race(&room, "a", |_| Way::Put, Some(etag)).await
}

/// Each runner writes its number. Exactly one may succeed, and its number must be what is stored.
async fn race(room: &Room, name: &str, way: fn(usize) -> Way, replaces: Option<String>) -> Outcome {
    let start = Barrier::new(RUNNERS);
    let results: Vec<Result<bool, String>> = std::thread::scope(|scope| {
        let runners: Vec<_> = (0..RUNNERS)
            .map(|runner| {
                let (start, replaces) = (&start, replaces.clone());
                let room = room.of_another_client();
                scope
                    .spawn(move || wait_for(run(&room, name, way(runner), runner, replaces, start)))
            })
            .collect();
        runners
            .into_iter()
            .map(|runner| runner.join().unwrap_or_else(|_| Err("panicked".to_owned())))
            .collect()
    });
    let mut winners = Vec::new();
    for (runner, result) in results.into_iter().enumerate() {
        if result? {
            winners.push(runner);
        }
    }
    same("winners", winners.len(), 1)?;
    same_bytes(
        "what is stored",
        &room.get(name).await?,
        winners[0].to_string().as_bytes(),
    )
}

async fn run(
    room: &Room,
    name: &str,
    way: Way,
    runner: usize,
    replaces: Option<String>,
    start: &Barrier,
) -> Result<bool, String> {
    let body = runner.to_string();
    let create = replaces.is_none().then(|| "*".to_owned());
    match way {
        Way::Put => {
            let put = room
                .client
                .put_object()
                .bucket(&room.bucket)
                .key(room.key(name))
                .body(body.into_bytes().into());
            let put = put.set_if_none_match(create).set_if_match(replaces);
            start.wait();
            won(put.send().await)
        }
        Way::Complete => {
            let prepared = async {
                let upload = Upload::start(room, name).await?;
                let part = upload.part(1, body).await?;
                Ok::<_, String>(upload.complete([part]))
            };
            // Whoever fails to prepare must not keep the others waiting.
            let prepared = prepared.await;
            start.wait();
            won(prepared?
                .set_if_none_match(create)
                .set_if_match(replaces)
                .send()
                .await)
        }
    }
}

/// Losers are told so by 412, or by 409 while the winner is still at it.
fn won<T, E: ProvideErrorMetadata + std::error::Error + 'static>(
    result: Result<T, SdkError<E, HttpResponse>>,
) -> Result<bool, String> {
    let status = match &result {
        Ok(_) => return Ok(true),
        Err(error) => error.raw_response().map(|raw| raw.status().as_u16()),
    };
    match (status, &result) {
        (Some(412), _) => result
            .refused("race", 412, &["PreconditionFailed"])
            .map(|()| false),
        (Some(409), _) => result
            .refused("race", 409, &["ConditionalRequestConflict"])
            .map(|()| false),
        (_, Err(error)) => Err(format!("race: {}", describe(error))),
        (_, Ok(_)) => Ok(true),
    }
}
