//! OpenAI's request and answer, field by field.

mod answer;
mod batch;
mod edit;
mod fields;
mod loras;
mod parts;
mod purchase;
mod quote;
mod receipts;
mod request;
mod unreadable;

#[cfg(test)]
pub(super) use self::batch::BATCH_FIELDS;
pub(in crate::http) use self::purchase::PurchaseBody;
pub(super) use self::{
    answer::{answer, completed_event, partial_event},
    batch::parse_batch,
    edit::{EditBody, EditKind, FileField, as_json, check_edit, image_urls, parse_edit},
    parts::Part,
    quote::quote,
    receipts::receipts,
    request::{Asked, Delivery, parse},
    unreadable::into_text,
};
pub use self::{edit::EDIT_FIELDS, loras::LoraTerms, request::FIELDS};
use crate::{
    domain::{ImageSize, Usual},
    pipeline::SizeLimits,
};

/// What this server offers, and what a request gets where it asks for nothing.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The model's id.
    pub model: String,
    /// The hub repository that it comes from, which reaches it too.
    pub repository: Option<String>,
    /// Other names that reach it.
    pub aliases: Vec<String>,
    /// Unix seconds at which it was loaded.
    pub loaded_at: i64,
    /// Sizes that it can generate.
    pub limits: SizeLimits,
    /// Size where none is asked for.
    pub default_size: ImageSize,
    /// Steps and guidance if none are asked for.
    pub usual: Usual,
    /// Pixels of one image.
    pub pixels_max: u64,
    /// Characters of a prompt.
    pub prompt_chars_max: usize,
    /// Bytes of a body.
    pub body_bytes_max: usize,
    /// Whether the model edits images.
    pub can_edit: bool,
    /// How a request may name LoRAs.
    pub loras: LoraTerms,
    /// Whether `user` is a tag.
    pub user_is_tag: bool,
}

impl Offer {
    /// Every name that reaches the model, its id first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let repository = self.repository.as_deref().filter(|name| *name != self.model);
        std::iter::once(self.model.as_str()).chain(repository).chain(self.aliases.iter().map(String::as_str))
    }
}
