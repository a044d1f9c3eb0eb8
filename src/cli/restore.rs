use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{CliError, DataArgs, output::OutputArgs};
use crate::{
    app::{DataDir, LEDGER_FILE},
    clock::Clock,
    ledger::{BackupFile, Holdings},
};

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    place: DataArgs,
    /// What tintype backup wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// A ledger that was put in place.
#[derive(Debug, Serialize)]
struct RestoreJson {
    ledger: String,
    #[serde(flatten)]
    holdings: Holdings,
    /// Where the ledger before is kept; null if there was none.
    kept: Option<String>,
    /// What could not be read of the backup; null if all of it could.
    damage: Option<String>,
}

pub(super) fn run(args: &RestoreArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let config = args.place.config()?;
    if let Some(url) = &config.ledger {
        return Err(super::in_postgres(url));
    }
    let backup = BackupFile::open(&args.file)?;
    let _held = DataDir::open(&config.data_dir)?;
    let ledger = config.data_dir.join(LEDGER_FILE);
    let restored = backup.restore(&ledger, clock.now())?;
    let restored = RestoreJson {
        ledger: ledger.display().to_string(),
        holdings: restored.holdings,
        kept: restored.replaced.map(|kept| kept.display().to_string()),
        damage: restored.damage.map(|damage| damage.to_string()),
    };
    args.output.print(&restored, |restored| {
        let kept = restored.kept.as_ref();
        let kept = kept.map_or_else(String::new, |kept| format!("the ledger before is kept as {kept}\n"));
        format!("{}: {}\n{kept}", restored.ledger, restored.holdings)
    })?;
    if let Some(damage) = restored.damage {
        super::note(&format_args!("what could be read is restored: {damage}"));
    }
    super::note(&"keys that were revoked since this backup are valid again: see tintype key list");
    Ok(())
}
