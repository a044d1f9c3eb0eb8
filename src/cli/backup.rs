use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{CliError, DataArgs, output::OutputArgs};
use crate::ledger::{self, Holdings};

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    #[command(flatten)]
    place: DataArgs,
    /// Where the copy goes, by way of FILE.partial
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace FILE if it exists, once the copy is complete
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// A copy that was made.
#[derive(Debug, Serialize)]
struct BackupJson {
    file: String,
    #[serde(flatten)]
    holdings: Holdings,
    /// What could not be read of the ledger; null if all of it could.
    damage: Option<String>,
}

pub(super) fn run(args: &BackupArgs) -> Result<(), CliError> {
    let ledger = args.place.ledger_file()?;
    let made = ledger::back_up(&ledger, &args.file, args.force)?;
    let damage = made.damage.map(|damage| damage.to_string());
    let copy = BackupJson { file: args.file.display().to_string(), holdings: made.holdings, damage };
    args.output.print(&copy, |copy| format!("{}: {}\n", copy.file, copy.holdings))?;
    if let Some(damage) = copy.damage {
        super::note(&format_args!("the backup holds what can be read: {damage}"));
    }
    Ok(())
}
