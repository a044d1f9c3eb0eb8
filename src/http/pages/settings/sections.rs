use maud::{Markup, html};

use super::{
    Entered, SettingsView,
    change::HOURS_AND_PRICES,
    forms::{FieldSpec, FormWriter},
};
use crate::{
    costs::{GraphicsCard, Life, SourcePage, Term, Upkeep},
    http::pages::frame::{Visit, Words, rich},
    ledger::{AssetRow, CostLineRow, TermRow},
    units::Money,
};

/// A section's id and the key of its title.
type Section = (&'static str, &'static str);

const SECTIONS: [Section; 7] = [
    ("machine", "settings-machine"),
    ("electricity", "settings-electricity"),
    ("power", "settings-power"),
    ("upkeep", "settings-upkeep"),
    ("comparison", "settings-comparison"),
    ("rates", "settings-rates"),
    ("configured", "settings-configured"),
];

/// What the sections are written with.
struct SectionWriter<'a> {
    visit: &'a Visit,
    view: &'a SettingsView<'a>,
    entered: &'a Entered,
}

/// All sections.
pub(super) fn show(visit: &Visit, view: &SettingsView<'_>, entered: &Entered) -> Markup {
    let writer = SectionWriter { visit, view, entered };
    let bodies: [Markup; 7] = [
        writer.machine(),
        writer.electricity(),
        writer.power(),
        writer.upkeep(),
        writer.comparison(),
        writer.rates(),
        writer.configured(),
    ];
    let words = visit.words;
    html! {
        @for ((id, title), body) in SECTIONS.iter().zip(&bodies) {
            section.card id=(id) aria-labelledby={ (id) "-title" } {
                div.page-head {
                    h2 id={ (id) "-title" } { (words.say(title)) }
                    @if entered.saved.as_deref() == Some(*id) {
                        span.tag.good role="status" { (words.say("settings-saved")) }
                    } @else if writer.is_example(id) {
                        span.tag.warn { (words.say("settings-example-tag")) }
                    }
                }
                (body)
            }
        }
    }
}

impl<'a> SectionWriter<'a> {
    fn words(&self) -> Words {
        self.visit.words
    }

    fn money(&self, amount: Money) -> Markup {
        self.words().amount(amount, self.view.costs.currency())
    }

