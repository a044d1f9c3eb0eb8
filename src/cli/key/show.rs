use jiff::{Timestamp, tz::TimeZone};

use super::{
    ListArgs, LogArgs, OneKey,
    json::{KeyEventJson, KeyJson, KeyStandingJson},
};
use crate::{
    cli::{
        CliError,
        named::unknown,
        print, print_json,
        table::{Column, table},
    },
    ledger::{BudgetPeriods, BudgetStanding, KeyChange, KeyEvent, KeyRow, KeyStanding, KeyState},
};

/// Days of images that `tintype key show` adds up, today included.
const DAYS: usize = 14;

/// `tintype key list`
pub(super) fn list(args: &ListArgs, now: Timestamp) -> Result<(), CliError> {
    let (config, ledger) = args.place.ledger()?;
    let (zone, keys) = (config.zone()?, ledger.keys()?);
    if args.output.json {
        return print_json(&keys.iter().map(|key| KeyJson::new(key, now)).collect::<Vec<_>>());
    }
    let heads = ["PUBLIC ID", "NAME", "SCOPES", "CREATED", "LAST USED", "STATE", "RULES"];
    let row = |key: &KeyRow| {
        [
            key.public_id.clone(),
            key.name.clone(),
            key.rules.scopes.to_string(),
            day(key.created_at, &zone),
            key.last_used_at.map_or_else(|| "never".into(), |at| minute(at, &zone)),
            state(key, &zone, now),
            rules(key, &zone, now),
        ]
    };
    print(&table(heads.map(Column::Text), keys.iter().map(row).collect()))
}

/// `tintype key show`
pub(super) fn show(key: &OneKey, json: bool, now: Timestamp) -> Result<(), CliError> {
    let (config, ledger, row) = key.find()?;
    let zone = config.zone()?;
    let calendar = ledger.calendar(&zone)?;
    let periods = BudgetPeriods::of(now, &calendar);
    let standing = ledger.key_standing(&row.public_id, &periods, DAYS, &calendar, now)?;
    let gone = || unknown("key", &row.public_id, [], "tintype key list");
    let standing = standing.ok_or_else(gone)?;
    if json {
        print_json(&KeyStandingJson::new(&standing, now))
    } else {
        print(&in_words(&standing, &zone, now))
    }
}

fn in_words(standing: &KeyStanding, zone: &TimeZone, now: Timestamp) -> String {
    let key = &standing.row;
    let images = standing.images_by_day.iter().sum::<u32>();
    let mut lines = vec![
        format!("{}  {}", key.public_id, key.name),
        format!("  scopes     {}", key.rules.scopes),
        format!("  state      {}", state(key, zone, now)),
        format!("  created    {}", minute(key.created_at, zone)),
        format!("  last used  {}", key.last_used_at.map_or_else(|| "never".into(), |at| minute(at, zone))),
        format!("  rules      {}", rules(key, zone, now)),
        format!("  images     {images} in {DAYS} days, today included"),
    ];
    lines.extend(standing.budgets.iter().map(|of: &BudgetStanding| {
        let resets = minute(of.resets_at.timestamp(), zone);
        format!("  budget     {}: {} left, resets {resets}", of.budget, of.left())
    }));
    lines.join("\n") + "\n"
}

/// `tintype key log`
pub(super) fn log(args: &LogArgs) -> Result<(), CliError> {
    let (config, ledger) = args.place.ledger()?;
    let zone = config.zone()?;
    let public_id = match &args.key {
        Some(key) => Some(super::find(&ledger.keys()?, key)?.public_id),
        None => None,
    };
    let events = ledger.key_events(public_id.as_deref())?;
    if args.output.json {
        return print_json(&events.into_iter().map(KeyEventJson::from).collect::<Vec<_>>());
    }
    let row = |event: KeyEvent| {
        let time = zone.to_datetime(event.at).strftime("%Y-%m-%d %H:%M:%S").to_string();
        let detail = event.detail();
        [time, event.public_id, event.kind.to_string(), event.actor, detail]
    };
    let heads = ["TIME", "PUBLIC ID", "EVENT", "BY", "DETAIL"].map(Column::Text);
    print(&table(heads, events.into_iter().map(row).collect()))
}

fn day(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).date().to_string()
}

/// `2026-11-23 18:04`
pub(in crate::cli) fn minute(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// `active`, or what it is and since when.
pub(super) fn state(key: &KeyRow, zone: &TimeZone, now: Timestamp) -> String {
    let state = key.state(now);
    let since = match state {
        KeyState::Active => None,
        KeyState::Disabled => key.disabled_at,
        KeyState::Expired => key.rules.expires_at,
        KeyState::Revoked => key.revoked_at,
    };
    since.map_or_else(|| state.to_string(), |at| format!("{state} {}", day(at, zone)))
}

/// `budget 12.50; models z-image-turbo`, or `-`. The scopes have a column of their own.
fn rules(key: &KeyRow, zone: &TimeZone, now: Timestamp) -> String {
    let in_words = |rule: KeyChange| match rule {
        KeyChange::Scopes(_) => None,
        KeyChange::Expiry(Some(at)) => Some(format!("expires {}", minute(at, zone))),
        rule => Some(rule.to_string()),
    };
    let mut words: Vec<_> = key.rules.as_changes().into_iter().filter_map(in_words).collect();
    let grace = key.previous_until.filter(|until| *until > now);
    words.extend(grace.map(|until| format!("old secret until {}", minute(until, zone))));
    if words.is_empty() { "-".into() } else { words.join("; ") }
}
