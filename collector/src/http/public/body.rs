//! Reads a body: bounded in bytes before and after decompression, in time, and in how many large ones are held at once.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::body::HttpBody;
use axum::http::StatusCode;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use wire::limits::{MAX_BEACON_BYTES, MAX_NDJSON_BYTES};

use super::refused::{Refused, refuse, too_large};
use crate::metrics::Reason;

/// A sender that pauses longer than this has gone, or wants to hold the connection.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(10);
/// All of a body: 8 MiB over a slow line, but no slow drip.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Bodies over the size of one beacon that are held at once: times 8 MiB, that is the memory they can take.
const MAX_LARGE_BODIES: usize = 16;
/// What is read and thrown away of a body that was refused, so that its sender sees the answer instead of a broken connection.
const MAX_DRAINED_BYTES: usize = 2 * MAX_NDJSON_BYTES;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
const BROTLI_BUFFER_BYTES: usize = 4096;
const LARGE_RETRY_S: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Identity,
    Gzip,
    Brotli,
}

impl Codec {
    pub fn from_name(name: &str) -> Option<Codec> {
        match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Codec::Identity),
            "gzip" | "x-gzip" => Some(Codec::Gzip),
            "br" => Some(Codec::Brotli),
            _ => None,
        }
    }
}

/// Hands out the right to hold a large body.
#[derive(Clone, Debug)]
pub struct LargeBodies(Arc<Semaphore>);

impl Default for LargeBodies {
    fn default() -> Self {
        LargeBodies(Arc::new(Semaphore::new(MAX_LARGE_BODIES)))
    }
}

/// A body in memory, decompressed. Holds its right to be large for as long as it lives.
#[derive(Debug)]
pub struct Content {
    pub bytes: Bytes,
    _large: Option<OwnedSemaphorePermit>,
}

/// Reads and decompresses `body`.
///
/// # Errors
/// Larger than allowed (413), not what its codec says (400), too slow (408), too many large ones at once (503).
pub async fn read(body: &mut Body, codec: Codec, large: &LargeBodies) -> Result<Content, Refused> {
    let deadline = Instant::now() + BODY_TIMEOUT;
    let mut decoder = Decoder::new(codec);
    let mut permit = None;
    while let Some(chunk) = next_chunk(body, deadline).await? {
        if is_all(&chunk, body, &decoder) {
            return Ok(Content {
                bytes: chunk,
                _large: None,
            });
        }
        decoder.push(&chunk).map_err(broken)?;
        if decoder.sink().bytes.len() > MAX_BEACON_BYTES && permit.is_none() {
            permit = Some(large.0.clone().try_acquire_owned().map_err(|_| busy())?);
        }
    }
    let bytes = decoder.finish().map_err(broken)?;
    Ok(Content {
        bytes: bytes.into(),
        _large: permit,
    })
}

/// Whether a usual beacon has come in one piece, as it nearly always does: then nothing need be copied.
fn is_all(chunk: &Bytes, body: &Body, decoder: &Decoder) -> bool {
    let is_plain = matches!(decoder, Decoder::Identity(sink) if sink.bytes.is_empty());
    is_plain && chunk.len() <= MAX_BEACON_BYTES && body.is_end_stream()
}

/// Reads on without keeping anything; see [`MAX_DRAINED_BYTES`].
pub async fn drain(mut body: Body) {
    let all = async {
        let mut drained = 0;
        while let Some(Ok(frame)) = body.frame().await {
            drained += frame.data_ref().map_or(0, Bytes::len);
            if drained > MAX_DRAINED_BYTES {
                return;
            }
        }
    };
    let _ = timeout(DRAIN_TIMEOUT, all).await; // who is slower than this has to do without the answer
}

async fn next_chunk(body: &mut Body, deadline: Instant) -> Result<Option<Bytes>, Refused> {
    let gone = || {
        let detail = "the body did not arrive in time";
        refuse(Reason::Aborted, StatusCode::REQUEST_TIMEOUT, detail)
    };
    loop {
        let limit = deadline.min(Instant::now() + CHUNK_TIMEOUT);
        let frame = timeout_at(limit, body.frame()).await.map_err(|_| gone())?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => {
                let detail = "the body broke off";
                return Err(refuse(Reason::Aborted, StatusCode::BAD_REQUEST, detail));
            }
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                } // else trailers, of which we read none
            }
        }
    }
}

fn broken(error: io::Error) -> Refused {
    if error.kind() == io::ErrorKind::FileTooLarge {
        return too_large();
    }
    let detail = "the body is not what its Content-Encoding says";
    refuse(Reason::Malformed, StatusCode::BAD_REQUEST, detail)
}

fn busy() -> Refused {
    let detail = "too many large requests at once";
    let refused = refuse(Reason::RateLimited, StatusCode::SERVICE_UNAVAILABLE, detail);
    Refused {
        problem: refused.problem.retry_after(LARGE_RETRY_S),
        ..refused
    }
}

