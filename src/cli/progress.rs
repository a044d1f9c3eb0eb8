use std::{
    io::IsTerminal,
    sync::atomic::{AtomicU64, Ordering},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    app::Progress,
    pipeline::{OnLoad, hub::Fetched},
};

/// Bytes of weights from which a load takes long enough to be told about in a log.
const WORTH_A_LINE: u64 = 500_000_000;

/// Fetching and loading: bars on a terminal, a log line every tenth elsewhere.
pub(super) struct LoadReport {
    fetch: Option<(String, ProgressBar)>,
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
        Self { fetch: None, on_load }
    }
}

impl Progress for LoadReport {
    fn fetched(&mut self, fetched: Fetched<'_>) {
        let same_file = matches!(&self.fetch, Some((file, _)) if file == fetched.file);
        if !same_file {
            tracing::info!("fetching {} ({} MB)", fetched.file, fetched.total / 1_000_000);
            self.fetch = Some((fetched.file.to_owned(), byte_bar(fetched.file)));
        }
        if let Some((_, bar)) = &self.fetch {
            advance(bar, fetched.bytes, fetched.total);
        }
    }

    fn on_load(&self) -> OnLoad<'_> {
        &*self.on_load
    }
}

/// Steps of a picture. Drawn on a terminal only.
pub(super) fn step_bar(steps: u32) -> ProgressBar {
    bar(u64::from(steps), "{msg} {wide_bar} step {pos}/{len} {elapsed}")
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
    fn each_tenth_is_told_once() {
        let tenths = Tenths::default();
        let told: Vec<_> = (0..=40).filter_map(|done| tenths.passed(done, 40)).collect();
        assert_eq!(told, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
        assert_eq!(tenths.passed(40, 40), None);
        assert_eq!(tenths.passed(0, 0), None);
    }
}
