//! The checkers behind `--expect`.

use s3put::expect::{Expect, Expectation, NotWhole, Proof};

const FORMATS: [Expect; 7] = [
    Expect::Tar,
    Expect::Gzip,
    Expect::Zstd,
    Expect::Xz,
    Expect::Bzip2,
    Expect::Age,
    Expect::Auto,
];

/// A byte that says which format and which chunks, and the stream: any chunks give the same answer.
pub fn target(data: &[u8]) {
    let Some((choice, stream)) = data.split_first() else {
        return;
    };
    let format = FORMATS[usize::from(*choice) % FORMATS.len()];
    let size = [1, 3, 511, 513][usize::from(*choice) / 64];
    let at_once = ask(format, stream, stream.len().max(1));
    // Of two things that are wrong either may be seen first: inside a gzip file, or in it.
    assert_eq!(
        ask(format, stream, size).ok(),
        at_once.ok(),
        "{format:?} in chunks of {size}"
    );
    // Recognised or asked for: the same file.
    if let Ok(proof) = ask(Expect::Auto, stream, size)
        && proof != Proof::Unrecognised
    {
        let named = FORMATS[..6].iter();
        let answers: Vec<_> = named.map(|format| ask(*format, stream, 4096)).collect();
        assert!(answers.contains(&Ok(proof)), "{proof:?} {answers:?}");
    }
}

fn ask(format: Expect, stream: &[u8], size: usize) -> Result<Proof, NotWhole> {
    let mut expectation = Expectation::new(format);
    for chunk in stream.chunks(size) {
        let fine = expectation.see(chunk);
        assert_eq!(fine, !expectation.is_refused());
        if !fine {
            assert!(expectation.finish().is_err());
        }
    }
    expectation.finish()
}
