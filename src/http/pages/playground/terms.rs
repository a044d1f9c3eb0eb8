use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    domain::{
        FEATHER_DEFAULT, FEATHER_MAX, GUIDANCE_MAX, IMAGES_MAX, ImageFormat, ImageSize, LORA_WEIGHT_MAX,
        Quality, STEPS_MAX, Strength,
    },
    http::{Offer, pages::frame::Words},
    source_image::FILE_BYTES_MAX,
};

/// The largest seed from which JavaScript counts nine images on exactly.
const SEED_MAX: u64 = (1 << 53) - 1 - (IMAGES_MAX as u64 - 1);

/// The qualities, from the quickest.
pub(super) const QUALITIES: [Quality; 5] =
    [Quality::Low, Quality::Medium, Quality::High, Quality::Xhigh, Quality::Max];
/// The formats, the default first.
pub(super) const FORMATS: [ImageFormat; 3] = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Webp];

/// Shapes: the key of their name, and how wide they are to how high.
const SHAPES: [(&str, u64, u64); 5] = [
    ("playground-square", 1, 1),
    ("playground-landscape", 3, 2),
    ("playground-portrait", 2, 3),
    ("playground-wide", 16, 9),
    ("playground-tall", 9, 16),
];

/// Messages of the page's script with their variables. The script replaces the braces by values.
pub(super) const SCRIPT_WORDS: &[(&str, &[&str])] = &[
    ("playground-key-held", &["name"]),
    ("playground-wait-place", &["position", "seconds"]),
    ("playground-wait", &[]),
    ("playground-generating", &[]),
    ("playground-generating-left", &["seconds"]),
    ("playground-looking", &["number", "count"]),
    ("playground-of", &["number", "count", "what"]),
    ("playground-done", &["money", "seconds"]),
    ("playground-done-all", &["count", "money"]),
    ("playground-stopped", &[]),
    ("playground-alt-preview", &["prompt"]),
    ("playground-saved", &["service"]),
    ("playground-lost", &["service"]),
    ("playground-seconds", &["seconds"]),
    ("playground-milliseconds", &["millis"]),
    ("playground-quote-one", &["seconds", "energy", "money"]),
    ("playground-quote-all", &["count", "seconds", "energy", "money"]),
    ("playground-measured", &[]),
    ("playground-sampled", &[]),
    ("playground-time-measured", &[]),
    ("playground-time-estimated", &[]),
    ("playground-estimated", &[]),
    ("playground-by-quality", &["steps"]),
    ("playground-made-steps", &["steps"]),
    ("playground-lora-weight", &["name"]),
    ("playground-reused", &["seed"]),
    ("playground-reused-edit", &["seed"]),
    ("playground-reused-prompt", &[]),
    ("playground-reused-seed", &["seed"]),
    ("playground-edit-begun", &[]),
    ("playground-again-gone", &[]),
    ("playground-kept", &[]),
    ("playground-not-kept", &[]),
    ("playground-show-more", &["count"]),
    ("playground-delete-one", &[]),
    ("playground-delete-these", &["count"]),
    ("playground-deleted", &["count"]),
    ("playground-copied", &[]),
    ("playground-not-copied", &[]),
    ("playground-warning", &["warning"]),
    ("playground-no-prompt", &[]),
    ("playground-no-key", &[]),
    ("playground-unknown", &[]),
    ("playground-was-unknown", &[]),
    ("playground-bad-side", &["factor", "side"]),
    ("playground-bad-pixels", &["pixels"]),
    ("playground-error-key", &[]),
    ("playground-error-scope", &[]),
    ("playground-error-session", &[]),
    ("playground-error-budget", &["left", "when"]),
    ("playground-error-budget-used", &[]),
    ("playground-error-rate", &["seconds"]),
    ("playground-error-busy", &["seconds"]),
    ("playground-error-refused", &[]),
    ("playground-error-server", &[]),
    ("playground-error-network", &[]),
    ("playground-error-cut-off", &[]),
    ("playground-error-mask", &[]),
    ("playground-bad-file", &[]),
    ("playground-large-file", &["megabytes"]),
    ("playground-mask-empty", &[]),
    ("playground-mask-share", &["share"]),
    ("playground-brush-down", &[]),
    ("playground-strength-steps", &["strength", "run", "all"]),
    ("playground-code-files", &["files"]),
    ("playground-edit-steps", &["run", "sigma"]),
    ("playground-edit-pixels", &["pixels"]),
    ("playground-edit-unchanged", &[]),
    ("playground-edit-changed", &[]),
];

