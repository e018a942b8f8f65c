//! Where a sealed stream with another header joins the object that has the rest of it (`--rest-of`).
//!
//! The headers end with a line of their own, so where they end is seen without a key. What follows begins with a nonce
//! that no other stream has: whoever compares what follows knows that it is the same content. That the new header holds
//! the old file key only a key tells; `s3seal --rewrap` makes no other.

use common::bucket::put::Seam;

use crate::expect::age_header;

/// How long both headers are, or why the beginnings don't join.
pub(crate) fn headers(new: &[u8], old: &[u8]) -> Result<Seam, String> {
    let new = age_header(new).map_err(|why| format!("what came is no sealed stream: {why}"))?;
    let old = age_header(old).map_err(|why| format!("the object is no sealed stream: {why}"))?;
    Ok(Seam { new, old })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: &str = "0123456789012345678901234567890123456789abc";

    fn sealed(recipients: &[&str], content: &str) -> Vec<u8> {
        let mut text = "age-encryption.org/v1\n".to_owned();
        for name in recipients {
            text.push_str(&format!("-> {name} x\nAAAA\n"));
        }
        format!("{text}--- {MAC}\n{content}").into_bytes()
    }

    #[test]
    fn headers_end_where_the_content_begins() {
        let content = "0123456789abcdef and more";
        let (new, old) = (sealed(&["a", "b"], content), sealed(&["longer"], content));
        let seam = headers(&new, &old).unwrap();
        assert_eq!(&new[seam.new..], content.as_bytes());
        assert_eq!(&old[seam.old..], content.as_bytes());
    }

    #[test]
    fn every_cut_and_everything_else_is_refused() {
        let content = "0123456789abcdef+";
        let whole = sealed(&["a"], content);
        for end in 0..whole.len() {
            assert!(headers(&whole[..end], &whole).is_err(), "{end}");
            assert!(headers(&whole, &whole[..end]).is_err(), "{end}");
        }
        assert!(headers(&whole, &whole).is_ok());
        for other in [
            sealed(&[], content),
            b"-----BEGIN AGE ENCRYPTED FILE-----\n".to_vec(),
            b"age-encryption.org/v2\n".to_vec(),
            vec![0; 100],
        ] {
            assert!(headers(&other, &whole).is_err());
        }
    }
}
