//! `--expect`: files as real programs write them are whole, and every beginning of such a file is not.
//!
//! What no checker can know is listed with each sample ([`Sample::also`]): the lengths at which a file that is cut
//! is still a whole file of its format. There are no other exceptions.

use std::fmt::Write as _;

use s3put::expect::{Expect, Expectation, NotWhole, Proof};
use tests::missing;
use tests::tools::Workshop;

/// A file of some format.
struct Sample {
    name: String,
    format: Expect,
    bytes: Vec<u8>,
    proof: Proof,
    /// Lengths, besides all of it, at which it is whole, too.
    also: Vec<usize>,
}

type Answer = Result<Proof, NotWhole>;

/// Files that programs make: name, what makes it, and the programs that this needs.
const TAR: &[(&str, &str, &[&str])] = &[
    ("v7", "tar c --format=v7 short", &["tar"]),
    ("oldgnu", "tar c --format=oldgnu tree", &["tar"]),
    ("gnu", "tar c --format=gnu tree", &["tar"]),
    ("ustar", "tar c --format=ustar short", &["tar"]),
    ("pax", "tar c --format=posix tree", &["tar"]),
    (
        "pax, global header",
        "tar c --format=posix --pax-option=globexthdr.name=g,comment=x short",
        &["tar"],
    ),
    (
        "oldgnu sparse",
        "tar cS --format=oldgnu holes few",
        &["tar"],
    ),
    (
        "gnu sparse",
        "tar cS --format=gnu few holes short",
        &["tar"],
    ),
    (
        "pax sparse 0.0",
        "tar cS --format=posix --sparse-version=0.0 holes",
        &["tar"],
    ),
    (
        "pax sparse 0.1",
        "tar cS --format=posix --sparse-version=0.1 holes",
        &["tar"],
    ),
    (
        "pax sparse 1.0",
        "tar cS --format=posix --sparse-version=1.0 holes few",
        &["tar"],
    ),
    ("one block a record", "tar c -b 1 short", &["tar"]),
    ("no members", "tar c -T /dev/null", &["tar"]),
    ("label", "tar c -V label short", &["tar"]),
    (
        "incremental",
        "tar c -g snapshot --format=gnu tree",
        &["tar"],
    ),
    ("hard links", "tar c --format=gnu links", &["tar"]),
    ("several archives", "tar c short; tar c links", &["tar"]),
    (
        "bsdtar pax",
        "bsdtar -cf - --format pax tree links",
        &["bsdtar"],
    ),
    (
        "bsdtar ustar",
        "bsdtar -cf - --format ustar short links",
        &["bsdtar"],
    ),
    (
        "bsdtar gnutar",
        "bsdtar -cf - --format gnutar tree",
        &["bsdtar"],
    ),
    ("busybox", "busybox tar c short links", &["busybox"]),
];

