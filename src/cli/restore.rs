use std::path::PathBuf;

use clap::Args;

use super::{CliError, DataArgs};
use crate::{
    app::{DataDir, LEDGER_FILE},
    clock::Clock,
    ledger::BackupFile,
};

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    place: DataArgs,
    /// What tintype backup wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: &RestoreArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let config = args.place.config()?;
    let backup = BackupFile::open(&args.file)?;
    let _held = DataDir::open(&config.data_dir)?;
    let ledger = config.data_dir.join(LEDGER_FILE);
    let restored = backup.restore(&ledger, clock.now())?;
    super::print(&format!("{}: {}\n", ledger.display(), restored.holdings))?;
    if let Some(replaced) = restored.replaced {
        super::print(&format!("the ledger before is kept as {}\n", replaced.display()))?;
    }
    if let Some(damage) = restored.damage {
        super::note(&format_args!("what could be read is restored: {damage}"));
    }
    super::note(&"keys that were revoked since this backup are valid again: see tintype key list");
    Ok(())
}
