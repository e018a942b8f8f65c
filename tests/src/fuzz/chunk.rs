//! What s3chunk reads: chunk streams, known files, tar archives.

/// A stream that is joined: what comes out is what one of the examples holds.
pub fn join(data: &[u8]) {
    // What was changed in an index is refused, unless its key was changed as well: then it is another stream.
    if let Err(error) = s3chunk::fuzz::join(data.to_vec()) {
        super::harmless(&error);
    }
    if let Err(error) = s3chunk::fuzz::tail(data.to_vec()) {
        super::harmless(&error);
    }
}

/// A known file: what was understood is all that it says.
pub fn known(data: &[u8]) {
    for bytes in [data.to_vec(), s3chunk::fuzz::sealed(data.to_vec())] {
        match s3chunk::fuzz::known(bytes.clone()) {
            Ok(again) => assert!(again == bytes, "it was read as another one"),
            Err(error) => super::harmless(&error),
        }
    }
}

/// An archive: it doesn't matter how it is read, and no member is outside of it.
pub fn members(data: &[u8]) {
    let whole = s3chunk::fuzz::members(&[data]);
    let portions: Vec<&[u8]> = data.chunks(333).collect();
    assert_eq!(s3chunk::fuzz::members(&portions), whole);
    if let Ok(length) = whole {
        assert!(length <= data.len() as u64);
    }
}
