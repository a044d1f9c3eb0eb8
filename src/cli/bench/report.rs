use std::{fmt::Write, time::Duration};

use serde::Serialize;

use super::super::table::{Column, table};
use crate::domain::{EnergySource, RenderSpec, Usage};

/// The time of one part.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartTime {
    pub(super) wall: Duration,
    /// The processor's, over all cores.
    pub(super) cpu: Duration,
}

/// The times of one batch.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) tokenise: PartTime,
    /// Text encoder, caption embedder and refiner.
    pub(super) text: PartTime,
    /// Noise and positions.
    pub(super) begin: PartTime,
    pub(super) steps: Vec<PartTime>,
    pub(super) decode: PartTime,
    pub(super) png: PartTime,
    pub(super) of_edit: Option<EditTimes>,
    pub(super) whole: PartTime,
}

/// The times of what only an edit has.
#[derive(Debug, Clone, Copy)]
pub(super) struct EditTimes {
    /// The VAE's encoder, and the mask in latents.
    pub(super) source: PartTime,
    /// The file, decoded again and compared with the source.
    pub(super) check: PartTime,
}

/// How long the weights took to load, from wherever the system had them.
#[derive(Debug, Serialize)]
pub(super) struct LoadTime {
    seconds: f64,
    /// The processor's seconds, over all cores.
    cpu_seconds: f64,
    /// Of the weights in the files.
    bytes: u64,
    /// Bytes that the process held at most, pages of mapped files among them; none if the system does not say.
    peak_memory_bytes: Option<u64>,
}

impl LoadTime {
    pub(super) fn new(time: PartTime, bytes: u64, peak_memory_bytes: Option<u64>) -> Self {
        Self {
            seconds: time.wall.as_secs_f64(),
            cpu_seconds: time.cpu.as_secs_f64(),
            bytes,
            peak_memory_bytes,
        }
    }

    /// `loaded 3211 MB in 2.40 s (1338 MB/s, 3.11 s of processor), peak memory 5120 MiB`
    fn line(&self) -> String {
        let Self { seconds, cpu_seconds, bytes, peak_memory_bytes } = self;
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let megabytes = *bytes as f64 / 1e6;
        let peak =
            peak_memory_bytes.map_or(String::new(), |bytes| format!(", peak memory {} MiB", bytes >> 20));
        format!(
            "loaded {megabytes:.0} MB in {seconds:.2} s ({:.0} MB/s, {cpu_seconds:.2} s of processor){peak}\n",
            megabytes / seconds
        )
    }
}

/// What a run of the benchmark found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) model: String,
    /// None of random weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) load: Option<LoadTime>,
    pub(super) device: &'static str,
    pub(super) dtype: &'static str,
    /// The memory tier.
    pub(super) memory: &'static str,
    /// Threads of the pool; none on a card.
    pub(super) threads: Option<usize>,
    /// The CPU's vectors that its kernels compute with; none on a card.
    pub(super) vectors: Option<&'static str>,
    /// How the device's energy is obtained.
    pub(super) energy_source: &'static str,
    pub(super) warm_up: u32,
    pub(super) repetitions: u32,
    pub(super) cases: Vec<Case>,
}

/// One size, number of steps and batch.
#[derive(Debug, Serialize)]
pub(super) struct Case {
    size: String,
    steps: u32,
    n: u32,
    /// Whether an image is edited.
    edit: bool,
    parts: Vec<PartTimes>,
    /// Pixels of the answer × steps × images, over the median of the whole.
    pixel_steps_per_second: f64,
    joules_per_image: f64,
    energy_source: &'static str,
    /// Bytes that the process held at most; none if the system does not tell, as on a card.
    peak_memory_bytes: Option<u64>,
}

/// Milliseconds of one part over the repetitions.
#[derive(Debug, Serialize)]
struct PartTimes {
    name: &'static str,
    median_ms: f64,
    min_ms: f64,
    max_ms: f64,
    /// Median of the processor's time, over all cores.
    cpu_ms: f64,
}

impl PartTimes {
    fn new(name: &'static str, spans: impl Iterator<Item = PartTime> + Clone) -> Self {
        let wall = sorted_ms(spans.clone().map(|span| span.wall));
        let cpu = sorted_ms(spans.map(|span| span.cpu));
        let end = |time: Option<&f64>| time.copied().unwrap_or_default();
        Self {
            name,
            median_ms: median(&wall),
            min_ms: end(wall.first()),
            max_ms: end(wall.last()),
            cpu_ms: median(&cpu),
        }
    }
}

