//! What came of each line: a row of JSON for every image, or for the error.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::ErrorKind,
    path::Path,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    input::RequestLine,
    place::Place,
    server::{Batch, OutputLine, Server},
};
use crate::{cli::CliError, units::Money};

/// A row of the manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    line: usize,
    custom_id: String,
    prompt: String,
    /// What was asked for, hashed: a line that is changed is made again.
    request_sha256: String,
    #[serde(flatten)]
    outcome: RowEnd,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum RowEnd {
    /// An image.
    Image {
        /// Its place among those of its line, from 1.
        image: usize,
        seed: u64,
        size: Option<String>,
        file: String,
        sha256: String,
        request_id: Option<String>,
        receipt: Value,
    },
    /// None, and why.
    Failure { error: Value },
}

/// The rows of a directory.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    rows: Vec<Row>,
}

impl Manifest {
    /// The manifest in `file`; an empty one if there is none.
    pub(super) fn read(file: &Path) -> Result<Self, CliError> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(CliError::Usage(format!("{}: {error}", file.display()))),
        };
        let row = |(number, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|error| {
                CliError::Usage(format!("{}:{number}: {error}; pass another --out", file.display()))
            })
        };
        Ok(Self { rows: (1..).zip(text.lines()).map(row).collect::<Result<_, _>>()? })
    }

    /// Whether `line` has its images.
    pub(super) fn is_done(&self, line: &RequestLine) -> bool {
        self.rows_of(line).any(|row| matches!(row.outcome, RowEnd::Image { .. }))
    }

    /// Whether `line` has its images, or was refused.
    pub(super) fn is_tried(&self, line: &RequestLine) -> bool {
        self.rows_of(line).next().is_some()
    }

    fn rows_of(&self, line: &RequestLine) -> impl Iterator<Item = &Row> {
        let (id, hash) = (line.custom_id.clone(), line.sha256());
        self.rows.iter().filter(move |row| row.custom_id == id && row.request_sha256 == hash)
    }

    /// Images.
    pub(super) fn images(&self) -> usize {
        self.receipts().count()
    }

    /// What the images cost together, and in which currency.
    pub(super) fn total(&self) -> (Option<Money>, Option<String>) {
        let total = |receipt: &Value| serde_json::from_value::<Money>(receipt["total"].clone()).ok();
        let sum = self
            .receipts()
            .try_fold(Money::ZERO, |sum, receipt| total(receipt).and_then(|total| sum.plus(total).ok()));
        let currency = self.receipts().find_map(|receipt| receipt["currency"].as_str());
        (sum.filter(|_| currency.is_some()), currency.map(str::to_owned))
    }

    fn receipts(&self) -> impl Iterator<Item = &Value> {
        self.rows.iter().filter_map(|row| match &row.outcome {
            RowEnd::Image { receipt, .. } => Some(receipt),
            RowEnd::Failure { .. } => None,
        })
    }

    /// Writes the images of a batch that has ended into `place`, and then the manifest.
    pub(super) fn collect(
        &mut self,
        server: &Server,
        ended: &Batch,
        lines: &[RequestLine],
        place: &Place,
    ) -> Result<(), CliError> {
        let lines: HashMap<&str, &RequestLine> =
            lines.iter().map(|line| (line.custom_id.as_str(), line)).collect();
        let mut replaced = Vec::new();
        for file in [&ended.output_file_id, &ended.error_file_id].into_iter().flatten() {
            server.each_line(file, |output| {
                // A line that was taken out of the file since.
                let Some(line) = lines.get(output.custom_id.as_str()) else { return Ok(()) };
                let rows = rows_of(server, line, &output, place)?;
                let (old, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.rows)
                    .into_iter()
                    .partition(|row| row.custom_id == line.custom_id);
                self.rows = kept;
                self.rows.extend(rows);
                replaced.extend(old);
                Ok(())
            })?;
        }
        self.rows.sort_by_key(|row| row.line);
        let mut text = String::new();
        for row in &self.rows {
            text += &serde_json::to_string(row).map_err(|error| CliError::Failed(error.to_string()))?;
            text.push('\n');
        }
        place.write_manifest(&text)?;
        // A line that asks for fewer images than before leaves none behind.
        let files: HashSet<_> = self.rows.iter().filter_map(Row::file).collect();
        let stale = replaced.iter().filter_map(Row::file).filter(|file| !files.contains(file));
        stale.for_each(|file| place.remove(file));
        Ok(())
    }
}

impl Row {
    /// The image's file.
    fn file(&self) -> Option<&str> {
        match &self.outcome {
            RowEnd::Image { file, .. } => Some(file),
            RowEnd::Failure { .. } => None,
        }
    }
}

