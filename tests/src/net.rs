//! Two machines for one test: network namespaces joined by a cable, which can be pulled out.
//!
//! The server is in one of them, the tool in the other; nothing of it is visible outside. It takes root and iproute2.
//! The namespaces are gone when the value is dropped, and what a killed test left is removed by the next one.

pub mod proxy;

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::missing;

/// The server's end of the cable.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The tool's end.
pub const TOOL: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// Names of our namespaces begin with this, and our process id follows.
const PREFIX: &str = "s3pipes-";

/// Two namespaces and a cable.
#[derive(Debug)]
pub struct Cable {
    server: String,
    tool: String,
}

impl Cable {
    /// Lays one. None, after saying so, where that isn't possible.
    ///
    /// # Panics
    /// If it fails halfway.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let what = "faults of the network";
        if !rustix::process::geteuid().is_root() {
            missing::skipped(what, "only root can make network namespaces");
            return None;
        }
        if !missing::programs(&["ip"]).is_empty() {
            missing::skipped(what, "not installed: iproute2 (tests/install gets it)");
            return None;
        }
        remove_stale();
        let me = std::process::id();
        let cable = Self {
            server: format!("{PREFIX}{me}-{name}-s"),
            tool: format!("{PREFIX}{me}-{name}-t"),
        };
        if !ip(&["netns", "add", &cable.server]) {
            missing::skipped(what, "this kernel makes no network namespaces");
            return None;
        }
        let (server, tool) = (cable.server.as_str(), cable.tool.as_str());
        let ours = format!("{SERVER}/24");
        let theirs = format!("{TOOL}/24");
        let steps: [&[&str]; 7] = [
            &["netns", "add", tool],
            &[
                "-n", server, "link", "add", "wire", "type", "veth", "peer", "name", "wire",
                "netns", tool,
            ],
            &["-n", server, "addr", "add", &ours, "dev", "wire"],
            &["-n", tool, "addr", "add", &theirs, "dev", "wire"],
            &["-n", server, "link", "set", "lo", "up"],
            &["-n", server, "link", "set", "wire", "up"],
            &["-n", tool, "link", "set", "wire", "up"],
        ];
        for step in steps {
            assert!(ip(step), "ip {}", step.join(" "));
        }
        Some(cable)
    }

    /// Does something where the server is: sockets that it makes, and those of threads that it starts, are there.
    ///
    /// # Panics
    /// If the namespace can't be entered, or `work` panics.
    pub fn at_server<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.server);
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                let namespace = File::open(path).expect("open a network namespace");
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
                    .expect("enter a network namespace");
                work()
            });
            thread.join().expect("what is done at the server")
        })
    }

    /// What stands before a command that is to run where the tool is.
    #[must_use]
    pub fn at_tool(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.tool]
    }

    /// Runs a command where the server is.
    #[must_use]
    pub fn server_command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.server, program]);
        command
    }

    /// Pulls the cable out: packets vanish, in both directions, and nobody is told.
    ///
    /// # Panics
    /// If it is stuck.
    pub fn pull_out(&self) {
        assert!(
            ip(&["-n", &self.server, "link", "set", "wire", "down"]),
            "pull the cable out"
        );
    }

    /// Plugs it in again.
    ///
    /// # Panics
    /// If it is broken.
    pub fn plug_in(&self) {
        assert!(
            ip(&["-n", &self.server, "link", "set", "wire", "up"]),
            "plug the cable in"
        );
    }

    /// Makes both directions worse with a queueing discipline; false if this kernel doesn't have it.
    #[must_use]
    pub fn worsen(&self, discipline: &[&str]) -> bool {
        [&self.server, &self.tool].iter().all(|namespace| {
            let tc = Command::new("tc")
                .args(["-n", namespace, "qdisc", "replace", "dev", "wire", "root"])
                .args(discipline)
                .stderr(Stdio::null())
                .status();
            tc.is_ok_and(|status| status.success())
        })
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        // The cable goes with either of them.
        for namespace in [&self.server, &self.tool] {
            let _ = ip(&["netns", "del", namespace]);
        }
    }
}

fn ip(words: &[&str]) -> bool {
    let ip = missing::find("ip").unwrap_or_else(|| "ip".into());
    let status = Command::new(ip).args(words).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Removes the namespaces of tests that were killed.
fn remove_stale() {
    let Ok(entries) = std::fs::read_dir("/run/netns") else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        let gone = owner.is_some_and(|pid| {
            pid.parse::<u32>().is_ok() && !std::path::Path::new("/proc").join(pid).exists()
        });
        if let (true, Some(name)) = (gone, name.to_str()) {
            let _ = ip(&["netns", "del", name]);
        }
    }
}
