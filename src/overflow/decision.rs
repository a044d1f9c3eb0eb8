use super::Seller;
use crate::{
    costs::BoughtPrice,
    units::{Currency, Millis, Money},
};

/// How long a request would wait here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Until a device begins with it, by the pace measured so far.
    Of(Millis),
    /// The queue takes no more, or would take longer than the client waits.
    Overloaded,
    /// No device is left.
    NoDevice,
}

/// What is known when a request asks for its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// How long it would wait.
    pub wait: Wait,
    /// Images that it asks for.
    pub images: u32,
    /// What one more image costs here, by what was measured.
    pub here: Money,
    /// The ledger's currency.
    pub currency: Currency,
}

/// What a seller asks for the request's images, and whether that can be paid.
#[derive(Debug, Clone)]
pub struct Offered<'a> {
    /// The seller.
    pub seller: &'a Seller,
    /// The price of one image; a sentence if it has none today.
    pub price: Result<BoughtPrice, String>,
    /// What the seller was paid today, with what is under way.
    pub paid_today: Money,
    /// Whether the key's budgets, and those of all keys, cover the purchase and the work here if it fails.
    pub is_covered: bool,
}

/// The rule that keeps a request here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StayRule {
    /// The key's prompts may not leave the house.
    Key,
    /// It asks for what only the model here has.
    Model,
    /// No seller has what it asks for.
    Wares,
    /// The wait is not long enough.
    Wait,
    /// The seller has no price today.
    Price,
    /// An image costs more than it may.
    ImageCap,
    /// The day's cap would be passed.
    DayCap,
    /// A budget does not cover it.
    Budget,
    /// The key has as many jobs at once as it may have.
    Jobs,
    /// An earlier purchase under the same Idempotency-Key is in doubt.
    InDoubt,
}

crate::domain::words!(StayRule, "a rule of overflow":
    Key = "key", Model = "model", Wares = "wares", Wait = "wait", Price = "price", ImageCap = "image_cap",
    DayCap = "day_cap", Budget = "budget", Jobs = "jobs", InDoubt = "in_doubt");

/// Why a request stays here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// The rule.
    pub rule: StayRule,
    /// The same in words, with its figures.
    pub why: String,
}

impl Stay {
    /// By `rule`, in these words.
    pub fn by(rule: StayRule, why: impl Into<String>) -> Self {
        Self { rule, why: why.into() }
    }
}

/// Where a request's images are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Here, and why.
    Here(Stay),
    /// At one of those that were offered, by its place, and why.
    There {
        /// Its place in the list.
        offered: usize,
        /// Its price of one image.
        price: BoughtPrice,
        /// Why, in words.
        why: String,
    },
}