/// The same for compressors, which all get the same input.
const PACKED: &[(Expect, &str, &str, &[&str])] = &[
    (Expect::Gzip, "gzip", "gzip", &["gzip"]),
    (
        Expect::Gzip,
        "gzip with a name",
        "gzip -c numbers",
        &["gzip"],
    ),
    (Expect::Gzip, "gzip -1", "gzip -1", &["gzip"]),
    (Expect::Gzip, "pigz", "pigz -b 128 -p 2", &["pigz"]),
    (Expect::Gzip, "pigz -i", "pigz -i -b 128 -p 2", &["pigz"]),
    (
        Expect::Gzip,
        "gzip of nothing",
        "gzip </dev/null",
        &["gzip"],
    ),
    (Expect::Zstd, "zstd -1", "zstd -1", &["zstd"]),
    (Expect::Zstd, "zstd -19", "zstd -19", &["zstd"]),
    (Expect::Zstd, "zstd --long", "zstd --long", &["zstd"]),
    (Expect::Zstd, "zstd -T2", "zstd -T2 -B64k", &["zstd"]),
    (
        Expect::Zstd,
        "zstd --no-check",
        "zstd --no-check",
        &["zstd"],
    ),
    (Expect::Zstd, "zstd of a file", "zstd -c numbers", &["zstd"]),
    (
        Expect::Zstd,
        "zstd of zeros",
        "head -c 300000 /dev/zero | zstd",
        &["zstd"],
    ),
    (
        Expect::Zstd,
        "zstd of noise",
        "head -c 20000 noise | zstd",
        &["zstd"],
    ),
    (
        Expect::Zstd,
        "zstd of nothing",
        "zstd </dev/null",
        &["zstd"],
    ),
    (Expect::Xz, "xz", "xz", &["xz"]),
    (Expect::Xz, "xz -0", "xz -0", &["xz"]),
    (Expect::Xz, "xz --check=none", "xz --check=none", &["xz"]),
    (
        Expect::Xz,
        "xz of many blocks",
        "xz --block-size=4096",
        &["xz"],
    ),
    (
        Expect::Xz,
        "xz -T2",
        "xz -0 -T2 --block-size=65536",
        &["xz"],
    ),
    (
        Expect::Xz,
        "xz of noise",
        "head -c 20000 noise | xz",
        &["xz"],
    ),
    (Expect::Xz, "xz of nothing", "xz </dev/null", &["xz"]),
    (Expect::Bzip2, "bzip2 -9", "bzip2 -9", &["bzip2"]),
    (Expect::Bzip2, "bzip2 -1", "bzip2 -1", &["bzip2"]),
    (
        Expect::Bzip2,
        "bzip2 of nothing",
        "bzip2 </dev/null",
        &["bzip2"],
    ),
];

const SETUP: &str = r#"
    seq 6000 >numbers
    # Noise that is the same every time.
    openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c 40000 >noise
    mkdir -p short tree/empty links
    echo hello >short/hello; : >short/empty; head -c 1536 noise >short/whole-blocks
    cp -r short tree
    long=$(printf 'long%.0s' {1..50})
    mkdir -p "tree/$long"; echo deep >"tree/$long/$long"; ln -s "$long/$long" tree/link
    echo twice >links/one; ln links/one links/two; ln -s one links/three; mkfifo links/fifo
    # Old sparse headers hold 4 pieces, and each one that follows 21 more.
    for n in {0..60}; do dd if=numbers of=holes bs=1k seek=$((n * 16)) count=1 conv=notrunc 2>/dev/null; done
    truncate -s 10M few; printf end >>few
"#;

#[test]
fn archives_are_whole_or_refused() {
    let shop = shop();
    for &(name, script, needs) in TAR {
        let Some(bytes) = made(&shop, name, script, needs) else {
            continue;
        };
        // What follows the two blocks of zeros only fills the last record. If a whole archive comes before
        // another one, a cut in between leaves it.
        let also = ends_of_archives(&bytes);
        check(&Sample {
            name: name.to_owned(),
            format: Expect::Tar,
            bytes,
            proof: Proof::Whole,
            also,
        });
    }
}

#[test]
fn packed_files_are_whole_or_refused() {
    let shop = shop();
    for &(format, name, script, needs) in PACKED {
        let script = format!("{{ {script}; }} <numbers");
        let Some(bytes) = made(&shop, name, &script, needs) else {
            continue;
        };
        let mut also = Vec::new();
        // pigz -i joins blocks in one member; zstd and xz write one frame or stream here.
        if name == "zstd -T2" {
            also.extend(ends_of_frames(&bytes));
        }
        let alone = Sample {
            name: name.to_owned(),
            format,
            bytes,
            proof: Proof::Closed,
            also,
        };
        check(&alone);
        // Joined with cat, a cut in between leaves a whole file.
        let mut twice = alone.bytes.clone();
        let mut also = alone.also.clone();
        also.push(twice.len());
        also.extend(alone.also.iter().map(|at| at + twice.len()));
        twice.extend_from_slice(&alone.bytes);
        check(&Sample {
            name: format!("{name}, twice"),
            bytes: twice,
            also,
            ..alone
        });
    }
}

