//! Bodies with something wrong in them.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};

use super::{AnyBody, Broken};

/// A body with something wrong in it.
pub(in crate::serve) struct Spoiled {
    inner: AnyBody,
    /// End the connection after this many bytes.
    cut: Option<usize>,
    /// Flip a bit of this byte.
    flip: Option<usize>,
    /// Announce this many bytes more than there are.
    surplus: usize,
    /// Send them, too.
    padded: bool,
    passed: usize,
    /// The server was given the time to send what passed.
    rested: bool,
}

impl Spoiled {
    fn of(inner: AnyBody) -> Self {
        Self {
            inner,
            cut: None,
            flip: None,
            surplus: 0,
            padded: false,
            passed: 0,
            rested: false,
        }
    }

    pub(in crate::serve) fn cut(inner: AnyBody, after: usize) -> AnyBody {
        Self {
            cut: Some(after),
            ..Self::of(inner)
        }
        .boxed_unsync()
    }

    pub(in crate::serve) fn flip(inner: AnyBody, byte: usize) -> AnyBody {
        Self {
            flip: Some(byte),
            ..Self::of(inner)
        }
        .boxed_unsync()
    }

    pub(super) fn longer(inner: AnyBody, surplus: usize, padded: bool) -> AnyBody {
        Self {
            surplus,
            padded,
            ..Self::of(inner)
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

    /// What follows the last byte of the store's answer.
    fn end(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match std::mem::take(&mut self.surplus) {
            0 => Poll::Ready(None),
            surplus if self.padded => {
                Poll::Ready(Some(Ok(Frame::data(vec![b'x'; surplus].into()))))
            }
            surplus => {
                self.surplus = surplus;
                self.broken(cx)
            }
        }
    }

    /// Ends the connection.
    fn broken(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if !std::mem::replace(&mut self.rested, true) {
            // Whoever errs at once takes the connection down with the beginning still in a buffer.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err("cut by a fault".into())))
    }
}

impl Body for Spoiled {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.rested || self.cut.is_some_and(|after| self.passed >= after) {
            return self.broken(cx);
        }
        let Some(frame) = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx)) else {
            return self.end(cx);
        };
        Poll::Ready(Some(match frame?.into_data() {
            Ok(data) => self
                .spoil(data)
                .map(Frame::data)
                .ok_or_else(|| "cut by a fault".into()),
            Err(other) => Ok(other),
        }))
    }

    /// As long as it says it is: the headers promise it.
    fn size_hint(&self) -> SizeHint {
        let hint = self.inner.size_hint();
        match hint.exact() {
            Some(length) => SizeHint::with_exact(length + self.surplus as u64),
            None => hint,
        }
    }
}
