use std::{collections::BTreeMap, fmt};

use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    domain::{ImageSize, NamedHost, Quality, RenderJob, RenderSpec},
    outbound::Reach,
    units::{Millis, Money},
};

/// A service that sells images: an `[[overflow]]` of the configuration.
#[derive(Debug, Clone)]
pub struct Seller {
    /// What it is called, in the log, in answers and in the books.
    pub name: String,
    /// Under which `images/generations` stands, with a slash at its end.
    pub base_url: Url,
    /// The addresses that it may have.
    pub reach: Reach,
    /// Hosts beside its own that an image is fetched from, if an answer has its URL alone.
    pub image_hosts: Vec<NamedHost>,
    /// What opens it.
    pub key: SellerKey,
    /// Its model, as its API calls it.
    pub model: String,
    /// Its entry in the price book.
    pub sku: String,
    /// What can be bought.
    pub wares: Wares,
    /// What may be paid.
    pub caps: Caps,
    /// How long a client must have to wait here before anything is bought; 0: whatever the wait.
    pub wait_over: Millis,
    /// From asking to the last byte of the answer.
    pub timeout: Millis,
    /// Whether it remembers an Idempotency-Key, so that a request in doubt can be sent again.
    pub keeps_idempotency_keys: bool,
    /// Fields that each request has beside `model`, `prompt`, `n`, `size` and `quality`.
    pub body: Map<String, Value>,
}

/// What a seller has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wares {
    /// Sizes of its images.
    pub sizes: Vec<ImageSize>,
    /// Our qualities, each with its word for it.
    pub qualities: BTreeMap<Quality, String>,
    /// Images of one request, at most.
    pub images_max: u32,
    /// Which edits are bought.
    pub edits: EditsSold,
}

/// Which edits are bought. Their source leaves the house with the prompt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditsSold {
    /// None.
    #[default]
    None,
    /// Those of a whole image.
    WithoutMask,
    /// Those with a mask too.
    All,
}

/// What may be paid, in the ledger's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// For one image.
    pub an_image: Money,
    /// On one day.
    pub a_day: Money,
}

/// A key, which is never shown.
#[derive(Clone)]
pub struct SellerKey(String);

impl SellerKey {
    /// The key in `text`; none if it is empty, or no header can carry it.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_visible = !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        is_visible.then(|| Self(text.to_owned()))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SellerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SellerKey")
    }
}

impl Seller {
    /// What it lacks for `job`, in words; none if it can make its images.
    pub fn lacks(&self, job: &RenderJob) -> Option<String> {
        let RenderSpec { size, edit, loras, negative_prompt, .. } = &job.spec;
        let name = &self.name;
        let edits = self.wares.edits;
        if edit.is_some() && edits == EditsSold::None {
            Some(format!("{name} is asked for no edits"))
        } else if edit.as_ref().is_some_and(|edit| edit.mask.is_some()) && edits != EditsSold::All {
            Some(format!("{name} is asked for no edits with a mask"))
        } else if !loras.is_empty() {
            Some(format!("{name} has no LoRAs"))
        } else if negative_prompt.is_some() {
            Some(format!("{name} takes no negative prompt"))
        } else if !self.wares.sizes.contains(size) {
            Some(format!("{name} has no {size}"))
        } else if !self.wares.qualities.contains_key(&job.quality) {
            Some(format!("{name} has no quality {}", job.quality.as_str()))
        } else if job.images > self.wares.images_max {
            Some(format!("{name} makes at most {} images at once", self.wares.images_max))
        } else {
            None
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Edit, FEATHER_DEFAULT, LoraUse, Mask, MaskMode, Pixels, Seed, Strength};

    pub(in crate::overflow) fn seller(name: &str, base_url: &str) -> Seller {
        Seller {
            name: name.into(),
            base_url: base_url.parse().expect("a URL"),
            reach: Reach::Any,
            image_hosts: Vec::new(),
            key: SellerKey::new("sk-test").expect("a key"),
            model: "gpt-image-2".into(),
            sku: "openai/gpt-image-2".into(),
            wares: Wares {
                sizes: vec![ImageSize::square(32)],
                qualities: BTreeMap::from([(Quality::Medium, "medium".into())]),
                images_max: 4,
                edits: EditsSold::None,
            },
            caps: Caps { an_image: money("1"), a_day: money("10") },
            wait_over: Millis::new(30_000),
            timeout: Millis::new(2_000),
            keeps_idempotency_keys: false,
            body: Map::new(),
        }
    }

    pub(in crate::overflow) fn money(text: &str) -> Money {
        text.parse().expect("an amount")
    }

    pub(in crate::overflow) fn job() -> RenderJob {
        let spec = RenderSpec::new("a house", ImageSize::square(32), 8);
        RenderJob { spec, images: 1, seed: Seed::new(1), quality: Quality::Medium }
    }

    #[test]
    fn a_seller_makes_what_it_has_and_nothing_else() {
        let seller = seller("acme", "https://api.acme.test/v1/");
        assert_eq!(seller.lacks(&job()), None);
        let lacks = |change: &dyn Fn(&mut RenderJob)| {
            let mut job = job();
            change(&mut job);
            seller.lacks(&job).expect("something")
        };
        let ink = || LoraUse { name: "ink".into(), weight: 1.0, sha256: None };
        let source = Pixels { size: ImageSize::square(32), rgb: vec![0; 32 * 32 * 3] };
        let edit = Edit {
            source,
            mask: None,
            strength: Strength::UNMASKED_DEFAULT,
            mode: MaskMode::Exact,
            feather: FEATHER_DEFAULT,
            crop: None,
        };
        let edit = Arc::new(edit);
        assert!(lacks(&|job| job.spec.edit = Some(Arc::clone(&edit))).contains("edits"));
        let mut editor = seller.clone();
        editor.wares.edits = EditsSold::WithoutMask;
        let mut job_of_edit = job();
        job_of_edit.spec.edit = Some(Arc::clone(&edit));
        assert_eq!(editor.lacks(&job_of_edit), None);
        let mask = Some(Mask { size: ImageSize::square(32), levels: vec![255; 32 * 32] });
        job_of_edit.spec.edit = Some(Arc::new(Edit { mask, ..(*edit).clone() }));
        assert!(editor.lacks(&job_of_edit).is_some_and(|lacks| lacks.contains("mask")));
        editor.wares.edits = EditsSold::All;
        assert_eq!(editor.lacks(&job_of_edit), None);
        assert!(lacks(&|job| job.spec.loras = vec![ink()]).contains("LoRAs"));
        assert!(lacks(&|job| job.spec.negative_prompt = Some("x".into())).contains("negative"));
        assert!(lacks(&|job| job.spec.size = ImageSize::square(64)).contains("64x64"));
        assert!(lacks(&|job| job.quality = Quality::Max).contains("quality max"));
        assert!(lacks(&|job| job.images = 5).contains("at most 4"));
    }

    #[test]
    fn a_key_is_never_shown_and_fits_a_header() {
        let key = SellerKey::new(" sk-abc\n").expect("a key");
        assert_eq!((format!("{key:?}").as_str(), key.reveal()), ("SellerKey", "sk-abc"));
        for text in ["", " \n", "sk a", "sk-ü"] {
            assert!(SellerKey::new(text).is_none(), "{text:?}");
        }
    }
}
