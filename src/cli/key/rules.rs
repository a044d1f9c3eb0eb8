use std::num::NonZeroU32;

use clap::Args;
use jiff::{Span, Timestamp, tz::TimeZone};

use crate::{
    cli::{CliError, output::note},
    config::{Config, ModelConfig},
    costs::{Budget, BudgetError, Budgets},
    domain::{Expiry, ExpiryError, KeyLimits, Scopes, did_you_mean, name_list},
    ledger::{KeyChange, KeyRules},
    lora_library::LoraLibrary,
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
    /// Names of the models that it may use, with commas between; none: every model
    #[arg(long, value_name = "MODELS|none", value_parser = or_none(parse_models))]
    models: Option<OrNone<Vec<String>>>,
    /// Names of the LoRAs that it may use, with commas between; none: every LoRA
    #[arg(long, value_name = "LORAS|none", value_parser = or_none(parse_loras))]
    loras: Option<OrNone<Vec<String>>>,
    /// Requests a minute; none: as configured
    #[arg(long, value_name = "N|none", value_parser = or_none(parse_limit))]
    requests_per_minute: Option<OrNone<NonZeroU32>>,
    /// Images a minute; none: as configured
    #[arg(long, value_name = "N|none", value_parser = or_none(parse_limit))]
    images_per_minute: Option<OrNone<NonZeroU32>>,
    /// Jobs at one time, waiting ones included; none: as configured
    #[arg(long, value_name = "N|none", value_parser = or_none(parse_limit))]
    concurrent: Option<OrNone<NonZeroU32>>,
    /// Whether its prompts may leave the house, for images that are bought from an [[overflow]] [default: no]
    #[arg(long, value_name = "yes|no", num_args = 0..=1, default_missing_value = "yes")]
    overflow: Option<YesNo>,
}

/// An answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum YesNo {
    Yes,
    No,
}

/// A rule's value, or the word `none`. A type of its own, because clap reads an Option in an Option otherwise.
#[derive(Debug, Clone)]
struct OrNone<T>(Option<T>);

impl RuleArgs {
    /// Warns of models and LoRAs that this configuration does not have. A server may still be started with others.
    pub(super) fn warn_of_unknown_names(&self, config: &Config) {
        self.warn_of_unknown_models(&config.model);
        self.warn_of_unknown_loras(&config.lora_library());
    }

    fn warn_of_unknown_models(&self, config: &ModelConfig) {
        let Some(models) = self.models.as_ref().and_then(|models| models.0.as_ref()) else { return };
        let source = config.source();
        let known: Vec<_> =
            std::iter::once(&source.id).chain(&source.repository).chain(&config.aliases).collect();
        for model in models.iter().filter(|model| !known.contains(model)) {
            let known: Vec<_> = known.iter().map(|name| name.as_str()).collect();
            let meant = did_you_mean(model, known.iter().copied());
            let meant = meant.map_or_else(String::new, |meant| format!("; {meant}"));
            let known = known.join(", ");
            note(&format_args!(
                "warning: no model of this configuration is known as `{model}`{meant}; it has {known}"
            ));
        }
    }

    fn warn_of_unknown_loras(&self, library: &LoraLibrary) {
        let Some(loras) = self.loras.as_ref().and_then(|loras| loras.0.as_ref()) else { return };
        let known: Vec<_> = library.all().into_iter().map(|(name, _)| name).collect();
        for lora in loras.iter().filter(|lora| !known.contains(lora)) {
            let meant = did_you_mean(lora, known.iter().map(String::as_str));
            let meant = meant.map_or_else(String::new, |meant| format!("; {meant}"));
            note(&format_args!("warning: there is no LoRA `{lora}` yet{meant}"));
        }
    }

    /// The rules of a new key.
    pub(super) fn rules(self, scopes: Scopes, zone: &TimeZone, now: Timestamp) -> Result<KeyRules, CliError> {
        Ok(KeyRules {
            scopes,
            budgets: budgets(self.budget)?.unwrap_or_default(),
            expires_at: moment(self.expires.as_ref(), zone, now)?.flatten(),
            models: self.models.and_then(|models| models.0),
            loras: self.loras.and_then(|loras| loras.0),
            limits: KeyLimits {
                requests_per_minute: self.requests_per_minute.and_then(|limit| limit.0),
                images_per_minute: self.images_per_minute.and_then(|limit| limit.0),
                concurrent_jobs: self.concurrent.and_then(|limit| limit.0),
            },
            may_overflow: self.overflow == Some(YesNo::Yes),
        })
    }

    /// What is to be changed on a key.
    pub(super) fn changes(self, zone: &TimeZone, now: Timestamp) -> Result<Vec<KeyChange>, CliError> {
        let named = [
            budgets(self.budget)?.map(KeyChange::Budgets),
            moment(self.expires.as_ref(), zone, now)?.map(KeyChange::Expiry),
            self.models.map(|models| KeyChange::Models(models.0)),
            self.loras.map(|loras| KeyChange::Loras(loras.0)),
            self.requests_per_minute.map(|limit| KeyChange::RequestsPerMinute(limit.0)),
            self.images_per_minute.map(|limit| KeyChange::ImagesPerMinute(limit.0)),
            self.concurrent.map(|limit| KeyChange::ConcurrentJobs(limit.0)),
            self.overflow.map(|may| KeyChange::MayOverflow(may == YesNo::Yes)),
        ];
        Ok(named.into_iter().flatten().collect())
    }
}

fn moment(
    expires: Option<&OrNone<Expiry>>,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Option<Option<Timestamp>>, CliError> {
    let Some(OrNone(expiry)) = expires else { return Ok(None) };
    let moment = expiry.map(|expiry| expiry.moment(zone, now)).transpose();
    let refused = |error: ExpiryError| {
        let remedy = if error == ExpiryError::Past { "; tintype key disable closes a key now" } else { "" };
        CliError::Usage(format!("--expires is {error}{remedy}"))
    };
    Ok(Some(moment.map_err(refused)?))
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
    text.parse().map_err(|error: ExpiryError| error.to_string())
}

/// A span such as `24h`, `90m` or `7d`.
pub(super) fn parse_span(text: &str) -> Result<Span, String> {
    text.parse().map_err(|_| "not a span of time; write 24h, 90m or 7d".into())
}

fn parse_models(text: &str) -> Result<Vec<String>, String> {
    name_list(text).ok_or_else(|| "a model's id is empty; write z-image-turbo,z-image or none".into())
}

fn parse_loras(text: &str) -> Result<Vec<String>, String> {
    name_list(text).ok_or_else(|| "a LoRA's name is empty; write ink,clay or none".into())
}

fn parse_limit(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "not a whole number above 0; write 60 or none".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_takes_a_rule_away_and_nonsense_is_refused() {
        let limit = or_none(parse_limit);
        assert_eq!(limit("60").expect("a limit").0, NonZeroU32::new(60));
        assert_eq!(limit("none").expect("no limit").0, None);
        assert!(limit("0").is_err() && limit("many").is_err());
    }
}