/// Programs that write many streams by themselves. Where each of them ends, this finds out with the whole ones.
#[test]
fn many_streams_are_whole() {
    let shop = shop();
    let many = "{ cat noise numbers numbers numbers; head -c 300000 /dev/zero; }";
    for (format, script, needs) in [
        (Expect::Bzip2, "pbzip2 -c -b1 -1 -p2", "pbzip2"),
        (Expect::Zstd, "pzstd -c -p2 -q", "pzstd"),
        (Expect::Zstd, "zstd -c --adapt", "zstd"),
        (Expect::Gzip, "pigz -11 -b 128 -p 2", "pigz"),
        (Expect::Xz, "xz -0 -T4 --block-size=32768", "xz"),
    ] {
        let Some(bytes) = made(&shop, script, &format!("{many} | {script}"), &[needs]) else {
            continue;
        };
        assert_eq!(ask(format, &bytes, &[]), Ok(Proof::Closed), "{script}");
        let whole = whole_lengths(format, &bytes);
        assert!(whole.len() < 40, "{script}: {whole:?}");
        for length in whole {
            // Whatever is called whole is taken by the program itself.
            let (file, test) = match format {
                Expect::Bzip2 => ("cut.bz2", "bzip2 -t"),
                Expect::Zstd => ("cut.zst", "zstd -tq"),
                Expect::Xz => ("cut.xz", "xz -t"),
                _ => ("cut.gz", "gzip -t"),
            };
            std::fs::write(shop.work().join(file), &bytes[..length]).expect("write a file");
            assert!(
                shop.bash(&format!("{test} {file}"))
                    .status()
                    .expect("run bash")
                    .success(),
                "{script}: {length} of {} bytes are no whole file",
                bytes.len()
            );
        }
    }
}

/// Where an archive is inside, its end is looked for, so that even a cut between members is seen.
#[test]
fn an_archive_inside_a_gzip_file() {
    let shop = shop();
    let Some(bytes) = made(&shop, "tar | gzip", "tar c tree | gzip", &["tar", "gzip"]) else {
        return;
    };
    check(&Sample {
        name: "tar | gzip".to_owned(),
        format: Expect::Gzip,
        bytes,
        proof: Proof::Whole,
        also: Vec::new(),
    });
    let cut = "tar c tree | head -c 3000 | gzip";
    let cut = made(&shop, cut, cut, &[]).expect("tar and gzip are here");
    let why = ask(Expect::Gzip, &cut, &[]).unwrap_err();
    assert_eq!(
        why.to_string(),
        "the stream is not a whole gzip file: the tar archive in it is not whole: it ends inside a member"
    );
    let members = "tar c tree | split -b 4096 --filter='gzip'";
    let members = made(&shop, members, members, &[]).expect("split is here");
    let whole = whole_lengths(Expect::Gzip, &members);
    assert!(whole.iter().all(|at| members.len() - at < 200), "{whole:?}");
    assert_eq!(ask(Expect::Gzip, &members, &[]), Ok(Proof::Whole));
}

#[test]
fn age_files_are_plausible() {
    let shop = shop();
    let needs = &["age", "age-keygen"];
    let setup = "[ -f key ] || age-keygen -o key 2>/dev/null; recipient=$(age-keygen -y key); ";
    for length in [0usize, 1, 1000, (64 << 10) - 1, 64 << 10, (64 << 10) + 1] {
        let script = format!("{setup} head -c {length} /dev/zero | age -r \"$recipient\"");
        let name = format!("age of {length} bytes");
        let Some(bytes) = made(&shop, &name, &script, needs) else {
            return;
        };
        // Without the key nobody knows which piece is the last one: of the lengths after the header all are
        // possible but those of a last piece that holds nothing. Only an empty file has such a piece.
        let header = bytes.len() - 16 - (length + 16 * length.div_ceil(64 << 10).max(1));
        let piece = (64 << 10) + 16;
        let also = (0..bytes.len() - header)
            .filter(|after| {
                after
                    .checked_sub(16)
                    .is_some_and(|n| n == 16 || n % piece > 16 || (n > 0 && n % piece == 0))
            })
            .map(|after| header + after)
            .collect();
        check(&Sample {
            name,
            format: Expect::Age,
            bytes,
            proof: Proof::Plausible,
            also,
        });
        let script = format!("{setup} head -c {length} /dev/zero | age -a -r \"$recipient\"");
        let bytes = made(&shop, "age -a", &script, needs).expect("age is here");
        // The last line feed may be missing.
        let also = vec![bytes.len() - 1];
        check(&Sample {
            name: format!("age -a of {length} bytes"),
            format: Expect::Age,
            bytes,
            proof: Proof::Closed,
            also,
        });
    }
}

