//! Answers that are wrong: pages of proxies, documents that are cut or no documents, lengths that are lies, other
//! places. Whatever comes, a tool says one line for people and ends with the right code; it never panics.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tests::tools::Workshop;

use super::{Ended, Tool};

/// A server that gives the same answers in the same order, whatever it is asked; the last one again and again.
pub struct Canned {
    address: SocketAddr,
    given: Arc<AtomicUsize>,
    shop: Workshop,
}

impl Canned {
    pub fn new(answers: &[String]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let address = listener.local_addr().expect("an address");
        let given = Arc::new(AtomicUsize::new(0));
        let (answers, count) = (answers.to_vec(), Arc::clone(&given));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let number = count.load(Ordering::SeqCst);
                if number == usize::MAX {
                    return;
                }
                let answer = answers.get(number).or(answers.last());
                if answer.is_some_and(|answer| give(stream, answer)) {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let mut shop = Workshop::new();
        shop.set("S3_BUCKET", "s3://bkt");
        shop.set("AWS_ENDPOINT_URL_S3", &format!("http://{address}"));
        shop.set("AWS_ACCESS_KEY_ID", "test");
        shop.set("AWS_SECRET_ACCESS_KEY", "testsecret");
        Self {
            address,
            given,
            shop,
        }
    }

    /// How many answers were given.
    pub fn answered(&self) -> usize {
        self.given.load(Ordering::SeqCst)
    }

    pub fn run(&self, tool: &str, arguments: &[&str], input: &[u8]) -> Ended {
        let mut command = self.shop.command(tool);
        command.args(arguments);
        let mut tool = Tool::start(command);
        // It may end without having read anything.
        let _ = tool.input().write_all(input);
        tool.end()
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.given.store(usize::MAX, Ordering::SeqCst);
        // The listener wakes up for it, and ends.
        let _ = TcpStream::connect(self.address);
    }
}

/// Reads a request, answers it, and closes the connection; false if there was none.
fn give(mut stream: TcpStream, answer: &str) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.trim().parse().ok())
        .unwrap_or(0);
    let _ = std::io::copy(&mut (&stream).take(length), &mut std::io::sink());
    let _ = stream.write_all(answer.as_bytes());
    true
}

