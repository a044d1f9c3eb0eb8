//! Images and other objects, in a directory and in a bucket of a real server of S3.
//!
//! Without python3 or the registry those of the bucket say so and skip; with TINTYPE_REQUIRE_CLIENTS=1 that is a failure.

#[path = "../support/program.rs"]
mod program;
#[expect(dead_code, reason = "tests/crash cuts it")]
#[path = "../support/relay.rs"]
mod relay;
#[path = "../support/s3.rs"]
mod s3;
#[path = "../support/script.rs"]
mod script;
#[path = "../support/skip.rs"]
mod skip;
#[path = "../support/tiny_models.rs"]
mod tiny_models;

mod faults;
mod kept;
mod served;

use std::sync::{
    LazyLock,
    atomic::{AtomicUsize, Ordering},
};

use tempfile::TempDir;
use tintype::image_store::{ImageStore, ImagesPlace, StoreError};

use crate::s3::S3;

/// One for all tests that neither kill it nor count what it has.
static SERVER: LazyLock<Option<S3>> = LazyLock::new(S3::start);
static BUCKETS: AtomicUsize = AtomicUsize::new(0);

/// What a test keeps its objects in.
struct Place {
    store: ImageStore,
    /// Of a directory.
    root: Option<TempDir>,
}

impl Place {
    fn directory() -> Self {
        // Another file system, such as a mounted one.
        let elsewhere = std::env::var_os("TINTYPE_TEST_IMAGES");
        let root = elsewhere.map_or_else(TempDir::new, TempDir::new_in).expect("a directory");
        let store = ImageStore::open(root.path().join("images"), 0).expect("a store");
        Self { store, root: Some(root) }
    }

    /// None without a server, which was said.
    fn bucket() -> Option<Self> {
        let server = SERVER.as_ref()?;
        let name = format!("images-{}", BUCKETS.fetch_add(1, Ordering::Relaxed));
        server.make_bucket(&name);
        let store = store_at(&format!("s3://{name}/studio"), server).expect("a store");
        Some(Self { store, root: None })
    }
}

fn store_at(url: &str, server: &S3) -> Result<ImageStore, StoreError> {
    let Ok(ImagesPlace::Bucket(place)) = url.parse() else { panic!("{url} is a bucket") };
    ImageStore::in_bucket(&place, server.variables())
}