/// By hand, so that this is tested where age isn't installed.
#[test]
fn age_headers() {
    let mac = "A".repeat(43);
    let line = "b".repeat(64);
    let good = format!(
        "age-encryption.org/v1\n-> X25519 abc\n{line}\n{line}\nbb\n-> grease\n\n--- {mac}\n"
    );
    let file = |header: &str, content: usize| {
        let mut file = header.as_bytes().to_vec();
        file.resize(file.len() + content, 7);
        ask(Expect::Age, &file, &[])
    };
    assert_eq!(file(&good, 16 + 16), Ok(Proof::Plausible));
    assert_eq!(file(&good, 16 + 17), Ok(Proof::Plausible));
    for content in [0, 15, 16, 31, 16 + 65552 + 1, 16 + 65552 + 16] {
        assert!(file(&good, content).is_err(), "{content}");
    }
    for (from, to) in [
        ("v1", "v2"),
        ("-> X25519", "->X25519"),
        ("bb\n", "b b\n"),
        ("--- ", "---"),
        ("A\n", "\n"),
        ("-> X25519 abc\n", ""),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        assert!(file(&bad, 100).is_err(), "{bad}");
    }
}

/// A file of 8 GiB and more says so in a way of its own in each format.
#[test]
fn sizes_beyond_the_octal_field() {
    const SIZE: u64 = (8 << 30) + 5;
    let mut binary = header("big", 0, b'0');
    binary[124..128].copy_from_slice(&[0x80, 0, 0, 0]);
    binary[128..136].copy_from_slice(&SIZE.to_be_bytes());
    sum_up(&mut binary);
    let mut record = format!("20 path=something\n22 size={SIZE}\n");
    record = record.replacen("22 ", &format!("{} ", 9 + SIZE.to_string().len()), 1);
    record = record.replacen("20 path=something\n", "18 path=something\n", 1);
    let mut pax = header("x", record.len() as u64, b'x').to_vec();
    pax.extend_from_slice(record.as_bytes());
    pax.resize(1024, 0);
    pax.extend_from_slice(&header("big", 0, b'0'));
    for (name, start) in [("base-256", binary.to_vec()), ("pax", pax)] {
        let mut expectation = Expectation::new(Expect::Tar);
        assert!(expectation.see(&start), "{name}");
        let zeros = vec![0; 1 << 20];
        for _ in 0..SIZE >> 20 {
            assert!(expectation.see(&zeros), "{name}");
        }
        // The member's last block, and the end.
        assert!(expectation.see(&zeros[..512]), "{name}");
        assert!(expectation.finish().is_err(), "{name}");
        assert!(expectation.see(&zeros[..1024]), "{name}");
        assert_eq!(expectation.finish(), Ok(Proof::Whole), "{name}");
        assert!(!expectation.see(b"x") || expectation.finish().is_err());
    }
}

