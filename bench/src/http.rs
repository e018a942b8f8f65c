//! As much HTTP/1.1 as S3 clients speak: requests one after the other on a connection, bodies of known length.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use rustix::fs::sendfile;
use rustix::net::{RecvFlags, recv};

use crate::pace::Pace;

/// The longest head of a request. What comes along with it has to be copied, so it isn't larger.
const HEAD: usize = 16 << 10;
/// Bytes that are thrown away, or sent, by one system call.
const GULP: usize = 1 << 20;

/// The head of a request.
pub(crate) struct Request {
    /// In capitals.
    pub(crate) method: String,
    /// Path, still escaped.
    pub(crate) path: String,
    /// What follows the question mark.
    query: String,
    headers: Vec<(String, String)>,
    /// Bytes of the body.
    pub(crate) length: u64,
}

impl Request {
    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut request = Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            length: 0,
        };
        request.length = request
            .header("content-length")
            .map_or(Some(0), |length| length.parse().ok())?;
        // A chunked body would have to be read to find its end. No client sends one to S3.
        request
            .header("transfer-encoding")
            .is_none()
            .then_some(request)
    }

    /// A header; `name` in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers()
            .find(|(header, _)| *header == name)
            .map(|(_, value)| value)
    }

    /// All headers, names in small letters.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A parameter of the query; empty if it has no value.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

/// An answer, all but a long body.
pub(crate) struct Answer {
    status: &'static str,
    headers: String,
    body: String,
}

impl Answer {
    /// Without a body.
    pub(crate) fn new(status: &'static str) -> Self {
        Self {
            status,
            headers: String::new(),
            body: String::new(),
        }
    }

    /// With an XML document.
    pub(crate) fn xml(status: &'static str, document: &str) -> Self {
        Self {
            status,
            headers: String::new(),
            body: format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{document}"),
        }
        .with("Content-Type", "application/xml")
    }

    /// And a header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    fn head(&self, length: u64) -> String {
        format!(
            "HTTP/1.1 {}\r\n{}Content-Length: {length}\r\nx-amz-request-id: 0\r\nServer: nullsink\r\n\r\n",
            self.status, self.headers
        )
    }
}

/// One client's connection.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What was received beyond what was asked for.
    ahead: Vec<u8>,
    gulp: Vec<u8>,
    pace: Pace,
}

impl Connection {
    /// Over `stream`, at `rate` bytes a second.
    pub(crate) fn new(stream: TcpStream, rate: u64) -> Self {
        Self {
            stream,
            ahead: Vec::new(),
            gulp: vec![0; GULP],
            pace: Pace::new(rate),
        }
    }

    /// The next request; `None` when the client has hung up.
    pub(crate) fn next(&mut self) -> io::Result<Option<Request>> {
        let end = loop {
            if let Some(end) = self
                .ahead
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                break end;
            }
            if self.ahead.len() >= HEAD {
                return Err(ErrorKind::InvalidData.into());
            }
            let room = HEAD - self.ahead.len();
            match self.stream.read(&mut self.gulp[..room])? {
                0 if self.ahead.is_empty() => return Ok(None),
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                read => self.ahead.extend_from_slice(&self.gulp[..read]),
            }
        };
        let request = Request::parse(&String::from_utf8_lossy(&self.ahead[..end]))
            .ok_or(ErrorKind::InvalidData)?;
        self.ahead.drain(..end + 4);
        if request.header("expect").is_some() {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        Ok(Some(request))
    }

    /// Throws the body of a request away, without copying it out of the kernel.
    pub(crate) fn discard(&mut self, length: u64) -> io::Result<()> {
        let mut left = length - self.take_ahead(length).len() as u64;
        while left > 0 {
            let want = self
                .pace
                .piece(usize::try_from(left).unwrap_or(GULP).min(GULP));
            let (_, thrown) = recv(&self.stream, &mut self.gulp[..want], RecvFlags::TRUNC)?;
            if thrown == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.pace.moved(thrown);
            left -= thrown as u64;
        }
        Ok(())
    }

    fn take_ahead(&mut self, length: u64) -> Vec<u8> {
        let count = usize::try_from(length)
            .unwrap_or(usize::MAX)
            .min(self.ahead.len());
        self.ahead.drain(..count).collect()
    }

    /// Sends an answer that is complete.
    pub(crate) fn send(&mut self, answer: &Answer) -> io::Result<()> {
        let mut bytes = answer.head(answer.body.len() as u64).into_bytes();
        bytes.extend_from_slice(answer.body.as_bytes());
        self.stream.write_all(&bytes)
    }

    /// Sends the head of an answer whose body of `length` bytes is never sent: to a HEAD request.
    pub(crate) fn send_head(&mut self, answer: &Answer, length: u64) -> io::Result<()> {
        self.stream.write_all(answer.head(length).as_bytes())
    }

    /// Sends the bytes `from..to` of a file as the body.
    pub(crate) fn send_file(
        &mut self,
        answer: &Answer,
        file: &File,
        from: u64,
        to: u64,
    ) -> io::Result<()> {
        self.send_head(answer, to - from)?;
        let mut at = from;
        while at < to {
            let want = self
                .pace
                .piece(usize::try_from(to - at).unwrap_or(GULP).min(GULP));
            match sendfile(&self.stream, file, Some(&mut at), want)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                sent => self.pace.moved(sent),
            }
        }
        Ok(())
    }
}
