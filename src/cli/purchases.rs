//! `tintype purchases`: what was bought because there was no room here, and what was found out about purchases in doubt.

use clap::{ArgGroup, Args, Subcommand};

use super::{
    CliError, DataArgs,
    output::OutputArgs,
    table::{Column, table},
};
use crate::{
    clock::Clock,
    domain::RequestId,
    ledger::{Evidence, PurchaseFinding, PurchaseRecord, PurchaseRow, ResolveError},
    units::Money,
};

/// Purchases that are listed, the newest ones.
const LISTED: u32 = 1000;

#[derive(Debug, Subcommand)]
pub(super) enum PurchasesCommand {
    /// List what was bought, the newest first
    List(PurchaseListArgs),
    /// Record whether a purchase in doubt was paid for, as the seller's bill says
    ///
    /// The purchase stays as it was booked. The finding is booked in this month: it takes the doubt out of the sums, the budgets
    /// and the day's cap, and puts what was paid in its place.
    Resolve(ResolveArgs),
}

/// A note, or none.
fn parse_note(text: &str) -> Result<String, String> {
    if text.is_empty() { Ok(String::new()) } else { super::parse_text(text) }
}

#[derive(Debug, Args)]
pub(super) struct PurchaseListArgs {
    #[command(flatten)]
    place: DataArgs,
    /// Only those of which nobody knows whether they were paid for
    #[arg(long)]
    doubtful: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("finding").required(true))]
pub(super) struct ResolveArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The request's id, as the list has it
    #[arg(value_name = "REQUEST")]
    id: String,
    /// What the seller charged for all its images, in the seller's currency
    #[arg(long, value_name = "AMOUNT", value_parser = super::parse_amount, group = "finding")]
    paid: Option<Money>,
    /// Nothing was charged
    #[arg(long, group = "finding")]
    not_paid: bool,
    /// How that is known: a bill's number
    #[arg(long, value_name = "TEXT", default_value = "", value_parser = parse_note)]
    note: String,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(command: &PurchasesCommand, clock: &dyn Clock) -> Result<(), CliError> {
    match command {
        PurchasesCommand::List(args) => list(args),
        PurchasesCommand::Resolve(args) => resolve(args, clock),
    }
}

fn list(args: &PurchaseListArgs) -> Result<(), CliError> {
    let (_, ledger) = args.place.ledger()?;
    let purchases = ledger.purchases(args.doubtful, LISTED)?;
    if args.output.json {
        let records: Vec<_> = purchases.iter().map(PurchaseRecord::from).collect();
        return super::print_json(&records);
    }
    if purchases.is_empty() {
        let none = if args.doubtful { "no purchase is in doubt\n" } else { "nothing was bought\n" };
        return super::print(none);
    }
    let columns = [
        Column::Text("REQUEST"),
        Column::Text("WHEN"),
        Column::Text("FROM"),
        Column::Number("IMAGES"),
        Column::Text("STATE"),
        Column::Number("PAID"),
        Column::Text("OUTCOME"),
    ];
    super::print(&table(columns, purchases.iter().map(row).collect()))
}

fn row(row: &PurchaseRow) -> [String; 7] {
    let (purchase, [list, paid]) = (&row.purchase, row.purchase.paid());
    [
        row.request.to_text(),
        row.begun_at.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        format!("{} ({})", purchase.seller, purchase.price.sku),
        purchase.images.to_string(),
        purchase.standing().to_string(),
        format!("{paid} {} ({list} {})", row.currency, purchase.price.list_currency),
        purchase.outcome.clone().unwrap_or_else(|| "-".into()),
    ]
}

fn resolve(args: &ResolveArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let id = RequestId::from_digits(args.id.trim());
    let id = id.ok_or_else(|| {
        CliError::Usage(format!(
            "`{}` is not the id of a request; tintype purchases list --doubtful has them",
            args.id
        ))
    })?;
    let (_, ledger) = args.place.ledger()?;
    let finding = args.paid.map_or(PurchaseFinding::NotPaid, PurchaseFinding::Paid);
    let by = (args.note.as_str(), Evidence::COMMAND_LINE.actor);
    let resolved = ledger.resolve_purchase(id, finding, by, clock.now()).map_err(|error| match error {
        ResolveError::Ledger(error) => CliError::from(error),
        refused => CliError::Usage(refused.to_string()),
    })?;
    args.output.print(&PurchaseRecord::from(&resolved), |_| in_words(&resolved))
}

fn in_words(row: &PurchaseRow) -> String {
    let [list, paid] = row.purchase.paid();
    let seller = &row.purchase.seller;
    if paid == Money::ZERO {
        return format!("{}: {seller} was not paid\n", row.request);
    }
    let list_currency = row.purchase.price.list_currency;
    format!("{}: {seller} was paid {list} {list_currency}, which is {paid} {}\n", row.request, row.currency)
}
