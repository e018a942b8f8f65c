//! The examples in the manual pages and in the README are run.
//!
//! In a page, every `.Dl` line and every `.Bd -literal` block of the section EXAMPLES is an example. In the
//! README, every block fenced with ```` ```sh ```` under a line `<!-- test -->`. An example that can't be run has a
//! comment on the line before it that says why: `.\" not run: REASON`, or `<!-- not run: REASON -->`.
//!
//! An example runs in bash, in an empty folder, with `S3_BUCKET=s3://my-backups` on a server of our own. What it
//! finds there, and who plays the programs that can't be used here, is in `examples.sh`, which runs first.
//! Absolute paths, but for those in `/dev`, are moved below the scratch folder. It must end with 0 or 1 ("nothing to
//! do"), and no tool may report an error.

use std::path::Path;
use std::process::Stdio;

use tests::client::wait_for;
use tests::missing;
use tests::serve;
use tests::servers::{Server, project};
use tests::tools::Workshop;

use crate::pages::pages;

const FIXTURE: &str = include_str!("examples.sh");

#[test]
fn examples_of_the_pages() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        let text = std::fs::read_to_string(&page).expect("read a page");
        for (line, example) in of_page(&text) {
            count += 1;
            let name = page
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            wrong.extend(
                run(&example)
                    .err()
                    .map(|why| format!("{name}:{line}: {why}\n{example}")),
            );
        }
    }
    println!("{count} examples");
    assert!(
        wrong.is_empty(),
        "{} of {count} examples went wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 10, "only {count} examples were found");
}

#[test]
fn examples_of_the_readme() {
    let text = std::fs::read_to_string(project().join("README.md")).expect("read the README");
    let (examples, unmarked) = of_markdown(&text);
    assert!(
        unmarked.is_empty(),
        "README.md: neither `<!-- test -->` nor `<!-- not run: REASON -->` above lines {unmarked:?}"
    );
    let mut wrong = Vec::new();
    for (line, example) in &examples {
        wrong.extend(
            run(example)
                .err()
                .map(|why| format!("README.md:{line}: {why}\n{example}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!examples.is_empty(), "no example is marked");
}

/// The examples of a page, and the lines where they are.
fn of_page(page: &str) -> Vec<(usize, String)> {
    let mut examples = Vec::new();
    let mut inside = false;
    let mut skip = false;
    let mut block: Option<String> = None;
    for (number, line) in (1..).zip(page.lines()) {
        if let Some(text) = &mut block {
            if line == ".Ed" {
                examples.push((number, block.take().unwrap_or_default()));
            } else {
                text.push_str(&plain(line));
                text.push('\n');
            }
            continue;
        }
        if let Some(section) = line.strip_prefix(".Sh ") {
            inside = section == "EXAMPLES";
        } else if inside && line.starts_with(".Bd -literal") && !skip {
            block = Some(String::new());
        } else if let Some(command) = line.strip_prefix(".Dl ").filter(|_| inside && !skip) {
            examples.push((number, plain(command)));
        }
        skip = line.starts_with(".\\\" not run: ");
    }
    examples
}

/// A line as mandoc would show it, without the prompt.
fn plain(line: &str) -> String {
    let line = line.strip_prefix("\\&").unwrap_or(line);
    let line = line
        .replace("\\(aq", "'")
        .replace("\\(dq", "\"")
        .replace("\\-", "-")
        .replace("\\e", "\\");
    line.strip_prefix("$ ").map(str::to_owned).unwrap_or(line)
}

/// The marked examples of a markdown file, and the lines where they are; and the lines of the fences that nobody has
/// marked, one way or the other.
fn of_markdown(text: &str) -> (Vec<(usize, String)>, Vec<usize>) {
    let mut examples = Vec::new();
    let mut unmarked = Vec::new();
    let mut before = "";
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let mark = std::mem::replace(&mut before, line.trim());
        if !line.starts_with("```sh") {
            continue;
        }
        let body: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| *line != "```")
            .collect();
        let excuse = mark
            .strip_prefix("<!-- not run: ")
            .and_then(|rest| rest.strip_suffix("-->"));
        if mark == "<!-- test -->" {
            examples.push((number, body.join("\n")));
        } else if excuse.is_none_or(|reason| reason.trim().is_empty()) {
            unmarked.push(number);
        }
    }
    (examples, unmarked)
}

#[test]
fn fences_are_marked() {
    let text = "<!-- test -->\n```sh\na\nb\n```\n\n<!-- not run: it can't -->\n```sh\nc\n```\n<!-- not run: -->\n```sh\n                d\n```\n```sh\ne\n```\n```\nf\n```\n<!-- test -->\n\n```sh\ng\n```\n";
    let (examples, unmarked) = of_markdown(text);
    assert_eq!(examples, [(2, "a\nb".to_owned())]);
    assert_eq!(unmarked, [12, 15, 23]);
}

fn run(example: &str) -> Result<(), String> {
    if example.contains("zstd") && !missing::programs(&["zstd"]).is_empty() {
        missing::skipped("an example with zstd", "not installed: zstd");
        return Ok(());
    }
    let mut shop = Workshop::new();
    let root = shop.folder().join("root");
    let running =
        serve::start(serve::Options::new(shop.folder().join("disk"))).expect("start the server");
    let server = Server::of_tests("s3serve", &running.url);
    shop.go_to(&server, "my-backups");
    wait_for(server.client().create_bucket().bucket("my-backups").send()).expect("make a bucket");
    shop.set("ROOT", &root.display().to_string());
    shop.set("EXAMPLE", example);
    // What an example defines must not change how it is judged: the fixture runs in a shell of its own.
    script(&shop, FIXTURE).map_err(|why| format!("the fixture: {why}"))?;
    let text = moved(example, &root);
    script(&shop, &format!("PATH=$ROOT/bin:$PATH\n{text}"))
}

fn script(shop: &Workshop, text: &str) -> Result<(), String> {
    let output = shop
        .bash(text)
        .stdin(Stdio::null())
        .output()
        .expect("run bash");
    let said = String::from_utf8_lossy(&output.stderr);
    if let Some(complaint) = said
        .lines()
        .find(|line| line.contains(": error: ") || line.contains("command not found"))
    {
        return Err(complaint.to_owned());
    }
    match output.status.code() {
        Some(0 | 1) => Ok(()),
        other => Err(format!("ended with {other:?}: {said}")),
    }
}

/// Absolute paths, but for those in `/dev`, below `root`.
fn moved(example: &str, root: &Path) -> String {
    let root = root.display().to_string();
    let mut text = String::new();
    let mut before = '\n';
    for (at, letter) in example.char_indices() {
        let starts = before.is_whitespace() || matches!(before, '\'' | '"' | '>' | '<' | '=' | '(');
        let of_url = example[..at].ends_with("file://");
        if letter == '/' && (starts || of_url) && !example[at..].starts_with("/dev/") {
            text.push_str(&root);
        }
        text.push(letter);
        before = letter;
    }
    text
}

#[test]
fn paths_are_moved() {
    let root = Path::new("/R");
    let example = "tar c /home </dev/null | s3put -b file:///mnt/d -b s3://x/y home/x 0 >/dev/null";
    let wanted =
        "tar c /R/home </dev/null | s3put -b file:///R/mnt/d -b s3://x/y home/x 0 >/dev/null";
    assert_eq!(moved(example, root), wanted);
}
