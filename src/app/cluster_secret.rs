use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::AppError;
use crate::{cluster::ClusterSecret, config::ClusterConfig, os};

/// The secret in the directory of images, if none is configured.
const FILE: &str = "cluster.key";

/// The secret of the cluster: configured, or in the directory `images` that all nodes share, where the first of them makes it.
///
/// # Errors
/// [`AppError::DataDir`], one line with the remedy.
pub(super) fn cluster_secret(config: &ClusterConfig, images: &Path) -> Result<ClusterSecret, AppError> {
    let error = |path: &Path, reason: String| AppError::DataDir { path: path.to_owned(), reason };
    let too_short =
        || format!("a cluster's secret has {} bytes at least, not all alike", ClusterSecret::BYTES_MIN);
    if let Some(secret) = &config.secret {
        let secret = ClusterSecret::new(secret.reveal().trim().as_bytes());
        return secret.ok_or_else(|| error(Path::new("cluster.secret"), too_short()));
    }
    let (path, bytes) = match &config.secret_file {
        Some(file) => (file.clone(), fs::read(file)),
        None => {
            let file = images.join(FILE);
            let bytes = read_or_make(&file);
            (file, bytes)
        }
    };
    let bytes = bytes.map_err(|cause| error(&path, format!("{cause}; let the server's user read it")))?;
    ClusterSecret::new(bytes.trim_ascii()).ok_or_else(|| error(&path, too_short()))
}

/// Several nodes may make it at once: the file of one of them gets the name, and all read it.
fn read_or_make(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let bytes: [u8; 32] = rand::random();
    let aside = PathBuf::from(format!("{}.{:016x}", path.display(), rand::random::<u64>()));
    let mut file = os::create_new(&aside)?;
    file.write_all(base16ct::lower::encode_string(&bytes).as_bytes())?;
    file.sync_all()?;
    let named = fs::hard_link(&aside, path);
    fs::remove_file(&aside)?;
    match named {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => return Err(cause),
        _ => {}
    }
    fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::SecretUse;

    #[test]
    fn nodes_that_share_a_directory_share_a_secret() {
        let shared = tempfile::tempdir().expect("a directory");
        let config = ClusterConfig::default();
        let check = |config: &ClusterConfig| {
            cluster_secret(config, shared.path()).map(|secret| secret.key(SecretUse::Check))
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
