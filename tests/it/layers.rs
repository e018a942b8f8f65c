//! Who may use what. The pure filters hold no network code and no async runtime; the tools that speak S3 do it
//! through `common`, never through the SDK.

use std::path::PathBuf;
use std::process::Command;

use tests::servers::project;

use crate::transcripts::files_below;

/// Crates that a pure filter must not reach, by the beginnings of their names.
const NETWORK: [&str; 8] = [
    "tokio", "aws-", "hyper", "rustls", "s3s", "reqwest", "h2", "openssl",
];

/// The tools that never talk to S3.
const FILTERS: [&str; 3] = ["s3rate", "s3seal", "s3chunk"];

#[test]
fn filters_reach_no_network() {
    for tool in FILTERS {
        let reached = tree(tool);
        assert!(
            reached.iter().any(|name| name == "common"),
            "{tool} doesn't even use common: {reached:?}"
        );
        let wrong: Vec<&String> = reached
            .iter()
            .filter(|name| *name != tool && is_network(name))
            .collect();
        assert!(wrong.is_empty(), "{tool} reaches {wrong:?}");
    }
}

/// The rule finds what it looks for, where it is.
#[test]
fn bucket_tools_reach_the_network_through_common() {
    for tool in ["s3put", "s3get", "s3ls", "s3prune"] {
        assert!(
            tree(tool).iter().any(|name| name == "aws-sdk-s3"),
            "{tool} doesn't reach S3"
        );
        let direct = direct(tool);
        let wrong: Vec<&String> = direct.iter().filter(|name| is_network(name)).collect();
        assert!(wrong.is_empty(), "{tool} names {wrong:?} itself");
    }
}

/// The workspace denies code that the compiler can't check, and this is its one exception.
#[test]
fn one_module_may_do_what_others_may_not() {
    let is_unsafe = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).expect("read a source file");
        // In two halves, so that this file isn't found.
        text.contains(concat!("unsafe", "_code")) || text.contains(concat!("uns", "afe {"))
    };
    let members = [
        "common", "s3put", "s3get", "s3ls", "s3prune", "s3rate", "s3chunk", "tests", "bench",
    ];
    let found: Vec<PathBuf> = members
        .iter()
        .flat_map(|member| files_below(&project().join(member), "rs"))
        .filter(is_unsafe)
        .collect();
    assert_eq!(
        found,
        [project().join("common/src/upstream/exit_record.rs")]
    );
}

fn is_network(name: &str) -> bool {
    NETWORK.iter().any(|start| name.starts_with(start))
}

/// The crates that end up in a tool.
fn tree(tool: &str) -> Vec<String> {
    let text = cargo(&["tree", "-p", tool, "-e", "normal", "--prefix", "none"]);
    text.lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The crates that a tool's manifest names.
fn direct(tool: &str) -> Vec<String> {
    let text = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let all: serde_json::Value = serde_json::from_str(&text).expect("understand cargo metadata");
    let packages = all["packages"].as_array().expect("packages");
    let package = packages
        .iter()
        .find(|package| package["name"] == tool)
        .expect("the tool's package");
    let names = package["dependencies"]
        .as_array()
        .expect("dependencies")
        .iter();
    names
        .filter_map(|dependency| dependency["name"].as_str())
        .map(str::to_owned)
        .collect()
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .arg("--offline")
        .current_dir(project())
        .output()
        .expect("run cargo");
    assert!(
        output.status.success(),
        "cargo {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text from cargo")
}
