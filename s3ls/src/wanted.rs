//! Which dumps are asked for.

use std::collections::BTreeSet;

/// The dumps that were asked for.
pub(crate) struct Wanted {
    /// Of this host; of every one if it is none.
    pub(crate) host: Option<String>,
    /// Of these file systems; of every one if there is none.
    pub(crate) fs: BTreeSet<String>,
}

impl Wanted {
    pub(crate) fn includes(&self, host: &str, fs: &str) -> bool {
        self.host.as_deref().is_none_or(|wanted| wanted == host)
            && (self.fs.is_empty() || self.fs.contains(fs))
    }

    /// What to ask the server for: as little as holds all that was asked for. Without a file system that
    /// is everything, since what is not a dump is shown as well.
    pub(crate) fn prefixes(&self) -> Vec<String> {
        match &self.host {
            Some(host) if !self.fs.is_empty() => {
                self.fs.iter().map(|fs| format!("{host}:{fs}:")).collect()
            }
            _ => vec![String::new()],
        }
    }

    pub(crate) fn described(&self) -> String {
        let fs: Vec<&str> = self.fs.iter().map(String::as_str).collect();
        match (&self.host, fs.join(", ")) {
            (None, fs) if fs.is_empty() => String::new(),
            (None, fs) => format!(" of {fs}"),
            (Some(host), fs) if fs.is_empty() => format!(" of host {host}"),
            (Some(host), fs) => format!(" of {fs} of host {host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(host: Option<&str>, fs: &[&str]) -> Wanted {
        Wanted {
            host: host.map(str::to_owned),
            fs: fs.iter().map(|fs| (*fs).to_owned()).collect(),
        }
    }

    #[test]
    fn no_more_is_asked_for_than_needed() {
        assert_eq!(wanted(Some("h"), &[]).prefixes(), [""]);
        assert_eq!(wanted(None, &["/home"]).prefixes(), [""]);
        assert_eq!(
            wanted(Some("h"), &["/home", "/", "/home"]).prefixes(),
            ["h:/:", "h:/home:"]
        );
    }

    #[test]
    fn what_is_wanted() {
        assert!(wanted(None, &[]).includes("h", "/"));
        assert!(wanted(Some("h"), &["/"]).includes("h", "/"));
        assert!(!wanted(Some("h"), &[]).includes("g", "/"));
        assert!(!wanted(None, &["/home"]).includes("h", "/"));
        assert_eq!(
            wanted(Some("h"), &["/", "/home"]).described(),
            " of /, /home of host h"
        );
    }
}
