use super::Usage;
use crate::{
    costs::simulation::{AnotherCard, Lifetime, Outcome, PriceOutcome, RentalOutcome, Scenario, YearRow},
    units::{Currency, Money},
};

/// Decimals of an image's amounts.
const IMAGE_DECIMALS: u32 = 5;
/// Columns of the text, at most.
const WIDTH: usize = 100;
/// Where the name, the amount and the remark of a line begin or end.
const NAME_AT: usize = 2;
const AMOUNT_UNTIL: usize = 34;
const REMARK_AT: usize = AMOUNT_UNTIL + 3;

/// Text that grows line by line, none of them wider than [`WIDTH`].
struct Text {
    currency: Currency,
    text: String,
}

/// What hardware costs, and what it saves against each compared price.
pub(super) fn report(scenario: &Scenario, outcome: &Outcome) -> String {
    let mut text = Text::new(outcome.currency);
    text.words(0, &format!("Is it worth it? {}", outcome.scenario));
    text.hardware(scenario, outcome);
    text.image(scenario, outcome);
    text.year(outcome);
    if let Some(first) = outcome.against.first() {
        let others: Vec<_> = outcome.against.iter().filter(|against| !against.like_for_like).collect();
        if !others.is_empty() {
            text.heading("Against what an image costs elsewhere");
        }
        others.into_iter().for_each(|against| text.against(against));
        text.years(first);
    }
    text.rentals(outcome);
    text.text
}

/// The comparison that counts: the same weights, hosted. `gap` is why they have no price.
pub(super) fn like_for_like(scenario: &Scenario, outcome: &Outcome, gap: Option<&str>) -> String {
    let mut text = Text::new(outcome.currency);
    text.heading("Like for like: the same weights, hosted");
    match outcome.like_for_like() {
        Some(hosted) => {
            text.against(hosted);
            text.line("", "", &format!("for an image of {}", scenario.size));
        }
        None => text.words(NAME_AT, &format!("not compared: {}", gap.unwrap_or("it has no price"))),
    }
    text.text
}

/// What was bought because there was no room here, and what another card would have saved.
pub(super) fn overflow(card: &AnotherCard, currency: Currency) -> String {
    let mut text = Text::new(currency);
    text.heading(&format!("Overflow, the last {} days", card.days));
    text.line("images bought", &card.bought_images.to_string(), "");
    text.line("paid", &text.amount(card.paid, 2), "in doubt and lost included");
    text.line("the same here", &text.amount(card.marginal, 2), "one more each, by what was measured");
    text.line(
        "another card",
        &text.amount(card.depreciation, 2),
        &format!("what one more {} loses", card.card),
    );
    let remark =
        if card.saving < Money::ZERO { "buying was cheaper" } else { "another card would have saved" };
    text.line("difference", &text.amount(card.saving, 2), remark);
    text.text
}