/// Writes the images of a line, and returns its rows.
fn rows_of(
    server: &Server,
    line: &RequestLine,
    output: &OutputLine,
    place: &Place,
) -> Result<Vec<Row>, CliError> {
    let row = |outcome| Row {
        line: line.number,
        custom_id: line.custom_id.clone(),
        prompt: line.prompt().to_owned(),
        request_sha256: line.sha256(),
        outcome,
    };
    let Some(answer) = output.answer() else {
        return Ok(vec![row(RowEnd::Failure { error: output.failure() })]);
    };
    let mut rows = Vec::new();
    for (number, image) in (1..).zip(&answer.data) {
        let bytes = match (&image.b64_json, &image.url) {
            (Some(text), _) => BASE64_STANDARD.decode(text).map_err(|error| {
                CliError::Failed(format!("the image of {} is not base64: {error}", line.custom_id))
            })?,
            (None, Some(url)) => server.download(url)?,
            (None, None) => {
                return Err(CliError::Failed(format!("{} has an image without a file", line.custom_id)));
            }
        };
        let file = file_name(line, number, answer.output_format.as_deref());
        place.write(&file, &bytes)?;
        rows.push(row(RowEnd::Image {
            image: number,
            seed: image.seed,
            size: answer.size.clone(),
            file,
            sha256: base16ct::lower::encode_string(&Sha256::digest(&bytes)),
            request_id: output.request_id(),
            receipt: image.receipt.clone(),
        }));
    }
    Ok(rows)
}

/// `mug-1.png`, `mug-1-2.png` for the second image. Two lines have two names: what a name cannot have is replaced, and a hash of the
/// whole is added.
fn file_name(line: &RequestLine, image: usize, format: Option<&str>) -> String {
    const CHARS_MAX: usize = 80;
    let id = &line.custom_id;
    let is_plain = |c: char| c.is_alphanumeric() || "-_".contains(c);
    let plain: String = id.chars().take(CHARS_MAX).map(|c| if is_plain(c) { c } else { '_' }).collect();
    let stem = if plain == *id && !is_ambiguous(id) {
        plain
    } else {
        format!("{plain}-{}", &base16ct::lower::encode_string(&Sha256::digest(id.as_bytes()))[..8])
    };
    let extension = match format {
        None | Some("png") => "png",
        Some("jpeg") => "jpg",
        Some(other) => other,
    };
    if image == 1 { format!("{stem}.{extension}") } else { format!("{stem}-{image}.{extension}") }
}

/// Whether another line's second image, or a file system that takes capitals for small letters, could give the same name, or the
/// name belongs to the manifest.
fn is_ambiguous(id: &str) -> bool {
    let ends_in_number = id.rsplit_once('-').is_some_and(|(_, end)| end.parse::<u32>().is_ok());
    let is_ours = id.strip_prefix("line-").is_some_and(|number| number.parse::<u32>().is_ok());
    id.chars().any(char::is_uppercase) || (ends_in_number && !is_ours) || id.starts_with("manifest")
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::domain::BatchEndpoint;

    fn line(custom_id: &str, prompt: &str) -> RequestLine {
        RequestLine {
            number: 1,
            custom_id: custom_id.into(),
            endpoint: BatchEndpoint::Generations,
            body: Map::from_iter([("prompt".into(), json!(prompt))]),
            tag: None,
        }
    }

    #[test]
    fn no_two_images_have_one_name_whatever_lines_are_called() {
        let ids = [
            "line-1", "line-12", "mug", "Mug", "mug-2", "mug_2", "mug/2", "../mug", "茶杯", "a b", "a\u{7}b",
        ];
        let long = ["x".repeat(81), "x".repeat(82)];
        let mut names = HashSet::new();
        for id in ids.iter().copied().chain(long.iter().map(String::as_str)) {
            for image in 1..=3 {
                let name = file_name(&line(id, ""), image, Some("jpeg"));
                assert!(!name.contains(['/', ' ', '\u{7}']) && name.ends_with(".jpg"), "{name}");
                assert!(names.insert(name.to_lowercase()), "{name}");
            }
        }
        assert_eq!(file_name(&line("line-7", ""), 1, None), "line-7.png");
        assert_eq!(file_name(&line("茶杯", ""), 2, Some("webp")), "茶杯-2.webp");
    }

    #[test]
    fn a_line_is_done_while_it_asks_for_the_same() {
        let cup = line("a", "a cup");
        let row = |outcome| Row {
            line: 1,
            custom_id: "a".into(),
            prompt: "a cup".into(),
            request_sha256: cup.sha256(),
            outcome,
        };
        let image = RowEnd::Image {
            image: 1,
            seed: 7,
            size: None,
            file: "a.png".into(),
            sha256: String::new(),
            request_id: None,
            receipt: json!({ "total": 0.25, "currency": "CNY" }),
        };
        let made = Manifest { rows: vec![row(image)] };
        assert!(
            made.is_done(&cup)
                && made.is_tried(&cup)
                && !made.is_done(&line("a", "a mug"))
                && !made.is_done(&line("b", "a cup"))
        );
        assert_eq!(made.total(), (Some(Money::from_nano(250_000_000)), Some("CNY".into())));
        let failed =
            Manifest { rows: vec![row(RowEnd::Failure { error: json!({ "code": "batch_expired" }) })] };
        assert!(!failed.is_done(&cup) && failed.is_tried(&cup) && failed.images() == 0);
        let written = serde_json::to_string(&made.rows[0]).expect("JSON");
        assert_eq!(serde_json::from_str::<Row>(&written).expect("read"), made.rows[0]);
    }
}
