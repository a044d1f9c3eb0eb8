mod rules;
mod show;

use clap::{Args, Subcommand};
use jiff::{Span, Timestamp};

use self::rules::RuleArgs;
pub(super) use self::show::minute;
use super::{
    CliError, DataArgs,
    output::{note, print, show_once},
};
use crate::{
    clock::Clock,
    domain::{ApiKey, KEY_NAME_MAX, Scopes, check_label},
    ledger::{KeyChange, Ledger, LedgerError, NewKey},
};

/// Who changes keys here, in their log.
const ACTOR: &str = "command line";

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key and show it, once
    Create(CreateArgs),
    /// List keys, without their secrets
    List {
        #[command(flatten)]
        place: DataArgs,
    },
    /// Change a key's name or rules; what is not named stays
    Set(SetArgs),
    /// Disable a key until it is enabled
    Disable(OneKey),
    /// Enable a key that was disabled
    Enable(OneKey),
    /// Give a key another secret and show it, once; public id, budget and history stay
    Rotate(RotateArgs),
    /// Revoke a key, for good
    Revoke(OneKey),
    /// Print who changed a key, or any key, and how
    Log {
        #[command(flatten)]
        place: DataArgs,
        /// The key's public id [default: every key]
        public_id: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    #[command(flatten)]
    place: DataArgs,
    /// What you call it
    #[arg(value_parser = parse_name)]
    name: Option<String>,
    /// All scopes: generate images, read costs, and change keys, jobs and sessions
    #[arg(long)]
    admin: bool,
    /// The costs scope alone: read costs, and change nothing
    #[arg(long, conflicts_with = "admin")]
    admin_only: bool,
    /// What it may do: one or more of images, costs and admin, separated by commas [default: images]
    #[arg(long, conflicts_with_all = ["admin", "admin_only"])]
    scopes: Option<Scopes>,
    #[command(flatten)]
    rules: RuleArgs,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    #[command(flatten)]
    key: OneKey,
    /// What you call it
    #[arg(long, value_parser = parse_name)]
    name: Option<String>,
    /// What it may do: one or more of images, costs and admin, separated by commas
    #[arg(long)]
    scopes: Option<Scopes>,
    #[command(flatten)]
    rules: RuleArgs,
}

#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    #[command(flatten)]
    key: OneKey,
    /// How long the old secret still opens, such as 90m or 7d; 0s after a leak
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = rules::parse_span)]
    grace: Span,
}

#[derive(Debug, Args)]
pub(super) struct OneKey {
    #[command(flatten)]
    place: DataArgs,
    /// The key's public id, the middle part of tt-<public id>-<secret>
    public_id: String,
}

pub(super) fn run(command: KeyCommand, clock: &dyn Clock) -> Result<(), CliError> {
    let now = clock.now();
    match command {
        KeyCommand::Create(args) => create(args, now),
        KeyCommand::List { place } => show::list(&place, now),
        KeyCommand::Set(args) => set(args, now),
        KeyCommand::Disable(key) => key.alter("disabled", |ledger, id| ledger.disable_key(id, ACTOR, now)),
        KeyCommand::Enable(key) => key.alter("enabled", |ledger, id| ledger.enable_key(id, ACTOR, now)),
        KeyCommand::Rotate(args) => rotate(&args, now),
        KeyCommand::Revoke(key) => key.alter("revoked", |ledger, id| ledger.revoke_key(id, ACTOR, now)),
        KeyCommand::Log { place, public_id } => show::log(&place, public_id.as_deref()),
    }
}

fn create(args: CreateArgs, now: Timestamp) -> Result<(), CliError> {
    let (config, ledger) = args.place.ledger_or_new()?;
    let scopes = match (args.admin, args.admin_only) {
        (true, _) => Scopes::ALL,
        (_, true) => Scopes::COSTS,
        _ => args.scopes.unwrap_or(Scopes::IMAGES),
    };
    args.rules.warn_of_unknown_models(&config.model);
    let rules = args.rules.rules(scopes, &config.zone()?, now)?;
    let key = ApiKey::generate(&mut rand::rng());
    let name = args.name.as_deref().unwrap_or("unnamed");
    // Shown before it is stored: a key that could not be shown would be in the ledger, and nobody's.
    show_once(&key.reveal())?;
    ledger.create_key(&NewKey { key: &key, name, rules }, ACTOR, now)?;
    note(&format_args!("this key will not be shown again; scopes: {scopes}"));
    Ok(())
}

fn set(args: SetArgs, now: Timestamp) -> Result<(), CliError> {
    let config = args.key.place.config()?;
    let zone = config.zone()?;
    args.rules.warn_of_unknown_models(&config.model);
    let mut changes: Vec<_> = args.name.map(KeyChange::Name).into_iter().collect();
    changes.extend(args.scopes.map(KeyChange::Scopes));
    changes.extend(args.rules.changes(&zone, now)?);
    if changes.is_empty() {
        return Err(CliError::Usage(
            "nothing to set; name a rule, such as --budget 20 or --expires none".into(),
        ));
    }
    args.key.alter("changed", |ledger, id| ledger.change_key(id, &changes, ACTOR, now))
}

fn rotate(args: &RotateArgs, now: Timestamp) -> Result<(), CliError> {
    let zone = args.key.place.config()?.zone()?;
    let until = now.to_zoned(zone.clone()).checked_add(args.grace).map(|until| until.timestamp());
    let until = until.map_err(|_| CliError::Usage("--grace is further than dates go; write less".into()))?;
    if until < now {
        return Err(CliError::Usage("--grace is negative; write 0s to refuse the old secret at once".into()));
    }
    let key = ApiKey::rotated(&args.key.public_id, &mut rand::rng());
    let ledger = args.key.ledger("rotated")?;
    // Shown before it is stored: see `create`.
    show_once(&key.reveal())?;
    if !ledger.rotate_key(&key, until, ACTOR, now)? {
        return Err(args.key.refused("rotated"));
    }
    if until > now {
        note(&format_args!(
            "this key will not be shown again; the old secret is valid until {}",
            show::minute(until, &zone)
        ));
    } else {
        note(&"this key will not be shown again; the old secret is no longer valid");
    }
    Ok(())
}

impl OneKey {
    /// Changes the key and says so.
    fn alter(
        &self,
        done: &str,
        change: impl FnOnce(&Ledger, &str) -> Result<bool, LedgerError>,
    ) -> Result<(), CliError> {
        self.change(done, change)?;
        print(&format!("{} is {done}\n", self.public_id))
    }

    /// Changes the key, which must be one that can be changed so.
    fn change(
        &self,
        done: &str,
        change: impl FnOnce(&Ledger, &str) -> Result<bool, LedgerError>,
    ) -> Result<(), CliError> {
        if change(&self.ledger(done)?, &self.public_id)? { Ok(()) } else { Err(self.refused(done)) }
    }

    /// The ledger, which must have the key.
    fn ledger(&self, done: &str) -> Result<Ledger, CliError> {
        let (_, ledger) = self.place.ledger()?;
        if ledger.keys()?.iter().any(|key| key.public_id == self.public_id) {
            Ok(ledger)
        } else {
            Err(self.refused(done))
        }
    }

    fn refused(&self, done: &str) -> CliError {
        let public_id = &self.public_id;
        CliError::Usage(format!("no key `{public_id}` that could be {done}; tintype key list shows them"))
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    check_label(text, KEY_NAME_MAX).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}
