use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{AppError, images::unshared};
use crate::{
    cluster::ClusterSecret,
    config::ClusterConfig,
    image_store::{ImagesPlace, Objects},
};

/// The secret among the images, if none is configured.
const FILE: &str = "cluster.key";

/// The secret of the cluster: configured, or in `objects` at `place`, which all nodes share and where the first of them puts it.
///
/// # Errors
/// [`AppError`], one line with the remedy.
pub(super) fn cluster_secret(
    config: &ClusterConfig,
    place: &ImagesPlace,
    objects: &Objects,
) -> Result<ClusterSecret, AppError> {
    let error = |path: &Path, reason: String| AppError::DataDir { path: path.to_owned(), reason };
    let too_short =
        || format!("a cluster's secret has {} bytes at least, not all alike", ClusterSecret::BYTES_MIN);
    if let Some(secret) = &config.secret {
        let secret = ClusterSecret::new(secret.reveal().trim().as_bytes());
        return secret.ok_or_else(|| error(Path::new("cluster.secret"), too_short()));
    }
    let (path, bytes) = match &config.secret_file {
        Some(file) => {
            let bytes = fs::read(file);
            (
                file.clone(),
                bytes.map_err(|cause| error(file, format!("{cause}; let the server's user read it")))?,
            )
        }
        None => {
            let drawn = base16ct::lower::encode_string(&rand::random::<[u8; 32]>());
            let bytes = objects.get_or_put_new(FILE, drawn.as_bytes());
            (PathBuf::from(format!("{place}/{FILE}")), bytes.map_err(unshared)?)
        }
    };
    ClusterSecret::new(bytes.trim_ascii()).ok_or_else(|| error(&path, too_short()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cluster::SecretUse, image_store::ImageStore};

    #[test]
    fn nodes_that_share_a_directory_share_a_secret() {
        let shared = tempfile::tempdir().expect("a directory");
        let config = ClusterConfig::default();
        let place = ImagesPlace::Directory(shared.path().to_owned());
        let store = ImageStore::open(shared.path().to_owned(), 0).expect("a store");
        let check = |config: &ClusterConfig| {
            cluster_secret(config, &place, store.objects()).map(|secret| secret.key(SecretUse::Check))
        };
        let nodes: Vec<_> = std::thread::scope(|scope| {
            let nodes: Vec<_> = (0..4).map(|_| scope.spawn(|| check(&config).expect("made"))).collect();
            nodes.into_iter().map(|node| node.join().expect("no panic")).collect()
        });
        assert!(nodes.iter().all(|key| *key == nodes[0]));
        assert_eq!(fs::read_dir(shared.path()).expect("read").count(), 1, "nothing is left beside it");
        let file = shared.path().join("own");
        fs::write(&file, "short").expect("written");
        let config = ClusterConfig { secret_file: Some(file.clone()), ..ClusterConfig::default() };
        let error = check(&config).expect_err("too short").to_string();
        assert!(error.contains("own") && error.contains("16 bytes"), "{error}");
        fs::write(&file, "correct horse battery\n").expect("written");
        assert_ne!(check(&config).expect("read"), nodes[0]);
    }
}
