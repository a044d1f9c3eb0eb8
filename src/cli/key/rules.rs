use std::num::NonZeroU32;

use clap::Args;
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};

use crate::{
    cli::CliError,
    costs::{Budget, BudgetError, Budgets},
    domain::{KeyLimits, Scopes},
    ledger::{KeyChange, KeyRules},
};

/// What a key is held to. What is left out stays, or is not limited.
#[derive(Debug, Args)]
pub(super) struct RuleArgs {
    /// What it may use up in a calendar day or month, such as "20 a month" in the ledger's currency, "100 images a day" or
    /// "soft 2.5 kWh a month"; may be given several times. A soft one only warns
    #[arg(long, value_name = "BUDGET|none", value_parser = or_none(parse_budget))]
    budget: Vec<OrNone<Budget>>,
    /// From when on it opens nothing: a day such as 2027-01-01, or a span from now such as 90d
    #[arg(long, value_name = "DATE|SPAN|none", value_parser = or_none(parse_expiry))]
    expires: Option<OrNone<Expiry>>,
    /// Ids of the models that it may use, with commas between; none: every model
    #[arg(long, value_name = "MODELS|none", value_parser = or_none(parse_models))]
    models: Option<OrNone<Vec<String>>>,
    /// Requests a minute; none: as configured
    #[arg(long, value_name = "N|none", value_parser = or_none(parse_limit))]
    requests_per_minute: Option<OrNone<NonZeroU32>>,
    /// Pictures a minute; none: as configured
    #[arg(long, value_name = "N|none", value_parser = or_none(parse_limit))]
    images_per_minute: Option<OrNone<NonZeroU32>>,
    /// Jobs at one time, waiting ones included; none: as configured
    #[arg(long, value_name = "N|none", value_parser = or_none(parse_limit))]
    concurrent: Option<OrNone<NonZeroU32>>,
}

/// A rule's value, or the word `none`. A type of its own, because clap reads an Option in an Option otherwise.
#[derive(Debug, Clone)]
struct OrNone<T>(Option<T>);

#[derive(Debug, Clone, Copy)]
enum Expiry {
    On(Date),
    After(Span),
}

impl RuleArgs {
    /// The rules of a new key.
    pub(super) fn rules(self, scopes: Scopes, zone: &TimeZone, now: Timestamp) -> Result<KeyRules, CliError> {
        Ok(KeyRules {
            scopes,
            budgets: budgets(self.budget)?.unwrap_or_default(),
            expires_at: moment(self.expires, zone, now)?.flatten(),
            models: self.models.and_then(|models| models.0),
            limits: KeyLimits {
                requests_per_minute: self.requests_per_minute.and_then(|limit| limit.0),
                images_per_minute: self.images_per_minute.and_then(|limit| limit.0),
                concurrent_jobs: self.concurrent.and_then(|limit| limit.0),
            },
        })
    }

    /// What is to be changed on a key.
    pub(super) fn changes(self, zone: &TimeZone, now: Timestamp) -> Result<Vec<KeyChange>, CliError> {
        let named = [
            budgets(self.budget)?.map(KeyChange::Budgets),
            moment(self.expires, zone, now)?.map(KeyChange::Expiry),
            self.models.map(|models| KeyChange::Models(models.0)),
            self.requests_per_minute.map(|limit| KeyChange::RequestsPerMinute(limit.0)),
            self.images_per_minute.map(|limit| KeyChange::ImagesPerMinute(limit.0)),
            self.concurrent.map(|limit| KeyChange::ConcurrentJobs(limit.0)),
        ];
        Ok(named.into_iter().flatten().collect())
    }
}

/// `span` after `now`; a day is a day of `zone`, whatever its hours.
pub(super) fn after(now: Timestamp, span: Span, zone: &TimeZone) -> Result<Timestamp, CliError> {
    match now.to_zoned(zone.clone()).checked_add(span) {
        Ok(moment) => Ok(moment.timestamp()),
        Err(_) => Err(CliError::Usage(format!("{span:#} from now is further than dates go; write less"))),
    }
}

