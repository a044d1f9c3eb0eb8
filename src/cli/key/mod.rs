mod json;
mod rules;
mod show;

use clap::{Args, Subcommand};
use jiff::{Span, Timestamp};

pub(super) use self::show::minute;
use self::{
    json::{KeyJson, NewKeyJson},
    rules::RuleArgs,
};
use super::{
    CliError, DataArgs,
    named::{Named, find},
    output::{ListArgs, OutputArgs, note, show_once, to_json},
};
use crate::{
    clock::Clock,
    config::Config,
    domain::{ApiKey, KEY_NAME_MAX, Scopes, check_label},
    ledger::{KeyChange, KeyRow, KeyState, Ledger, LedgerError, NewKey},
};

/// Who changes keys here, in their log.
const ACTOR: &str = "command line";

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key and show it, once
    Create(CreateArgs),
    /// List keys, without their secrets
    List(ListArgs),
    /// Show a key, what is left of its budgets and how many images it made lately; not its secret
    Show(AlterArgs),
    /// Change a key's name or rules; what is not named stays
    Set(SetArgs),
    /// Disable a key until it is enabled
    Disable(AlterArgs),
    /// Enable a key that was disabled
    Enable(AlterArgs),
    /// Give a key another secret and show it, once; public id, budget and history stay
    Rotate(RotateArgs),
    /// Revoke a key, for good
    Revoke(AlterArgs),
    /// Print who changed a key, or any key, and how
    Log(LogArgs),
}

#[derive(Debug, Args)]
pub(super) struct LogArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The key's public id or its name [default: every key]
    key: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct AlterArgs {
    #[command(flatten)]
    key: OneKey,
    #[command(flatten)]
    output: OutputArgs,
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
    #[command(flatten)]
    output: OutputArgs,
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
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    #[command(flatten)]
    key: OneKey,
    /// How long the old secret still opens, such as 90m or 7d; 0s after a leak
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = rules::parse_span)]
    grace: Span,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct OneKey {
    #[command(flatten)]
    place: DataArgs,
    /// The key's public id, the middle part of tt-<public id>-<secret>, or its name if no other key has it
    key: String,
}

pub(super) fn run(command: KeyCommand, clock: &dyn Clock) -> Result<(), CliError> {
    let now = clock.now();
    match command {
        KeyCommand::Create(args) => create(args, now),
        KeyCommand::List(args) => show::list(&args, now),
        KeyCommand::Show(args) => show::show(&args.key, args.output.json, now),
        KeyCommand::Set(args) => set(args, now),
        KeyCommand::Disable(args) => {
            args.alter("disabled", now, |ledger, id| ledger.disable_key(id, ACTOR, now))
        }
        KeyCommand::Enable(args) => {
            args.alter("enabled", now, |ledger, id| ledger.enable_key(id, ACTOR, now))
        }
        KeyCommand::Rotate(args) => rotate(&args, now),
        KeyCommand::Revoke(args) => {
            args.alter("revoked", now, |ledger, id| ledger.revoke_key(id, ACTOR, now))
        }
        KeyCommand::Log(args) => show::log(&args),
    }
}

fn create(args: CreateArgs, now: Timestamp) -> Result<(), CliError> {
    let (config, ledger) = args.place.ledger_or_new()?;
    let scopes = match (args.admin, args.admin_only) {
        (true, _) => Scopes::ALL,
        (_, true) => Scopes::COSTS,
        _ => args.scopes.unwrap_or(Scopes::IMAGES),
    };
    args.rules.warn_of_unknown_names(&config);
    let rules = args.rules.rules(scopes, &config.zone()?, now)?;
    let key = ApiKey::generate(&mut rand::rng());
    let name = args.name.as_deref().unwrap_or("unnamed");
    // Shown before it is stored: a key that could not be shown would be in the ledger, and nobody's.
    show_new(&key, None, args.output)?;
    ledger.create_key(&NewKey { key: &key, name, rules }, ACTOR, now)?;
    note(&format_args!("this key will not be shown again; scopes: {scopes}"));
    Ok(())
}

