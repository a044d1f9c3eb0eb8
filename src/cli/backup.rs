use std::path::PathBuf;

use clap::Args;

use super::{CliError, DataArgs};
use crate::ledger;

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    #[command(flatten)]
    place: DataArgs,
    /// Where the copy goes, by way of FILE.partial
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Replace FILE where it is there, once the copy is complete
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &BackupArgs) -> Result<(), CliError> {
    let (_, ledger) = args.place.ledger_file()?;
    let made = ledger::back_up(&ledger, &args.file, args.force)?;
    super::print(&format!("{}: {}\n", args.file.display(), made.holdings))?;
    if let Some(damage) = made.damage {
        super::note(&format_args!("the backup holds what can be read: {damage}"));
    }
    Ok(())
}
