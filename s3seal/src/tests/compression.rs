//! What was compressed in any portions comes back, and what was cut off doesn't.

use proptest::prelude::*;

use super::{collect, pool, portions, sample, sizes};
use crate::seal::chunks;
use crate::{compress, secrets};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn compressed_bytes_come_back(
        length in prop_oneof![0_usize..2000, (1_usize..3).prop_map(|n| n * (2 << 20) + 1), Just(9 << 20)],
        random in any::<bool>(), reads in sizes(), method in 0..4
    ) {
        let mut content = sample(length);
        if random {
            secrets::random(&mut content).unwrap();
        }
        let input = portions(&content, &reads);
        let opened = match method {
            0 => compress::zstd::decompress(
                compress::zstd::compress(input, 1, random, pool()).unwrap(), pool()),
            1 => compress::zstd::decompress(
                compress::zstd::compress_long(input, 1, random, &pool()).unwrap(), pool()),
            2 => compress::zstd::decompress(
                crate::pad::padded(compress::zstd::compress(input, 3, false, pool()).unwrap()).unwrap(), pool()),
            _ => {
                content.truncate(400_000);
                let input = portions(&content, &reads);
                compress::bzip2::decompress(compress::bzip2::compress(input, 1, pool()).unwrap(), pool())
            }
        };
        prop_assert!(collect(opened.unwrap()).unwrap() == content);
    }

    #[test]
    fn compressed_bytes_that_are_cut_off_are_an_error(at in any::<prop::sample::Index>(), method in 0..3) {
        let content = sample(300_000);
        let input = portions(&content, &[1 << 20]);
        let packed = collect(match method {
            0 => compress::zstd::compress(input, 1, false, pool()),
            1 => compress::zstd::compress_long(input, 1, false, &pool()),
            _ => compress::bzip2::compress(input, 1, pool()),
        }.unwrap()).unwrap();
        let at = at.index(packed.len() - 1) + 1;
        let rest = chunks(portions(&packed[..at], &[1 << 20])).unwrap();
        let opened = if method == 2 {
            // Each block is a stream of its own, so the stream may end between two of them.
            prop_assume!(!packed[at..].starts_with(b"BZh1"));
            compress::bzip2::decompress(rest, pool())
        } else {
            compress::zstd::decompress(rest, pool())
        };
        prop_assert!(collect(opened.unwrap()).is_err());
    }
}
