use std::num::NonZeroU32;

use jiff::{Timestamp, tz::TimeZone};
use maud::{Markup, html};
use serde::Deserialize;

use super::budget_rows::BudgetRows;
use crate::{
    costs::Budgets,
    domain::{Expiry, KEY_NAME_MAX, KeyLimits, Scopes, check_label, name_list},
    http::pages::frame::{Visit, fields},
    ledger::{KeyRow, KeyRules},
    units::Currency,
};

/// A key's name and rules as they were typed. A field that is empty limits nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct KeyForm {
    pub(super) name: String,
    images: Option<String>,
    costs: Option<String>,
    admin: Option<String>,
    /// As the command line writes them, for scripts.
    budgets: String,
    #[serde(flatten)]
    budget_rows: BudgetRows,
    expires: String,
    models: String,
    loras: String,
    requests_per_minute: String,
    images_per_minute: String,
    concurrent_jobs: String,
    overflow: Option<String>,
}

/// A field that cannot be used: its name, and the message that says so.
pub(super) type Problem = (&'static str, &'static str);

impl KeyForm {
    /// The form of a key that may generate images without limits.
    pub(super) fn blank() -> Self {
        Self { images: Some("on".into()), ..Self::default() }
    }

    /// The form that would make `key` again.
    pub(super) fn of(key: &KeyRow, zone: &TimeZone) -> Self {
        let KeyRules { scopes, budgets, expires_at, models, loras, limits, may_overflow } = &key.rules;
        let names =
            |names: &Option<Vec<String>>| names.as_ref().map(|names| names.join(", ")).unwrap_or_default();
        let check = |is_set: bool| is_set.then(|| "on".to_owned());
        let number = |limit: Option<NonZeroU32>| limit.map(|limit| limit.to_string()).unwrap_or_default();
        Self {
            name: key.name.clone(),
            images: check(scopes.images),
            costs: check(scopes.costs),
            admin: check(scopes.admin),
            budgets: String::new(),
            budget_rows: BudgetRows::of(budgets),
            expires: expires_at.map(|at| day(at, zone)).unwrap_or_default(),
            models: names(models),
            loras: names(loras),
            requests_per_minute: number(limits.requests_per_minute),
            images_per_minute: number(limits.images_per_minute),
            concurrent_jobs: number(limits.concurrent_jobs),
            overflow: check(*may_overflow),
        }
    }

