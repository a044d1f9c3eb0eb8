use clap::Args;

use super::{
    CliError, DataArgs,
    table::{Column, table},
};
use crate::{
    costs::{CostError, WorkingWord},
    domain::{Calendar, Computation, LoraUse, RequestId},
    ledger::{BookedEntry, EntryChange, Purchase},
    units::Money,
};

#[derive(Debug, Args)]
pub(super) struct ReceiptArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The request's id, which its receipt has as `request_id`
    #[arg(value_name = "REQUEST")]
    id: String,
    /// Show how each figure comes about, from the prices that were stored with it
    #[arg(long)]
    explain: bool,
}

pub(super) fn run(args: &ReceiptArgs) -> Result<(), CliError> {
    let id = RequestId::from_digits(args.id.trim());
    let id = id.ok_or_else(|| {
        CliError::Usage(format!("`{}` is not the id of a request; copy `request_id` from a receipt", args.id))
    })?;
    let (config, ledger) = args.place.ledger()?;
    let calendar = ledger.calendar(&config.zone()?)?;
    let entries = ledger.booked_entries(id)?;
    let purchase = ledger.purchase(id)?;
    if let Some(purchase) = &purchase {
        super::print(&bought(purchase))?;
        if entries.is_empty() {
            return Ok(());
        }
    }
    if entries.is_empty() {
        return Err(CliError::Usage(format!(
            "nothing was booked for a request {id}; look for it on /admin/jobs"
        )));
    }
    for entry in &entries {
        super::print(&receipt(entry, args.explain, &calendar)?)?;
    }
    super::print(&made_with(&ledger.computation(id)?))?;
    for entry in entries.iter().filter(|_| args.explain) {
        if entry.is_reproduced()? == Some(false) {
            return Err(CliError::Failed(format!(
                "entry {}: what it was priced with gives other figures",
                entry.id
            )));
        }
    }
    Ok(())
}

/// What was bought for the request, or was to be: its prompt left the house.
fn bought(purchase: &Purchase) -> String {
    let price = &purchase.price;
    let row = |name: &str, text: String| [name.to_owned(), text];
    let mut rows = vec![
        row("from", format!("{} ({})", purchase.seller, price.sku)),
        row("state", purchase.standing().to_string()),
        row("images", purchase.images.to_string()),
        row("price of one", price.price.to_string()),
        row("list price", format!("{} {} at {}", price.list, price.list_currency, price.exchange_rate)),
        row("one more here", purchase.here.to_string()),
        row("why", purchase.why.clone()),
        row("privacy", "the prompt left the house".into()),
    ];
    rows.extend(purchase.outcome.clone().map(|outcome| row("outcome", outcome)));
    rows.extend(purchase.resolution.as_ref().map(|found| {
        let what = if found.paid == Money::ZERO {
            "not paid".into()
        } else {
            format!("paid: {} ({} {})", found.paid, found.list, price.list_currency)
        };
        row("found out", format!("{what}, by {} {}", found.actor, found.note).trim_end().to_owned())
    }));
    table([Column::Text("PURCHASE"), Column::Text("")], rows)
}

/// An entry for people: its figures, or how they come about.
fn receipt(entry: &BookedEntry, explain: bool, calendar: &Calendar) -> Result<String, CostError> {
    let working = entry.working(&WorkingWord::english)?.filter(|_| explain);
    let is_unexplained = explain && working.is_none() && entry.change.is_none();
    let rows = match working {
        Some(lines) => table(
            [Column::Text("FIGURE"), Column::Text("HOW IT COMES ABOUT")],
            lines
                .into_iter()
                .map(|line| [line.name, format!("{} = {}", line.formula, line.result)])
                .collect(),
        ),
        None => table([Column::Text("FIGURE"), Column::Number("AMOUNT")], figures(entry)?),
    };
    let note =
        if is_unexplained { "an earlier version booked it, which did not store its prices\n" } else { "" };
    Ok(format!("{}\n{rows}{note}", head(entry, calendar)))
}

/// What decided the pixels: if a seed gives another image elsewhere, one of these differs.
fn made_with((computation, loras): &(Option<Computation>, Vec<LoraUse>)) -> String {
    let Some(computation) = computation else {
        return "weights, noise and schedule unknown: an earlier version booked it\n".into();
    };
    let mut rows: Vec<_> = computation.rows().map(|(name, text)| [name.to_owned(), text.to_owned()]).into();
    rows.extend(loras.iter().map(|lora| ["lora".to_owned(), lora.to_string()]));
    table([Column::Text("MADE WITH"), Column::Text("")], rows)
}

/// `entry 17: image 1, booked 2026-11-05 11:23:04, amounts in CNY`
fn head(entry: &BookedEntry, calendar: &Calendar) -> String {
    let what = if entry.is_image { "image" } else { "work without an image" };
    let at = calendar.to_datetime(entry.entered_at).strftime("%Y-%m-%d %H:%M:%S");
    let change = match &entry.change {
        None => String::new(),
        Some(EntryChange { entry, is_reversal, reason, actor }) => {
            let verb = if *is_reversal { "takes back" } else { "stands in the place of" };
            let actor = actor.as_ref().map_or_else(String::new, |actor| format!(", by the {actor}"));
            format!("; it {verb} entry {entry}{actor}: {reason}")
        }
    };
    format!(
        "entry {}: {what} {}, booked {at}, amounts in {}{change}",
        entry.id,
        entry.index + 1,
        entry.currency
    )
}

fn figures(entry: &BookedEntry) -> Result<Vec<[String; 2]>, CostError> {
    let row = |name: &str, amount: &dyn ToString| [name.to_owned(), amount.to_string()];
    let mut rows = vec![
        row("electricity", &entry.cost.electricity),
        row("depreciation", &entry.cost.depreciation),
        row("upkeep", &entry.cost.upkeep),
        row("standard cost", &entry.cost.total()?),
    ];
    if let Some(there) = &entry.comparison {
        rows.push(row(&format!("at {}", there.sku), &there.price));
    }
    Ok(rows)
}