fn sorted_ms(times: impl Iterator<Item = Duration>) -> Vec<f64> {
    let mut times: Vec<f64> = times.map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Of sorted numbers: the middle one, or what is between the middle two; 0 for none.
fn median(sorted: &[f64]) -> f64 {
    let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    sorted.get(low).zip(sorted.get(high)).map_or(0.0, |(low, high)| (low + high) / 2.0)
}

impl Case {
    /// `usage` is that of all samples together.
    pub(super) fn new(
        spec: &RenderSpec,
        n: u32,
        samples: &[Sample],
        usage: Usage,
        peak_memory_bytes: Option<u64>,
    ) -> Self {
        let part = |name, span: fn(&Sample) -> PartTime| PartTimes::new(name, samples.iter().map(span));
        let whole = part("whole", |sample| sample.whole);
        let seconds = whole.median_ms / 1e3;
        let of_edit = |name, span: fn(EditTimes) -> PartTime| {
            let times = samples.iter().filter_map(|sample| sample.of_edit);
            spec.edit.is_some().then(|| PartTimes::new(name, times.map(span)))
        };
        let parts = [
            Some(part("tokenise", |sample| sample.tokenise)),
            Some(part("text", |sample| sample.text)),
            of_edit("source", |times| times.source),
            Some(part("begin", |sample| sample.begin)),
            Some(PartTimes::new("step", samples.iter().flat_map(|sample| sample.steps.iter().copied()))),
            Some(part("decode", |sample| sample.decode)),
            Some(part("png", |sample| sample.png)),
            of_edit("check", |times| times.check),
            Some(whole),
        ];
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let (pixels, joules) = (spec.size.pixels() as f64, usage.energy.as_millijoules() as f64 / 1e3);
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let images = f64::from(n) * samples.len() as f64;
        Self {
            size: spec.size.to_string(),
            steps: spec.steps,
            n,
            edit: spec.edit.is_some(),
            parts: parts.into_iter().flatten().collect(),
            pixel_steps_per_second: pixels * f64::from(spec.steps) * f64::from(n) / seconds,
            joules_per_image: joules / images,
            energy_source: usage.source.as_str(),
            peak_memory_bytes,
        }
    }

    fn title(&self) -> String {
        let steps = if self.steps == 1 { "step" } else { "steps" };
        let images = if self.n == 1 { "image" } else { "images" };
        let edit = if self.edit { ", edit" } else { "" };
        format!("{}, {} {steps}, {} {images}{edit}", self.size, self.steps, self.n)
    }

    fn write(&self, text: &mut String) {
        let columns = [
            Column::Text(""),
            Column::Number("median ms"),
            Column::Number("min"),
            Column::Number("max"),
            Column::Number("cpu ms"),
        ];
        let row = |part: &PartTimes| {
            let millis = |value: f64| format!("{value:.2}");
            [
                part.name.to_owned(),
                millis(part.median_ms),
                millis(part.min_ms),
                millis(part.max_ms),
                millis(part.cpu_ms),
            ]
        };
        let rows: Vec<_> = self.parts.iter().map(row).collect();
        let estimated = if self.energy_source == EnergySource::Estimated.as_str() {
            ", estimated from configured watts"
        } else {
            ""
        };
        let memory = match self.peak_memory_bytes {
            Some(bytes) => format!("{} MiB", bytes >> 20),
            None => "not reported by the device".to_owned(),
        };
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n{}\n{}pixels × steps per second  {:.3e}\njoules per image         {:.1}{estimated}\n\
             peak memory                {memory}\n",
            self.title(),
            table(columns, rows),
            self.pixel_steps_per_second,
            self.joules_per_image,
        );
    }
}

impl Report {
    /// A table for each case.
    pub(super) fn to_text(&self) -> String {
        let threads = self.threads.map_or(String::new(), |threads| format!(", {threads} threads"));
        let vectors = self.vectors.map_or(String::new(), |vectors| format!(" of {vectors}"));
        let mut text = format!(
            "{} on {} in {}, memory {}{threads}{vectors}; {} warm-up, {} counted\n",
            self.model, self.device, self.dtype, self.memory, self.warm_up, self.repetitions
        );
        text.extend(self.load.iter().map(LoadTime::line));
        for case in &self.cases {
            case.write(&mut text);
        }
        text + "\n`step` is one denoising step; `cpu` is the processor's time, over all cores.\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::ImageSize,
        units::{Energy, Millis},
    };

