//! `tintype ledger`: whether the ledger is sound, and from a file into PostgreSQL or back.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    CliError, DataArgs, audit,
    images_arg::ImagesArg,
    output::OutputArgs,
    table::{Column, table},
};
use crate::{
    app::{AppError, DataDir, LEDGER_FILE},
    clock::Clock,
    ledger::{Ledger, LedgerPlace, PostgresUrl, PostgresUrlError},
};

#[derive(Debug, Subcommand)]
pub(super) enum LedgerCommand {
    /// Check the ledger: its pages or triggers, the seals of closed months, and every control of `tintype audit`
    Check(CheckArgs),
    /// Copy a whole ledger into PostgreSQL, or from there into a data directory
    ///
    /// The ledger that is copied stays as it is; no server may run on it. The other one must be empty.
    Move(MoveArgs),
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    place: DataArgs,
    #[command(flatten)]
    images: ImagesArg,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct MoveArgs {
    /// Where it is: a data directory, or postgres://user:password@host/database
    #[arg(long, value_name = "DIR|URL")]
    from: End,
    /// Where to: an empty or new data directory, or an empty database
    #[arg(long, value_name = "DIR|URL")]
    to: End,
    #[command(flatten)]
    output: OutputArgs,
}

/// One end of a move.
#[derive(Debug, Clone)]
enum End {
    Directory(PathBuf),
    Database(PostgresUrl),
}

impl FromStr for End {
    type Err = PostgresUrlError;

    fn from_str(text: &str) -> Result<Self, PostgresUrlError> {
        if text.contains("://") { text.parse().map(Self::Database) } else { Ok(Self::Directory(text.into())) }
    }
}

impl End {
    fn place(&self) -> LedgerPlace {
        match self {
            Self::Directory(directory) => LedgerPlace::File(directory.join(LEDGER_FILE)),
            Self::Database(url) => LedgerPlace::Postgres(url.clone()),
        }
    }

    /// Keeps servers off it; a database does so once its ledger is open.
    fn hold(&self) -> Result<Option<DataDir>, AppError> {
        match self {
            Self::Directory(directory) => DataDir::open(directory).map(Some),
            Self::Database(_) => Ok(None),
        }
    }
}

/// What a ledger has, and whether it is as it was booked.
#[derive(Debug, Serialize)]
struct CheckJson {
    ledger: String,
    rows: Vec<TableRows>,
    months_verified: usize,
    controls: usize,
    /// Empty if all is well.
    findings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct TableRows {
    table: &'static str,
    rows: i64,
}

/// A ledger that was copied.
#[derive(Debug, Serialize)]
struct MoveJson {
    from: String,
    to: String,
    rows: u64,
    months_verified: usize,
}

pub(super) fn run(command: &LedgerCommand, clock: &dyn Clock) -> Result<(), CliError> {
    match command {
        LedgerCommand::Check(args) => check(args, clock),
        LedgerCommand::Move(args) => copy(args),
    }
}

fn check(args: &CheckArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let (_, place) = args.place.ledger_place()?;
    let mut books = args.place.books(clock)?;
    args.images.apply(&mut books.config);
    books.ledger.inspect_pages()?;
    let months = books.ledger.verify_months(None)?;
    let controls = audit::controls_of(&books, clock)?;
    let sealed = months.iter().filter_map(|month| Some(format!("{}: {}", month.month, month.finding?)));
    let broken = controls.iter().flat_map(|control| {
        control.breaks.iter().map(|found| format!("it does not hold that {}: {found}", control.kind))
    });
    let found = CheckJson {
        ledger: place.to_string(),
        rows: books.ledger.count_rows()?.into_iter().map(|(table, rows)| TableRows { table, rows }).collect(),
        months_verified: months.len(),
        controls: controls.len(),
        findings: sealed.chain(broken).collect(),
    };
    args.output.print(&found, in_words)?;
    match found.findings.len() {
        0 => Ok(()),
        count => Err(CliError::Failed(format!("{count} findings; see above"))),
    }
}

fn in_words(found: &CheckJson) -> String {
    let rows = found.rows.iter().filter(|table| table.rows > 0);
    let rows = rows.map(|TableRows { table, rows }| [(*table).to_owned(), rows.to_string()]);
    let summary = match found.findings.as_slice() {
        [] => format!("sound: {} closed months and {} controls\n", found.months_verified, found.controls),
        findings => findings.iter().map(|finding| format!("{finding}\n")).collect(),
    };
    format!(
        "{}\n{}{summary}",
        found.ledger,
        table([Column::Text("TABLE"), Column::Number("ROWS")], rows.collect::<Vec<_>>())
    )
}

fn copy(args: &MoveArgs) -> Result<(), CliError> {
    let (from, to) = (args.from.place(), args.to.place());
    if !from.is_there()? {
        return Err(CliError::Usage(format!("{from}: no such ledger; name another with --from")));
    }
    let _held = (args.from.hold()?, args.to.hold()?);
    let source = Ledger::open_at(&from)?;
    source.inspect()?;
    // Only now: a move that is refused makes no ledger.
    let target = Ledger::open_at(&to)?;
    target.inspect()?;
    let rows = source.copy_into(&target)?;
    if source.count_rows()? != target.count_rows()? {
        return Err(CliError::Failed(format!(
            "{to} has other rows than {from}; use neither until that is known"
        )));
    }
    let months = target.verify_months(None)?;
    if let Some(found) = months.iter().find_map(|month| Some(format!("{}: {}", month.month, month.finding?)))
    {
        return Err(CliError::Failed(format!("{to}: {found}")));
    }
    let moved = MoveJson { from: from.to_string(), to: to.to_string(), rows, months_verified: months.len() };
    args.output.print(&moved, |moved| {
        format!(
            "{}: {} rows of {}, {} closed months verified\n",
            moved.to, moved.rows, moved.from, moved.months_verified
        )
    })?;
    let next = match to {
        LedgerPlace::Postgres(_) => {
            "serve with this URL as `ledger` (or TINTYPE_LEDGER); what it was copied from stays as it was"
        }
        LedgerPlace::File(_) => {
            "serve with this --data-dir and without `ledger`; what it was copied from stays as it was"
        }
    };
    super::note(&next);
    Ok(())
}
