use std::{
    io::IsTerminal,
    sync::atomic::{AtomicU64, Ordering},
};

use indicatif::{DecimalBytes, HumanDuration, ProgressBar, ProgressStyle};

use crate::{
    app::Progress,
    pipeline::{OnLoad, hub::Fetched},
};

/// Bytes of weights from which a load takes long enough to be logged.
const WORTH_A_LINE: u64 = 500_000_000;

/// Fetching and loading: bars on a terminal, a log line every tenth elsewhere.
pub(super) struct LoadReport {
    fetch: FetchReport,
    on_load: Box<dyn Fn(u64, u64) + Send + Sync>,
}

impl LoadReport {
    pub(super) fn new() -> Self {
        let on_load: Box<dyn Fn(u64, u64) + Send + Sync> = if std::io::stderr().is_terminal() {
            let bar = byte_bar("loading weights");
            Box::new(move |done, total| advance(&bar, done, total))
        } else {
            let tenths = Tenths::default();
            Box::new(move |done, total| {
                if total >= WORTH_A_LINE
                    && let Some(percent) = tenths.passed(done, total)
                {
                    tracing::info!("loading weights: {percent} %");
                }
            })
        };
        Self { fetch: FetchReport::new(), on_load }
    }
}

impl Progress for LoadReport {
    fn fetched(&mut self, fetched: Fetched<'_>) {
        self.fetch.show(fetched);
    }

    fn on_load(&self) -> OnLoad<'_> {
        &*self.on_load
    }
}

/// A fetch: one bar over all files on a terminal; elsewhere a line for every tenth, with the speed and the time left.
pub(super) struct FetchReport {
    bar: ProgressBar,
    tenths: Tenths,
}

impl FetchReport {
    pub(super) fn new() -> Self {
        let bar = bar(0, "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
        Self { bar, tenths: Tenths::default() }
    }

    pub(super) fn show(&self, fetched: Fetched<'_>) {
        if self.bar.length() != Some(fetched.total) {
            // What is here already is not part of the speed.
            self.bar.set_position(fetched.bytes);
            self.bar.reset_eta();
        }
        self.bar.set_message(fetched.file.to_owned());
        advance(&self.bar, fetched.bytes, fetched.total);
        if self.bar.is_hidden()
            && let Some(percent) = self.tenths.passed(fetched.bytes, fetched.total)
        {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes are whole")]
            let per_second = self.bar.per_sec() as u64;
            tracing::info!(
                "fetched {percent} % of {}, {}/s, {} left",
                DecimalBytes(fetched.total),
                DecimalBytes(per_second),
                HumanDuration(self.bar.eta())
            );
        }
    }
}

/// Steps of an image. Drawn on a terminal only.
pub(super) fn step_bar(steps: u32) -> ProgressBar {
    bar(u64::from(steps), "{msg} {wide_bar} step {pos}/{len} {elapsed}")
}

/// Lines of a batch, with what they cost and how long they take as its message. Drawn on a terminal only.
pub(super) fn line_bar() -> ProgressBar {
    bar(0, "{wide_bar} {pos}/{len} {msg}")
}

fn byte_bar(message: &str) -> ProgressBar {
    bar(0, "{msg} {wide_bar} {bytes}/{total_bytes} {eta}").with_message(message.to_owned())
}

fn bar(len: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(len).with_style(style)
}

fn advance(bar: &ProgressBar, done: u64, total: u64) {
    bar.set_length(total);
    bar.set_position(done);
    if done == total {
        bar.finish_and_clear();
    }
}

/// Notices each tenth once.
#[derive(Default)]
struct Tenths(AtomicU64);

impl Tenths {
    /// The percentage reached, where a new tenth was.
    fn passed(&self, done: u64, total: u64) -> Option<u64> {
        let tenth = (done * 10).checked_div(total)?;
        let before = self.0.fetch_max(tenth, Ordering::Relaxed);
        (tenth > before).then_some(tenth * 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenth_is_reported_once() {
        let tenths = Tenths::default();
        let passed: Vec<_> = (0..=40).filter_map(|done| tenths.passed(done, 40)).collect();
        assert_eq!(passed, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
        assert_eq!(tenths.passed(40, 40), None);
        assert_eq!(tenths.passed(0, 0), None);
    }
}
