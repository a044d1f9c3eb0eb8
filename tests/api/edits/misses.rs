//! An encoder that changes one pixel outside the mask: the edit fails, and what it took is booked.

use std::sync::Arc;

use jiff::SignedDuration;
use rand::{SeedableRng, rngs::StdRng};
use tempfile::TempDir;
use tintype::{
    admit::Door,
    batches::FileStore,
    clock::{Clock, SystemClock},
    config::Config,
    domain::{
        ApiKey, Calendar, Caller, Edit, Encoding, ImageFormat, ImageSize, Mask, MaskMode, Pixels, Quality,
        RenderJob, RenderSpec, Scopes, Seed, Strength,
    },
    encode::{self, EncodeError, Provenance},
    engine::{Engine, Priority, Workers},
    image_store::ImageStore,
    ledger::{KeyRules, Ledger, MonthTotals, NewKey},
    pipeline::{HashedWeights, ModelFiles},
    service::{Encode, GenerateRequest, Service, ServiceError, ServiceParts, Storage, Studio},
    telemetry::Metrics,
    units::Money,
};

use crate::{devices_lost::worker, tiny_models};

const SIDE: u32 = 32;

/// A service on the tiny model, without HTTP.
struct Bench {
    service: Arc<Service>,
    workers: Option<Workers>,
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    caller: Caller,
    _data: TempDir,
}

impl Bench {
    fn new(runtime: &tokio::runtime::Runtime, encode: Encode) -> Self {
        let data = TempDir::new().expect("a directory");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let ledger = Arc::new(Ledger::open(&data.path().join("ledger.sqlite3")).expect("a ledger"));
        let key = ApiKey::generate(&mut StdRng::seed_from_u64(1));
        let rules = KeyRules { scopes: Scopes::ALL, ..KeyRules::default() };
        ledger.create_key(&NewKey { key: &key, name: "test", rules }, "test", clock.now()).expect("a key");
        let caller = ledger.authenticate(&key, clock.now()).expect("no error").expect("known");
        let warm_up = Arc::new(|_: &_| spec(None));
        let devices = vec![worker(tiny_models::directory("base"))];
        let settings = crate::devices_lost::settings();
        let (engine, workers) =
            Engine::start(devices, warm_up, Arc::new(|_, _| {}), &settings).expect("started");
        let files = ModelFiles::directory(&tiny_models::directory("base")).expect("a model");
        let config = Config::default();
        let zone = Calendar::UTC;
        let service = Service::new(ServiceParts {
            studio: Studio::Here(engine),
            ledger: Arc::clone(&ledger),
            costs: config.cost_model(zone.to_datetime(clock.now()).date()).expect("costs"),
            door: Door::new(config.limits.of_keys()),
            storage: Storage {
                images: Arc::new(ImageStore::open(data.path().join("pictures"), 0).expect("a store")),
                files: FileStore::open(data.path().join("files"), 0).expect("a store"),
                loras: Arc::new(config.lora_library()),
            },
            metrics: Arc::new(Metrics::default()),
            clock: Arc::clone(&clock),
            calendar: zone,
            model: "base".into(),
            runtime: runtime.handle().clone(),
            settings: config.service_settings(),
            weights: HashedWeights::begin(&files, None).expect("weights"),
            encode,
            cluster: None,
        });
        let (service, workers) = (Arc::new(service), Some(workers));
        Self { service, workers, ledger, clock, caller, _data: data }
    }

    async fn edit(&self, format: ImageFormat) -> Result<Option<bool>, Arc<ServiceError>> {
        let job = RenderJob {
            spec: spec(Some(edit())),
            quality: Quality::default(),
            seed: Seed::new(1),
            images: 1,
        };
        let request = GenerateRequest {
            priority: Priority::Live,
            caller: self.caller.clone(),
            job: Arc::new(job),
            tag: None,
            encoding: Encoding { format, quality: 100 },
            keep: false,
            partials: None,
            idempotency_key: None,
            body_sha256: [0; 32],
            source_memory: None,
            is_of_this_model: true,
        };
        let accepted = self.service.accept(request, rand::random()).await?;
        let answer = accepted.answer().await?;
        Ok(answer.edit.expect("it is an edit").unchanged_outside_mask)
    }

    fn totals(&self) -> MonthTotals {
        let day = SignedDuration::from_hours(24);
        self.ledger.totals(self.clock.now() - day, self.clock.now() + day).expect("totals")
    }

    fn end(&mut self) {
        self.service.studio().drain();
        self.workers.take().expect("not ended").join();
    }
}

fn spec(edit: Option<Edit>) -> RenderSpec {
    RenderSpec { edit: edit.map(Arc::new), ..RenderSpec::new("tea", ImageSize::square(SIDE), 2) }
}

/// The left half of an image without a smooth place is repainted.
fn edit() -> Edit {
    let size = ImageSize::square(SIDE);
    let levels = (0..SIDE * SIDE).map(|i| if i % SIDE < SIDE / 2 { 255 } else { 0 }).collect();
    Edit {
        source: Pixels { size, rgb: (0..3 * SIDE * SIDE).map(|i| (i * 37 % 251) as u8).collect() },
        mask: Some(Mask { size, levels }),
        strength: Strength::MASKED_DEFAULT,
        mode: MaskMode::Exact,
        feather: 0,
        crop: Some(false),
    }
}

/// The file of an image whose last pixel, outside the mask, is a little redder.
fn missing(
    pixels: &Pixels,
    encoding: Encoding,
    provenance: Option<&Provenance>,
) -> Result<Vec<u8>, EncodeError> {
    let mut changed = pixels.clone();
    let last_red = changed.rgb.len() - 3;
    changed.rgb[last_red] += 1;
    encode::encode(&changed, encoding, provenance)
}

#[test]
fn one_changed_pixel_outside_the_mask_fails_an_edit_and_its_energy_is_booked() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut bench = Bench::new(&runtime, missing);
    for format in [ImageFormat::Png, ImageFormat::Webp] {
        let failed = runtime.block_on(bench.edit(format)).expect_err("a miss");
        assert!(matches!(*failed, ServiceError::ChangedOutsideMask), "{failed}");
    }
    let totals = bench.totals();
    assert_eq!((totals.images, totals.standard), (0, Money::ZERO), "no image is charged");
    assert!(totals.failed_energy.as_millijoules() > 0, "{totals:?}");
    assert!(totals.failed_electricity > Money::ZERO, "{totals:?}");
    // A JPEG promises nothing, and says so.
    let is_kept_outside = runtime.block_on(bench.edit(ImageFormat::Jpeg)).expect("an image");
    assert_eq!((is_kept_outside, bench.totals().images), (Some(false), 1));
    bench.end();
}

#[test]
fn the_same_edit_by_the_real_encoder_misses_nothing() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut bench = Bench::new(&runtime, encode::encode);
    for format in [ImageFormat::Png, ImageFormat::Webp] {
        assert_eq!(runtime.block_on(bench.edit(format)).expect("an image"), Some(true));
    }
    assert_eq!(bench.totals().images, 2);
    bench.end();
}