/// An answer that says success and holds this document.
pub fn document(xml: &str) -> String {
    answer("200 OK", "Content-Type: application/xml\r\n", xml)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn page(status: &str) -> String {
    let body = "<!DOCTYPE html>\n<html><head><title>Gateway</title></head>\n<body><h1>No\x1b[2J</h1></body></html>\n";
    answer(status, "Content-Type: text/html\r\n", body)
}

fn error(status: &str, code: &str, more: &str) -> String {
    let body = format!(
        "<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>Told by a test</Message>{more}</Error>"
    );
    answer(status, "Content-Type: application/xml\r\n", &body)
}

const HEADERS: &str = "ETag: \"e\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

/// The name of a case, what the server answers, the exit code, and a piece of what is said.
type Case = (&'static str, String, i32, &'static str);

#[test]
fn listings() {
    let entry = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
    judge(
        "s3ls",
        &["-a"],
        &[
            (
                "a page that forbids",
                page("403 Forbidden"),
                100,
                "a web page came instead of the server's answer (status 403)\ns3ls: hint: something between",
            ),
            (
                "a page of a busy proxy",
                page("502 Bad Gateway"),
                111,
                "status 502",
            ),
            (
                "a page in place of a listing",
                page("200 OK"),
                111,
                "a web page came instead",
            ),
            (
                "no document",
                document("hello"),
                111,
                "the server's answer makes no sense",
            ),
            (
                "half a document",
                document("<ListBucketResult><Contents><Key>a"),
                111,
                "the document is not whole",
            ),
            (
                "bytes that are no text",
                document("<ListBucketResult>\u{fffd}\u{1}"),
                111,
                "the document is not whole",
            ),
            (
                "more, and not where",
                document(entry),
                100,
                "there is more, and not where",
            ),
            (
                "a length that is too great",
                answer("200 OK", "", "<ListBucketResult>").replace(": 18", ": 180"),
                111,
                "",
            ),
            (
                "a length that is too small",
                answer("200 OK", "", "<ListBucketResult></ListBucketResult>")
                    .replace(": 37", ": 30"),
                111,
                "the document is not whole",
            ),
            (
                "a length beyond all lengths",
                answer("200 OK", "", "x").replace(": 1", ": 99999999999999999999"),
                111,
                "",
            ),
            (
                "no HTTP",
                "220 mail.example ESMTP\r\n\r\n".to_owned(),
                111,
                "no connection to the server",
            ),
            ("nothing", String::new(), 111, "no connection to the server"),
            (
                "elsewhere",
                answer(
                    "301 Moved Permanently",
                    "x-amz-bucket-region: eu-west-1\r\n",
                    "",
                ),
                100,
                "hint: the bucket is in eu-west-1: use --region eu-west-1",
            ),
            (
                "elsewhere, with a document",
                error(
                    "307 Temporary Redirect",
                    "TemporaryRedirect",
                    "<Endpoint>bkt.s3.example</Endpoint>",
                ),
                111,
                "bkt.s3.example",
            ),
            (
                "signed for elsewhere",
                error(
                    "400 Bad Request",
                    "AuthorizationHeaderMalformed",
                    "<Region>mars-1</Region>",
                ),
                100,
                "use --region mars-1",
            ),
            (
                "another time",
                error(
                    "403 Forbidden",
                    "RequestTimeTooSkewed",
                    "<RequestTime>20240101T000000Z</RequestTime><ServerTime>2024-01-02T00:00:00Z</ServerTime>",
                ),
                100,
                "hint: set this machine's clock: it shows 20240101T000000Z, and the server's 2024-01-02T00:00:00Z",
            ),
            (
                "expired",
                error("400 Bad Request", "ExpiredToken", ""),
                111,
                "Told by a test (ExpiredToken)",
            ),
            (
                "unknown keys",
                error("403 Forbidden", "InvalidAccessKeyId", ""),
                100,
                "InvalidAccessKeyId",
            ),
            (
                "too many",
                answer("429 Too Many Requests", "Retry-After: 1\r\n", ""),
                111,
                "status 429",
            ),
            (
                "without a reason",
                answer("400 Bad Request", "", ""),
                100,
                "hint: the server doesn't say why",
            ),
            (
                "not built",
                error("501 Not Implemented", "NotImplemented", ""),
                100,
                "NotImplemented",
            ),
            (
                "a length is missing",
                error("411 Length Required", "MissingContentLength", ""),
                100,
                "MissingContentLength",
            ),
        ],
    );
}

#[test]
fn looks_at_an_object() {
    judge(
        "s3get",
        &["-k", "a"],
        &[
            (
                "no length",
                format!("HTTP/1.1 200 OK\r\n{HEADERS}\r\n"),
                100,
                "does not say how long it is",
            ),
            (
                "a length that is no number",
                format!("HTTP/1.1 200 OK\r\n{HEADERS}Content-Length: long\r\n\r\n"),
                111,
                "",
            ),
            (
                "a length beyond all lengths",
                format!("HTTP/1.1 200 OK\r\n{HEADERS}Content-Length: 18446744073709551615\r\n\r\n"),
                -1,
                "",
            ),
            (
                "a length that can't be",
                format!("HTTP/1.1 200 OK\r\n{HEADERS}Content-Length: -5\r\n\r\n"),
                100,
                "",
            ),
            (
                "a checksum that is none",
                format!(
                    "HTTP/1.1 200 OK\r\n{HEADERS}Content-Length: 0\r\nx-amz-checksum-crc64nvme: ?\r\n\r\n"
                ),
                -1,
                "",
            ),
            (
                "elsewhere",
                answer(
                    "301 Moved Permanently",
                    "x-amz-bucket-region: eu-west-1\r\n",
                    "",
                ),
                100,
                "use --region eu-west-1",
            ),
            (
                "another time",
                answer(
                    "403 Forbidden",
                    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
                    "",
                ),
                100,
                "1994-11-06T08:49:37Z",
            ),
            (
                "a page that forbids",
                page("403 Forbidden"),
                100,
                "status 403",
            ),
        ],
    );
}

#[test]
fn uploads() {
    judge(
        "s3put",
        &["-k", "a"],
        &[
            (
                "a page of a busy proxy",
                page("503 Service Unavailable"),
                111,
                "status 503",
            ),
            (
                "elsewhere",
                answer(
                    "307 Temporary Redirect",
                    "x-amz-bucket-region: eu-west-1\r\n",
                    "",
                ),
                111,
                "use --region eu-west-1",
            ),
            (
                "no HTTP",
                "\u{0}\u{1}\u{2}".to_owned(),
                111,
                "no connection to the server",
            ),
        ],
    );
}

/// Runs a tool against each answer. An exit code of -1 is any that isn't success.
fn judge(tool: &str, arguments: &[&str], cases: &[Case]) {
    let mut wrong = Vec::new();
    for (name, answer, code, piece) in cases {
        let server = Canned::new(std::slice::from_ref(answer));
        let arguments = [arguments, &["--patience", "0", "--stall", "20s"]].concat();
        let ended = server.run(tool, &arguments, b"a word");
        let says = &ended.says;
        let (first, rest) = says.split_once('\n').unwrap_or((says, ""));
        let lines = first.starts_with(&format!("{tool}: error: could not "))
            && rest
                .lines()
                .all(|line| line.starts_with(&format!("{tool}: ")));
        let exit = ended.status.code().unwrap_or(-1);
        let plain = !says.contains(|c: char| c.is_control() && c != '\n');
        if (exit != *code && (*code != -1 || exit == 0))
            || !says.contains(piece)
            || !lines
            || !plain
        {
            wrong.push(format!("{tool}, {name}: exit {exit}, not {code}\n{says}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
