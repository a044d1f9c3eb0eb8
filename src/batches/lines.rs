use std::io::{self, BufRead, Read};

/// Bytes of a line: an edit's JSON body, with an image and a mask, and a mebibyte around it.
pub const LINE_BYTES_MAX: u64 = 140 << 20;

/// The lines of a file, one at a time, with their numbers from 1. Empty lines count, and are passed over.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    number: u32,
}

impl<R: BufRead> Lines<R> {
    /// The lines of `source`.
    pub const fn new(source: R) -> Self {
        Self { source, number: 0 }
    }

    /// The next line that is not empty, without its end, and its number; none at the end.
    ///
    /// # Errors
    /// The source's; a line that is too long is [`io::ErrorKind::InvalidData`].
    pub fn next_line(&mut self) -> io::Result<Option<(u32, Vec<u8>)>> {
        loop {
            let mut line = Vec::new();
            let read = (&mut self.source).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line)?;
            if read == 0 {
                return Ok(None);
            }
            self.number = self.number.saturating_add(1);
            if read as u64 > LINE_BYTES_MAX {
                let message = format!("line {} is longer than {LINE_BYTES_MAX} bytes", self.number);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            while line.last().is_some_and(u8::is_ascii_whitespace) {
                line.pop();
            }
            // Editors of Windows begin a file with a byte order mark.
            if self.number == 1 && line.starts_with("\u{feff}".as_bytes()) {
                line.drain(..3);
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Some((self.number, line)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_numbers_whatever_ends_them() {
        let mut lines = Lines::new("\u{feff}one\r\n\n  \nfour \nfive".as_bytes());
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next_line().expect("read") {
            found.push((number, String::from_utf8(line).expect("UTF-8")));
        }
        assert_eq!(found, [(1, "one".into()), (4, "four".into()), (5, "five".to_owned())]);
        assert_eq!(Lines::new(&b"\n\n"[..]).next_line().expect("read"), None);
    }
}
