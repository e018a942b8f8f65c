//! The body of an upload: a part, sent in slices, paced, and seen to move.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::content::{Content, Reading};
use super::patience::Progress;
use crate::rate::{Grant, Pacer};

/// Large enough that handing it on costs nothing, small enough to see progress on a slow line.
const SLICE: usize = 256 << 10;

/// A body of `content` that is sent as fast as `pacer` allows and reports to `progress`.
pub(super) fn paced(content: &Content, pacer: Arc<Pacer>, progress: Arc<Progress>) -> ByteStream {
    ByteStream::new(SdkBody::from_body_1_x(Paced {
        left: content.read(),
        pacer,
        progress,
        waiting: None,
    }))
}

struct Paced {
    left: Reading,
    pacer: Arc<Pacer>,
    progress: Arc<Progress>,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if this.left.left() == 0 {
            return Poll::Ready(None);
        }
        // Being held back on purpose is not standing still.
        this.progress.touch();
        loop {
            if let Some(sleep) = &mut this.waiting {
                ready!(sleep.as_mut().poll(context));
                this.waiting = None;
            }
            match this.pacer.take(this.left.next(SLICE)) {
                Grant::Go(bytes) => {
                    return Poll::Ready(Some(this.left.take(bytes).map(Frame::data)));
                }
                Grant::Wait(time) => this.waiting = Some(Box::pin(tokio::time::sleep(time))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.left())
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
        let content = Content::Memory([bytes.clone()].into());
        let body = paced(&content, Arc::clone(&pacer), Arc::new(Progress::new()));
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
