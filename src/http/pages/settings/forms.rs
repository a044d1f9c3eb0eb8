use maud::{Markup, html};

use super::{
    Entered, HERE,
    fields::{FieldProblem, FormFields},
};
use crate::{
    costs::{GraphicsCard, simulation::Scenario},
    http::{
        api::error::ApiError,
        pages::frame::{Visit, Words, fields},
    },
    units::Currency,
};

/// A form's fields, with what was entered and what is wrong with it.
pub(super) struct FormWriter<'a> {
    pub(super) visit: &'a Visit,
    pub(super) entered: &'a Entered,
    /// What the form changes, as its field `part` says.
    pub(super) part: &'static str,
}

/// A field: its name, the key of its label, what it begins with.
pub(super) struct FieldSpec<'a> {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) value: &'a str,
    pub(super) kind: &'static str,
    pub(super) is_required: bool,
    pub(super) hint: Option<&'static str>,
}

impl<'a> FieldSpec<'a> {
    pub(super) const fn new(name: &'static str, label: &'static str, value: &'a str) -> Self {
        Self { name, label, value, kind: "text", is_required: true, hint: None }
    }

    pub(super) const fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    pub(super) const fn optional(self) -> Self {
        Self { is_required: false, ..self }
    }

    pub(super) const fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

impl FormWriter<'_> {
    fn words(&self) -> Words {
        self.visit.words
    }

    /// What was entered counts in the form that it was sent from, or that a preset fills.
    fn is_own(&self) -> bool {
        matches!(self.entered.fields.text("part"), "" | "preset")
            || self.entered.fields.text("part") == self.part
    }

    fn problem(&self, name: &str) -> Option<&FieldProblem> {
        self.entered.problem.as_ref().filter(|problem| self.is_own() && problem.field == name)
    }

    fn value<'b>(&'b self, name: &str, otherwise: &'b str) -> &'b str {
        if self.is_own() { self.entered.fields.text_or(name, otherwise) } else { otherwise }
    }

    /// The form around `inside`.
    pub(super) fn form(&self, inside: &Markup) -> Markup {
        html! {
            form.stack method="post" action=(HERE) data-effect {
                (fields(self.visit))
                input type="hidden" name="part" value=(self.part);
                (inside)
                div.row { button { (self.words().say("settings-save")) } }
            }
        }
    }

    /// A button that acts on the row `id`.
    pub(super) fn act(&self, id: i64, label: &str) -> Markup {
        html! {
            form method="post" action=(HERE) {
                (fields(self.visit))
                input type="hidden" name="part" value=(self.part);
                input type="hidden" name="id" value=(id);
                button.quiet { (self.words().say(label)) }
            }
        }
    }

    pub(super) fn field(&self, spec: &FieldSpec<'_>) -> Markup {
        let FieldSpec { name, label, value, kind, is_required, hint } = *spec;
        let (id, problem) = (format!("{}-{name}", self.part), self.problem(name));
        let described = (hint.is_some() || problem.is_some()).then(|| format!("{id}-hint"));
        let mode = (kind == "text").then(|| input_mode(name)).flatten();
        html! {
            div.field {
                label for=(id) { (self.words().say(label)) }
                input id=(id) name=(name) type=(kind) value=(self.value(name, value)) required[is_required] inputmode=[mode]
                    autocomplete="off" aria-invalid=[problem.map(|_| "true")] aria-describedby=[described.as_deref()];
                (self.below(described.as_deref(), hint, problem))
            }
        }
    }

    pub(super) fn choice(
        &self,
        name: &'static str,
        label: &str,
        chosen: &str,
        options: &[(&str, String)],
    ) -> Markup {
        let (id, problem) = (format!("{}-{name}", self.part), self.problem(name));
        let chosen = self.value(name, chosen);
        html! {
            div.field {
                label for=(id) { (self.words().say(label)) }
                select id=(id) name=(name) aria-invalid=[problem.map(|_| "true")] {
                    @for (value, text) in options { option value=(value) selected[*value == chosen] { (text) } }
                }
                @if let Some(problem) = problem { p.problem role="alert" { (said(self.words(), problem)) } }
            }
        }
    }

    pub(super) fn area(&self, name: &'static str, label: &str, hint: &'static str) -> Markup {
        let (id, problem) = (format!("{}-{name}", self.part), self.problem(name));
        let described = format!("{id}-hint");
        html! {
            div.field {
                label for=(id) { (self.words().say(label)) }
                textarea id=(id) name=(name) rows="5" required spellcheck="false" aria-invalid=[problem.map(|_| "true")]
                    aria-describedby=(described) { (self.value(name, "")) }
                (self.below(Some(&described), Some(hint), problem))
            }
        }
    }

    fn below(&self, id: Option<&str>, hint: Option<&'static str>, problem: Option<&FieldProblem>) -> Markup {
        let words = self.words();
        html! {
            @if let Some(problem) = problem {
                p.problem id=[id] role="alert" { (said(words, problem)) }
            } @else if let Some(hint) = hint {
                p.hint id=[id] { (words.say(hint)) }
            }
        }
    }
}

/// What a problem says. Its detail is the server's own, in English, or a name.
pub(super) fn said(words: Words, problem: &FieldProblem) -> String {
    words.format(problem.words, &[("detail", problem.detail.as_str().into())])
}

/// Numbers get a phone's number pad.
fn input_mode(name: &str) -> Option<&'static str> {
    let texts = ["name", "line_name", "document", "currency", "hours1", "hours2", "hours3"];
    (!texts.contains(&name)).then_some("decimal")
}

/// The section of the page that holds the form `part`.
pub(super) fn section_of(part: &str) -> &'static str {
    match part {
        "electricity" | "prices" => "electricity",
        "power" => "power",
        "rate" => "rates",
        "compare" => "comparison",
        "line" | "end-line" => "upkeep",
        _ => "machine",
    }
}

/// The form of a machine with the figures of `scenario`.
pub(super) fn of_scenario(scenario: &Scenario) -> Result<FormFields, ApiError> {
    let sum = |amount: Result<crate::units::Money, _>| {
        amount
            .map(|amount| amount.to_string())
            .map_err(|error: crate::units::RangeError| ApiError::internal(&error))
    };
    Ok(FormFields::of([
        ("part", "preset".to_owned()),
        ("name", scenario.name.clone()),
        ("price", sum(scenario.price())?),
        ("residual", sum(scenario.residual())?),
        ("share", scenario.share_percent.to_string()),
        ("life", "images".to_owned()),
        ("images", scenario.lifetime_images.unwrap_or_default().to_string()),
    ]))
}

/// The form of a machine with what is known of `card`: its name, and its price at its launch if that was named in the ledger's
/// currency. Its life, and what it really cost, are for its owner to say.
pub(super) fn of_card(card: &GraphicsCard, currency: Currency) -> FormFields {
    let price = card.launch_price_in(currency).map(|price| price.to_string());
    FormFields::of([
        ("part", "preset".to_owned()),
        ("name", card.name.to_owned()),
        ("price", price.unwrap_or_default()),
    ])
}
