//! The manual pages say what the tools understand, and the tools what the pages say.
//!
//! In a page, the options are its items that begin with an option: `.It Fl b , Fl -bucket Ar URL`, or
//! `.It Fl q , -quiet`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use clap::CommandFactory;
use tests::missing;
use tests::servers::project;
use tests::tools::{TOOLS, Workshop};

/// The command line of each tool, as clap knows it.
fn command_lines() -> [(&'static str, clap::Command); 7] {
    [
        ("s3put", s3put::Args::command()),
        ("s3get", s3get::Args::command()),
        ("s3ls", s3ls::Args::command()),
        ("s3prune", s3prune::Args::command()),
        ("s3rate", s3rate::Args::command()),
        ("s3seal", s3seal::Args::command()),
        ("s3chunk", s3chunk::Args::command()),
    ]
}

#[test]
fn options_are_on_the_page_and_those_on_the_page_exist() {
    let mut wrong = Vec::new();
    for (tool, mut command) in command_lines() {
        // Help and version come into being when the command is built.
        command.build();
        let page =
            std::fs::read_to_string(project().join(format!("man/{tool}.1"))).expect("read a page");
        let described = options_of_page(&page);
        let understood = options_of_command(&command);
        wrong.extend(
            understood
                .difference(&described)
                .map(|option| format!("{tool}.1 doesn't describe {option}")),
        );
        wrong.extend(
            described
                .difference(&understood)
                .map(|option| format!("{tool} doesn't understand {option}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn options_of_command(command: &clap::Command) -> BTreeSet<String> {
    let options = command
        .get_arguments()
        .filter(|arg| !arg.is_positional() && !arg.is_hide_set());
    options
        .flat_map(|arg| {
            let short = arg.get_short().map(|letter| format!("-{letter}"));
            short
                .into_iter()
                .chain(arg.get_long().map(|word| format!("--{word}")))
        })
        .collect()
}

fn options_of_page(page: &str) -> BTreeSet<String> {
    let mut options = BTreeSet::new();
    for item in page.lines().filter_map(|line| line.strip_prefix(".It Fl ")) {
        // `Fl` makes an option of every word up to the next macro; a comma is only a comma.
        let mut is_option = true;
        for word in item.split_whitespace() {
            match word {
                "," => {}
                "Fl" => is_option = true,
                "Ar" | "Cm" | "Ns" | "Li" | "Op" | "Oo" | "Xo" | "Pa" => is_option = false,
                name if is_option => {
                    options.insert(format!("-{}", name.replace("\\-", "-")));
                }
                _ => {}
            }
        }
    }
    options
}

/// Clap's own check of a command line: no two options of one name, no relation to an option that isn't there.
#[test]
fn command_lines_make_sense() {
    for (_, command) in command_lines() {
        command.debug_assert();
    }
}

#[test]
fn pages_are_free_of_lint() {
    if missing::programs(&["mandoc"]) != Vec::<String>::new() {
        missing::skipped("the manual pages", "not installed: mandoc");
        return;
    }
    for page in pages() {
        let output = Command::new("mandoc")
            .args(["-Tlint", "-W", "warning"])
            .arg(&page)
            .output()
            .expect("run mandoc");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.is_empty() && output.status.success(), "{said}");
    }
}

/// All pages.
pub fn pages() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(project().join("man")).expect("read the folder of pages");
    let mut pages: Vec<PathBuf> = folder
        .map(|entry| entry.expect("read the folder of pages").path())
        .collect();
    pages.sort();
    pages
}

#[test]
fn help_fits_80_columns_and_goes_to_standard_output() {
    let shop = Workshop::new();
    for tool in TOOLS {
        for flag in ["-h", "--help"] {
            let output = shop.command(tool).arg(flag).output().expect("run a tool");
            let text = String::from_utf8(output.stdout).expect("text");
            assert_eq!(output.status.code(), Some(0), "{tool} {flag}");
            assert!(
                output.stderr.is_empty(),
                "{tool} {flag} speaks on standard error"
            );
            let long: Vec<&str> = text
                .lines()
                .filter(|line| line.chars().count() > 80)
                .collect();
            assert!(
                long.is_empty(),
                "{tool} {flag} is wider than 80 columns:\n{}",
                long.join("\n")
            );
            assert!(
                text.contains("Usage:"),
                "{tool} {flag} doesn't say how it is used"
            );
        }
        let output = shop
            .command(tool)
            .arg("--version")
            .output()
            .expect("run a tool");
        let text = String::from_utf8(output.stdout).expect("text");
        assert_eq!(
            text,
            format!("{tool} {}\n", env!("CARGO_PKG_VERSION")),
            "{tool} --version"
        );
    }
}

/// Words of help begin with a capital, in the imperative, and end without a full stop.
#[test]
fn help_has_one_style() {
    for (tool, command) in command_lines() {
        for arg in command.get_arguments() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let name = arg.get_id();
            assert!(!help.is_empty(), "{tool}: {name} has no help");
            assert!(
                !help.ends_with('.'),
                "{tool}: the help of {name} ends in a full stop"
            );
            assert!(
                !help.starts_with(|first: char| first.is_lowercase()),
                "{tool}: the help of {name} begins in lower case"
            );
        }
    }
}

#[test]
fn wrong_calls_exit_2_and_say_so_on_standard_error() {
    let shop = Workshop::new();
    for tool in TOOLS {
        let output = shop
            .command(tool)
            .arg("--no-such-option")
            .output()
            .expect("run a tool");
        assert_eq!(output.status.code(), Some(2), "{tool}");
        assert!(output.stdout.is_empty(), "{tool} speaks on standard output");
        let said = String::from_utf8(output.stderr).expect("text");
        let mut lines = said.lines();
        let first = lines.next().unwrap_or_default();
        assert!(first.starts_with(&format!("{tool}: error: ")), "{first}");
        assert!(
            lines.all(|line| line.starts_with(&format!("{tool}: hint: "))),
            "{said}"
        );
    }
}
