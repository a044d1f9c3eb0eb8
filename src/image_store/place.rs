use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, de::Error};

/// Where images are kept, if not in the data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagesPlace(PathBuf);

/// A place that images cannot be kept in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImagesPlaceError {
    /// It names nothing.
    #[error("`images` is empty; name a directory that every node has, such as /mnt/images")]
    Empty,
    /// It is a URL.
    #[error("`images` is {0}; images are kept in a directory: mount the bucket, or share one over NFS")]
    Url(String),
}

impl ImagesPlace {
    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.0
    }
}

impl FromStr for ImagesPlace {
    type Err = ImagesPlaceError;

    fn from_str(text: &str) -> Result<Self, ImagesPlaceError> {
        match text {
            "" => Err(ImagesPlaceError::Empty),
            url if url.contains("://") => Err(ImagesPlaceError::Url(url.to_owned())),
            path => Ok(Self(path.into())),
        }
    }
}

impl fmt::Display for ImagesPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl<'de> Deserialize<'de> for ImagesPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_directory() {
        let place: ImagesPlace = "/mnt/images".parse().expect("a place");
        assert_eq!((place.directory(), place.to_string()), (Path::new("/mnt/images"), "/mnt/images".into()));
        assert_eq!("".parse::<ImagesPlace>(), Err(ImagesPlaceError::Empty));
        let error = "s3://bucket/prefix".parse::<ImagesPlace>().expect_err("not yet").to_string();
        assert!(error.contains("s3://bucket/prefix") && error.contains("directory"), "{error}");
    }
}
