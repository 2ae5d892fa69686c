//! Undoing a `Content-Encoding`, a chunk at a time.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::{Decompress, FlushDecompress, Status, write::MultiGzDecoder};

use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use tokio::time::Instant;

/// How much is decoded at once; what a bomb can make beyond the limit.
const STEP: usize = 16 * 1024;

/// An encoding that is undone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Encoding {
    Gzip,
    Deflate,
    Brotli,
}

impl Encoding {
    /// Returns the one encoding of a body, or `None` where there is none, or one that is left as it is.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let value = values.next()?.to_str().ok()?.trim();
        if values.next().is_some() {
            return None;
        }
        if value.eq_ignore_ascii_case("gzip") || value.eq_ignore_ascii_case("x-gzip") {
            Some(Self::Gzip)
        } else if value.eq_ignore_ascii_case("deflate") {
            Some(Self::Deflate)
        } else if value.eq_ignore_ascii_case("br") {
            Some(Self::Brotli)
        } else {
            None
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
        }
    }
}

/// Decodes what is written to it.
pub(crate) struct Decoder(Stream);

enum Stream {
    Gzip(Box<MultiGzDecoder<Sink>>),
    Deflate(Box<Inflate>),
    Brotli(Box<DecompressorWriter<Sink>>),
}

/// Why decoding stopped.
#[derive(Debug)]
pub(crate) enum Fault {
    /// More came out than the limit.
    Full,
    /// There is no time left to go on.
    Late,
    Bad(String),
}

impl Decoder {
    /// Makes a decoder for a body that begins with `first`, may be `limit` bytes long when decoded, and is of use before `until`:
    /// a few bytes may hold gigabytes, and nobody waits for them any more then.
    pub(crate) fn new(encoding: Encoding, first: u8, limit: usize, until: Option<Instant>) -> Self {
        let sink = Sink { decoded: Vec::new(), limit, until, full: false, late: false };
        Self(match encoding {
            Encoding::Gzip => Stream::Gzip(Box::new(MultiGzDecoder::new(sink))),
            Encoding::Brotli => Stream::Brotli(Box::new(DecompressorWriter::new(sink, STEP))),
            Encoding::Deflate => {
                // `deflate` means zlib, but some servers send the bare stream. Read as one, a zlib header would be a stored block
                // whose padding is not zero, which no encoder writes.
                let zlib = first & 0x0f == 8;
                Stream::Deflate(Box::new(Inflate { state: Decompress::new(zlib), ended: false, sink }))
            }
        })
    }

    /// Decodes `chunk`.
    pub(crate) fn write(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        let written = match &mut self.0 {
            Stream::Gzip(gzip) => gzip.write_all(chunk),
            Stream::Deflate(inflate) => inflate.write(chunk),
            Stream::Brotli(brotli) => brotli.write_all(chunk),
        };
        self.judge(written)
    }

    /// Decodes what is left, and tells whether the stream was whole.
    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        let finished = match &mut self.0 {
            Stream::Gzip(gzip) => gzip.try_finish(),
            Stream::Deflate(inflate) if inflate.ended => Ok(()),
            Stream::Deflate(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Stream::Brotli(brotli) => brotli.close(),
        };
        let finished = finished.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                io::Error::new(io::ErrorKind::UnexpectedEof, "it ends too early")
            }
            _ => error,
        });
        self.judge(finished)
    }

    /// Takes what was decoded.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.sink().decoded)
    }

    fn judge(&mut self, result: io::Result<()>) -> Result<(), Fault> {
        match result {
            Ok(()) => Ok(()),
            Err(_) if self.sink().full => Err(Fault::Full),
            Err(_) if self.sink().late => Err(Fault::Late),
            Err(error) => Err(Fault::Bad(error.to_string())),
        }
    }

    fn sink(&mut self) -> &mut Sink {
        match &mut self.0 {
            Stream::Gzip(gzip) => gzip.get_mut(),
            Stream::Deflate(inflate) => &mut inflate.sink,
            Stream::Brotli(brotli) => brotli.get_mut(),
        }
    }
}

/// Keeps what fits, and refuses the rest.
struct Sink {
    decoded: Vec<u8>,
    limit: usize,
    until: Option<Instant>,
    full: bool,
    late: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.full = bytes.len() > self.limit - self.decoded.len();
        self.late = self.until.is_some_and(|until| until <= Instant::now());
        if self.full || self.late {
            return Err(io::Error::other("no more is taken"));
        }
        self.decoded.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Undoes `deflate`. `flate2`'s own writer takes a stream that ends too early for a whole one.
struct Inflate {
    state: Decompress,
    ended: bool,
    sink: Sink,
}

impl Inflate {
    fn write(&mut self, mut chunk: &[u8]) -> io::Result<()> {
        let mut step = [0; STEP];
        while !self.ended {
            let (taken, made) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(chunk, &mut step, FlushDecompress::None).map_err(io::Error::other)?;
            let taken = usize::try_from(self.state.total_in() - taken).map_err(io::Error::other)?;
            let made = usize::try_from(self.state.total_out() - made).map_err(io::Error::other)?;
            chunk = &chunk[taken..];
            self.sink.write_all(&step[..made])?;
            self.ended = matches!(status, Status::StreamEnd);
            if chunk.is_empty() && made < STEP {
                break;
            }
            if taken == 0 && made == 0 {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(())
    }
}
