//! What can be known of a sealed stream without a key, and with one.
//!
//! Without a key nothing of it is proven: whoever can change the stream can change what is said of it.

use common::chunks::{BLOCK, Compression, HEAD as GLOBAL, Name, Opened, Reader, padding};
use common::run::Streams;
use common::{Error, Result};
use std::io::Read;

use crate::args::Args;
use crate::armor::dearmored;
use crate::header::{ANY_VERSION, Header};
use crate::input::{self, Peeked};
use crate::keys::Identities;
use crate::magic::{self, Packing};
use crate::members;
use crate::open::identities;
use crate::secrets;
use crate::stream::{PIECE, TAG};

/// What is told, line by line: of what, and what.
type Facts = Vec<(&'static str, String)>;

/// Describes standard input, a line for each fact.
///
/// # Errors
/// If it isn't sealed or compressed in a known way, is cut off, or a key was given that doesn't open it.
pub fn inspect(args: &Args, streams: &mut Streams) -> Result<()> {
    let identities = identities(args, streams)?;
    let input = match members::look(streams.take_input()?)? {
        Opened::Chunks(reader) => {
            for (name, fact) in chunk_stream(reader, &identities)? {
                streams.output().line(format!("{name}: {fact}"))?;
            }
            return Ok(());
        }
        Opened::Other(input) => input,
    };
    let mut input = Peeked::new(input);
    let start = input.peek(magic::LOOK)?.to_vec();
    let mut facts: Facts = Vec::new();
    if magic::is_armored(&start) {
        facts.push(("armor", "yes".into()));
        let mut input = Peeked::new(dearmored(input));
        seal(&mut input, &identities, &mut facts)?;
    } else if start.starts_with(ANY_VERSION) {
        seal(&mut input, &identities, &mut facts)?;
    } else {
        let packing = Packing::of(&start);
        if packing == Packing::None {
            return Err(Error::permanent(
                "inspect the stream",
                "it is neither sealed nor compressed in a known way",
            ));
        }
        facts.push(("sealed", "no".into()));
        facts.push(("compression", packing.name().into()));
        facts.push(("size", format!("{} bytes", rest(&mut input)?)));
    }
    for (name, fact) in facts {
        streams.output().line(format!("{name}: {fact}"))?;
    }
    Ok(())
}

fn seal(input: &mut Peeked<impl Read>, identities: &Identities, facts: &mut Facts) -> Result<()> {
    let header = Header::read(input)?;
    recipients(&header, facts);
    let nonce = secrets::read_nonce(input)?;
    let mut packing = "not known without a key";
    let mut first = vec![0; PIECE + TAG];
    let length = input::full(input, &mut first)?;
    first.truncate(length);
    let payload = length as u64 + rest(input)?;
    let pieces = payload.div_ceil((PIECE + TAG) as u64);
    let content = payload.checked_sub(pieces * TAG as u64);
    let (Some(content), true) = (content, pieces > 0) else {
        return Err(Error::permanent("inspect the stream", "it is cut off"));
    };
    if !identities.is_empty() {
        let file_key = identities.unlock(&header)?;
        let key = secrets::payload_key(&file_key, &nonce)?;
        let opened = crate::stream::open_first(&key, first, pieces == 1)?;
        packing = Packing::of(&opened).name();
    }
    facts.push(("compression", packing.into()));
    let before = header.bytes.len() + nonce.len();
    facts.push(("size", format!("{} bytes", before as u64 + payload)));
    facts.push(("content", format!("{content} bytes")));
    Ok(())
}

/// For whom it is.
fn recipients(header: &Header, facts: &mut Facts) {
    facts.push(("sealed", "age-encryption.org/v1".into()));
    for stanza in &header.stanzas {
        facts.push(("recipient", kind(&stanza.tag)));
    }
}

/// What is said of a chunk stream: its members are counted, and the first that is sealed tells for whom.
fn chunk_stream(mut reader: Reader<impl Read>, identities: &Identities) -> Result<Facts> {
    let head = reader.head();
    let mut facts = vec![("chunk stream", format!("{} {}", head.form.name(), head.id))];
    let (mut chunks, mut sealed, mut size) = (0, 0, (GLOBAL + 2 * BLOCK) as u64);
    let mut first = None;
    while let Some(member) = reader.next()? {
        size += BLOCK as u64 + member.size + padding(member.size);
        chunks += u64::from(matches!(member.name, Name::Chunk { .. }));
        sealed += u64::from(member.suffix.age);
        if member.name.is_sealed() && (first.is_none() || member.suffix.age && sealed == 1) {
            let header = member
                .suffix
                .age
                .then(|| Header::read(&mut Peeked::new(&mut reader)));
            let header = header
                .transpose()
                .map_err(|why| members::of(&member, &why))?;
            if let (Some(header), false) = (&header, identities.is_empty()) {
                identities
                    .unlock(header)
                    .map_err(|why| members::of(&member, &why))?;
            }
            first = Some((member.suffix, header));
        }
    }
    if let Some((suffix, header)) = first {
        match header {
            Some(header) => recipients(&header, &mut facts),
            None => facts.push(("sealed", "no".into())),
        }
        facts.push(("compression", packing(suffix.compression).into()));
    }
    facts.push(("chunks", chunks.to_string()));
    facts.push(("sealed members", sealed.to_string()));
    facts.push(("size", format!("{size} bytes")));
    Ok(facts)
}

/// What a name says of a compression.
fn packing(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Zst => "zstd",
        Compression::Bz2 => "bzip2",
        Compression::Gz => "gzip",
        Compression::Xz => "xz",
        Compression::Lz4 => "lz4",
        Compression::Lz => "lzip",
        Compression::Lzo => "lzop",
    }
}

/// What a stanza's tag means.
fn kind(tag: &str) -> String {
    match tag {
        "X25519" => "X25519".into(),
        "scrypt" => "passphrase".into(),
        "ssh-ed25519" | "ssh-rsa" => tag.into(),
        crate::pq::STANZA => format!("{tag} (post-quantum)"),
        "p256tag" => format!("{tag} (hardware key)"),
        "mlkem768p256tag" => format!("{tag} (hardware key, post-quantum)"),
        // A stanza holds only visible characters of ASCII.
        other => format!("{other} (of a plugin, or meaningless)"),
    }
}

/// How many bytes are left.
fn rest(input: &mut impl Read) -> Result<u64> {
    let mut buffer = vec![0; 128 << 10];
    let mut count = 0;
    loop {
        match input::some(input, &mut buffer)? {
            0 => return Ok(count),
            length => count += length as u64,
        }
    }
}
