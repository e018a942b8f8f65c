//! What is seen of a chunk stream while it passes, and what is written at its end.

use common::Result;
use common::bucket::put::ChunkStream;
use common::chunks::{BLOCK, End, HEAD, Id, MOST, Member, Name, Refs, Span, Toc, padding};

use super::flaw;
use super::tail::Tail;

/// Whoever reads them holds them in memory, as we do.
const REFS_MOST: u64 = 256 << 20;

/// An archive, as far as it has passed.
pub(super) struct Archive {
    id: Id,
    /// Bytes so far, as they are stored.
    offset: u64,
    /// Zeros that the content is still to be followed by.
    padding: u64,
    /// Where we are.
    name: Option<Name>,
    sizes: Vec<u64>,
    index: Span,
    files: Span,
    refs: Span,
    refs_text: Vec<u8>,
    /// The toc and the end that came with it, if it was complete already.
    own: [Option<Vec<u8>>; 2],
    tail: Option<Tail>,
}

impl Archive {
    /// After the head of the stream with this id.
    pub(super) fn new(id: Id, keeps: bool) -> Self {
        Self {
            id,
            offset: HEAD as u64,
            padding: 0,
            name: None,
            sizes: Vec::new(),
            index: Span::default(),
            files: Span::default(),
            refs: Span::default(),
            refs_text: Vec::new(),
            own: [None, None],
            tail: keeps.then(|| Tail::new(id)),
        }
    }

    /// True in a member that we write ourselves.
    pub(super) fn is_own(&self) -> bool {
        matches!(self.name, Some(Name::Toc | Name::End))
    }

    /// The content of such a member, as it came.
    pub(super) fn came(&mut self, content: Vec<u8>) {
        self.own[usize::from(self.name == Some(Name::End))] = Some(content);
    }

    /// The next member, which the sequence admits; what is stored before its content.
    pub(super) fn begin(&mut self, member: &Member) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.close(&mut bytes);
        self.name = Some(member.name);
        if self.is_own() {
            return Ok(bytes);
        }
        let span = Span {
            offset: self.offset + BLOCK as u64,
            size: member.size,
        };
        match member.name {
            Name::Chunk { .. } => self.sizes.push(member.size),
            Name::Index => self.index = span,
            Name::Files => self.files = span,
            Name::Refs if member.size > REFS_MOST => return Err(flaw("its refs are too long")),
            Name::Refs => self.refs = span,
            Name::Toc | Name::End | Name::Piece(_) => {}
        }
        let header = member.header();
        self.padding = padding(member.size);
        self.stored(&header);
        bytes.extend_from_slice(&header);
        Ok(bytes)
    }

    /// Bytes of the content on their way.
    pub(super) fn passed(&mut self, bytes: &[u8]) {
        if self.name == Some(Name::Refs) {
            self.refs_text.extend_from_slice(bytes);
        }
        self.stored(bytes);
    }

    /// The end of the archive: what is stored there, what the stream was, and its tail, if that was to be kept.
    pub(super) fn end(&mut self) -> Result<(Vec<u8>, ChunkStream, Option<Tail>)> {
        let mut bytes = Vec::new();
        self.close(&mut bytes);
        let refs = Refs::read(self.refs_text.as_slice())?;
        self.refs_text = Vec::new();
        self.check(&refs)?;
        let new = self.sizes.len() as u64;
        let toc = Toc {
            sizes: std::mem::take(&mut self.sizes),
        };
        let mut text = Vec::new();
        toc.write(&mut text)?;
        drop(toc);
        let end = End {
            id: self.id,
            chunks: new,
            index: self.index,
            files: self.files,
            refs: self.refs,
            toc: Span {
                offset: self.offset + BLOCK as u64,
                size: text.len() as u64,
            },
        };
        self.compare(&text, &end)?;
        for (name, content) in [(Name::Toc, text.as_slice()), (Name::End, &end.encode())] {
            let size = content.len() as u64;
            if size > MOST {
                return Err(flaw("its toc would be longer than 8 GiB"));
            }
            let header = Member::plain(name, size).header();
            self.stored(&header);
            self.stored(content);
            self.padding = padding(size);
            bytes.extend_from_slice(&header);
            bytes.extend_from_slice(content);
            self.close(&mut bytes);
        }
        let zeros = [0; 2 * BLOCK];
        self.stored(&zeros);
        bytes.extend_from_slice(&zeros);
        let stream = ChunkStream {
            id: self.id,
            total: refs.count(),
            new,
            bond: refs.bond,
        };
        Ok((bytes, stream, self.tail.take()))
    }

    /// The end of the member's content.
    fn close(&mut self, bytes: &mut Vec<u8>) {
        let zeros = [0; BLOCK];
        // Less than a block.
        let zeros = &zeros[..usize::try_from(std::mem::take(&mut self.padding)).unwrap_or(0)];
        self.stored(zeros);
        bytes.extend_from_slice(zeros);
    }

    fn stored(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        if let Some(tail) = &mut self.tail
            && !matches!(self.name, None | Some(Name::Chunk { .. }))
        {
            tail.keep(bytes);
        }
    }

    /// The refs must be this stream's, and name the chunks that it holds.
    fn check(&self, refs: &Refs) -> Result<()> {
        if refs.id != self.id {
            return Err(flaw("its refs are those of another stream"));
        }
        let named = refs.held();
        let held = self.sizes.len() as u64;
        if named != held {
            return Err(flaw(format!(
                "its refs name {named} chunks of its own, and it holds {held}"
            )));
        }
        Ok(())
    }

    /// Whoever completed it before must have come to the same.
    fn compare(&self, toc: &[u8], end: &End) -> Result<()> {
        let [came_toc, came_end] = &self.own;
        if came_toc.as_ref().is_some_and(|came| came != toc) {
            return Err(flaw("its toc is not that of its chunks"));
        }
        match came_end {
            Some(came) if End::parse(came)? != *end => Err(flaw("its end is not its own")),
            _ => Ok(()),
        }
    }
}
