//! Answers: those of the store, spoiled or not, and those that we give in its place.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Body, Frame, SizeHint};
use hyper::{Response, StatusCode};

/// What ends a connection without an answer.
pub(super) type Broken = Box<dyn std::error::Error + Send + Sync>;
pub(super) type AnyBody = http_body_util::combinators::UnsyncBoxBody<Bytes, Broken>;

/// A refusal as S3 writes it. HEAD gets no body.
pub(super) fn refusal(status: u16, code: &str, head: bool) -> Response<AnyBody> {
    let mut response = Response::new(if head { empty() } else { error_document(code) });
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        "content-type",
        hyper::header::HeaderValue::from_static("application/xml"),
    );
    response
}

/// An error in the body of an answer that began as a success, as S3 does when it notices too late.
pub(super) fn late(code: &str) -> Response<AnyBody> {
    refusal(200, code, false)
}

fn empty() -> AnyBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn error_document(code: &str) -> AnyBody {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>Injected by the test server</Message>\
         <RequestId>0</RequestId></Error>"
    );
    Full::new(Bytes::from(text))
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body with something wrong in it.
pub(super) struct Spoiled {
    inner: AnyBody,
    /// End the connection after this many bytes.
    cut: Option<usize>,
    /// Flip a bit of this byte.
    flip: Option<usize>,
    passed: usize,
    /// The server was given the time to send what passed.
    rested: bool,
}

impl Spoiled {
    pub(super) fn cut(inner: AnyBody, after: usize) -> AnyBody {
        Self {
            inner,
            cut: Some(after),
            flip: None,
            passed: 0,
            rested: false,
        }
        .boxed_unsync()
    }

    pub(super) fn flip(inner: AnyBody, byte: usize) -> AnyBody {
        Self {
            inner,
            cut: None,
            flip: Some(byte),
            passed: 0,
            rested: false,
        }
        .boxed_unsync()
    }

    fn spoil(&mut self, data: Bytes) -> Option<Bytes> {
        let start = self.passed;
        self.passed += data.len();
        if let Some(after) = self.cut {
            let left = after.saturating_sub(start).min(data.len());
            return (left > 0).then(|| data.slice(..left));
        }
        match self.flip.and_then(|byte| byte.checked_sub(start)) {
            Some(at) if at < data.len() => {
                let mut data = data.to_vec();
                data[at] ^= 1;
                Some(data.into())
            }
            _ => Some(data),
        }
    }
}

impl Body for Spoiled {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let enough = self.cut.is_some_and(|after| self.passed >= after);
        if enough && !self.rested {
            // Whoever errs at once takes the connection down with the beginning still in a buffer.
            self.rested = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if enough {
            return Poll::Ready(Some(Err("cut by a fault".into())));
        }
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            let frame = frame?;
            match frame.into_data() {
                Ok(data) => self
                    .spoil(data)
                    .map(Frame::data)
                    .ok_or_else(|| "cut by a fault".into()),
                Err(other) => Ok(other),
            }
        }))
    }

    /// As long as it says it is: the headers promise it.
    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