/// What a client may ask for here, and the defaults.
#[derive(Debug, Serialize)]
pub(super) struct Terms {
    pub(super) model: String,
    /// Whether it is the demo model inside the binary, which knows some things only.
    pub(super) is_demo: bool,
    pub(super) base_url: String,
    currency: String,
    pub(super) default_size: String,
    pub(super) size_factor: u32,
    pub(super) side_max: u32,
    pub(super) pixels_max: u64,
    pub(super) presets: Vec<Preset>,
    pub(super) steps: BTreeMap<&'static str, u32>,
    pub(super) steps_max: u32,
    pub(super) images_max: u32,
    pub(super) guidance_scale: f64,
    pub(super) guidance_max: f64,
    pub(super) seed_max: u64,
    /// LoRAs of one request, and how strongly one is applied, either way.
    pub(super) loras_max: usize,
    pub(super) lora_weight_max: f64,
    /// None if the model cannot edit.
    pub(super) edit: Option<EditTerms>,
}

/// What an edit may ask for, and the defaults.
#[derive(Debug, Serialize)]
pub(super) struct EditTerms {
    /// Bytes of an image file, at most.
    bytes_max: usize,
    /// The strength with a mask, and without one.
    masked_strength: f64,
    unmasked_strength: f64,
    /// Pixels from the mask's edge inwards over which the edit fades in.
    pub(super) feather: u32,
    pub(super) feather_max: u32,
}

/// A size by its shape, of about as many pixels as the default one.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Preset {
    /// The key of its name.
    #[serde(skip)]
    pub(super) name: &'static str,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Terms {
    /// The terms of `offer`, for clients that come to `base_url` and pay in `currency`.
    pub(super) fn new(offer: &Offer, base_url: String, currency: String) -> Self {
        Self {
            model: offer.model.clone(),
            // Of all models, that one alone has a size of its own.
            is_demo: offer.limits.native.is_some(),
            base_url,
            currency,
            default_size: offer.default_size.to_string(),
            size_factor: offer.limits.factor,
            side_max: offer.limits.side_max,
            pixels_max: offer.pixels_max,
            presets: presets(offer),
            steps: QUALITIES.map(|quality| (quality.as_str(), offer.usual.steps_of(quality))).into(),
            steps_max: STEPS_MAX,
            images_max: IMAGES_MAX,
            guidance_scale: offer.usual.guidance_scale,
            guidance_max: GUIDANCE_MAX,
            seed_max: SEED_MAX,
            loras_max: offer.loras.max,
            lora_weight_max: LORA_WEIGHT_MAX,
            edit: offer.can_edit.then(EditTerms::new),
        }
    }
}

impl EditTerms {
    fn new() -> Self {
        Self {
            bytes_max: FILE_BYTES_MAX,
            masked_strength: Strength::MASKED_DEFAULT.get(),
            unmasked_strength: Strength::UNMASKED_DEFAULT.get(),
            feather: FEATHER_DEFAULT,
            feather_max: FEATHER_MAX,
        }
    }
}

impl Preset {
    pub(super) fn size(&self) -> String {
        format!("{}x{}", self.width, self.height)
    }
}

