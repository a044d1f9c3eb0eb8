//! The ledger at a start: opened, checked against the configuration, and given its first key.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{AppError, BATCH_KEY_NAME, LEDGER_FILE};
use crate::{
    clock::Clock,
    config::Config,
    costs::CostModel,
    domain::{ApiKey, Calendar, Scopes, SignInSecret},
    ledger::{KeyRules, Ledger, LedgerError, LedgerPlace, NewKey},
    service::OverheadBook,
};

/// Where energy is booked that went into no request.
pub(super) fn overhead_book(
    ledger: &Arc<Ledger>,
    costs: &CostModel,
    clock: &Arc<dyn Clock>,
    calendar: &Calendar,
) -> OverheadBook {
    let (ledger, clock) = (Arc::clone(ledger), Arc::clone(clock));
    OverheadBook { ledger, costs: costs.clone(), clock, calendar: calendar.clone() }
}

/// A key if the ledger has none that anybody holds, and a sign-in link if there is no password.
pub(super) fn first_secrets(ledger: &Ledger) -> Result<(Option<ApiKey>, Option<SignInSecret>), LedgerError> {
    let has_none = ledger.keys()?.iter().all(|key| key.name == BATCH_KEY_NAME);
    let first_key = has_none.then(|| ApiKey::generate(&mut rand::rng()));
    let sign_in_link =
        ledger.operator_password()?.is_none().then(|| SignInSecret::generate(&mut rand::rng()));
    Ok((first_key, sign_in_link))
}

/// Stores a key and a link that have been shown.
pub(super) fn store_secrets(
    ledger: &Ledger,
    key: Option<&ApiKey>,
    link: Option<&SignInSecret>,
    now: Timestamp,
) -> Result<(), LedgerError> {
    if let Some(key) = key {
        let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
        ledger.create_key(&NewKey { key, name: "first key", rules }, "first start", now)?;
    }
    if let Some(secret) = link {
        ledger.create_sign_in_link(secret.hash(), SignInSecret::expiry(now), now)?;
    }
    Ok(())
}

/// Where the configured ledger is.
pub(crate) fn ledger_place(config: &Config) -> LedgerPlace {
    match &config.ledger {
        Some(url) => LedgerPlace::Postgres(url.clone()),
        None => LedgerPlace::File(config.data_dir.join(LEDGER_FILE)),
    }
}

/// The ledger and its days, checked against the configuration; what a dead process left open is abandoned.
pub(super) fn open_ledger(
    config: &Config,
    costs: &CostModel,
    now: Timestamp,
) -> Result<(Arc<Ledger>, Calendar), AppError> {
    let ledger = Ledger::open_at(&ledger_place(config))?;
    ledger.inspect()?;
    let calendar = record_configuration(config, costs, &ledger, now)?;
    let today = calendar.to_datetime(now).date();
    for notice in costs.price_notices(today) {
        tracing::warn!("{notice}");
    }
    let abandoned = ledger.abandon_open(now)?;
    if abandoned > 0 {
        tracing::warn!(requests = abandoned, "an earlier process died over requests; they are abandoned");
    }
    Ok((Arc::new(ledger), calendar))
}

/// Checks the ledger against the configuration, and records what holds from now on. Returns the ledger's days.
pub(super) fn record_configuration(
    config: &Config,
    costs: &CostModel,
    ledger: &Ledger,
    now: Timestamp,
) -> Result<Calendar, AppError> {
    ledger.check_currency(costs.currency())?;
    let zone = config.zone()?;
    ledger.keep_zone(&zone, now)?;
    let calendar = ledger.calendar(&zone)?;
    let today = calendar.to_datetime(now).date();
    ledger.record_configured(&config.terms()?, &calendar, now)?;
    ledger.record_configured_upkeep(costs.settings().upkeep(), costs.currency(), today, now)?;
    warn_of_the_future(ledger, now)?;
    Ok(calendar)
}

/// Other nodes write while this one starts.
const STARTING: SignedDuration = SignedDuration::from_secs(30);

/// Rows that are later than now were written by a clock that was ahead, or this one is behind.
fn warn_of_the_future(ledger: &Ledger, now: Timestamp) -> Result<(), AppError> {
    if let Some(latest) = ledger.latest_moment()?.filter(|latest| latest.duration_since(now) > STARTING) {
        tracing::warn!(
            %latest, %now,
            "the ledger has rows from the future: the clock was wrong then, or is now; check it (timedatectl)"
        );
    }
    Ok(())
}
