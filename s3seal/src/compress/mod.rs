//! Making streams smaller, and large again: zstd and bzip2 inside, everything else by programs.

pub mod bzip2;
pub mod command;
pub mod whole;
pub mod zstd;

use std::str::FromStr;

use common::Error;

/// How to make a stream smaller.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Method {
    /// Not at all.
    None,
    /// Zstandard.
    Zstd {
        /// 1 to 19.
        level: i32,
        /// Find what repeats within 128 MiB.
        long: bool,
    },
    /// Bzip2, with blocks of this many times 100 kB: 1 to 9.
    Bzip2(u32),
    /// A command for the shell.
    Command(String),
}

impl Default for Method {
    fn default() -> Self {
        Self::Zstd {
            level: 3,
            long: false,
        }
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: String| {
            Error::usage(why).hint(
                "a compression is zstd, zstd:LEVEL, zstd:LEVEL,long, bzip2, bzip2:LEVEL, none or cmd:COMMAND",
            )
        };
        if let Some(command) = text.strip_prefix("cmd:") {
            if command.trim().is_empty() {
                return Err(wrong("a command is empty".into()));
            }
            return Ok(Self::Command(command.to_owned()));
        }
        let (most, long) = match text.strip_suffix(",long") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let (name, level) = match most.split_once(':') {
            Some((name, level)) => (name, Some(level)),
            None => (most, None),
        };
        let within = |default: u8, highest: u8| match level.map(str::parse::<u8>) {
            None => Ok(default),
            Some(Ok(level)) if (1..=highest).contains(&level) => Ok(level),
            Some(_) => Err(wrong(format!("a level of {name} is 1 to {highest}"))),
        };
        match (name, level, long) {
            ("zstd", _, long) => Ok(Self::Zstd {
                level: within(3, 19)?.into(),
                long,
            }),
            ("bzip2", _, false) => Ok(Self::Bzip2(within(9, 9)?.into())),
            ("none", None, false) => Ok(Self::None),
            _ => Err(wrong(format!(
                "'{}' is not a compression",
                text.escape_debug()
            ))),
        }
    }
}

/// What is wrong with a compressed stream that ends in the middle.
fn cut_off() -> Error {
    Error::permanent("decompress the stream", "it is cut off")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods() {
        let zstd = |level, long| Method::Zstd { level, long };
        for (text, method) in [
            ("zstd", zstd(3, false)),
            ("zstd:19", zstd(19, false)),
            ("zstd:1,long", zstd(1, true)),
            ("zstd,long", zstd(3, true)),
            ("bzip2", Method::Bzip2(9)),
            ("bzip2:1", Method::Bzip2(1)),
            ("none", Method::None),
            ("cmd:xz -T0 | cat", Method::Command("xz -T0 | cat".into())),
        ] {
            assert_eq!(text.parse::<Method>().unwrap(), method, "{text}");
        }
        for text in [
            "",
            "gzip",
            "zstd:0",
            "zstd:20",
            "zstd:",
            "zstd:x",
            "zstd:-1",
            "bzip2:10",
            "bzip2,long",
            "none:1",
            "none,long",
            "cmd:",
            "cmd: ",
            "ZSTD",
        ] {
            assert!(text.parse::<Method>().is_err(), "{text}");
        }
    }
}