/// Chooses: the cheapest seller whose rules allow it, the first of equals; else here. With several reasons to stay, the last
/// seller's is named.
pub fn decide(situation: &Situation, offered: &[Offered<'_>]) -> Choice {
    let mut best: Option<(usize, &BoughtPrice)> = None;
    let mut stays = Stay::by(StayRule::Wares, "no overflow is configured");
    for (place, offer) in offered.iter().enumerate() {
        match refusal(situation, offer) {
            Err(reason) => stays = reason,
            Ok(price) if best.is_none_or(|(_, known)| price.price < known.price) => {
                best = Some((place, price));
            }
            Ok(_) => {}
        }
    }
    match best {
        None => Choice::Here(stays),
        Some((place, price)) => {
            let why = why(situation, &offered[place], price);
            Choice::There { offered: place, price: price.clone(), why }
        }
    }
}

/// Why `wait` is too short for `seller`, in words; none if it is long enough.
pub fn short_wait(wait: Wait, seller: &Seller) -> Option<String> {
    let Wait::Of(wait) = wait else { return None };
    let is_short = wait <= seller.wait_over && seller.wait_over > Millis::ZERO;
    is_short.then(|| {
        format!("the wait of {} is not over {}'s {}", seconds(wait), seller.name, seconds(seller.wait_over))
    })
}

/// The price at which `offer` can be taken.
///
/// # Errors
/// Why it is not, in words.
fn refusal<'a>(situation: &Situation, offer: &'a Offered<'_>) -> Result<&'a BoughtPrice, Stay> {
    let Seller { name, caps, .. } = offer.seller;
    let currency = situation.currency;
    if let Some(reason) = short_wait(situation.wait, offer.seller) {
        return Err(Stay::by(StayRule::Wait, reason));
    }
    let none = |reason: &String| Stay::by(StayRule::Price, format!("{name} has no price: {reason}"));
    let price = offer.price.as_ref().map_err(none)?;
    if price.price > caps.an_image {
        let (asked, cap) = (amount(price.price), amount(caps.an_image));
        let why = format!("{name} asks {asked} {currency} an image; the cap is {cap}");
        return Err(Stay::by(StayRule::ImageCap, why));
    }
    let total = price.price.times(situation.images);
    let of_day = total.and_then(|total| offer.paid_today.plus(total));
    if of_day.is_ok_and(|of_day| of_day <= caps.a_day) {
        let uncovered = || Stay::by(StayRule::Budget, format!("the budget does not cover {name}'s price"));
        offer.is_covered.then_some(price).ok_or_else(uncovered)
    } else {
        let why = format!(
            "{} of {name}'s {} {currency} a day are used; another {} would pass that",
            amount(offer.paid_today),
            amount(caps.a_day),
            total.map_or_else(|_| "purchase".into(), amount)
        );
        Err(Stay::by(StayRule::DayCap, why))
    }
}

/// `the queue takes 74 s, more than 30 s; acme asks 0.371 CNY an image (0.053 USD at 7), one more costs 0.0022 here`
fn why(situation: &Situation, offer: &Offered<'_>, price: &BoughtPrice) -> String {
    let Situation { wait, here, currency, .. } = situation;
    let Seller { name, wait_over, caps, .. } = offer.seller;
    let wait = match wait {
        Wait::Of(_) if *wait_over == Millis::ZERO => format!("{name} is asked whatever the wait"),
        Wait::Of(wait) => {
            format!("the queue takes {}, more than {}", seconds(*wait), seconds(*wait_over))
        }
        Wait::Overloaded => "the queue is full".into(),
        Wait::NoDevice => "no device is left".into(),
    };
    format!(
        "{wait}; {name} asks {} {currency} an image ({} {} at {}), one more costs {} here; {} of {} {currency} were used \
         today",
        amount(price.price),
        price.list,
        price.list_currency,
        price.exchange_rate,
        amount(*here),
        amount(offer.paid_today),
        amount(caps.a_day),
    )
}

fn seconds(time: Millis) -> String {
    format!("{} s", time.as_secs_ceil())
}

fn amount(money: Money) -> String {
    money.to_rounded_string(4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::overflow::seller::tests::{money, seller};

    const NOW: Situation = Situation {
        wait: Wait::Of(Millis::new(74_000)),
        images: 2,
        here: Money::from_nano(2_200_000),
        currency: Currency::CNY,
    };

    fn price(nano: i64) -> BoughtPrice {
        BoughtPrice {
            sku: "openai/gpt-image-2".into(),
            list: money("0.053"),
            list_currency: Currency::USD,
            exchange_rate: money("7"),
            price: Money::from_nano(nano),
        }
    }

    fn offer(seller: &Seller) -> Offered<'_> {
        Offered { seller, price: Ok(price(371_000_000)), paid_today: money("2.5"), is_covered: true }
    }

    fn stays(situation: &Situation, offer: Offered<'_>) -> String {
        match decide(situation, &[offer]) {
            Choice::Here(stay) => format!("{}: {}", stay.rule, stay.why),
            there @ Choice::There { .. } => panic!("{there:?}"),
        }
    }

    #[test]
    fn a_long_wait_is_bought_off_and_the_reason_has_every_figure() {
        let acme = seller("acme", "https://api.acme.test/v1/");
        let Choice::There { offered, why, .. } = decide(&NOW, &[offer(&acme)]) else { panic!("not bought") };
        assert_eq!(offered, 0);
        for part in
            ["74 s", "30 s", "acme", "0.3710 CNY", "0.053 USD at 7", "0.0022 here", "2.5000 of 10.0000"]
        {
            assert!(why.contains(part), "{part} in {why}");
        }
        for (wait, said) in [(Wait::Overloaded, "queue is full"), (Wait::NoDevice, "no device")] {
            let Choice::There { why, .. } = decide(&Situation { wait, ..NOW }, &[offer(&acme)]) else {
                panic!("not bought")
            };
            assert!(why.contains(said), "{why}");
        }
    }

    #[test]
    fn every_rule_keeps_an_image_here() {
        let acme = seller("acme", "https://api.acme.test/v1/");
        let short = Situation { wait: Wait::Of(Millis::new(30_000)), ..NOW };
        assert!(stays(&short, offer(&acme)).contains("not over acme's 30 s"));
        let dear = Offered { price: Ok(price(1_000_000_001)), ..offer(&acme) };
        assert!(stays(&NOW, dear).starts_with("image_cap: acme asks"));
        let unpriced = Offered { price: Err("retired".into()), ..offer(&acme) };
        assert!(stays(&NOW, unpriced).contains("acme has no price: retired"));
        let full = Offered { paid_today: money("9.258000001"), ..offer(&acme) };
        assert!(stays(&NOW, full).starts_with("day_cap: 9.2580 of"));
        let poor = Offered { is_covered: false, ..offer(&acme) };
        assert!(stays(&NOW, poor).starts_with("budget: "));
        let nobody = Stay::by(StayRule::Wares, "no overflow is configured");
        assert_eq!(decide(&NOW, &[]), Choice::Here(nobody));
        let to_the_last = Offered { paid_today: money("9.258"), ..offer(&acme) };
        assert!(matches!(decide(&NOW, &[to_the_last]), Choice::There { .. }));
    }

    #[test]
    fn the_cheapest_is_taken_and_the_first_of_equals() {
        let sellers = ["a", "b", "c"].map(|name| seller(name, "https://api.acme.test/v1/"));
        let at = |prices: [i64; 3]| {
            let offers: Vec<_> = (sellers.iter().zip(prices))
                .map(|(seller, nano)| Offered { price: Ok(price(nano)), ..offer(seller) })
                .collect();
            match decide(&NOW, &offers) {
                Choice::There { offered, .. } => offered,
                Choice::Here(stay) => panic!("{stay:?}"),
            }
        };
        assert_eq!((at([3, 2, 1]), at([2, 1, 1]), at([1, 1, 1])), (2, 1, 0));
    }

    proptest! {
        #[test]
        fn nothing_is_bought_past_a_cap_or_without_need(
            wait in 0u64..120_000,
            images in 1u32..=10,
            nano in 1i64..3_000_000_000,
            paid in 0i64..12_000_000_000,
            is_covered: bool,
            is_lost: bool,
        ) {
            let acme = seller("acme", "https://api.acme.test/v1/");
            let wait = if is_lost { Wait::NoDevice } else { Wait::Of(Millis::new(wait)) };
            let situation = Situation { wait, images, ..NOW };
            let offer = Offered {
                seller: &acme, price: Ok(price(nano)), paid_today: Money::from_nano(paid), is_covered,
            };
            let needs = is_lost || matches!(wait, Wait::Of(wait) if wait > acme.wait_over);
            let fits = nano <= acme.caps.an_image.as_nano()
                && paid + nano * i64::from(images) <= acme.caps.a_day.as_nano();
            let is_bought = matches!(decide(&situation, &[offer]), Choice::There { .. });
            prop_assert_eq!(is_bought, needs && fits && is_covered);
        }
    }
}
