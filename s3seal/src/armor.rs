//! The seal as text: base64 between two lines, 64 characters a line.

use std::io::{self, BufReader, Read};

use age::armor::ArmoredReader;

/// What the text `armored` stands for. Its last line must be there.
pub fn dearmored(armored: impl Read) -> impl Read {
    Dearmored(ArmoredReader::new(BufReader::new(armored)))
}

struct Dearmored<R: Read>(ArmoredReader<BufReader<R>>);

impl<R: Read> Read for Dearmored<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|why| {
            if why.kind() == io::ErrorKind::InvalidData {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the armor is damaged, cut off or added to",
                )
            } else {
                why
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let outcome = dearmored(text.as_bytes()).read_to_end(&mut bytes);
        outcome.map(|_| bytes).map_err(|why| why.to_string())
    }

    #[test]
    fn what_is_wrong_is_said_in_one_way() {
        let (first, last) = (
            "-----BEGIN AGE ENCRYPTED FILE-----\n",
            "-----END AGE ENCRYPTED FILE-----\n",
        );
        let whole = format!("{first}YWdl\n{last}");
        assert_eq!(read(&whole).unwrap(), b"age");
        for text in [
            format!("{first}YWdl\n"),
            format!("{first}YWdl\n-----END AGE"),
            format!("{first}YW!l\n{last}"),
            format!("{first}YWd\n{last}"),
            format!("{first}YWdl\n\n{last}"),
            format!("{whole}more"),
        ] {
            assert_eq!(
                read(&text).unwrap_err(),
                "the armor is damaged, cut off or added to",
                "{text}"
            );
        }
    }
}
