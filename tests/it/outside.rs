//! The way out: what a format's page promises "without these tools" works without them.
//!
//! Every `doc/format/*.md` ends in a section `## Without these tools`. Its ```` ```sh ```` blocks are run, all of a
//! page in one bash with `-eu` and `pipefail`, in a place where these tools are not on the PATH. They find:
//!
//! ```text
//! DIR        a bucket's folder in the layout of file://
//! KEY        the key of a dump in it: host `h`, file system `home`, level 0, of 2024-01-01
//! SET LEVEL  its set, `h:home`, and its level
//! ENDPOINT   a server that has the same bucket; BUCKET is its name there
//!            (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION let one in)
//! RECEIPT    a file: the receipt of KEY
//! PREPARED   a file: the line of a prepared dump in the same bucket
//! SEALED     a file: the bytes of the dump, sealed for the key in the file IDENTITY
//! CHUNKED    the key of a dump on the server: the same bytes in chunks, most of which lie in another dump; sealed, too.
//!            What names it is run again with the key of one that was repacked, after that other dump went
//! KNOWN      a file: the known file of that dump
//! PREFIX     what members are below: a small tree, in which `home/dump` has the bytes of the dump
//! PIECES     a file: the same bytes in numbered pieces, as s3chunk cuts them
//! NUMBERED   the key of a dump on the server that is stored so
//! ```
//!
//! What they print on standard output must be the bytes of the dump, unless the line before the block is
//! `<!-- prints: TEXT -->`: then it must contain TEXT.

use std::process::Stdio;

use tests::serve;
use tests::servers::{Server, project};
use tests::tools::Workshop;

#[test]
fn formats_can_be_read_without_these_tools() {
    let mut pages = 0;
    for entry in
        std::fs::read_dir(project().join("doc/format")).expect("read the folder of formats")
    {
        let path = entry.expect("read the folder of formats").path();
        if path.extension().is_none_or(|kind| kind != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("read a page");
        let (_, section) = text
            .split_once("\n## Without these tools\n")
            .unwrap_or_else(|| panic!("{} has no way out", path.display()));
        let snippets = snippets(section);
        assert!(
            !snippets.is_empty(),
            "{} has no snippet for the way out",
            path.display()
        );
        for (wanted, snippet) in snippets {
            let dumps: &[&str] = match snippet.contains("$CHUNKED") {
                true => &["chunks", "alone"],
                false => &["chunks"],
            };
            for dump in dumps {
                run(&snippet, wanted.as_deref(), dump)
                    .unwrap_or_else(|why| panic!("{}: {dump}: {why}\n{snippet}", path.display()));
            }
        }
        pages += 1;
    }
    assert!(pages > 0, "no format is described");
}

/// The blocks of a section, and what they say they print.
fn snippets(section: &str) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    let mut wanted = None;
    let mut lines = section.lines().take_while(|line| !line.starts_with("## "));
    while let Some(line) = lines.next() {
        if line.starts_with("```sh") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push((wanted.take(), body.join("\n")));
        } else if !line.is_empty() {
            let says = line
                .strip_prefix("<!-- prints: ")
                .and_then(|rest| rest.strip_suffix(" -->"));
            wanted = says.map(str::to_owned);
        }
    }
    found
}

/// Two dumps in small chunks, the second of which refers to the first. The same again; then the second takes in what it
/// needs, and the first goes.
const CHUNKED: &str = "
set -eu -o pipefail
for fs in alone chunks; do
    rm -f known
    for day in 1 2; do
        seq 0 $((day * 9999 + 30001)) | s3chunk -q --average 16K --known known |
            s3seal -q -r \"$(sed -n 's/^# public key: //p' identity)\" |
            s3put -q --host h --date 2024-01-0$day $fs 0 | s3chunk -q --learn known >learned
    done
    jq -e '.chunks.objects == 1' learned
done
s3prune -q --no-grace --repack h:alone:0:2024-01-02 --delete
s3prune -q --no-grace -k h:alone:0:2024-01-01 --delete
";

/// A tree as members, with names that need escaping.
const MEMBERS: &str = r#"
set -eu -o pipefail
mkdir -p tree/home
seq 0 49999 >tree/home/dump
ln tree/home/dump tree/home/again
ln -s dump tree/home/link
: >tree/$'odd\n\xff \xc3\xa9\\ '
touch -d '1960-01-02 03:04:05.5Z' tree/home/dump
touch -d '2001-02-03 04:05:06.7Z' tree/home
tar c --format=pax -C tree . | s3put -q --members members >receipts
"#;

