use clap::Subcommand;
use jiff::tz::TimeZone;

use super::{CliError, Place};
use crate::{
    clock::Clock,
    domain::{ApiKey, Scopes},
    units::Money,
};

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key and show it, once
    Create {
        #[command(flatten)]
        place: Place,
        /// What you call it
        name: Option<String>,
        /// May read costs, besides painting
        #[arg(long)]
        admin: bool,
        /// May read costs, and not paint
        #[arg(long, conflicts_with = "admin")]
        admin_only: bool,
        /// What its pictures may cost a calendar month, in the ledger's currency
        #[arg(long, value_name = "AMOUNT", value_parser = parse_budget)]
        budget: Option<Money>,
    },
    /// List keys, without their secrets
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Revoke a key, from now on
    Revoke {
        #[command(flatten)]
        place: Place,
        /// The key's public id, the middle part of tt-<public id>-<secret>
        public_id: String,
    },
}

fn parse_budget(text: &str) -> Result<Money, String> {
    match text.parse::<Money>() {
        Ok(budget) if budget >= Money::ZERO => Ok(budget),
        Ok(_) => Err("a budget is not negative".into()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn run(command: KeyCommand, clock: &dyn Clock) -> Result<(), CliError> {
    match command {
        KeyCommand::Create { place, name, admin, admin_only, budget } => {
            let scopes = Scopes { images: !admin_only, admin: admin || admin_only };
            let key = ApiKey::generate(&mut rand::rng());
            let (_, ledger) = place.ledger_or_new()?;
            let name = name.unwrap_or_else(|| "unnamed".into());
            ledger.create_key(&key, &name, scopes, budget, clock.now())?;
            println!("{}", key.reveal());
            eprintln!("shown this once; scopes: {scopes}");
            Ok(())
        }
        KeyCommand::List { place } => list(&place),
        KeyCommand::Revoke { place, public_id } => {
            let (_, ledger) = place.ledger()?;
            match ledger.revoke_key(&public_id, clock.now())? {
                true => {
                    println!("{public_id} is revoked");
                    Ok(())
                }
                false => Err(CliError::Usage(format!(
                    "no key `{public_id}` that could be revoked; tintype key list shows them"
                ))),
            }
        }
    }
}

fn list(place: &Place) -> Result<(), CliError> {
    let (config, ledger) = place.ledger()?;
    let zone: TimeZone = config.zone()?;
    let mut lines = format!(
        "{:<12} {:<20} {:<14} {:<12} {:<12} STATE\n",
        "PUBLIC ID", "NAME", "SCOPES", "BUDGET", "CREATED"
    );
    for key in ledger.keys()? {
        let budget = key.budget_month.map_or_else(|| "-".into(), |budget| budget.to_string());
        let revoked = |at| format!("revoked {}", zone.to_datetime(at).date());
        let state = key.revoked_at.map_or_else(|| "active".into(), revoked);
        let (scopes, created) = (key.scopes.to_string(), zone.to_datetime(key.created_at).date());
        lines += &format!(
            "{:<12} {:<20} {scopes:<14} {budget:<12} {created:<12} {state}\n",
            key.public_id, key.name
        );
    }
    super::print(&lines)
}