fn moment(
    expires: Option<OrNone<Expiry>>,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Option<Option<Timestamp>>, CliError> {
    let Some(OrNone(expiry)) = expires else { return Ok(None) };
    Ok(Some(expiry.map(|expiry| expiry.moment(zone, now)).transpose()?))
}

impl Expiry {
    /// A day's first moment in `zone`, or a span after `now`.
    fn moment(self, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, CliError> {
        let at = match self {
            Self::On(date) => zone.to_timestamp(date.into()).ok(),
            Self::After(span) => Some(after(now, span, zone)?),
        };
        at.filter(|at| *at > now).ok_or_else(|| {
            CliError::Usage("--expires is not in the future; tintype key disable closes a key now".into())
        })
    }
}

fn or_none<T: 'static>(
    parse: fn(&str) -> Result<T, String>,
) -> impl Fn(&str) -> Result<OrNone<T>, String> + Clone + Send + Sync + 'static {
    move |text| match text {
        "none" => Ok(OrNone(None)),
        _ => parse(text).map(|value| OrNone(Some(value))),
    }
}

fn parse_budget(text: &str) -> Result<Budget, String> {
    text.parse().map_err(|error: BudgetError| error.to_string())
}

/// All that are named; `none` alone takes every budget away.
fn budgets(named: Vec<OrNone<Budget>>) -> Result<Option<Budgets>, CliError> {
    let (count, budgets) = (named.len(), named.into_iter().filter_map(|budget| budget.0).collect::<Vec<_>>());
    if count > 1 && budgets.len() < count {
        return Err(CliError::Usage("--budget none stands alone; leave it out, or the others".into()));
    }
    let budgets =
        Budgets::try_from(budgets).map_err(|error| CliError::Usage(format!("--budget: {error}")))?;
    Ok((count > 0).then_some(budgets))
}

fn parse_expiry(text: &str) -> Result<Expiry, String> {
    // Not the lenient reading, which passes over a time and an offset.
    let date = Date::strptime("%Y-%m-%d", text).map(Expiry::On);
    date.or_else(|_| text.parse().map(Expiry::After))
        .map_err(|_| "neither a day nor a span of time; write 2027-01-01, 90d or none".into())
}

/// A span such as `24h`, `90m` or `7d`.
pub(super) fn parse_span(text: &str) -> Result<Span, String> {
    text.parse().map_err(|_| "not a span of time; write 24h, 90m or 7d".into())
}

fn parse_models(text: &str) -> Result<Vec<String>, String> {
    let models: Vec<_> = text.split(',').map(|model| model.trim().to_owned()).collect();
    match models.iter().any(String::is_empty) {
        true => Err("a model's id is empty; write z-image-turbo,z-image or none".into()),
        false => Ok(models),
    }
}

fn parse_limit(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "not a whole number above 0; write 60 or none".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

    #[test]
    fn an_expiry_is_a_day_of_the_zone_or_a_span_from_now() {
        let shanghai = TimeZone::fixed(jiff::tz::offset(8));
        let moment = |text: &str| parse_expiry(text).expect("an expiry").moment(&shanghai, NOW);
        assert_eq!(moment("2027-01-01").expect("a moment").to_string(), "2026-12-31T16:00:00Z");
        assert_eq!(moment("90d").expect("a moment"), NOW + jiff::SignedDuration::from_hours(90 * 24));
        assert!(moment("2020-01-01").is_err() && moment("0s").is_err() && moment("5d ago").is_err());
        assert!(moment("9000y").is_err());
        for text in ["", "soon", "2027-13-01", "2027-01-01T12:00+08:00", "01.01.2027"] {
            assert!(parse_expiry(text).is_err(), "{text}");
        }
    }

    #[test]
    fn none_takes_a_rule_away_and_nonsense_is_refused() {
        let limit = or_none(parse_limit);
        assert_eq!(limit("60").expect("a limit").0, NonZeroU32::new(60));
        assert_eq!(limit("none").expect("no limit").0, None);
        assert!(limit("0").is_err() && limit("many").is_err());
        assert_eq!(parse_models("a, b"), Ok(vec!["a".into(), "b".into()]));
        assert!(parse_models("a,").is_err() && parse_models("").is_err());
    }
}