/// Decompresses what is pushed into a sink that never grows past the cap, whatever the input claims.
enum Decoder {
    Identity(Sink),
    Gzip(flate2::write::MultiGzDecoder<Sink>),
    Brotli(Box<brotli::DecompressorWriter<Sink>>),
}

#[derive(Default)]
struct Sink {
    bytes: Vec<u8>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > MAX_NDJSON_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Decoder {
    fn new(codec: Codec) -> Decoder {
        let sink = Sink::default();
        match codec {
            Codec::Identity => Decoder::Identity(sink),
            Codec::Gzip => Decoder::Gzip(flate2::write::MultiGzDecoder::new(sink)),
            Codec::Brotli => Decoder::Brotli(Box::new(brotli::DecompressorWriter::new(
                sink,
                BROTLI_BUFFER_BYTES,
            ))),
        }
    }

    fn push(&mut self, chunk: &[u8]) -> io::Result<()> {
        match self {
            Decoder::Identity(sink) => sink.write_all(chunk),
            Decoder::Gzip(decoder) => decoder.write_all(chunk),
            Decoder::Brotli(decoder) => decoder.write_all(chunk),
        }
    }

    fn sink(&self) -> &Sink {
        match self {
            Decoder::Identity(sink) => sink,
            Decoder::Gzip(decoder) => decoder.get_ref(),
            Decoder::Brotli(decoder) => decoder.get_ref(),
        }
    }

    /// The whole content; an error when the compressed stream breaks off.
    fn finish(self) -> io::Result<Vec<u8>> {
        let sink = match self {
            Decoder::Identity(sink) => sink,
            Decoder::Gzip(decoder) => decoder.finish()?,
            Decoder::Brotli(mut decoder) => {
                decoder.close()?;
                decoder
                    .into_inner()
                    .map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?
            }
        };
        Ok(sink.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes `input` in pieces of `piece` bytes.
    fn decode(codec: Codec, input: &[u8], piece: usize) -> io::Result<Vec<u8>> {
        let mut decoder = Decoder::new(codec);
        for chunk in input.chunks(piece) {
            decoder.push(chunk)?;
            assert!(decoder.sink().bytes.len() <= MAX_NDJSON_BYTES);
        }
        decoder.finish()
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn brotli(content: &[u8]) -> Vec<u8> {
        let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
        encoder.write_all(content).unwrap();
        encoder.into_inner()
    }

    #[test]
    fn every_codec_gives_back_what_went_in_whatever_the_pieces() {
        let content = b"{\"v\":1}\n".repeat(1000);
        for piece in [1, 7, 100_000] {
            assert_eq!(decode(Codec::Identity, &content, piece).unwrap(), content);
            assert_eq!(
                decode(Codec::Gzip, &gzip(&content), piece).unwrap(),
                content
            );
            assert_eq!(
                decode(Codec::Brotli, &brotli(&content), piece).unwrap(),
                content
            );
        }
        assert_eq!(decode(Codec::Identity, b"", 1).unwrap(), b"");
    }

    #[tokio::test(start_paused = true)]
    async fn a_drip_ends_with_the_time_for_a_body_and_silence_with_that_for_a_piece() {
        let drip = |pause: Duration| {
            let pieces = futures_util::stream::unfold((), move |()| async move {
                tokio::time::sleep(pause).await;
                Some((Ok::<_, io::Error>(Bytes::from_static(b" ")), ()))
            });
            Body::from_stream(pieces)
        };
        for (pause, expected) in [
            (CHUNK_TIMEOUT / 10, BODY_TIMEOUT),
            (CHUNK_TIMEOUT * 10, CHUNK_TIMEOUT),
        ] {
            let began = Instant::now();
            let mut body = drip(pause);
            let read = read(&mut body, Codec::Identity, &LargeBodies::default()).await;
            let refused = read.expect_err("it never ends");
            assert_eq!(refused.problem.status, StatusCode::REQUEST_TIMEOUT);
            let took = began.elapsed();
            assert!(took >= expected && took < expected * 2, "{took:?}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_at_the_cap() {
        let zeros = vec![0; MAX_NDJSON_BYTES + 1];
        for (codec, bomb) in [
            (Codec::Identity, zeros.clone()),
            (Codec::Gzip, gzip(&zeros)),
            (Codec::Brotli, brotli(&zeros)),
        ] {
            let error = decode(codec, &bomb, 4096).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge, "{codec:?}");
        }
    }

    #[test]
    fn a_stream_that_breaks_off_or_is_none_is_an_error() {
        let content = b"{\"v\":1}".repeat(100);
        for (codec, whole) in [
            (Codec::Gzip, gzip(&content)),
            (Codec::Brotli, brotli(&content)),
        ] {
            for length in 1..whole.len() {
                assert!(
                    decode(codec, &whole[..length], 4096).is_err(),
                    "{codec:?} cut at {length}"
                );
            }
            assert!(decode(codec, b"{\"v\":1}", 4096).is_err(), "{codec:?}");
        }
    }
}