    /// The rules that were typed. `before`, an expiry that shows as the same day, stays to the minute.
    ///
    /// # Errors
    /// Every field that cannot be used.
    pub(super) fn rules(
        &self,
        before: Option<Timestamp>,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<KeyRules, Vec<Problem>> {
        let mut problems = Vec::new();
        let name = self.name.trim();
        if check_label(name, KEY_NAME_MAX).is_err() {
            problems.push(("name", "keys-bad-name"));
        }
        let scopes = Scopes {
            images: self.images.is_some(),
            costs: self.costs.is_some(),
            admin: self.admin.is_some(),
        };
        if scopes == Scopes::default() {
            problems.push(("images", "keys-bad-scopes"));
        }
        let budgets = self.all_budgets();
        if budgets.is_none() {
            problems.push(("budgets", "keys-bad-budgets"));
        }
        let expires_at = self.expiry(before, zone, now);
        if expires_at.is_none() {
            problems.push(("expires", "keys-bad-expires"));
        }
        let names = |text: &str| match text.trim() {
            "" => Some(None),
            text => name_list(text).map(Some),
        };
        let (models, loras) = (names(&self.models), names(&self.loras));
        problems.extend(models.is_none().then_some(("models", "keys-bad-models")));
        problems.extend(loras.is_none().then_some(("loras", "keys-bad-loras")));
        let mut limit = |name, text: &str| match text.trim() {
            "" => None,
            text => {
                let limit = text.parse::<NonZeroU32>().ok();
                if limit.is_none() {
                    problems.push((name, "keys-bad-limit"));
                }
                limit
            }
        };
        let limits = KeyLimits {
            requests_per_minute: limit("requests_per_minute", &self.requests_per_minute),
            images_per_minute: limit("images_per_minute", &self.images_per_minute),
            concurrent_jobs: limit("concurrent_jobs", &self.concurrent_jobs),
        };
        match (problems.is_empty(), budgets, expires_at, models, loras) {
            (true, Some(budgets), Some(expires_at), Some(models), Some(loras)) => {
                let may_overflow = self.overflow.is_some();
                Ok(KeyRules { scopes, budgets, expires_at, models, loras, limits, may_overflow })
            }
            _ => Err(problems),
        }
    }

    /// The budgets that were typed, as text and as fields.
    fn all_budgets(&self) -> Option<Budgets> {
        let mut texts = self.budget_rows.written()?;
        let text = self.budgets.trim();
        texts.extend((!text.is_empty()).then(|| text.to_owned()));
        if texts.is_empty() { Some(Budgets::default()) } else { texts.join(", ").parse().ok() }
    }

    /// The expiry that was typed, if it can be used; one that shows as the day of `before` is `before`.
    fn expiry(
        &self,
        before: Option<Timestamp>,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Option<Option<Timestamp>> {
        match (self.expires.trim(), before) {
            ("", _) => Some(None),
            (text, Some(before)) if text == day(before, zone) => Some(Some(before)),
            (text, _) => {
                text.parse::<Expiry>().ok().and_then(|expiry| expiry.moment(zone, now).ok()).map(Some)
            }
        }
    }

    /// The form, to be sent to `action`, with what is wrong beside each field.
    pub(super) fn show(
        &self,
        visit: &Visit,
        (action, button): (&str, &str),
        currency: Currency,
        problems: &[Problem],
    ) -> Markup {
        let words = visit.words;
        let text = |name: &'static str, value: &str, label: &str, hint: &str| {
            let input = html! {
                input type="text" id=(name) name=(name) value=(value) autocomplete="off"
                    aria-describedby={ (name) "-hint" } aria-invalid=[wrong(problems, name).map(|_| "true")];
            };
            self.field(visit, name, label, hint, &input, problems)
        };
        let number = |name: &'static str, value: &str, label: &str| {
            let input = html! {
                input type="number" min="1" step="1" id=(name) name=(name) value=(value) inputmode="numeric"
                    aria-describedby={ (name) "-hint" } aria-invalid=[wrong(problems, name).map(|_| "true")];
            };
            self.field(visit, name, label, "keys-limit-hint", &input, problems)
        };
        html! {
            form.card.stack method="post" action=(action) {
                (fields(visit))
                div.columns {
                    div.stack {
                        (text("name", &self.name, "keys-name", "keys-name-hint"))
                        (self.scopes(visit, wrong(problems, "images")))
                        @if !self.budgets.trim().is_empty() {
                            input type="text" name="budgets" value=(self.budgets) aria-label=(words.say("keys-budgets"));
                        }
                        (self.budget_rows.show(words, currency, wrong(problems, "budgets")))
                        (text("expires", &self.expires, "keys-expires", "keys-expires-hint"))
                    }
                    div.stack {
                        (text("models", &self.models, "keys-models", "keys-models-hint"))
                        (text("loras", &self.loras, "keys-loras", "keys-loras-hint"))
                        (number("requests_per_minute", &self.requests_per_minute, "keys-requests"))
                        (number("images_per_minute", &self.images_per_minute, "keys-images"))
                        (number("concurrent_jobs", &self.concurrent_jobs, "keys-concurrent"))
                        fieldset.field {
                            legend.label { (words.say("keys-overflow")) }
                            label.check {
                                input type="checkbox" name="overflow" checked[self.overflow.is_some()];
                                (words.say("keys-overflow-may"))
                            }
                            p.hint { (words.say("keys-overflow-hint")) }
                        }
                    }
                }
                div.row { button { (button) } }
            }
        }
    }

    fn scopes(&self, visit: &Visit, problem: Option<&'static str>) -> Markup {
        let words = visit.words;
        html! {
            fieldset.field {
                legend.label { (words.say("keys-scopes")) }
                @for (name, is_set, label) in [
                    ("images", self.images.is_some(), "keys-scope-images"),
                    ("costs", self.costs.is_some(), "keys-scope-costs"),
                    ("admin", self.admin.is_some(), "keys-scope-admin"),
                ] {
                    label.check { input type="checkbox" name=(name) checked[is_set]; (words.say(label)) }
                }
                @if let Some(message) = problem { p.problem { (words.say(message)) } }
            }
        }
    }

