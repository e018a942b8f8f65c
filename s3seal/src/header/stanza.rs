//! A stanza as text: an arrow, words, and a body in base64, in lines of 64 characters of which the last one is shorter.

use age_core::format::{Stanza, is_arbitrary_string};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use common::{Error, Result};

use super::damaged;

/// Characters in a line of a body, all but the last.
const LINE: usize = 64;

/// Reads the stanza whose first line, without the arrow, is `arguments`.
///
/// # Errors
/// If it isn't one, to the last character.
pub fn read<'a>(
    arguments: &str,
    lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
) -> Result<Stanza> {
    let wrong = || damaged("a recipient in it is malformed");
    let mut words = arguments.split(' ').map(str::to_owned);
    let tag = words.next().ok_or_else(wrong)?;
    let args: Vec<String> = words.collect();
    if !is_arbitrary_string(&tag) || !args.iter().all(is_arbitrary_string) {
        return Err(wrong());
    }
    let mut body = Vec::new();
    loop {
        let line = lines
            .next()
            .filter(|line| line.len() <= LINE)
            .ok_or_else(wrong)?;
        body.extend(STANDARD_NO_PAD.decode(line).map_err(|_| wrong())?);
        if line.len() < LINE {
            return Ok(Stanza { tag, args, body });
        }
    }
}

/// Writes a stanza behind `text`.
///
/// # Errors
/// If it would be read as something else.
pub fn write(text: &mut String, stanza: &Stanza) -> Result<()> {
    let words = || std::iter::once(&stanza.tag).chain(&stanza.args);
    // A plugin made them: they must not be able to write what is read as something else.
    if !words().all(is_arbitrary_string) {
        return Err(Error::permanent(
            "wrap the file key",
            "a recipient made a stanza that can't be written",
        ));
    }
    text.push_str("->");
    for word in words() {
        text.push(' ');
        text.push_str(word);
    }
    text.push('\n');
    let body = STANDARD_NO_PAD.encode(&stanza.body);
    let mut rest = body.as_str();
    while rest.len() >= LINE {
        let (line, more) = rest.split_at(LINE);
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    text.push_str(rest);
    text.push('\n');
    Ok(())
}