fn run(snippet: &str, wanted: Option<&str>, dump: &str) -> Result<(), String> {
    let mut shop = Workshop::new();
    let body: String = (0..50_000).map(|number| format!("{number}\n")).collect();
    let receipt = shop
        .bash("s3put -q --make-bucket && seq 0 49999 | s3put -q --host h --date 2024-01-01 home 0 && seq 3 | s3put -q -k 'other object' >&2")
        .output()
        .expect("run bash");
    if !receipt.status.success() {
        return Err(format!(
            "the fixture: {}",
            String::from_utf8_lossy(&receipt.stderr)
        ));
    }
    let file = shop.folder().join("receipt");
    std::fs::write(&file, &receipt.stdout).expect("write a receipt");
    let prepared = shop.folder().join("prepared");
    let sent = shop
        .bash("seq 3 | s3put -q --prepare -k prepared >../prepared")
        .status()
        .expect("run bash");
    assert!(sent.success(), "the fixture prepares a dump");
    let (sealed, identity) = (shop.work().join("sealed"), shop.work().join("identity"));
    let made = shop
        .bash("umask 077; s3seal -q --keygen >identity && seq 0 49999 | s3seal -r \"$(sed -n 's/^# public key: //p' identity)\" >sealed")
        .output()
        .expect("run bash");
    if !made.status.success() {
        return Err(format!(
            "the fixture: {}",
            String::from_utf8_lossy(&made.stderr)
        ));
    }
    let numbered = shop
        .bash("seq 0 49999 | s3chunk --fixed 20k --numbered >pieces && s3put -q --host h --date 2024-01-01 numbered 0 <pieces")
        .output()
        .expect("run bash");
    assert!(numbered.status.success(), "the fixture stores pieces");
    let chunked = shop.bash(CHUNKED).output().expect("run bash");
    if !chunked.status.success() {
        return Err(format!(
            "the fixture: {}",
            String::from_utf8_lossy(&chunked.stderr)
        ));
    }
    let members = shop.bash(MEMBERS).output().expect("run bash");
    if !members.status.success() {
        return Err(format!(
            "the fixture: {}",
            String::from_utf8_lossy(&members.stderr)
        ));
    }
    let running =
        serve::start(serve::Options::new(shop.folder().join("disk"))).expect("start the server");
    let server = Server::of_tests("s3serve", &running.url);
    shop.go_to(&server, "backups");
    for (name, value) in [
        ("DIR", shop.bucket().display().to_string()),
        ("KEY", "h:home:0:2024-01-01".to_owned()),
        ("SET", "h:home".to_owned()),
        ("LEVEL", "0".to_owned()),
        ("ENDPOINT", running.url.clone()),
        ("BUCKET", "backups".to_owned()),
        ("RECEIPT", file.display().to_string()),
        ("PREPARED", prepared.display().to_string()),
        ("SEALED", sealed.display().to_string()),
        ("IDENTITY", identity.display().to_string()),
        ("CHUNKED", format!("h:{dump}:0:2024-01-02")),
        ("PREFIX", "members".to_owned()),
        ("PIECES", shop.work().join("pieces").display().to_string()),
        ("NUMBERED", "h:numbered:0:2024-01-01".to_owned()),
        ("KNOWN", shop.work().join("known").display().to_string()),
    ] {
        shop.set(name, &value);
    }
    let system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let mut command = shop.command("bash");
    command
        .args(["-eu", "-o", "pipefail", "-c", snippet])
        .env("PATH", system)
        .stdin(Stdio::null());
    let output = command.output().expect("run bash");
    let (said, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if !output.status.success() {
        return Err(format!(
            "it ended with {:?}: {complaint}",
            output.status.code()
        ));
    }
    match wanted {
        Some(text) if said.contains(text) => Ok(()),
        Some(text) => Err(format!("it doesn't print '{text}' but '{said}'")),
        None if said == body => Ok(()),
        None => Err(format!(
            "it prints {} bytes, which are not those of the dump; {complaint}",
            said.len()
        )),
    }
}
