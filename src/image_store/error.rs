use std::{
    io,
    path::{Path, PathBuf},
};

/// An image, or another object of the store, that could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full, or as full as it may be.
    #[error("the disk under {directory} is full: {free_mib} MiB are free")]
    Full {
        /// Where images are kept.
        directory: PathBuf,
        /// What is left.
        free_mib: u64,
    },
    /// The system refused.
    #[error("{path}: {cause}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The directory is not the one that the nodes of the cluster share.
    #[error(
        "{directory} is not the directory of images that this cluster's nodes share; see that it is mounted"
    )]
    Unmounted {
        /// Where images are kept.
        directory: PathBuf,
    },
    /// The bucket does not answer, is full, or refuses.
    #[error("the images' bucket s3://{bucket} {fault}")]
    Bucket {
        /// Its name.
        bucket: String,
        /// What is wrong, and what to do.
        fault: BucketFault,
    },
}

/// What is wrong with a bucket, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum BucketFault {
    /// Nobody answers, or the answer is an error that may pass.
    #[error("does not answer ({0}); see that its server runs and that AWS_ENDPOINT_URL is its address")]
    Away(String),
    /// It takes nothing more.
    #[error("is full ({0}); make room in it, or let pictures.keep_days be fewer")]
    Full(String),
    /// There is no such bucket.
    #[error("does not exist; make it, or name another with --images")]
    Missing,
    /// The credentials are wrong, or have too few rights.
    #[error(
        "refuses the credentials ({0}); look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, which must be allowed to list, \
         read, write and delete"
    )]
    Refused(String),
    /// The client cannot be made of what is configured.
    #[error("cannot be used ({0}); look at the variables AWS_…")]
    Settings(String),
}

impl StoreError {
    pub(super) fn io(path: &Path, cause: io::Error) -> Self {
        Self::Io { path: path.to_owned(), cause }
    }
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::Full { .. } | StoreError::Bucket { fault: BucketFault::Full(_), .. } => {
                io::ErrorKind::StorageFull
            }
            StoreError::Io { cause, .. } => cause.kind(),
            StoreError::Bucket { .. } | StoreError::Unmounted { .. } => io::ErrorKind::NotConnected,
        };
        Self::new(kind, error)
    }
}