#[test]
fn odd_archives() {
    let end = vec![0; 1024];
    let archive = |blocks: &[&[u8]]| ask(Expect::Tar, &blocks.concat(), &[]);
    let data = [7; 512];
    let plain = header("plain", 3, b'0');
    // A size that means nothing: POSIX lets a directory have one, and there is no data.
    let folder = header("folder/", 4096, b'5');
    assert_eq!(archive(&[&folder, &plain, &data, &end]), Ok(Proof::Whole));
    assert_eq!(archive(&[&folder, &end]), Ok(Proof::Whole));
    // pax can store the data of a hard link with it.
    let link = header("link", 600, b'1');
    assert_eq!(
        archive(&[&link, &data, &data, &plain, &data, &end]),
        Ok(Proof::Whole)
    );
    // A volume that is continued, and one that continues another.
    let rest = header("rest", 600, b'M');
    assert_eq!(archive(&[&rest, &data, &data, &end]), Ok(Proof::Whole));
    assert!(archive(&[&header("cut", 5000, b'0'), &data]).is_err());
    // A lone block of zeros, in it and at its end.
    assert!(archive(&[&plain, &data, &end[..512]]).is_err());
    assert!(archive(&[&plain, &data, &end[..512], &plain, &data, &end]).is_err());
    // A long name that belongs to nothing.
    assert!(archive(&[&header("././@LongLink", 3, b'L'), &data, &end]).is_err());
    // Damage.
    let mut wrong = plain;
    wrong[0] ^= 1;
    assert!(archive(&[&wrong, &data, &end]).is_err());
    assert!(archive(&[&plain, &data, &wrong, &data, &end]).is_err());
    for field in ["77777777777x", "12 34567890a", "9"] {
        let mut odd = plain;
        odd[124..124 + field.len()].copy_from_slice(field.as_bytes());
        sum_up(&mut odd);
        let answer = archive(&[&odd, &data, &end]);
        assert!(answer.is_err() || field.starts_with("12 "), "{field}");
    }
    // Sizes that can't be.
    for size in [[0xff; 12], {
        let mut most = [0xff; 12];
        most[0] = 0x80;
        most
    }] {
        let mut odd = plain;
        odd[124..136].copy_from_slice(&size);
        sum_up(&mut odd);
        assert!(archive(&[&odd, &data, &end]).is_err());
    }
    for record in [
        "",
        "5 a=\n",
        "x size=1\n",
        "11 size=-1\n",
        "99 size=1\n",
        "9 size=\n ",
        "30 size=99999999999999999999\n\n",
    ] {
        let mut block = [0; 512];
        block[..record.len()].copy_from_slice(record.as_bytes());
        let extended = header("x", record.len() as u64, b'x');
        let empty = header("empty", 0, b'0');
        let answer = archive(&[
            &extended,
            if record.is_empty() { &[] } else { &block },
            &empty,
            &end,
        ]);
        assert_eq!(answer.is_ok(), matches!(record, "" | "5 a=\n"), "{record}");
    }
}

#[test]
fn what_is_something_else_is_refused_at_once_or_not_recognised() {
    let text = "nothing but text\n".repeat(100);
    for format in [
        Expect::Tar,
        Expect::Gzip,
        Expect::Zstd,
        Expect::Xz,
        Expect::Bzip2,
        Expect::Age,
    ] {
        let mut expectation = Expectation::new(format);
        assert!(!expectation.see(text.as_bytes()), "{format:?}");
        let why = expectation.finish().unwrap_err().to_string();
        assert!(why.ends_with(": it does not begin like one"), "{why}");
        let why = Expectation::new(format).finish().unwrap_err().to_string();
        assert!(why.ends_with(": it is empty"), "{why}");
    }
    for length in [0, 1, 511, 512, 513, text.len()] {
        let answer = ask(Expect::Auto, &text.as_bytes()[..length], &[3]);
        assert_eq!(answer, Ok(Proof::Unrecognised), "{length}");
    }
}

/// Everything that must hold for a sample.
fn check(sample: &Sample) {
    let Sample {
        name,
        format,
        bytes,
        proof,
        also,
    } = sample;
    assert_eq!(ask(*format, bytes, &[]), Ok(*proof), "{name}");
    // An archive without members is nothing but zeros, which could be anything.
    let is_zero = bytes.iter().all(|byte| *byte == 0);
    let recognised = if is_zero { Proof::Unrecognised } else { *proof };
    assert_eq!(
        ask(Expect::Auto, bytes, &[]),
        Ok(recognised),
        "{name}, auto"
    );
    // Every beginning: refused, but where the sample says otherwise.
    let mut wanted = also.clone();
    wanted.push(bytes.len());
    wanted.sort_unstable();
    wanted.dedup();
    let found = whole_lengths(*format, bytes);
    assert_eq!(found, wanted, "{name}: of {} bytes", bytes.len());
    // In any chunks the answer is the same, for the whole, for what is cut, and for what is too long.
    let mut cases: Vec<Vec<u8>> = vec![bytes.clone()];
    cases.extend([1, 2, 3].map(|part| bytes[..bytes.len() * part / 4].to_vec()));
    cases.push(bytes[..bytes.len() - 1].to_vec());
    for rubbish in [&b"x"[..], &[0x1f], &[0, 0, 0, 1], &[0xa5; 700]] {
        let longer = [bytes, rubbish].concat();
        if *format != Expect::Age || bytes.ends_with(b"\n") {
            assert!(
                ask(*format, &longer, &[]).is_err(),
                "{name} and {rubbish:?}"
            );
        }
        cases.push(longer);
    }
    for case in &cases {
        let at_once = ask(*format, case, &[]);
        for chunks in [
            &[1][..],
            &[2],
            &[3],
            &[7],
            &[64],
            &[511],
            &[512],
            &[513],
            &[4096],
            &[1, 600, 13, 10240, 5],
        ] {
            assert_eq!(
                ask(*format, case, chunks),
                at_once,
                "{name} in chunks of {chunks:?}"
            );
        }
    }
}

