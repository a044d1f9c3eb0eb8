//! /admin/settings: what costs are counted with, each value with its effect on an example month.

mod change;
mod effect;
mod fields;
mod forms;
mod sections;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
};
use maud::{Markup, html};
use serde::Deserialize;

use self::{
    change::{Change, Reading},
    fields::{FieldProblem, FormFields},
};
use super::{
    frame::{Page, Visit, rich},
    places::Section,
    refused, see_other, session,
};
use crate::{
    costs::{CostModel, ExampleMonth, GraphicsCard, MonthlyUse, simulation::Scenario},
    domain::{Calendar, EnergySource, ImageSize, Product, Quality, Scope, Usage},
    http::{State, api::error::ApiError},
    ledger::{AssetRow, CostLineRow, Evidence, LedgerError, TermRow},
    service::StatedSettings,
    units::{Millis, Power},
};

/// Where the page is.
const HERE: &str = "/admin/settings";

#[derive(Deserialize)]
pub(super) struct SettingsQuery {
    /// A machine to begin the form with.
    preset: Option<String>,
    /// The section that was changed last.
    saved: Option<String>,
}

/// What the page shows.
struct SettingsView<'a> {
    costs: CostModel,
    parts: Vec<AssetRow>,
    lines: Vec<CostLineRow>,
    terms: Vec<TermRow>,
    stated: &'a StatedSettings,
    /// By the clock on the wall.
    at: DateTime,
    monthly: MonthlyUse,
    /// Whether images of a month were measured, and time and energy of an image.
    is_measured: [bool; 2],
    device: Power,
    calendar: &'a Calendar,
    zone: String,
    address: String,
    /// A machine whose figures are known with their source.
    preset: Option<Scenario>,
}

/// What the forms show beside what is in force.
#[derive(Default)]
struct Entered {
    fields: FormFields,
    problem: Option<FieldProblem>,
    saved: Option<String>,
}

impl SettingsView<'_> {
    fn today(&self) -> Date {
        self.at.date()
    }

    /// The day of a moment.
    fn day_of(&self, moment: Timestamp) -> Date {
        self.calendar.to_datetime(moment).date()
    }

    fn month(&self) -> Result<ExampleMonth, ApiError> {
        self.costs.example_month(&self.monthly, self.at).map_err(|error| ApiError::internal(&error))
    }

    /// The key of the configuration that states the term `name`.
    fn key_of(&self, name: &str) -> Option<&'static str> {
        self.stated.terms.get(name).copied()
    }

    /// The last row of `name`; of several exchange rates, the one of that name.
    fn term(&self, name: &str) -> Option<&TermRow> {
        self.terms.iter().rfind(|row| row.term.name() == name)
    }
}

/// GET /admin/settings
pub(super) async fn show(
    request: HttpRequest,
    question: web::Query<SettingsQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = session::enter(&request, &state, Scope::Costs).await?;
    let view = view(&request, &state).await?;
    if !visit.wants_page {
        return Ok(super::json(&effect::body(&view.month()?)));
    }
    let SettingsQuery { preset, saved } = question.into_inner();
    let card = preset.as_deref().and_then(|id| id.parse::<&'static GraphicsCard>().ok());
    let fields = match (card, &view.preset) {
        (Some(card), _) => forms::of_card(card, view.costs.currency()),
        (None, Some(scenario)) if preset.is_some() => forms::of_scenario(scenario)?,
        _ => FormFields::default(),
    };
    page(&visit, &view, &Entered { fields, problem: None, saved }, StatusCode::OK)
}

/// POST /admin/settings: records what a form asks for.
pub(super) async fn change(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, fields): (Visit, FormFields) = session::enter_with(&request, payload, &state).await?;
    let section = fields.text("part").to_owned();
    let recorded = match read(&fields, &state).await? {
        Ok(change) => record(change, &fields, &visit, &state).await?,
        Err(problem) => Err(problem),
    };
    match recorded {
        Ok(()) => {
            tracing::info!(section, by = visit.visitor.actor(), "a setting was changed on a page");
            let section = forms::section_of(&section);
            Ok(see_other(&format!("{HERE}?saved={section}#{section}")))
        }
        Err(problem) if visit.wants_page => {
            let view = view(&request, &state).await?;
            let entered = Entered { fields, problem: Some(problem), saved: None };
            page(&visit, &view, &entered, StatusCode::BAD_REQUEST)
        }
        Err(problem) => {
            let remedy = forms::said(visit.words, &problem);
            Err(refused(problem.field, &remedy))
        }
    }
}