    fn form(&self, part: &'static str) -> FormWriter<'a> {
        FormWriter { visit: self.visit, entered: self.entered, part }
    }

    /// Whether the section's figures are the example's.
    fn is_example(&self, section: &str) -> bool {
        match section {
            "machine" => self.visit.example_figures.hardware,
            "electricity" => self.visit.example_figures.electricity,
            _ => false,
        }
    }

    /// A form, or where the value is written if the configuration states it; nothing for whoever may change nothing.
    fn unless_stated(&self, key: Option<&str>, form: impl FnOnce() -> Markup) -> Markup {
        let words = self.words();
        html! {
            @if let Some(key) = key {
                p.note { (rich(&words.format("settings-stated", &[("key", key.into())]))) }
            } @else if self.visit.may_administer() { (form()) }
        }
    }

    fn machine(&self) -> Markup {
        let (words, view) = (self.words(), self.view);
        let is_stated = view.parts.is_empty() && view.stated.keys.contains("costs.hardware");
        html! {
            @if view.parts.is_empty() {
                @let hardware = &view.costs.settings().hardware;
                p { (words.format("settings-hardware-configured", &[
                    ("name", hardware.name.as_str().into()),
                    ("price", words.amount_text(hardware.price, view.costs.currency()).into()),
                ])) }
            } @else {
                div.scroll tabindex="0" role="region" aria-labelledby="machine-title" { table.list {
                    thead { tr {
                        th scope="col" { (words.say("settings-part")) }
                        th scope="col" { (words.say("settings-bought")) }
                        th.number scope="col" { (words.say("settings-price")) }
                        th scope="col" { (words.say("settings-life")) }
                        @if self.visit.may_administer() { th scope="col" { span.hidden { (words.say("settings-undo")) } } }
                    } }
                    tbody { @for part in &view.parts { (self.part(part)) } }
                } }
            }
            @if is_stated { p.note { (rich(&words.format("settings-stated-until", &[("key", "costs.hardware".into())]))) } }
            @if self.visit.may_administer() {
                details open[view.parts.is_empty()] {
                    summary { (words.say("settings-add-part")) }
                    (self.preset())
                    (self.cards())
                    (self.part_form())
                }
            }
        }
    }

    fn part(&self, row: &AssetRow) -> Markup {
        let (words, asset) = (self.words(), &row.asset);
        let life = match asset.life {
            Life::Units { lifetime_images, .. } => {
                words.format("settings-life-images", &[("images", lifetime_images.into())])
            }
            Life::Time { years, normal_utilisation_percent } => words.format(
                "settings-life-years",
                &[("years", years.into()), ("percent", normal_utilisation_percent.into())],
            ),
        };
        html! { tr {
            th scope="row" {
                (asset.name)
                @if let Some(document) = &row.document { small { (document) } }
            }
            td { (words.date(asset.purchased_on)) }
            td.number {
                (self.money(asset.price))
                small { (words.format("settings-sold-for", &[("residual",
                    words.amount_text(asset.residual, self.view.costs.currency()).into())])) }
            }
            td { (life) }
            @if self.visit.may_administer() {
                td { @match asset.retirement {
                    Some(end) => small { (words.format("settings-retired", &[("day", words.date(end.on).into())])) },
                    None => (self.form("undo").act(row.id.get(), "settings-undo")),
                } }
            }
        } }
    }

    /// A machine whose figures are known, with their source.
    fn preset(&self) -> Markup {
        let words = self.words();
        html! { @if let Some(scenario) = &self.view.preset {
            p.note {
                a href="/admin/settings?preset=rtx-4090-workstation#machine" {
                    (words.format("settings-preset", &[("name", scenario.name.as_str().into())]))
                } " "
                (rich(&words.format("settings-preset-source", &[("watts", scenario.watts.as_watts().into())])))
            }
        } }
    }

    /// Common cards with what they draw at most and their price at their launch, each with its source.
    fn cards(&self) -> Markup {
        let words = self.words();
        html! {
            details.note id="cards" {
                summary { (words.say("settings-cards")) }
                p { (rich(&words.say("settings-cards-how"))) }
                ul {
                    @for card in GraphicsCard::all() { li {
                        a href={ "/admin/settings?preset=" (card.id) "#machine" } { (card.name) } (words.comma())
                        (card.power.as_watts()) " W " (self.source_page(card.power_source))
                        @if let Some(launch) = card.launch {
                            (words.comma()) (words.format("settings-card-launch", &[
                                ("price", words.amount_text(launch.amount, launch.currency).into()),
                            ]))
                            " " @if launch.source != card.power_source { (self.source_page(launch.source)) }
                        }
                    } }
                }
            }
        }
    }

    fn source_page(&self, page: SourcePage) -> Markup {
        let words = self.words();
        html! { small {
            a href=(page.address) rel="noreferrer" { (page.address) } " "
            (words.format("settings-card-read", &[("day", words.date(page.read_on).into())]))
        } }
    }

    fn part_form(&self) -> Markup {
        let (words, form) = (self.words(), self.form("machine"));
        let today = self.view.today().to_string();
        let lives = [
            ("years", words.say("settings-by-years").into_owned()),
            ("images", words.say("settings-by-images").into_owned()),
        ];
        form.form(&html! {
            div.inputs {
                (form.field(&FieldSpec::new("name", "settings-part", "")))
                (form.field(&FieldSpec::new("price", "settings-price", "")))
                (form.field(&FieldSpec::new("residual", "settings-residual", "0").hint("settings-residual-hint")))
                (form.field(&FieldSpec::new("bought", "settings-bought", &today).kind("date")))
                (form.choice("life", "settings-life", "years", &lives))
                (form.field(&FieldSpec::new("years", "settings-years", "3").hint("settings-years-hint")))
                (form.field(&FieldSpec::new("utilisation", "settings-utilisation", "20").hint("settings-utilisation-hint")))
                (form.field(&FieldSpec::new("images", "settings-images", "30000").hint("settings-images-hint")))
                (form.field(&FieldSpec::new("share", "settings-share", "100")))
                (form.field(&FieldSpec::new("document", "settings-document", "").optional()))
            }
        })
    }

    fn electricity(&self) -> Markup {
        let (words, view) = (self.words(), self.view);
        let key = view.key_of("electricity");
        let price = view.costs.settings_at(view.at).price_per_kwh.to_string();
        html! {
            ul.plain { @for row in view.terms.iter().filter(|row| matches!(row.term, Term::Electricity(_) | Term::Spot(_))) {
                li { (self.prices(row)) (self.since(row)) }
            } }
            (self.unless_stated(key, || html! {
                (self.tariff_form(&price))
                details open[self.entered.fields.text("part") == "prices"] {
                    summary { (words.say("settings-csv-title")) }
                    (self.csv_form())
                }
            }))
        }
    }

    fn prices(&self, row: &TermRow) -> Markup {
        let words = self.words();
        html! { @match &row.term {
            Term::Spot(prices) => (words.format("settings-spot", &[
                ("count", prices.prices().len().into()),
                ("until", words.date(prices.until().date()).into()),
            ])),
            Term::Electricity(sheet) => {
                @for (index, row) in sheet.rows().iter().enumerate() {
                    @if index > 0 { (words.comma()) }
                    (self.money(row.price_per_kwh))
                    @if let Some(conditions) = words.tariff_conditions(row) { " (" (conditions) ")" }
                }
            },
            _ => {},
        } }
    }

    /// From when on a value holds, and who says so.
    fn since(&self, row: &TermRow) -> Markup {
        let (words, view) = (self.words(), self.view);
        let by = match view.key_of(&row.term.name()).filter(|_| row.is_configured()) {
            Some(key) => words.format("settings-by-key", &[("key", key.into())]),
            None if row.is_configured() => words.say("settings-by-default").into_owned(),
            None => words.format("settings-by", &[("actor", row.actor.as_str().into())]),
        };
        html! { " " small.soft {
            @if let Some(from) = row.from { (words.format("settings-from", &[("day", words.date(view.day_of(from)).into())])) (words.comma()) }
            (by)
            @if let Some(document) = &row.document { (words.comma()) (document) }
        } }
    }

    fn tariff_form(&self, price: &str) -> Markup {
        let form = self.form("electricity");
        let today = self.view.today().to_string();
        form.form(&html! {
            div.inputs {
                (form.field(&FieldSpec::new("per_kwh", "settings-per-kwh", price).hint("settings-per-kwh-hint")))
                (form.field(&FieldSpec::new("from", "settings-valid-from", &today).kind("date")))
                (form.field(&FieldSpec::new("document", "settings-document", "").optional()))
            }
            details open[HOURS_AND_PRICES.iter().any(|(hours, _)| !self.entered.fields.text(hours).is_empty())] {
                summary { (self.words().say("settings-by-hours")) }
                div.inputs.pairs { @for (hours, price) in HOURS_AND_PRICES {
                    (form.field(&FieldSpec::new(hours, "settings-hours", "").optional().hint("settings-hours-hint")))
                    (form.field(&FieldSpec::new(price, "settings-price-then", "").optional()))
                } }
            }
        })
    }

    fn csv_form(&self) -> Markup {
        let (words, form) = (self.words(), self.form("prices"));
        let units = [("kwh", "1 kWh".to_owned()), ("mwh", "1 MWh".to_owned())];
        form.form(&html! {
            (form.area("csv", "settings-csv", "settings-csv-hint"))
            label.field data-file="csv" hidden { (words.say("settings-csv-file")) input type="file" accept=".csv,text/csv,text/plain"; }
            div.inputs {
                (form.choice("per", "settings-csv-per", "kwh", &units))
                (form.field(&FieldSpec::new("add", "settings-csv-add", "0").hint("settings-csv-add-hint")))
            }
        })
    }

    fn power(&self) -> Markup {
        let (words, view) = (self.words(), self.view);
        let now = view.costs.settings_at(view.at);
        let [host, factor] = [now.host_watts.as_watts().to_string(), now.wall_factor_percent.to_string()];
        let key = view.key_of("host_watts").or(view.key_of("wall_factor_percent"));
        let form = self.form("power");
        html! {
            p { (rich(&words.format("settings-device", &[("watts", view.device.as_watts().into())]))) }
            (self.unless_stated(key, || form.form(&html! { div.inputs {
                (form.field(&FieldSpec::new("host_watts", "settings-host-watts", &host).hint("settings-host-watts-hint")))
                (form.field(&FieldSpec::new("wall_factor_percent", "settings-wall-factor", &factor).hint("settings-wall-factor-hint")))
            } })))
        }
    }

    fn upkeep(&self) -> Markup {
        let (words, today) = (self.words(), self.view.today());
        let form = self.form("line");
        let first = today.to_string();
        let spans = ["month", "year", "image", "once"];
        let spans = spans.map(|span| (span, words.say(per_key(span)).into_owned()));
        html! {
            ul.plain { @for row in self.view.lines.iter().filter(|row| today < row.line.days.end) { li { (self.line(row)) } } }
            @if self.visit.may_administer() { details {
                summary { (words.say("settings-add-line")) }
                (form.form(&html! { div.inputs {
                    (form.field(&FieldSpec::new("line_name", "settings-line-name", "").hint("settings-line-hint")))
                    (form.field(&FieldSpec::new("amount", "settings-amount", "")))
                    (form.choice("per", "settings-per", "month", &spans))
                    (form.field(&FieldSpec::new("from", "settings-valid-from", &first).kind("date")))
                    (form.field(&FieldSpec::new("document", "settings-document", "").optional()))
                } }))
            } }
        }
    }

    fn line(&self, row: &CostLineRow) -> Markup {
        let words = self.words();
        let (per, amount, _) = row.line.upkeep.terms();
        let stated = ["costs.upkeep_per_image", "costs.upkeep_per_year"];
        let key = stated.into_iter().find(|key| row.is_configured() && self.view.stated.keys.contains(key));
        html! {
            @if row.is_configured() { (words.say("costs-upkeep")) } @else { (row.line.name) } (words.colon()) (self.money(amount)) " " (words.say(per_key(per)))
            @if row.is_configured() && key.is_none() { " " small.soft { (words.say("settings-by-default")) } }
            @if let Some(key) = key { " " small.soft { (words.format("settings-by-key", &[("key", key.into())])) } }
            @else if self.visit.may_administer() && !matches!(row.line.upkeep, Upkeep::Once(_)) {
                " " (self.form("end-line").act(row.id, "settings-end"))
            }
        }
    }

    fn comparison(&self) -> Markup {
        let (words, view) = (self.words(), self.view);
        let form = self.form("compare");
        let chosen = view.costs.compare_with();
        let mix = view.costs.settings().mix.len();
        html! {
            p { (words.say("settings-compared-with")) " " code { (chosen) } @if let Some(row) = view.term("compare_with") { (self.since(row)) } }
            @if mix > 0 { p.note { (rich(&words.format("settings-mix", &[("count", mix.into())]))) } }
            (self.unless_stated(view.key_of("compare_with"), || form.form(&form.choice("sku", "settings-service", chosen, &self.services()))))
        }
    }

    /// The services that have a price today, with it.
    fn services(&self) -> Vec<(&str, String)> {
        let (view, currency) = (self.view, self.view.costs.currency());
        let skus = view.costs.prices().skus().into_iter();
        let priced = skus.filter_map(|sku| {
            let price = view.costs.compare_sku(sku, view.monthly.product, view.today()).ok()?.price;
            Some((sku, format!("{sku}, {}", self.words().amount_text(price, currency))))
        });
        priced.collect()
    }

    fn rates(&self) -> Markup {
        let (words, view) = (self.words(), self.view);
        let form = self.form("rate");
        let today = view.today().to_string();
        let currency = view.costs.currency();
        let rates = view.terms.iter().filter(|row| matches!(row.term, Term::ExchangeRate { .. }));
        html! {
            ul.plain { @for row in rates { @if let Term::ExchangeRate { from, to, rate } = &row.term {
                li { "1 " (from) " = " (rate) " " (to) (self.since(row)) }
            } } }
            @if self.visit.may_administer() { (form.form(&html! { div.inputs {
                (form.field(&FieldSpec::new("currency", "settings-currency", "USD")))
                (form.field(&FieldSpec::new("rate", "settings-rate", "").hint("settings-rate-hint")))
                (form.field(&FieldSpec::new("from", "settings-valid-from", &today).kind("date")))
                (form.field(&FieldSpec::new("document", "settings-document", "").optional()))
            } })) }
            p.note { (words.format("settings-ledger-currency", &[("currency", currency.code().into())])) }
        }
    }

    /// What a server has from its configuration alone, and what to write there.
    fn configured(&self) -> Markup {
        let (words, view) = (self.words(), self.view);
        let public_url = view.stated.public_url.clone().unwrap_or_else(|| view.address.clone());
        let lines = [
            (
                "settings-currency",
                "costs.currency",
                view.costs.currency().code().to_owned(),
                "[costs] currency = \"EUR\"",
            ),
            ("settings-zone", "time_zone", view.zone.clone(), "time_zone = \"Asia/Shanghai\""),
            ("settings-address", "public_url", public_url, "public_url = \"https://images.example\""),
            (
                "settings-device-watts",
                "energy.device_watts",
                format!("{} W", view.device.as_watts()),
                "[energy] device_watts = 350",
            ),
        ];
        html! {
            p.note { (rich(&words.say("settings-configured-how"))) }
            div.scroll tabindex="0" role="region" aria-labelledby="configured-title" { table.list.cards { tbody { @for (name, key, value, line) in lines {
                tr {
                    th scope="row" { (words.say(name)) }
                    td { (value) }
                    td { @if view.stated.keys.contains(key) {
                        small { (words.format("settings-by-key", &[("key", key.into())])) }
                    } @else { code { (line) } } }
                }
            } } } }
        }
    }
}

const fn per_key(per: &str) -> &'static str {
    match per.as_bytes() {
        b"image" => "settings-per-image",
        b"year" => "settings-per-year",
        b"hour" => "settings-per-hour",
        b"once" => "settings-once",
        _ => "settings-per-month",
    }
}