/// What is said of `bytes` that come in chunks of these sizes, again and again; all at once if there are none.
fn ask(format: Expect, bytes: &[u8], chunks: &[usize]) -> Answer {
    let mut expectation = Expectation::new(format);
    let mut rest = bytes;
    let mut sizes = chunks.iter().cycle();
    while !rest.is_empty() {
        let size = sizes
            .next()
            .map_or(rest.len(), |size| rest.len().min(*size));
        let (chunk, more) = rest.split_at(size);
        if !expectation.see(chunk) {
            assert!(expectation.finish().is_err(), "refused without a reason");
        }
        rest = more;
    }
    expectation.finish()
}

/// All lengths at which the beginning of `bytes` is a whole file.
fn whole_lengths(format: Expect, bytes: &[u8]) -> Vec<usize> {
    let mut expectation = Expectation::new(format);
    let mut whole = Vec::new();
    for length in 0..=bytes.len() {
        if expectation.finish().is_ok() {
            whole.push(length);
        }
        if let Some(byte) = bytes.get(length) {
            expectation.see(std::slice::from_ref(byte));
        }
    }
    whole
}

/// Found in another way than by walking headers: the blocks from which on there are only zeros, or a header that
/// begins another archive after them.
fn ends_of_archives(bytes: &[u8]) -> Vec<usize> {
    let zero = |at: usize| {
        bytes[at * 512..(at + 1) * 512]
            .iter()
            .all(|byte| *byte == 0)
    };
    let is_start =
        |at: usize| at * 512 == bytes.len() || bytes[at * 512..].starts_with(b"links/\0");
    let blocks = bytes.len() / 512;
    (2..=blocks)
        .filter(|&at| zero(at - 1) && zero(at - 2))
        .filter(|&at| is_start((at..blocks).find(|&next| !zero(next)).unwrap_or(blocks)))
        .map(|at| at * 512)
        .collect()
}

/// Where a further frame of zstd begins.
fn ends_of_frames(bytes: &[u8]) -> Vec<usize> {
    (1..bytes.len())
        .filter(|&at| bytes[at..].starts_with(&[0x28, 0xb5, 0x2f, 0xfd]))
        .collect()
}

fn shop() -> Workshop {
    let shop = Workshop::new();
    let status = shop.bash(SETUP).status().expect("run bash");
    assert!(status.success(), "the fixture could not be made");
    shop
}

/// What a script writes; none, said loudly, without its programs.
fn made(shop: &Workshop, name: &str, script: &str, needs: &[&str]) -> Option<Vec<u8>> {
    let lacking = missing::programs(needs);
    if !lacking.is_empty() {
        missing::skipped(
            &format!("--expect of {name}"),
            &format!("not installed: {}", lacking.join(" ")),
        );
        return None;
    }
    let output = shop
        .bash(&format!("set -eu; {script}"))
        .output()
        .expect("run bash");
    assert!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(output.stdout)
}

/// A header of ustar.
fn header(name: &str, size: u64, kind: u8) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..108].copy_from_slice(b"0000644\0");
    let mut octal = String::new();
    let _ = write!(octal, "{size:011o}\0");
    block[124..136].copy_from_slice(octal.as_bytes());
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    sum_up(&mut block);
    block
}

/// Makes the checksum right.
fn sum_up(block: &mut [u8; 512]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
