use crate::units::Money;

/// Amounts on a chart, and nowhere else, are floating: a pixel is coarser than any of their digits.
pub(in crate::http::pages) trait Money2d {
    /// In units of the currency.
    fn to_chart(self) -> f64;
    /// The nearest amount.
    fn from_chart(value: f64) -> Self;
}

const NANO: f64 = 1e9;

impl Money2d for Money {
    #[expect(clippy::cast_precision_loss, reason = "a place on an axis")]
    fn to_chart(self) -> f64 {
        self.as_nano() as f64 / NANO
    }

    #[expect(clippy::cast_possible_truncation, reason = "a place on an axis")]
    fn from_chart(value: f64) -> Self {
        Self::from_nano((value * NANO).round() as i64)
    }
}

/// From below the least to above the greatest of `values` and 0.
pub(super) fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let (least, greatest) = values
        .into_iter()
        .fold((0.0_f64, 0.0_f64), |(least, greatest), value| (least.min(value), greatest.max(value)));
    let height = greatest - least;
    if height <= 0.0 {
        return (0.0, 1.0);
    }
    let room = height * 0.06;
    (if least < 0.0 { least - room } else { 0.0 }, if greatest > 0.0 { greatest + room } else { 0.0 })
}

/// Decimals that keep about five ticks of an axis of this height distinct.
pub(in crate::http::pages) fn tick_decimals((least, greatest): (f64, f64)) -> u32 {
    let step = (greatest - least) / 6.0;
    if step >= 1.0 || step <= 0.0 {
        return 0;
    }
    // At most nine: amounts have no more.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 9")]
    let decimals = (-step.log10()).ceil().clamp(0.0, 9.0) as u32;
    decimals
}

/// The label of the item at `position` on an axis whose items stand at 0, 1, 2 and so on.
pub(super) fn item<T>(items: &[T], position: f64) -> Option<&T> {
    let nearest = position.round();
    if (position - nearest).abs() > 1e-6 || nearest < 0.0 {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole and not below 0"
    )]
    items.get(nearest as usize)
}