/// Each shape in the pixels of the default size, as near as the model's steps of sides allow.
fn presets(offer: &Offer) -> Vec<Preset> {
    let mut presets = Vec::<Preset>::new();
    for (name, wide, high) in SHAPES {
        let side = |to: u64, of: u64| {
            let factor = u64::from(offer.limits.factor);
            let exact = (offer.default_size.pixels() * to / of).isqrt();
            u32::try_from(((exact + factor / 2) / factor).max(1) * factor).unwrap_or(u32::MAX)
        };
        let preset = Preset { name, width: side(wide, high), height: side(high, wide) };
        let size = ImageSize::new(preset.width, preset.height);
        let is_possible =
            size.is_ok_and(|size| offer.limits.check(size).is_ok() && size.pixels() <= offer.pixels_max);
        if is_possible && presets.iter().all(|other| other.size() != preset.size()) {
            presets.push(preset);
        }
    }
    presets
}

/// The script's words, by their keys without the page's name.
pub(super) fn script_words(words: Words) -> BTreeMap<&'static str, String> {
    let say = |&(key, names): &(&'static str, &[&str])| {
        let holes: Vec<_> = names.iter().map(|name| (*name, format!("{{{name}}}").into())).collect();
        (key.trim_start_matches("playground-"), words.format(key, &holes))
    };
    SCRIPT_WORDS.iter().map(say).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        domain::{Usual, Variant},
        pipeline::SizeLimits,
    };

    pub(in crate::http::pages::playground) fn offer(default_size: &str) -> Offer {
        Offer {
            model: "Z-Image-Turbo".into(),
            repository: None,
            aliases: Vec::new(),
            loaded_at: 0,
            limits: SizeLimits { factor: 16, side_max: 8192, native: None },
            default_size: default_size.parse().expect("a size"),
            usual: Usual { variant: Variant::Turbo, steps: Variant::Turbo.steps(), guidance_scale: 0.0 },
            pixels_max: 4_194_304,
            prompt_chars_max: 32_000,
            body_bytes_max: 1 << 20,
            can_edit: true,
            loras: crate::http::LoraTerms { max: 4, in_prompt: false },
            user_is_tag: false,
        }
    }

    fn sizes(default_size: &str) -> Vec<String> {
        presets(&offer(default_size)).iter().map(Preset::size).collect()
    }

    #[test]
    fn shapes_have_the_pixels_of_the_default_size_in_sides_that_the_model_accepts() {
        assert_eq!(sizes("1024x1024"), ["1024x1024", "1248x832", "832x1248", "1360x768", "768x1360"]);
        assert_eq!(sizes("256x256"), ["256x256", "320x208", "208x320", "336x192", "192x336"]);
        assert_eq!(sizes("16x16"), ["16x16"], "one of each size");
        assert_eq!(sizes("2048x2048")[..1], ["2048x2048"]);
    }

    #[test]
    fn every_word_that_the_script_says_is_given_to_it_and_no_other() {
        let scripts = [
            include_str!("playground.js"),
            include_str!("playground-again.js"),
            include_str!("playground-card.js"),
            include_str!("playground-edit.js"),
            include_str!("playground-form.js"),
            include_str!("playground-gallery.js"),
            include_str!("playground-key.js"),
            include_str!("playground-known.js"),
            include_str!("playground-loras.js"),
            include_str!("playground-painter.js"),
            include_str!("playground-price.js"),
            include_str!("playground-words.js"),
            include_str!("playground-work.js"),
        ];
        let is_name = |byte: char| byte.is_ascii_lowercase() || byte == '-';
        let said: std::collections::BTreeSet<_> = scripts
            .iter()
            .flat_map(|script| script.split("say(\"").skip(1))
            .filter_map(|rest| rest.split_once('"').map(|(name, _)| name))
            .filter(|name| name.chars().all(is_name))
            .collect();
        let given = script_words(Words::ENGLISH);
        assert_eq!(said.into_iter().collect::<Vec<_>>(), given.keys().copied().collect::<Vec<_>>());
    }

    #[test]
    fn a_word_has_holes_where_the_script_puts_its_values() {
        assert_eq!(script_words(Words::CHINESE)["error-rate"].matches("{seconds}").count(), 1);
    }
}
