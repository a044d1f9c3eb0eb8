//! The nouns of an image's life: who asks, for what, and what it took. No I/O, no model, no money.

mod api_key;
mod asked;
mod batch;
mod calendar;
mod caller;
mod computation;
mod edit;
mod edit_record;
mod encoding;
mod event_kind;
mod expiry;
mod failure;
mod file_purpose;
mod ids;
mod label;
mod lanczos;
mod lora;
mod lost_device;
mod mask;
mod named_host;
mod pixels;
mod render;
mod sign_in;
mod size;
mod suggestion;
mod tag;
mod usage;
mod variant;
pub(crate) mod words;

pub use api_key::{ApiKey, ApiKeyError, SecretHash};
pub use asked::AskedFor;
pub use batch::{BatchEndpoint, BatchStatus};
pub use calendar::{Calendar, has_moments};
pub use caller::{Caller, KeyLimits, Scope, Scopes, ScopesError, name_list};
pub use computation::{Computation, WeightHashes};
pub use edit::{Edit, FEATHER_DEFAULT, FEATHER_MAX, MaskMode, Strength, StrengthError, Unchanged};
pub use edit_record::EditRecord;
pub use encoding::{Encoding, ImageFormat};
pub use event_kind::EventKind;
pub use expiry::{Expiry, ExpiryError};
pub use failure::FailureReason;
pub use file_purpose::FilePurpose;
pub use ids::{AssetId, BatchId, Claim, ClientIdError, EndpointId, FileId, KeyId, NodeId, RequestId};
pub use label::{KEY_NAME_MAX, LabelError, TEXT_CHARS_MAX, check_label, is_control, is_invisible};
pub use lora::{LORA_NAME_MAX, LORA_WEIGHT_MAX, LoraUse, is_lora_name};
pub use lost_device::LostDevice;
pub use mask::Mask;
pub use named_host::{NamedHost, NamedHostError};
pub use pixels::{Pixels, Rect};
pub use render::{
    GUIDANCE_MAX, IMAGES_MAX, Operation, Product, Quality, QualityError, RenderJob, RenderSpec, STEPS_MAX,
    Seed, StepsByQuality,
};
pub use sign_in::SignInSecret;
pub use size::{ImageSize, SizeError};
pub use suggestion::{closest, did_you_mean};
pub use tag::{CostTag, CostTagError};
pub use usage::{EnergySource, Overhead, Usage};
pub use variant::{ConfiguredSteps, Usual, Variant};
pub(crate) use words::words;