    fn sample(whole: u64) -> Sample {
        let ms = |wall| PartTime { wall: Duration::from_millis(wall), cpu: Duration::from_millis(2 * wall) };
        Sample {
            tokenise: PartTime { wall: Duration::from_micros(40), cpu: Duration::from_micros(30) },
            text: ms(3),
            begin: ms(1),
            steps: vec![ms(whole / 10), ms(whole / 5)],
            decode: ms(whole / 2),
            png: ms(2),
            of_edit: None,
            whole: ms(whole),
        }
    }

    fn report(source: EnergySource, peak_memory_bytes: Option<u64>) -> Report {
        let size = ImageSize::square(512);
        let spec = RenderSpec::new("x", size, 2);
        let energy = Energy::from_millijoules(600_000);
        let usage = Usage { duration: Millis::new(600), energy, source, epoch: None };
        let samples = [sample(100), sample(300), sample(200)];
        Report {
            model: "a model".into(),
            load: Some(LoadTime::new(sample(2000).whole, 3_000_000_000, Some(5 << 30))),
            device: "cpu",
            dtype: "f32",
            memory: "resident",
            threads: Some(2),
            vectors: Some("avx2"),
            energy_source: source.as_str(),
            warm_up: 1,
            repetitions: 3,
            cases: vec![Case::new(&spec, 2, &samples, usage, peak_memory_bytes)],
        }
    }

    #[test]
    fn times_become_a_table() {
        insta::assert_snapshot!(report(EnergySource::Estimated, Some(300 << 20)).to_text(), @r"
        a model on cpu in f32, memory resident, 2 threads of avx2; 1 warm-up, 3 counted
        loaded 3000 MB in 2.00 s (1500 MB/s, 4.00 s of processor), peak memory 5120 MiB

        512x512, 2 steps, 2 images
                  median ms     min     max  cpu ms
        tokenise       0.04    0.04    0.04    0.03
        text           3.00    3.00    3.00    6.00
        begin          1.00    1.00    1.00    2.00
        step          25.00   10.00   60.00   50.00
        decode       100.00   50.00  150.00  200.00
        png            2.00    2.00    2.00    4.00
        whole        200.00  100.00  300.00  400.00
        pixels × steps per second  5.243e6
        joules per image         100.0, estimated from configured watts
        peak memory                300 MiB

        `step` is one denoising step; `cpu` is the processor's time, over all cores.
        ");
    }

    #[test]
    fn a_metered_device_is_not_called_estimated() {
        let text = report(EnergySource::Metered, None).to_text();
        assert!(text.contains("100.0\n") && text.contains("not reported by the device"), "{text}");
    }

    #[test]
    fn json_has_the_same_figures_under_stable_names() {
        let json = serde_json::to_value(report(EnergySource::Estimated, Some(5))).expect("JSON");
        let case = &json["cases"][0];
        let part = |name: &str| {
            let parts = case["parts"].as_array().expect("parts");
            parts.iter().find(|part| part["name"] == name).expect("a part").clone()
        };
        assert_eq!((&part("whole")["median_ms"], &part("whole")["cpu_ms"]), (&200.0.into(), &400.0.into()));
        assert_eq!(
            (part("step")["min_ms"].clone(), part("step")["max_ms"].clone()),
            (10.0.into(), 60.0.into())
        );
        assert_eq!(part("step")["median_ms"], 25.0, "between the middle two");
        assert_eq!(case["pixel_steps_per_second"], 512.0 * 512.0 * 2.0 * 2.0 / 0.2);
        assert_eq!(case["joules_per_image"], 100.0);
        assert_eq!(
            (&json["load"]["seconds"], &json["load"]["bytes"]),
            (&2.0.into(), &3_000_000_000_u64.into())
        );
        assert_eq!((&case["energy_source"], &case["peak_memory_bytes"]), (&"estimated".into(), &5.into()));
        let names: Vec<_> = [
            "model",
            "device",
            "dtype",
            "memory",
            "threads",
            "vectors",
            "energy_source",
            "warm_up",
            "repetitions",
        ]
        .into_iter()
        .filter(|name| json.get(name).is_none())
        .collect();
        assert!(names.is_empty(), "{names:?}");
    }
}
