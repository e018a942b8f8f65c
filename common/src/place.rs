//! Places that hold dumps: `s3://BUCKET[/PREFIX]` and `file:///DIR`.
//!
//! A prefix is put in front of every key with one slash in between, and taken off again in listings. In
//! a `file://` place the directory is the bucket; there is no prefix.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// Where the objects are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// A bucket of an S3 server.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// What is put in front of every key: empty, or text that ends in `/`.
        prefix: String,
    },
    /// A directory of this machine that holds objects as files.
    File {
        /// The directory that is the bucket: absolute, without `.` and `..`.
        dir: PathBuf,
    },
}

impl Place {
    /// The place that a URL names.
    ///
    /// # Errors
    /// If the URL is of another scheme, or names no bucket or no directory.
    pub fn parse(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("file://") {
            return directory(path);
        }
        let Some(rest) = url.strip_prefix("s3://") else {
            return Err(
                Error::usage(format!("'{}' is not a place", url.escape_debug()))
                    .hint("a place is s3://BUCKET, s3://BUCKET/PREFIX or file:///DIR"),
            );
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(Error::usage(format!(
                "'{}' names no bucket",
                url.escape_debug()
            )));
        }
        let prefix = prefix.trim_end_matches('/');
        let prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        };
        Ok(Self::S3 {
            bucket: bucket.to_owned(),
            prefix,
        })
    }

    /// What is put in front of every key.
    #[must_use]
    pub fn prefix(&self) -> &str {
        match self {
            Self::S3 { prefix, .. } => prefix,
            Self::File { .. } => "",
        }
    }
}

fn directory(path: &str) -> Result<Place> {
    let dir = Path::new(path);
    if !dir.is_absolute() {
        return Err(Error::usage(format!(
            "'file://{}' is not an absolute path",
            path.escape_debug()
        ))
        .hint("write file:///DIR, with three slashes"));
    }
    if dir
        .components()
        .any(|part| matches!(part, Component::ParentDir))
    {
        return Err(Error::usage(format!(
            "'file://{}' has '..' in it",
            path.escape_debug()
        )));
    }
    let dir: PathBuf = dir.components().collect();
    if dir
        .file_name()
        .is_none_or(|name| name.as_bytes().is_empty())
    {
        return Err(Error::usage("the root directory can't be a bucket"));
    }
    Ok(Place::File { dir })
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => {
                write!(f, "s3://{bucket}/{}", prefix.trim_end_matches('/'))
            }
            Self::File { dir } => write!(f, "file://{}", dir.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (url, shown, prefix) in [
            ("s3://b", "s3://b", ""),
            ("s3://b/", "s3://b", ""),
            ("s3://b/x/y/", "s3://b/x/y", "x/y/"),
            ("file:///srv/backup/", "file:///srv/backup", ""),
            ("file:///srv/./backup", "file:///srv/backup", ""),
        ] {
            let place = Place::parse(url).unwrap();
            assert_eq!(
                (place.to_string().as_str(), place.prefix()),
                (shown, prefix)
            );
        }
        for url in [
            "",
            "b",
            "s3://",
            "s3:///x",
            "file://srv/x",
            "file:///",
            "file:///a/../b",
            "https://x/y",
        ] {
            assert!(Place::parse(url).is_err(), "{url}");
        }
    }
}
