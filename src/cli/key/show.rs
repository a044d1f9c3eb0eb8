use jiff::{Timestamp, tz::TimeZone};

use crate::{
    cli::{CliError, DataArgs, print, table::table},
    ledger::{KeyChange, KeyRow, KeyState},
};

/// `tintype key list`
pub(super) fn list(place: &DataArgs, now: Timestamp) -> Result<(), CliError> {
    let (config, ledger) = place.ledger()?;
    let zone = config.zone()?;
    let mut rows =
        vec![["PUBLIC ID", "NAME", "SCOPES", "CREATED", "LAST USED", "STATE", "RULES"].map(String::from)];
    for key in ledger.keys()? {
        rows.push([
            key.public_id.clone(),
            key.name.clone(),
            key.rules.scopes.to_string(),
            day(key.created_at, &zone),
            key.last_used_at.map_or_else(|| "never".into(), |at| minute(at, &zone)),
            state(&key, &zone, now),
            rules(&key, &zone, now),
        ]);
    }
    print(&table(&rows))
}

/// `tintype key log`
pub(super) fn log(place: &DataArgs, public_id: Option<&str>) -> Result<(), CliError> {
    let (config, ledger) = place.ledger()?;
    let zone = config.zone()?;
    let events = ledger.key_events(public_id)?;
    // Every key has been made, so one without events is none.
    if let (Some(public_id), true) = (public_id, events.is_empty()) {
        return Err(CliError::Usage(format!("no key `{public_id}`; tintype key list shows them")));
    }
    let mut rows = vec![["TIME", "PUBLIC ID", "EVENT", "BY", "DETAIL"].map(String::from)];
    for event in events {
        let time = zone.to_datetime(event.at).strftime("%Y-%m-%d %H:%M:%S").to_string();
        let detail = event.detail();
        rows.push([time, event.public_id, event.kind.to_string(), event.actor, detail]);
    }
    print(&table(&rows))
}

fn day(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).date().to_string()
}

/// `2026-11-23 18:04`
pub(in crate::cli) fn minute(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string()
}

/// `active`, or what it is and since when.
fn state(key: &KeyRow, zone: &TimeZone, now: Timestamp) -> String {
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