fn set(args: SetArgs, now: Timestamp) -> Result<(), CliError> {
    let config = args.key.place.config()?;
    let zone = config.zone()?;
    args.rules.warn_of_unknown_names(&config);
    let mut changes: Vec<_> = args.name.map(KeyChange::Name).into_iter().collect();
    changes.extend(args.scopes.map(KeyChange::Scopes));
    changes.extend(args.rules.changes(&zone, now)?);
    if changes.is_empty() {
        return Err(CliError::Usage(
            "nothing to set; name a rule, such as --budget 20 or --expires none".into(),
        ));
    }
    alter(&args.key, args.output, "changed", now, |ledger, id| ledger.change_key(id, &changes, ACTOR, now))
}

fn rotate(args: &RotateArgs, now: Timestamp) -> Result<(), CliError> {
    let zone = args.key.place.config()?.zone()?;
    let until = now.to_zoned(zone.clone()).checked_add(args.grace).map(|until| until.timestamp());
    let until = until.map_err(|_| CliError::Usage("--grace is further than dates go; write less".into()))?;
    if until < now {
        return Err(CliError::Usage("--grace is negative; write 0s to refuse the old secret at once".into()));
    }
    let (_, ledger, row) = args.key.find()?;
    if row.state(now) == KeyState::Revoked {
        return Err(refused(&row, "rotated", now));
    }
    let key = ApiKey::rotated(&row.public_id, &mut rand::rng());
    // Shown before it is stored: see `create`.
    show_new(&key, Some(until).filter(|until| *until > now), args.output)?;
    if !ledger.rotate_key(&key, until, ACTOR, now)? {
        return Err(refused(&row, "rotated", now));
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

/// Shows a new secret, now or never.
fn show_new(key: &ApiKey, old_secret_until: Option<Timestamp>, output: OutputArgs) -> Result<(), CliError> {
    let public_id = key.public_id().to_owned();
    let shown = if output.json {
        to_json(&NewKeyJson { key: key.reveal(), public_id, old_secret_until })?
    } else {
        key.reveal()
    };
    show_once(&shown)
}

impl AlterArgs {
    fn alter(
        &self,
        done: &str,
        now: Timestamp,
        change: impl FnOnce(&Ledger, &str) -> Result<bool, LedgerError>,
    ) -> Result<(), CliError> {
        alter(&self.key, self.output, done, now, change)
    }
}

/// Changes the key, which must be one that can be changed so, and says so.
fn alter(
    key: &OneKey,
    output: OutputArgs,
    done: &str,
    now: Timestamp,
    change: impl FnOnce(&Ledger, &str) -> Result<bool, LedgerError>,
) -> Result<(), CliError> {
    let (_, ledger, row) = key.find()?;
    let public_id = &row.public_id;
    if !change(&ledger, public_id)? {
        return Err(refused(&row, done, now));
    }
    let after = ledger.key(public_id)?.unwrap_or(row);
    output.print(&KeyJson::new(&after, now), |after| format!("{} is {done}\n", after.public_id))
}

/// A change that its state does not allow.
fn refused(key: &KeyRow, done: &str, now: Timestamp) -> CliError {
    let (public_id, state) = (&key.public_id, key.state(now));
    CliError::Usage(format!("key `{public_id}` is {state} and cannot be {done}; see tintype key list"))
}

impl OneKey {
    /// The key, and the ledger that has it.
    fn find(&self) -> Result<(Config, Ledger, KeyRow), CliError> {
        let (config, ledger) = self.place.ledger()?;
        let key = find(&ledger.keys()?, &self.key)?;
        Ok((config, ledger, key))
    }
}

/// By its public id; a revoked key gives its name up.
impl Named for KeyRow {
    const KIND: &'static str = "key";
    const ID: &'static str = "public id";
    const LIST: &'static str = "tintype key list";

    fn id(&self) -> String {
        self.public_id.clone()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn is_in_use(&self) -> bool {
        self.revoked_at.is_none()
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    check_label(text, KEY_NAME_MAX).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}