/// What a person's own usage says, and the answer.
pub(super) fn usage(usage: &Usage, scenario: &Scenario, outcome: &Outcome) -> String {
    let mut text = Text::new(outcome.currency);
    text.words(0, "Your usage, as the file was read");
    let days = match usage.period.days.days() {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let hundredths = usage.period.month_hundredths();
    let months = format!("{}.{:02} months", hundredths / 100, hundredths % 100);
    text.line("from", &usage.first_day.to_string(), "");
    text.line("to", &usage.last_day.to_string(), &format!("{days}, counted as {months}"));
    let of_what = match (&usage.megapixels, &usage.images_column) {
        (Some(megapixels), _) => {
            format!("{megapixels} megapixels, as images of {}", scenario.size)
        }
        (None, Some(column)) => format!("column {column}"),
        (None, None) => "as they were given".into(),
    };
    text.line("images", &usage.images.to_string(), &of_what);
    text.line("images a month", &usage.images_per_month.to_string(), "");
    if let (Some((there, currency)), Some(paid), Some(each)) =
        (usage.paid_there, usage.paid, usage.paid_per_image)
    {
        let mut how = format!("column {}", usage.cost_column.as_deref().unwrap_or_default());
        if usage.currency_guessed {
            how += &format!("; no currency is named, {currency} is assumed, --paid-in says another");
        }
        text.line("paid", &format!("{} {currency}", there.to_rounded_string(2)), &how);
        if let Some(rate) = usage.exchange_rate {
            text.line("", &text.amount(paid, 2), &format!("at a rate of {rate}"));
        }
        text.line("paid for an image", &text.amount(each, IMAGE_DECIMALS), "");
    }
    if usage.totals_left_out > 0 {
        text.line("left out", &usage.totals_left_out.to_string(), "lines of totals");
    }
    text.heading("Is it worth it with this hardware?");
    if let Some(first) = outcome.against.first() {
        text.words(NAME_AT, &answer(first, outcome));
    }
    for rental in &outcome.rentals {
        let renting = text.renting(rental);
        text.words(NAME_AT, &format!("Against {}: {renting}.", rental.name));
    }
    text.text + "\n"
}

fn answer(against: &PriceOutcome, outcome: &Outcome) -> String {
    let yes = if against.is_worth_it_at(outcome.images_per_month) { "Yes" } else { "No" };
    format!(
        "{yes}, against {}: {}; you have {}. It {}.",
        against.name, against.break_even, outcome.images_per_month, against.payback
    )
}

impl Text {
    fn new(currency: Currency) -> Self {
        Self { currency, text: String::new() }
    }

    fn hardware(&mut self, scenario: &Scenario, outcome: &Outcome) {
        self.heading("Hardware");
        let parts: Vec<&str> = scenario.parts.iter().map(|part| part.name.as_str()).collect();
        let share = match scenario.share_percent {
            100 => String::new(),
            percent => format!("{percent} % of "),
        };
        self.line("price", &self.amount(outcome.price, 2), &format!("{share}{}", parts.join(", ")));
        self.line("sold in the end for", &self.amount(outcome.residual, 2), "");
        match scenario.lifetime() {
            Ok(Lifetime::Images(images)) => {
                let remark = format!("images, but at most {} years", scenario.years);
                self.line("lasts", &images.to_string(), &remark);
            }
            Ok(Lifetime::Years { years, .. }) => self.line("lasts", &years.to_string(), "years"),
            Err(_) => {}
        }
    }

    fn image(&mut self, scenario: &Scenario, outcome: &Outcome) {
        let image = &outcome.image;
        let power = format!(
            "{} kWh: {} W for {} s; {} a kWh",
            image.energy_kwh.to_kwh_string(),
            scenario.watts.as_watts().saturating_add(scenario.host_watts.as_watts()),
            scenario.seconds_per_image.to_seconds_string(),
            self.amount(scenario.price_per_kwh, 2)
        );
        let without = |text: &Self, amount| {
            format!("{} if it is worth nothing in the end", text.amount(amount, IMAGE_DECIMALS))
        };
        self.heading("One image");
        for (name, amount, remark) in [
            ("electricity", image.electricity, power),
            ("depreciation", image.depreciation, without(self, image.depreciation_without_residual)),
            ("upkeep", image.upkeep, String::new()),
            ("standard cost", image.standard, without(self, image.standard_without_residual)),
            ("fully loaded", outcome.fully_loaded, "everything of a year over its images".into()),
        ] {
            self.line(name, &self.amount(amount, IMAGE_DECIMALS), &remark);
        }
    }

    fn year(&mut self, outcome: &Outcome) {
        let year = &outcome.year;
        self.heading(&format!("One year: {} images, {} a month", year.images, outcome.images_per_month));
        for (name, amount, remark) in [
            ("electricity", year.electricity, "of the images"),
            ("idle hours", year.idle_electricity, "electricity while it is on but generates nothing"),
            ("upkeep", year.upkeep, ""),
            ("other bills", year.other, "what the bills of a year say beyond these three"),
            ("depreciation", year.depreciation, ""),
            ("total", year.total, ""),
        ] {
            self.line(name, &self.amount(amount, 2), remark);
        }
    }

    fn against(&mut self, against: &PriceOutcome) {
        let word = if against.saving < Money::ZERO { "lost" } else { "saved" };
        let saving = self.amount(against.saving.abs(), IMAGE_DECIMALS);
        let part = against.saving_part().to_string();
        let part = part.trim_start_matches('-');
        let fully_loaded = self.amount(against.saving_fully_loaded, IMAGE_DECIMALS);
        let saving = format!("{word} {saving} an image, {part}; fully loaded {fully_loaded}");
        self.line(&against.name, &self.amount(against.price, IMAGE_DECIMALS), &saving);
        self.line("", "", &against.payback.to_string());
        self.line("", "", &against.break_even.to_string());
    }

    /// What the same images cost on a rented device.
    fn rentals(&mut self, outcome: &Outcome) {
        if !outcome.rentals.is_empty() {
            self.heading("Renting instead");
        }
        for rental in &outcome.rentals {
            let mut price = format!("an hour; {} an image", self.amount(rental.image, IMAGE_DECIMALS));
            if rental.minimum_hours > 0 {
                price += &format!("; at least {} hours a month", rental.minimum_hours);
            }
            self.line(&rental.name, &self.amount(rental.per_hour, 2), &price);
            self.line("", "", &self.renting(rental));
            self.line("", "", &format!("owning is {}", rental.break_even));
        }
    }

    /// `a month costs ¥2.59 rented and ¥196.67 owned: renting is cheaper by ¥194.08`
    fn renting(&self, rental: &RentalOutcome) -> String {
        let [rented, owned, difference] =
            [rental.month, rental.owned_month, rental.saving.abs()].map(|amount| self.amount(amount, 2));
        let cheaper = if rental.saving < Money::ZERO { "renting" } else { "owning" };
        format!("a month costs {rented} rented and {owned} owned: {cheaper} is cheaper by {difference}")
    }

    fn years(&mut self, against: &PriceOutcome) {
        let price = self.amount(against.price, IMAGE_DECIMALS);
        self.heading(&format!("Year by year against {}, {price} an image", against.name));
        let names = ["hardware", "electricity", "running", "elsewhere", "saved", "saved in all"];
        self.row("year", &names.map(String::from));
        for YearRow { year, hardware, electricity, running, elsewhere, saved, saved_in_all } in &against.years
        {
            let amounts = [hardware, electricity, running, elsewhere, saved, saved_in_all];
            self.row(&year.to_string(), &amounts.map(|amount| amount.to_rounded_string(2)));
        }
    }

    /// A row of the yearly table.
    fn row(&mut self, year: &str, cells: &[String; 6]) {
        let cells: String = cells.iter().map(|cell| format!(" {cell:>14}")).collect();
        self.text += &format!("  {year:>4}{cells}\n");
    }

    /// The beginning of a part.
    fn heading(&mut self, text: &str) {
        self.text.push('\n');
        self.words(0, text);
    }

    /// A name, an amount and a remark, each on further lines where it is too long.
    fn line(&mut self, name: &str, amount: &str, remark: &str) {
        let room = AMOUNT_UNTIL - NAME_AT - 1;
        let fits = name.chars().count() + amount.chars().count() <= room;
        if !fits {
            self.words(NAME_AT, name);
        }
        let name = if fits { name } else { "" };
        let mut remarks = wrapped(WIDTH - REMARK_AT, remark).into_iter();
        let padding = AMOUNT_UNTIL - NAME_AT - name.chars().count();
        let first = remarks.next().unwrap_or_default();
        let line = format!("  {name}{amount:>padding$}   {first}");
        self.text += line.trim_end();
        self.text.push('\n');
        for remark in remarks {
            self.text += &format!("{:REMARK_AT$}{remark}\n", "");
        }
    }

    /// Words on as many lines as they take, `indent` columns in.
    fn words(&mut self, indent: usize, text: &str) {
        for line in wrapped(WIDTH - indent, text) {
            self.text += &format!("{:indent$}{line}\n", "");
        }
    }

    fn amount(&self, amount: Money, decimals: u32) -> String {
        let minus = if amount < Money::ZERO { "-" } else { "" };
        format!("{minus}{}{}", self.currency.symbol(), amount.abs().to_rounded_string(decimals))
    }
}

/// `text` in lines of at most `width` characters, cut between words, or in a word that is too long.
fn wrapped(width: usize, text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (index, piece) in letters.chunks(width).enumerate() {
            let piece: String = piece.iter().collect();
            match lines.last_mut() {
                Some(last) if index == 0 && last.chars().count() + 1 + piece.chars().count() <= width => {
                    *last += &format!(" {piece}");
                }
                _ => lines.push(piece),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costs::simulation::ComparedPrice;

    fn shipped(change: impl FnOnce(&mut Scenario)) -> (Scenario, Outcome) {
        let mut scenario = Scenario::shipped().expect("the shipped scenario");
        let hosted = "0.0365".parse().expect("an amount");
        scenario.compared.push(ComparedPrice { name: scenario.like_for_like.clone(), price: hosted });
        change(&mut scenario);
        let outcome = scenario.outcome().expect("an outcome");
        (scenario, outcome)
    }

    fn is_narrow(text: &str) -> bool {
        text.lines().all(|line| line.chars().count() <= WIDTH && line.trim_end() == line)
    }

    #[test]
    fn the_shipped_scenario_is_reported_to_its_loss_like_for_like() {
        let (scenario, outcome) = shipped(|_| ());
        let text = report(&scenario, &outcome) + &like_for_like(&scenario, &outcome, None);
        assert!(is_narrow(&text), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn long_names_large_amounts_and_gaps_stay_within_the_width() {
        let (scenario, outcome) = shipped(|scenario| {
            scenario.name = "name ".repeat(40);
            scenario.parts[0].name = "p".repeat(120);
            scenario.parts[0].price = "90000000".parse().expect("an amount");
            (scenario.lifetime_images, scenario.lifetime_years) = (None, Some(5));
            scenario.share_percent = 50;
            scenario.compared[0].name = "a service whose name is long ".repeat(4);
            scenario.compared[1].price = "100000".parse().expect("an amount");
            scenario.compared.pop();
        });
        let text =
            report(&scenario, &outcome) + &like_for_like(&scenario, &outcome, Some("no exchange rate"));
        assert!(is_narrow(&text), "{text}");
        assert!(text.contains("50 % of") && text.contains("not compared: no exchange rate"), "{text}");
    }
}
