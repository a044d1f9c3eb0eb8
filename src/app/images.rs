use std::{env, ffi::OsString};

use super::{AppError, IMAGES_DIRECTORY, free_disk_min};
use crate::{
    config::{Config, ConfigError},
    http::Links,
    image_store::{ImageStore, ImagesPlace, LinkKind, StoreError},
    units::Millis,
};

/// Where images are kept.
pub(crate) fn images_place(config: &Config) -> ImagesPlace {
    let own = || ImagesPlace::Directory(config.data_dir.join(IMAGES_DIRECTORY));
    config.images.clone().unwrap_or_else(own)
}

/// The kept images. A bucket's credentials, and the address of its server, are in this process's variables AWS_….
///
/// # Errors
/// [`StoreError`], one line with the remedy.
pub(crate) fn open_images(config: &Config) -> Result<ImageStore, StoreError> {
    match images_place(config) {
        ImagesPlace::Directory(directory) => ImageStore::open(directory, free_disk_min(config)),
        ImagesPlace::Bucket(place) => ImageStore::in_bucket(&place, env::vars_os().filter_map(texts)),
    }
}

/// What makes links to images, signed with `secret` where they lead here.
///
/// # Errors
/// [`ConfigError`] if they shall lead to a bucket, and images are in none.
pub(super) fn links(config: &Config, secret: [u8; 32]) -> Result<Links, ConfigError> {
    let kind = config.pictures.links;
    if kind == LinkKind::Presigned && matches!(images_place(config), ImagesPlace::Directory(_)) {
        let reason =
            "pictures.links is presigned, and a directory signs nothing; set images to s3://BUCKET/PREFIX";
        return Err(ConfigError::Malformed(reason.into()));
    }
    let kept = Millis::new(u64::from(config.pictures.keep_days) * 86_400_000);
    Ok(Links::new(secret, kind, config.pictures.link_lifetime(), kept))
}

/// A variable that is text.
fn texts((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

/// A store that a node cannot share.
pub(super) fn unshared(error: StoreError) -> AppError {
    match error {
        StoreError::Io { path, cause } => {
            let reason =
                format!("{cause}; let the server's user read and write there, or pass another --images");
            AppError::DataDir { path, reason }
        }
        other => other.into(),
    }
}
