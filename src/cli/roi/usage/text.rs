//! A file as text: spreadsheets in China write GB 18030, Excel's "Unicode text" is UTF-16.

use std::borrow::Cow;

use encoding_rs::{Encoding, GB18030, UTF_8};

use crate::cli::roi::usage_error::UsageError;

/// A file's text, and what its first line says of it.
pub(super) struct Text<'a> {
    pub(super) csv: Cow<'a, str>,
    /// What stands between cells, where a line such as `sep=;` says so.
    pub(super) delimiter: Option<u8>,
    /// Lines before the names.
    pub(super) lines_before: usize,
}

impl Text<'_> {
    /// The line of a record in the file. A record's position is before the empty lines that it follows.
    pub(super) fn line_of(&self, position: Option<&csv::Position>) -> usize {
        let begin = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or_default();
        let (before, after) = self.csv.split_at_checked(begin).unwrap_or((&self.csv, ""));
        let empty = after.split(|c| !matches!(c, '\r' | '\n')).next().unwrap_or_default();
        1 + self.lines_before + before.matches('\n').count() + empty.matches('\n').count()
    }
}

/// What people take for CSV: how it begins, what it is, and what to do with it.
const NOT_CSV: [(&[u8], &str, &str); 6] = [
    (b"PK\x03\x04", "a workbook", "save it as CSV in the spreadsheet"),
    (b"\xd0\xcf\x11\xe0", "a workbook", "save it as CSV in the spreadsheet"),
    (b"%PDF", "a PDF file", "export the same as CSV"),
    (b"<", "a web page or XML", "download the file again, or export it as CSV"),
    (b"{", "JSON", "export the same as CSV"),
    (b"[", "JSON", "export the same as CSV"),
];

/// Decodes `bytes`.
///
/// # Errors
/// [`UsageError::NotCsv`] for files that people take for CSV; [`UsageError::Line`] for bytes that are text in none of the three.
pub(super) fn read(bytes: &[u8]) -> Result<Text<'_>, UsageError> {
    let begin = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if let Some((_, kind, remedy)) = NOT_CSV.into_iter().find(|(mark, ..)| begin.starts_with(mark)) {
        return Err(UsageError::NotCsv { kind, remedy });
    }
    let csv = decode(bytes)?;
    let Some(first) = csv.lines().next().filter(|line| line.to_ascii_lowercase().starts_with("sep=")) else {
        return Ok(Text { csv, delimiter: None, lines_before: 0 });
    };
    let delimiter = first.as_bytes().get("sep=".len()).copied();
    let rest = csv.split_once('\n').map_or_else(String::new, |(_, rest)| rest.to_owned());
    Ok(Text { csv: Cow::Owned(rest), delimiter, lines_before: 1 })
}

fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, UsageError> {
    let marked = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let encodings = match marked {
        Some(encoding) => vec![encoding],
        None => vec![UTF_8, GB18030],
    };
    for encoding in encodings {
        let (text, _, has_errors) = encoding.decode(bytes);
        if !has_errors {
            return Ok(text);
        }
    }
    let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let line = 1 + bytes.iter().take(valid).filter(|byte| **byte == b'\n').count();
    Err(UsageError::Line { line, problem: "not UTF-8; save the file as UTF-8".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(bytes: &[u8]) -> String {
        read(bytes).map(|text| text.csv.into_owned()).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn utf_8_utf_16_and_gb_18030_are_told_apart() {
        assert_eq!(csv("\u{feff}日期\n".as_bytes()), "日期\n");
        assert_eq!(csv(&GB18030.encode("日期,张数,金额\n").0), "日期,张数,金额\n");
        let utf_16: Vec<u8> = "\u{feff}日期\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(csv(&utf_16), "日期\n");
        assert_eq!(csv(b"date,cost\n2026-10-31,1\xa3\n"), "line 2: not UTF-8; save the file as UTF-8");
    }

    #[test]
    fn what_is_no_csv_is_called_what_it_is() {
        for (begin, said) in [
            (&b"PK\x03\x04rest"[..], "it is a workbook, not CSV; save it as CSV in the spreadsheet"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1", "it is a workbook, not CSV; save it as CSV in the spreadsheet"),
            (
                b"\n<!DOCTYPE html>",
                "it is a web page or XML, not CSV; download the file again, or export it as CSV",
            ),
            (b"\xef\xbb\xbf[{\"date\": 1}]", "it is JSON, not CSV; export the same as CSV"),
        ] {
            assert_eq!(csv(begin), said);
        }
    }

    #[test]
    fn a_line_that_names_the_separator_is_passed_over() {
        let text = read(b"sep=;\r\ndate;images\r\n").expect("text");
        assert_eq!((&*text.csv, text.delimiter, text.lines_before), ("date;images\r\n", Some(b';'), 1));
    }
}
