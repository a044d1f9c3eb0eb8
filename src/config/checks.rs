//! What values of the configuration cannot be, beyond their types.

use std::path::{Path, PathBuf};

use url::Url;

use super::Config;
use crate::domain::{GUIDANCE_MAX, STEPS_MAX, TEXT_CHARS_MAX, Variant, check_label};

/// Checks values that each are of the right type.
///
/// # Errors
/// What is wrong with the first that cannot be, and what to do.
pub(super) fn check(config: &Config) -> Result<(), String> {
    check_numbers(config)?;
    check_names(config)?;
    config.public_url.as_deref().map_or(Ok(()), check_public_url)
}

fn check_numbers(config: &Config) -> Result<(), String> {
    if config.model.guidance_scale.is_some_and(|scale| !(0.0..=GUIDANCE_MAX).contains(&scale)) {
        return Err(format!("model.guidance_scale must be from 0 to {GUIDANCE_MAX}"));
    }
    if config.model.steps.over(Variant::Turbo).largest() > STEPS_MAX {
        return Err(format!("model.steps: a quality has at most {STEPS_MAX} steps"));
    }
    let above_zero = [
        ("limits.deadline_seconds", u64::from(config.limits.deadline_seconds)),
        ("pictures.keep_days", u64::from(config.pictures.keep_days)),
        ("model.memory_mib", config.model.memory_mib.unwrap_or(1)),
        ("cluster.lease_seconds", u64::from(config.cluster.lease_seconds)),
        ("limits.pixels_max", config.limits.pixels_max),
        ("limits.prompt_chars_max", config.limits.prompt_chars_max as u64),
        ("limits.body_bytes_max", config.limits.body_bytes_max as u64),
        ("pictures.link_minutes", u64::from(config.pictures.link_minutes)),
        ("batches.keep_days", u64::from(config.batches.keep_days)),
    ];
    if let Some((key, _)) = above_zero.into_iter().find(|(_, value)| *value == 0) {
        return Err(format!("{key} must be above 0"));
    }
    if u64::from(config.pictures.link_minutes) > u64::from(config.pictures.keep_days) * 24 * 60 {
        return Err("pictures.link_minutes must not be longer than pictures.keep_days".into());
    }
    Ok(())
}

/// Refuses paths and names that are empty: variables that somebody forgot to fill. An empty path would be the working directory.
fn check_names(config: &Config) -> Result<(), String> {
    let model = &config.model;
    let of_path = |path: Option<&PathBuf>| path.is_some_and(|path| path == Path::new(""));
    let of_text = |text: Option<&String>| text.is_some_and(|text| text.trim().is_empty());
    let empty = [
        ("data_dir", config.data_dir == Path::new("")),
        ("price_book", of_path(config.price_book.as_ref())),
        ("model.path", of_text(model.path.as_ref())),
        ("model.id", of_text(model.id.as_ref())),
        ("model.text_encoder", of_path(model.text_encoder.as_ref())),
        ("model.vae", of_path(model.vae.as_ref())),
        ("model.tokenizer", of_path(model.tokenizer.as_ref())),
        ("model.loras", model.loras.iter().any(|lora| lora == Path::new(""))),
        ("model.aliases", model.aliases.iter().any(|alias| alias.trim().is_empty())),
        ("metadata.producer", config.metadata.producer.trim().is_empty()),
        ("edits.image_authorities", of_path(config.edits.image_authorities.as_ref())),
        ("mail.authorities", of_path(config.mail.authorities.as_ref())),
        ("cluster.secret_file", of_path(config.cluster.secret_file.as_ref())),
    ];
    if let Some((key, _)) = empty.into_iter().find(|(_, is_empty)| *is_empty) {
        return Err(format!("{key} is empty; fill it in, or leave it out"));
    }
    // Files, exports and tables have them in one line.
    let ids = model.id.iter().chain(&model.aliases).map(|id| ("model.id or model.aliases", id));
    for (key, text) in ids.chain([("metadata.producer", &config.metadata.producer)]) {
        check_label(text, TEXT_CHARS_MAX).map_err(|error| format!("{key}: {error}"))?;
    }
    Ok(())
}

/// Pages and links begin at the root of a host, so a public URL is a scheme and a host.
fn check_public_url(url: &str) -> Result<(), String> {
    let no_host = || format!("public_url is `{url}`, which names no host; write it as https://paint.example");
    if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(format!(
            "public_url is `{url}`; write it with http:// or https://, such as https://paint.example"
        ));
    }
    let read = Url::parse(url).map_err(|_| no_host())?;
    let is_written_plainly = !url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@');
    if !is_written_plainly || read.host_str().is_none_or(str::is_empty) {
        return Err(no_host());
    }
    if read.path() != "/" || read.query().is_some() || read.fragment().is_some() {
        return Err(format!(
            "public_url is `{url}`, which has a path; the pages need a host name of their own, such as \
             https://paint.example"
        ));
    }
    Ok(())
}
