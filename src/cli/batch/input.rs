//! The requests of a file, whichever kind it is of.

use std::{
    collections::HashSet,
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    cli::{CliError, values::delimiter},
    domain::{BatchEndpoint, CostTag},
};

/// Standard input, as a file's name.
const STDIN: &str = "-";
/// Columns of a CSV file.
const COLUMNS: [&str; 5] = ["prompt", "size", "seed", "n", "tag"];

/// A request of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RequestLine {
    /// Its line in the file, from 1.
    pub(super) number: usize,
    /// What the batch and the manifest call it.
    pub(super) custom_id: String,
    /// What it asks for.
    pub(super) endpoint: BatchEndpoint,
    /// The body of the request.
    pub(super) body: Map<String, Value>,
    /// What it is filed under.
    pub(super) tag: Option<String>,
}

/// A file of requests.
#[derive(Debug)]
pub(super) struct Source {
    /// What it is called in messages.
    pub(super) name: String,
    /// Where its images go, unless another directory is named.
    pub(super) directory: PathBuf,
    /// Its requests, at least one.
    pub(super) lines: Vec<RequestLine>,
}

/// How requests are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Jsonl,
    Csv,
    Text,
}

/// A line of JSON: OpenAI's, or a request's fields.
#[derive(Deserialize)]
struct JsonLine {
    custom_id: Option<String>,
    url: Option<String>,
    tag: Option<String>,
    body: Option<Map<String, Value>>,
    method: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl RequestLine {
    /// A hash of everything that it asks for.
    pub(super) fn sha256(&self) -> String {
        let asked = json!({ "endpoint": self.endpoint.as_str(), "body": self.body, "tag": self.tag });
        base16ct::lower::encode_string(&Sha256::digest(asked.to_string()))
    }

    /// Its prompt; empty if it has none.
    pub(super) fn prompt(&self) -> &str {
        self.body.get("prompt").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Source {
    /// Reads `file`, or standard input.
    pub(super) fn read(file: &Path) -> Result<Self, CliError> {
        let is_stdin = file == Path::new(STDIN);
        let name = if is_stdin { "standard input".to_owned() } else { file.display().to_string() };
        let usage = |reason: String| CliError::Usage(format!("{name}: {reason}"));
        let mut bytes = Vec::new();
        let read = if is_stdin {
            io::stdin().read_to_end(&mut bytes).map(drop)
        } else {
            fs::read(file).map(|read| bytes = read)
        };
        read.map_err(|error| usage(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| usage("it is not UTF-8; save it as UTF-8".into()))?;
        let text = text.trim_start_matches('\u{feff}');
        let kind = if is_stdin { guess(text) } else { kind_of(file).map_err(usage)? };
        let lines = match kind {
            Kind::Jsonl => from_jsonl(text),
            Kind::Csv => from_csv(text),
            Kind::Text => Ok(from_text(text)),
        };
        let lines = lines.map_err(|(line, reason)| match line {
            Some(line) => CliError::Usage(format!("{name}:{line}: {reason}")),
            None => usage(reason),
        })?;
        if lines.is_empty() {
            return Err(usage("it has no requests; write one a line".into()));
        }
        let directory = if is_stdin { "batch".into() } else { file.with_extension("") };
        Ok(Self { name, directory, lines })
    }
}

/// `lines` as a batch's file.
pub(super) fn to_jsonl(lines: &[RequestLine]) -> Result<String, CliError> {
    let mut text = String::new();
    for line in lines {
        let mut written = json!({
            "custom_id": line.custom_id, "method": "POST", "url": line.endpoint.as_str(), "body": line.body,
        });
        if let Some(tag) = &line.tag {
            written["tag"] = json!(tag);
        }
        text += &serde_json::to_string(&written).map_err(|error| CliError::Failed(error.to_string()))?;
        text.push('\n');
    }
    Ok(text)
}

fn kind_of(file: &Path) -> Result<Kind, String> {
    let extension = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match extension.as_str() {
        "jsonl" | "ndjson" => Ok(Kind::Jsonl),
        "csv" => Ok(Kind::Csv),
        "txt" => Ok(Kind::Text),
        _ => Err("its name must end in .jsonl, .csv or .txt, so that it is known how to read it".into()),
    }
}

/// What standard input looks like: JSON begins with a brace, CSV with its columns.
fn guess(text: &str) -> Kind {
    let first = text.trim_start().lines().next().unwrap_or_default();
    let mut columns = first.split(',').map(|column| column.trim().trim_matches('"'));
    if first.starts_with('{') {
        Kind::Jsonl
    } else if first.split(',').any(|column| column.trim().trim_matches('"') == "prompt")
        && columns.all(|column| COLUMNS.contains(&column))
    {
        Kind::Csv
    } else {
        Kind::Text
    }
}

/// What is wrong, and in which line, if it is about one.
type Fault = (Option<usize>, String);

fn from_text(text: &str) -> Vec<RequestLine> {
    let prompts = (1..).zip(text.lines()).filter(|(_, prompt)| !prompt.trim().is_empty());
    prompts
        .map(|(number, prompt)| {
            plain(number, Map::from_iter([("prompt".into(), json!(prompt.trim()))]), None)
        })
        .collect()
}

/// A generation that the file gives no name.
fn plain(number: usize, body: Map<String, Value>, tag: Option<String>) -> RequestLine {
    RequestLine {
        number,
        custom_id: format!("line-{number}"),
        endpoint: BatchEndpoint::Generations,
        body,
        tag,
    }
}

fn from_csv(text: &str) -> Result<Vec<RequestLine>, Fault> {
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.delimiter(delimiter(text)).trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = reader.headers().map_err(|error| (Some(1), error.to_string()))?;
    let columns: csv::StringRecord = columns.iter().map(str::to_lowercase).collect();
    let listed = COLUMNS.join(", ");
    if let Some(unknown) = columns.iter().find(|column| !COLUMNS.contains(column)) {
        return Err((Some(1), format!("unknown column `{unknown}`; the columns are {listed}")));
    }
    let twice = COLUMNS.iter().find(|known| columns.iter().filter(|column| column == *known).count() > 1);
    if let Some(twice) = twice {
        return Err((Some(1), format!("the column `{twice}` is there twice; keep one of them")));
    }
    if !columns.iter().any(|column| column == "prompt") {
        return Err((Some(1), format!("there is no column `prompt`; the columns are {listed}")));
    }
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map(|position| position.line());
            (line.and_then(|line| usize::try_from(line).ok()), error.to_string())
        })?;
        let number =
            record.position().and_then(|position| usize::try_from(position.line()).ok()).unwrap_or(0);
        let (mut body, mut tag) = (Map::new(), None);
        for (column, text) in columns.iter().zip(&record).filter(|(_, text)| !text.is_empty()) {
            match column {
                "tag" => tag = Some(checked_tag(text).map_err(|reason| (Some(number), reason))?),
                "seed" | "n" => {
                    let value: u64 = text.parse().map_err(|_| {
                        (Some(number), format!("`{column}` must be a whole number; got `{text}`"))
                    })?;
                    body.insert(column.into(), json!(value));
                }
                column => drop(body.insert(column.into(), json!(text))),
            }
        }
        lines.push(plain(number, body, tag));
    }
    Ok(lines)
}

fn checked_tag(text: &str) -> Result<String, String> {
    text.parse::<CostTag>().map(|tag| tag.as_str().to_owned()).map_err(|error| format!("`tag`: {error}"))
}

fn from_jsonl(text: &str) -> Result<Vec<RequestLine>, Fault> {
    let mut lines: Vec<RequestLine> = Vec::new();
    let mut ids = HashSet::new();
    for (number, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let line = json_line(number, text).map_err(|reason| (Some(number), reason))?;
        if !ids.insert(line.custom_id.clone()) {
            let reason = format!("the custom_id `{}` is used by an earlier line", line.custom_id);
            return Err((Some(number), reason));
        }
        if let Some(first) = lines.first().filter(|first| first.endpoint != line.endpoint) {
            let (ours, theirs) = (line.endpoint, first.endpoint);
            let reason = format!("it is for {ours}, and the first line for {theirs}; write a file for each");
            return Err((Some(number), reason));
        }
        lines.push(line);
    }
    Ok(lines)
}

fn json_line(number: usize, text: &str) -> Result<RequestLine, String> {
    let line: JsonLine =
        serde_json::from_str(text).map_err(|error| format!("it is not a JSON object: {error}"))?;
    let JsonLine { custom_id, url, tag, body, method, rest } = line;
    if method.is_some_and(|method| method != "POST") {
        return Err("`method` must be POST".into());
    }
    let endpoint = match url {
        None => BatchEndpoint::Generations,
        Some(url) => url
            .parse()
            .map_err(|_| format!("`url` is `{url}`; it must be {}", BatchEndpoint::WORDS.join(" or ")))?,
    };
    if let Some(unknown) = body.as_ref().and(rest.keys().next()) {
        return Err(format!("`{unknown}` stands beside `body`; put it inside"));
    }
    let tag = tag.as_deref().map(checked_tag).transpose()?;
    let custom_id = custom_id.unwrap_or_else(|| format!("line-{number}"));
    Ok(RequestLine { number, custom_id, endpoint, body: body.unwrap_or(rest), tag })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts(lines: &[RequestLine]) -> Vec<(usize, &str)> {
        lines.iter().map(|line| (line.number, line.prompt())).collect()
    }

    #[test]
    fn a_prompt_a_line_is_a_request_a_line() {
        let lines = from_text("a red mug\n\n  a blue mug  \r\n");
        assert_eq!(prompts(&lines), [(1, "a red mug"), (3, "a blue mug")]);
        assert_eq!(lines[1].custom_id, "line-3");
    }

    #[test]
    fn columns_become_fields_and_a_tag_of_the_line() {
        let lines =
            from_csv("prompt,size,seed,n,tag\n\"a mug,\nred\",32x32,7,2,spring\na cup,,,,\n").expect("read");
        assert_eq!(prompts(&lines), [(2, "a mug,\nred"), (4, "a cup")]);
        let body = json!({ "prompt": "a mug,\nred", "size": "32x32", "seed": 7, "n": 2 });
        assert_eq!((Value::from(lines[0].body.clone()), lines[0].tag.as_deref()), (body, Some("spring")));
        assert_eq!(Value::from(lines[1].body.clone()), json!({ "prompt": "a cup" }));
        for text in ["Prompt;SIZE\n\"a mug; red\";32x32\n", "prompt\tsize\na mug; red\t32x32\n"] {
            let lines = from_csv(text).expect("a spreadsheet's");
            let body = json!({ "prompt": "a mug; red", "size": "32x32" });
            assert_eq!(Value::from(lines[0].body.clone()), body, "{text}");
        }
    }

    #[test]
    fn lines_of_json_are_openais_or_a_requests_fields() {
        let text = concat!(
            r#"{"custom_id": "mug", "method": "POST", "url": "/v1/images/generations", "body": {"prompt": "a mug"}}"#,
            "\n",
            r#"{"prompt": "a cup", "seed": 9007199254740993, "tag": "spring"}"#,
        );
        let lines = from_jsonl(text).expect("read");
        assert_eq!(prompts(&lines), [(1, "a mug"), (2, "a cup")]);
        let ids: Vec<_> = lines.iter().map(|line| line.custom_id.as_str()).collect();
        assert_eq!((ids, lines[1].tag.as_deref()), (vec!["mug", "line-2"], Some("spring")));
        assert_eq!(lines[1].body["seed"], json!(9_007_199_254_740_993_u64), "no digit is lost");
        let written = to_jsonl(&lines).expect("written");
        let read = from_jsonl(&written).expect("read again");
        let hashes = |lines: &[RequestLine]| lines.iter().map(RequestLine::sha256).collect::<Vec<_>>();
        assert_eq!(hashes(&read), hashes(&lines));
    }

    #[test]
    fn whatever_is_wrong_is_said_with_its_line() {
        let fault = |found: Result<Vec<RequestLine>, Fault>| found.expect_err("refused");
        for (text, line, said) in [
            ("size\n32x32\n", 1, "no column `prompt`"),
            ("prompt,colour\na,b\n", 1, "unknown column `colour`"),
            ("prompt,n,n\na,1,2\n", 1, "column `n` is there twice"),
            ("prompt,seed\na,1\nb,x\n", 3, "`seed` must be a whole number; got `x`"),
            ("prompt,n\na\n", 2, "fields"),
        ] {
            let (number, reason) = fault(from_csv(text));
            assert!(number == Some(line) && reason.contains(said), "{text}: {number:?} {reason}");
        }
        for (text, said) in [
            ("[]", "not a JSON object"),
            ("{\"body\": {}, \"prompt\": \"x\"}", "beside `body`"),
            ("{\"prompt\": \"x\", \"method\": \"GET\"}", "POST"),
            ("{\"prompt\": \"x\", \"url\": \"/v1/chat\"}", "/v1/images/edits"),
            ("{\"prompt\": \"x\", \"tag\": \"\"}", "tag"),
        ] {
            let (number, reason) = fault(from_jsonl(text));
            assert!(number == Some(1) && reason.contains(said), "{text}: {reason}");
        }
        let twice = "{\"custom_id\": \"a\", \"prompt\": \"x\"}\n{\"custom_id\": \"a\", \"prompt\": \"y\"}";
        assert_eq!(fault(from_jsonl(twice)).0, Some(2));
    }

    #[test]
    fn standard_input_is_recognised_by_its_first_line() {
        for (text, kind) in [
            ("{\"prompt\": \"x\"}", Kind::Jsonl),
            ("prompt\na mug", Kind::Csv),
            ("seed,\"prompt\"\n1,a mug", Kind::Csv),
            ("prompt, red\n", Kind::Text),
            ("a mug, red", Kind::Text),
            ("", Kind::Text),
        ] {
            assert_eq!(guess(text), kind, "{text}");
        }
        assert_eq!(kind_of(Path::new("a.CSV")), Ok(Kind::Csv));
        assert!(kind_of(Path::new("a.xlsx")).is_err_and(|reason| reason.contains(".csv")));
    }
}
