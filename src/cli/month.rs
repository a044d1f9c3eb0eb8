use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use super::{
    Books, CliError, DataArgs, audit,
    images_arg::ImagesArg,
    output, parse_text,
    reconcile::{self, ReconcileArgs},
};
use crate::{
    clock::Clock,
    domain::Calendar,
    ledger::{
        CloseError, Closer, CorrectedAmounts, Evidence, ExportError, Month, MonthReport, ReverseError,
        VerifiedMonth,
    },
    units::Money,
};

/// Who does what the command line does.
const COMMAND_LINE: &str = Evidence::COMMAND_LINE.actor;

#[derive(Debug, Subcommand)]
pub(super) enum MonthCommand {
    /// Close a month that has ended; nothing can be added to it any more
    Close(CloseArgs),
    /// Recompute closed months and name what was changed since
    Verify(VerifyArgs),
    /// Write what a closed month was hashed over into files, for an auditor
    Export(ExportArgs),
    /// Take an entry back in this month, and perhaps correct it
    Reverse(ReverseArgs),
    /// Record what a wall meter counted or the power company billed, and show what of it was not booked
    Reconcile(ReconcileArgs),
}

#[derive(Debug, Args)]
pub(super) struct CloseArgs {
    #[command(flatten)]
    place: DataArgs,
    #[command(flatten)]
    images: ImagesArg,
    /// The month
    #[arg(value_name = "YYYY-MM")]
    month: Month,
    /// Close it without asking; only a terminal is asked
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The month [default: every closed one]
    #[arg(value_name = "YYYY-MM")]
    month: Option<Month>,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The month
    #[arg(value_name = "YYYY-MM")]
    month: Month,
    /// The directory of the files, which is made if need be
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ReverseArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The entry's number, x_EntryId of tintype costs --format focus
    entry: i64,
    /// Why, for whoever reads the books
    #[arg(long, value_parser = parse_text)]
    reason: String,
    /// What the image cost instead, such as electricity=0.01,upkeep=0; also depreciation and compared
    #[arg(long, value_name = "NAME=AMOUNT,…", value_parser = parse_amounts)]
    correct: Option<CorrectedAmounts>,
}

pub(super) fn run(command: MonthCommand, clock: &dyn Clock) -> Result<(), CliError> {
    match command {
        MonthCommand::Close(args) => close(&args, clock),
        MonthCommand::Verify(args) => verify(&args),
        MonthCommand::Export(args) => export(&args),
        MonthCommand::Reverse(args) => reverse(&args, clock),
        MonthCommand::Reconcile(args) => reconcile::run(&args, clock),
    }
}

fn close(args: &CloseArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let mut books = args.place.books(clock)?;
    args.images.apply(&mut books.config);
    for found in audit::breaks(&books, clock)? {
        super::note(&found);
    }
    let Books { config, ledger, costs, calendar } = books;
    if std::io::stdin().is_terminal() && !args.yes {
        let report = ledger.month_report(&costs, args.month, &[], &calendar, clock.now())?;
        super::note(&preview(&report));
        if !output::is_confirmed("Close it?")? {
            return Err(CliError::Usage(format!("{} stays open", args.month)));
        }
    }
    let operator = &config.metadata.producer;
    let closer = Closer { costs: &costs, calendar: &calendar, operator, actor: COMMAND_LINE };
    let closing = ledger.close_month(args.month, &closer, clock.now()).map_err(|error| match error {
        CloseError::Ledger(error) => error.into(),
        refused => CliError::Usage(refused.to_string()),
    })?;
    super::print(&format!(
        "{} is closed: {} entries, sha256 {}\n",
        closing.month, closing.rows, closing.sha256
    ))?;
    super::note(&"keep the hash away from this machine: it vouches for this month and all before it");
    Ok(())
}

/// What will be sealed, for people.
fn preview(report: &MonthReport) -> String {
    let currency = report.currency;
    let money = |amount: Money| format!("{} {currency}", amount.to_rounded_string(2));
    let mut lines = vec![
        format!("{} will be sealed, and shown like this for good:", report.month),
        format!("  images       {}", report.figures.images),
        format!("  undelivered  {}", report.figures.undelivered_images),
        format!("  total        {}", money(report.figures.total)),
    ];
    if let Some(whole) = &report.whole {
        lines.push(format!("  adjustments  {}", money(whole.adjustments_total)));
        lines.push(format!("  all in       {}", money(whole.fully_loaded_total)));
    }
    lines.push(
        "Parts, rents and retirements that you record later become adjustments of the open month.".into(),
    );
    lines.join("\n")
}

