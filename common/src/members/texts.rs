//! Texts of any bytes as printable ASCII: Python's `unicode_escape`, with `surrogateescape` for what is no UTF-8.

use std::fmt::Write as _;

/// True of a text that a header of HTTP carries as it is, whoever passes it on.
pub(super) fn is_plain(text: &[u8]) -> bool {
    let printable = text.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let edges = text.trim_ascii().len() == text.len();
    let holds = |what: &[u8]| text.windows(2).any(|pair| pair == what);
    printable && edges && !text.is_empty() && !holds(b"  ") && !holds(b"=?")
}

/// The text escaped.
pub(super) fn escaped(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let mut before = None;
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            let next = text.get(at + 1);
            let blank = c == ' ' && (at == 0 || next.is_none() || before == Some(' '));
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                ' ' if blank => out.push_str("\\x20"),
                '=' if next == Some(&b'?') => out.push_str("\\x3d"),
                ' '..='~' => out.push(c),
                '\0'..='\u{ff}' => drop(write!(out, "\\x{:02x}", u32::from(c))),
                '\u{100}'..='\u{ffff}' => drop(write!(out, "\\u{:04x}", u32::from(c))),
                _ => drop(write!(out, "\\U{:08x}", u32::from(c))),
            }
            before = Some(c);
            at += c.len_utf8();
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\udc{byte:02x}");
            before = None;
            at += 1;
        }
    }
    out
}

/// What was escaped; `None` if something in it is no escape.
pub(super) fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            put(&mut out, c);
            continue;
        }
        let kind = rest.chars().next()?;
        rest = &rest[kind.len_utf8()..];
        let digits = match kind {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            'n' | 'r' | 't' | '\\' | '\'' | '"' => {
                put(
                    &mut out,
                    match kind {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        _ => kind,
                    },
                );
                continue;
            }
            _ => return None,
        };
        let code = hexadecimal(rest.get(..digits)?)?;
        rest = &rest[digits..];
        match code {
            0xdc80..=0xdcff => out.push(u8::try_from(code & 0xff).ok()?),
            0xd800..=0xdbff => {
                // Two halves of a character.
                let low = hexadecimal(rest.strip_prefix("\\u")?.get(..4)?)?;
                rest = &rest[6..];
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                put(
                    &mut out,
                    char::from_u32(0x1_0000 + ((code - 0xd800) << 10) + low)?,
                );
            }
            _ => put(&mut out, char::from_u32(code)?),
        }
    }
    Some(out)
}

fn put(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

fn hexadecimal(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}
