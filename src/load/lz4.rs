//! LZ4 frames, one after the other to the end of a file. The library's reader ends with the first, and takes a file that
//! is cut off within one for its end.

use std::io::{self, BufRead, Read};

use lz4_flex::frame::{Error, FrameDecoder};

/// Reads all frames.
pub struct Frames<R: Read> {
    /// `None` behind the last.
    frame: Option<FrameDecoder<Whole<R>>>,
}

/// Bytes of a frame, within which a file does not end.
struct Whole<R>(R);

impl<R: BufRead> Frames<R> {
    /// Over a file that begins with a frame.
    pub fn new(from: R) -> Self {
        Self { frame: Some(FrameDecoder::new(Whole(from))) }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(frame) = &mut self.frame {
            // A frame that is to be skipped is known when its head has been read.
            let to_skip = match frame.read(buffer) {
                Err(error) => skippable(&error).ok_or(error)?,
                Ok(read) if read > 0 || buffer.is_empty() => return Ok(read),
                Ok(_) => 0,
            };
            let Some(mut rest) = self.frame.take().map(FrameDecoder::into_inner) else { break };
            io::copy(&mut Read::by_ref(&mut rest).take(to_skip.into()), &mut io::sink())?;
            if !rest.0.fill_buf()?.is_empty() {
                *self = Self::new(rest.0);
            }
        }
        Ok(0)
    }
}

/// The length of the frame of which a reader says that it holds no data.
fn skippable(error: &io::Error) -> Option<u32> {
    match error.get_ref()?.downcast_ref() {
        Some(Error::SkippableFrame(length)) => Some(*length),
        _ => None,
    }
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            // Not UnexpectedEof, which the library takes for an end.
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file is cut off within an LZ4 frame"));
        }
        Ok(read)
    }
}