fn verify(args: &VerifyArgs) -> Result<(), CliError> {
    let (config, ledger) = args.place.ledger()?;
    let calendar = ledger.calendar(&config.zone()?)?;
    let months = ledger.verify_months(args.month)?;
    match (args.month, months.is_empty()) {
        (Some(month), true) => return Err(CliError::Usage(format!("{month} is not closed"))),
        (None, true) => return super::print("no month is closed\n"),
        _ => {}
    }
    super::print(&months.iter().map(|month| line(month, &calendar)).collect::<String>())?;
    match months.iter().find_map(|month| Some((month.month, month.finding?))) {
        None => {
            super::note(&NOT_FOUND);
            Ok(())
        }
        Some((month, finding)) => {
            Err(CliError::Failed(format!("{month} is not as it was closed: {finding}")))
        }
    }
}

/// The sealed lines, whose SHA-256 as a file is the seal; the hash of each; and the statement.
fn export(args: &ExportArgs) -> Result<(), CliError> {
    let (_, ledger) = args.place.ledger()?;
    let sealed = ledger.sealed_month(args.month).map_err(|error| match error {
        ExportError::Ledger(error) => error.into(),
        ExportError::Altered { .. } => CliError::Failed(error.to_string()),
        ExportError::Open(_) => CliError::Usage(error.to_string()),
    })?;
    let mut hashes = String::from("kind,row,sha256\n");
    for (kind, row, sha256) in &sealed.lines {
        hashes.push_str(&format!("{kind},{row},{sha256}\n"));
    }
    let files = [
        ("sealed.jsonl", Some(sealed.text)),
        ("hashes.csv", Some(hashes)),
        ("statement.json", sealed.statement),
    ];
    let failed =
        |path: &Path, error: std::io::Error| CliError::Failed(format!("{}: {error}", path.display()));
    std::fs::create_dir_all(&args.out).map_err(|error| failed(&args.out, error))?;
    for (name, text) in files {
        let path = args.out.join(format!("{}.{name}", args.month));
        if let Some(text) = text {
            std::fs::write(&path, text).map_err(|error| failed(&path, error))?;
            super::print(&format!("{}\n", path.display()))?;
        }
    }
    super::note(&format!("the SHA-256 of {}.sealed.jsonl is the month's: {}", args.month, sealed.sha256));
    Ok(())
}

/// What no look at the ledger can find.
const NOT_FOUND: &str = "this cannot find a file that was replaced as a whole, or whose last closings were all removed: compare the \
    last hash with one that you keep elsewhere (printed, mailed, or in a time stamp of your own)";

fn line(month: &VerifiedMonth, calendar: &Calendar) -> String {
    let closed = month.closing.as_ref().map_or_else(String::new, |closing| {
        let at = calendar.to_datetime(closing.closed_at).strftime("%Y-%m-%d %H:%M");
        format!("closed {at}  {} entries  sha256 {}  ", closing.rows, closing.sha256)
    });
    let outcome = month.finding.map_or_else(|| "unchanged".into(), |finding| finding.to_string());
    format!("{}  {closed}{outcome}\n", month.month)
}

fn reverse(args: &ReverseArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let Books { ledger, .. } = args.place.books(clock)?;
    let reversed = ledger.reverse(args.entry, &args.reason, args.correct.as_ref(), COMMAND_LINE, clock.now());
    let booked = reversed.map_err(|error| match error {
        ReverseError::Ledger(error) => error.into(),
        refused => CliError::Usage(refused.to_string()),
    })?;
    let taken_back = format!("entry {} is taken back by entry {}", args.entry, booked.reversal);
    super::print(&match booked.correction {
        None => taken_back + "\n",
        Some(correction) => format!("{taken_back}; entry {correction} stands in its place\n"),
    })
}

/// `electricity=0.01,upkeep=0`
fn parse_amounts(text: &str) -> Result<CorrectedAmounts, String> {
    let mut amounts = CorrectedAmounts::default();
    for part in text.split(',') {
        let (name, amount) =
            part.split_once('=').ok_or_else(|| format!("`{part}` is no NAME=AMOUNT, such as upkeep=0.03"))?;
        let place = match name.trim() {
            "electricity" => &mut amounts.electricity,
            "depreciation" => &mut amounts.depreciation,
            "upkeep" => &mut amounts.upkeep,
            "compared" => &mut amounts.compared,
            other => {
                return Err(format!("`{other}`: write electricity, depreciation, upkeep or compared"));
            }
        };
        let amount = amount.parse::<Money>().map_err(|error| error.to_string())?;
        if place.replace(amount).is_some() {
            return Err(format!("`{}` is there twice", name.trim()));
        }
    }
    Ok(amounts)
}
