use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Deserializer, de::Error};

/// Where images are kept, if not in the data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImagesPlace {
    /// A directory.
    Directory(PathBuf),
    /// A bucket of S3, or of a server that speaks its protocol.
    Bucket(BucketPlace),
}

/// A bucket, and what the names of our objects in it begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPlace {
    bucket: String,
    prefix: String,
}

/// A place that images cannot be kept in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImagesPlaceError {
    /// It names nothing.
    #[error(
        "`images` is empty; name a directory that every node has, such as /mnt/images, or a bucket: s3://BUCKET/PREFIX"
    )]
    Empty,
    /// It is a URL of another kind.
    #[error("`images` is {0}; images are kept in a directory, or in a bucket: s3://BUCKET/PREFIX")]
    Url(String),
    /// It is no bucket's URL.
    #[error(
        "`images` is {0}; a bucket is written s3://BUCKET or s3://BUCKET/PREFIX, of letters, digits and . _ - alone"
    )]
    Bucket(String),
}

/// Where links to kept images lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// To this server, or any gateway of its cluster, which reads the image and checks that the key is still good.
    #[default]
    Proxied,
    /// To the bucket itself, by a signature of its own, which nothing can take back.
    Presigned,
}

const SCHEME: &str = "s3://";

impl BucketPlace {
    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The folder in it, without a slash at its ends; empty: the bucket's root.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// From what stands behind `s3://`.
    fn parse(rest: &str) -> Option<Self> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_name = |name: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            !matches!(name, "" | "." | "..") && name.chars().all(fits)
        };
        let is_prefix = prefix.is_empty() || prefix.split('/').all(is_name);
        (is_name(bucket) && is_prefix).then(|| Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl FromStr for ImagesPlace {
    type Err = ImagesPlaceError;

    fn from_str(text: &str) -> Result<Self, ImagesPlaceError> {
        match (text, text.strip_prefix(SCHEME)) {
            ("", _) => Err(ImagesPlaceError::Empty),
            (_, Some(rest)) => BucketPlace::parse(rest)
                .map(Self::Bucket)
                .ok_or_else(|| ImagesPlaceError::Bucket(text.to_owned())),
            (url, None) if url.contains("://") => Err(ImagesPlaceError::Url(url.to_owned())),
            (path, None) => Ok(Self::Directory(path.into())),
        }
    }
}

impl fmt::Display for BucketPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl fmt::Display for ImagesPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(f),
            Self::Bucket(place) => place.fmt(f),
        }
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

    fn place(text: &str) -> Result<ImagesPlace, ImagesPlaceError> {
        text.parse()
    }

    #[test]
    fn a_place_is_a_directory_or_a_bucket() {
        assert_eq!(place("/mnt/images"), Ok(ImagesPlace::Directory("/mnt/images".into())));
        assert_eq!(place(""), Err(ImagesPlaceError::Empty));
        let error = place("http://bucket/prefix").expect_err("no bucket").to_string();
        assert!(error.contains("http://bucket/prefix") && error.contains("s3://"), "{error}");
    }

    #[test]
    fn a_bucket_may_have_a_prefix_and_says_how_it_is_written() {
        for (text, bucket, prefix) in [
            ("s3://images", "images", ""),
            ("s3://images/", "images", ""),
            ("s3://images/studio/a.b", "images", "studio/a.b"),
            ("s3://images/studio/", "images", "studio"),
        ] {
            let Ok(ImagesPlace::Bucket(place)) = place(text) else { panic!("{text}") };
            assert_eq!((place.bucket(), place.prefix()), (bucket, prefix), "{text}");
            assert_eq!(place.to_string(), text.trim_end_matches('/'));
        }
        for bad in ["s3://", "s3:///x", "s3://a//b", "s3://a/../b", "s3://key:secret@a", "s3://a?x=1"] {
            let error = place(bad).expect_err("no bucket").to_string();
            assert!(error.contains("s3://BUCKET"), "{error}");
        }
    }
}