    fn field(
        &self,
        visit: &Visit,
        name: &str,
        label: &str,
        hint: &str,
        input: &Markup,
        problems: &[Problem],
    ) -> Markup {
        let words = visit.words;
        html! {
            div.field {
                label for=(name) { (words.say(label)) }
                (input)
                p.hint id={ (name) "-hint" } { (words.say(hint)) }
                @if let Some(message) = wrong(problems, name) { p.problem role="alert" { (words.say(message)) } }
            }
        }
    }
}

fn wrong(problems: &[Problem], name: &str) -> Option<&'static str> {
    problems.iter().find(|(field, _)| *field == name).map(|(_, message)| *message)
}

/// As a form takes it.
fn day(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

    fn typed(pairs: &str) -> KeyForm {
        actix_web::web::Query::<KeyForm>::from_query(pairs).expect("a form").into_inner()
    }

    #[test]
    fn what_is_typed_becomes_rules_and_what_is_left_out_limits_nothing() {
        let form = typed(
            "name=studio+7&images=on&budgets=20,+soft+5+kWh&expires=90d&models=a,+b&loras=ink&requests_per_minute=60\
             &images_per_minute=&concurrent_jobs=4&overflow=on",
        );
        let rules = form.rules(None, &TimeZone::UTC, NOW).expect("rules");
        assert_eq!(rules.budgets.to_string(), "20.00 a month, soft 5 kWh a month");
        assert_eq!(rules.scopes, Scopes::IMAGES);
        assert_eq!(rules.models, Some(vec!["a".into(), "b".into()]));
        assert_eq!(rules.loras, Some(vec!["ink".into()]));
        assert_eq!(
            (rules.limits.images_per_minute, rules.limits.concurrent_jobs),
            (None, NonZeroU32::new(4))
        );
        assert!(rules.may_overflow);
        let free = typed("name=x&admin=on").rules(None, &TimeZone::UTC, NOW).expect("rules");
        let all = KeyRules { scopes: Scopes { admin: true, ..Scopes::default() }, ..KeyRules::default() };
        assert_eq!(free, all);
    }

    #[test]
    fn budgets_are_fields_too_and_come_back_as_they_were_typed() {
        let form = typed(
            "name=x&images=on&budget_amount_0=20&budget_unit_0=money&budget_period_0=month&budget_limit_0=hard\
             &budget_amount_1=2.5&budget_unit_1=kWh&budget_period_1=day&budget_limit_1=soft&budget_amount_2=+",
        );
        let rules = form.rules(None, &TimeZone::UTC, NOW).expect("rules");
        assert_eq!(rules.budgets.to_string(), "20.00 a month, soft 2.5 kWh a day");
        let again = KeyForm { budget_rows: BudgetRows::of(&rules.budgets), ..form };
        assert_eq!(again.rules(None, &TimeZone::UTC, NOW).expect("rules").budgets, rules.budgets);
        for wrong in
            ["budget_amount_0=20+images", "budget_amount_0=1.5&budget_unit_0=images", "budget_amount_0=-1"]
        {
            let form = typed(&format!("name=x&images=on&{wrong}"));
            let problems = form.rules(None, &TimeZone::UTC, NOW).expect_err("refused");
            assert_eq!(problems, [("budgets", "keys-bad-budgets")], "{wrong}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let form = typed("name=&budgets=much&expires=2020-01-01&models=,&loras=a,,b&requests_per_minute=0");
        let problems = form.rules(None, &TimeZone::UTC, NOW).expect_err("refused");
        let names: Vec<_> = problems.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["name", "images", "budgets", "expires", "models", "loras", "requests_per_minute"]);
    }

    #[test]
    fn an_expiry_that_is_left_as_it_was_stays_to_the_second() {
        let before = NOW + jiff::SignedDuration::from_hours(30);
        let form = KeyForm { name: "x".into(), expires: day(before, &TimeZone::UTC), ..KeyForm::blank() };
        let rules = form.rules(Some(before), &TimeZone::UTC, NOW).expect("rules");
        assert_eq!(rules.expires_at, Some(before));
    }
}
