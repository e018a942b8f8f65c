//! The body of an upload: a part that is in memory, sent in slices, paced, and seen to move.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::patience::Progress;
use crate::rate::{Grant, Pacer};

/// Large enough that handing it on costs nothing, small enough to see progress on a slow line.
const SLICE: usize = 256 << 10;

/// A body of `bytes` that is sent as fast as `pacer` allows and reports to `progress`.
pub(super) fn paced(bytes: Bytes, pacer: Arc<Pacer>, progress: Arc<Progress>) -> ByteStream {
    ByteStream::new(SdkBody::from_body_1_x(Paced {
        left: bytes,
        pacer,
        progress,
        waiting: None,
    }))
}

struct Paced {
    left: Bytes,
    pacer: Arc<Pacer>,
    progress: Arc<Progress>,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if this.left.is_empty() {
            return Poll::Ready(None);
        }
        // Being held back on purpose is not standing still.
        this.progress.touch();
        loop {
            if let Some(sleep) = &mut this.waiting {
                ready!(sleep.as_mut().poll(context));
                this.waiting = None;
            }
            match this.pacer.take(SLICE.min(this.left.len())) {
                Grant::Go(bytes) => {
                    return Poll::Ready(Some(Ok(Frame::data(this.left.split_to(bytes)))));
                }
                Grant::Wait(time) => this.waiting = Some(Box::pin(tokio::time::sleep(time))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::rate::Rate;

    #[test]
    fn a_body_takes_what_the_pacer_grants_and_no_more() {
        // Half a second's worth, so that more than the first burst is needed.
        let bytes = Bytes::from(vec![7; 1 << 19]);
        let pacer = Arc::new(Pacer::new(Rate::per_second(1 << 20)));
        let body = paced(bytes.clone(), Arc::clone(&pacer), Arc::new(Progress::new()));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let (frames, collected) = runtime.unwrap().block_on(async {
            let (mut body, mut frames, mut collected) = (body.into_inner(), 0, Vec::new());
            while let Some(frame) = body.frame().await {
                frames += 1;
                collected.extend_from_slice(&frame.unwrap().into_data().unwrap());
            }
            (frames, collected)
        });
        assert_eq!(collected, bytes);
        // A grant is 20 ms worth at most: 25 of them make half a second. Unpaced it would be two frames.
        assert!(frames >= 25, "{frames} frames");
    }
}
