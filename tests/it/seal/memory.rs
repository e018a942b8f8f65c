//! How much memory sealing takes.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use tests::tools::Workshop;

/// The peak of its memory, read while it waits for the last of its output to be taken.
#[test]
fn memory_stays_within_100_mib() {
    let shop = Workshop::new();
    for arguments in [&["-R", "pub"][..], &["-z", "none", "-R", "pub"]] {
        let made = shop
            .bash("s3seal -q --keygen | sed -n 's/^# public key: //p' >pub")
            .status()
            .expect("run bash");
        assert!(made.success());
        // Half of it shrinks, half doesn't; 20 times what may be held.
        let mut child = shop
            .bash(
                "for n in 1 2 3 4; do head -c 32M /dev/urandom; seq 4600000; done | s3seal \"$@\"",
            )
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("run bash");
        let mut output = child.stdout.take().expect("its output");
        let mut taken = vec![0; 100 << 20];
        output.read_exact(&mut taken).expect("read 100 MiB");
        let peak = peak_below(child.id());
        std::io::copy(&mut output, &mut std::io::sink()).expect("read the rest");
        assert!(child.wait().expect("wait for bash").success());
        assert!(peak > 0, "no s3seal was found");
        assert!(peak < 100 << 10, "{arguments:?}: {peak} KiB");
    }
}

/// KiB of the child of a process that is called s3seal.
fn peak_below(parent: u32) -> u64 {
    let mut peak = 0;
    for entry in fs::read_dir("/proc").expect("read /proc").flatten() {
        let Ok(status) = fs::read_to_string(entry.path().join("status")) else {
            continue;
        };
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next().map(str::to_owned)
        };
        let is_child = field("PPid:") == Some(parent.to_string());
        if is_child && field("Name:").is_some_and(|name| name.starts_with("s3")) {
            peak = field("VmHWM:").map_or(0, |text| text.parse().unwrap_or(0));
        }
    }
    peak
}
