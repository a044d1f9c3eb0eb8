/// A file that cannot be used: what is wrong, where, and what helps.
#[derive(Debug, thiserror::Error)]
pub(super) enum UsageError {
    #[error("no column of {what}; name one {names}")]
    NoColumn { what: &'static str, names: &'static str },
    #[error("column {column} looks like money, and it is not known which; rename it to cost, or take it out")]
    UnknownCost { column: String },
    #[error(
        "column {column} does not say what it counts; if it is images, rename it to images, else pass --images-per-month"
    )]
    Uncounted { column: String },
    #[error("column {column} is there twice; take one of them out")]
    Twice { column: String },
    #[error("it is {kind}, not CSV; {remedy}")]
    NotCsv { kind: &'static str, remedy: &'static str },
    #[error("line {line}, column {column}: {problem}")]
    Cell { line: usize, column: String, problem: String },
    #[error("line {line}: {problem}")]
    Line { line: usize, problem: String },
    #[error("no line has a date; export some months of usage")]
    Empty,
}