/// POST /admin/settings/effect: an example month as it is, and as it would be with what a form asks for.
pub(super) async fn effect(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, fields): (Visit, FormFields) = session::enter_with(&request, payload, &state).await?;
    let view = view(&request, &state).await?;
    let now = view.month()?;
    let then = match read(&fields, &state).await? {
        Ok(change) => {
            let (costs, at) = change.applied(&view.costs, &view.lines, view.at);
            let month = costs.example_month(&view.monthly, at);
            month.map(|month| (month, at.date())).map_err(|_| None)
        }
        Err(problem) => Err(Some(problem)),
    };
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("cache-control", "no-store"))
        .body(effect::compared(visit.words, &view, &now, &then).into_string()))
}

/// What `fields` ask for, read with what is recorded now.
async fn read(fields: &FormFields, state: &State) -> Result<Result<Change, FieldProblem>, ApiError> {
    let service = &state.service;
    let costs = service.costs_now().await?;
    let stated = &service.stated().terms;
    let reading = Reading { costs: &costs, calendar: service.calendar(), now: service.now(), stated };
    Ok(reading.change(fields))
}

async fn record(
    change: Change,
    fields: &FormFields,
    visit: &Visit,
    state: &State,
) -> Result<Result<(), FieldProblem>, ApiError> {
    let (costs, calendar) = (state.service.costs().clone(), state.service.calendar().clone());
    let (actor, now) = (visit.visitor.actor().to_owned(), state.service.now());
    let document = Some(fields.text("document").to_owned()).filter(|document| !document.is_empty());
    let recorded = state.service.ask_ledger(move |ledger| -> Result<_, LedgerError> {
        let costs = ledger.with_assets(&costs)?;
        let document = document.as_deref();
        let evidence = Evidence { actor: &actor, document, ..Evidence::COMMAND_LINE };
        change.record(ledger, (&costs, &calendar), &evidence, now)
    });
    Ok(recorded.await?)
}

async fn view<'a>(request: &HttpRequest, state: &'a State) -> Result<SettingsView<'a>, ApiError> {
    let service = &state.service;
    let costs = service.costs_now().await?;
    let measured = service.measured_use().await?;
    let rows = service.ask_ledger(|ledger| -> Result<_, LedgerError> {
        Ok((ledger.assets()?, ledger.cost_lines()?, ledger.terms()?))
    });
    let (parts, lines, terms) = rows.await?;
    let shipped = Scenario::shipped().map_err(|error| ApiError::internal(&error))?;
    let (time, power) = match measured {
        Some(measured) => (measured.time_per_image, measured.power),
        None => (shipped.seconds_per_image, service.studio().power()),
    };
    let images = measured.and_then(|measured| measured.images_per_month);
    let zone = service.zone().iana_name().unwrap_or("UTC").to_owned();
    Ok(SettingsView {
        at: service.civil(service.now()),
        monthly: monthly_use(images.unwrap_or(shipped.images_per_month), time, power),
        is_measured: [images.is_some(), measured.is_some()],
        device: service.studio().power(),
        zone,
        address: state.address.base(request),
        preset: (shipped.currency == costs.currency()).then_some(shipped),
        stated: service.stated(),
        calendar: service.calendar(),
        costs,
        parts,
        lines,
        terms,
    })
}

fn monthly_use(images: u64, duration: Millis, power: Power) -> MonthlyUse {
    let energy = power.over(duration);
    let usage = Usage { duration, energy, source: EnergySource::Estimated, epoch: None };
    let product = Product::generated(ImageSize::square(1024), Quality::default());
    MonthlyUse { images: u32::try_from(images).unwrap_or(u32::MAX), usage, product }
}

fn page(
    visit: &Visit,
    view: &SettingsView<'_>,
    entered: &Entered,
    status: StatusCode,
) -> Result<HttpResponse, ApiError> {
    let words = visit.words;
    let title = words.say("nav-settings");
    let month = view.month()?;
    let body: Markup = html! {
        div.page-head { h1 { (title) } }
        p.note { (rich(&words.say("settings-lead"))) }
        div.settings {
            div.stack { (sections::show(visit, view, entered)) }
            aside.card id="effect" aria-live="polite" aria-label=(words.say("settings-example")) {
                (effect::show(words, view, &month))
            }
        }
    };
    let page = Page::new(visit, Section::Settings, &title).status(status);
    Ok(page.sheet("settings.css").script("settings.js").show(&body))
}
