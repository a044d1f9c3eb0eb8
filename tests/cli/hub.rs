//! `--model owner/name` against a hub on loopback, honest, slow and hostile.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use tempfile::TempDir;

use crate::{
    complaint,
    false_hub::{COMMIT, Hub, Manners, silent},
    out, pixels,
    program::tintype,
    tiny_models,
};

const REPOSITORY: &str = "studio/tiny-z-image";

fn hub(manners: Manners) -> Hub {
    Hub::serve(tiny_models::directory("sharded"), manners)
}

/// One image by the model of the hub at `endpoint`, whose cache is below `place`.
fn generate(place: &Path, endpoint: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = tintype();
    for variable in
        ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN_PATH"]
    {
        command.env_remove(variable);
    }
    command
        .current_dir(place)
        .args(["generate", "tea", "--model", REPOSITORY, "--size", "32x32", "--steps", "2", "--seed", "1"])
        .env("HF_ENDPOINT", endpoint)
        .env("HF_HOME", place.join("hf"))
        .env("HOME", place.join("home"))
        .envs(variables.iter().copied())
        .output()
        .expect("the program runs")
}

/// Every file and link below `place`, but what a run leaves beside the cache.
fn everything_in(place: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut places = vec![place.to_owned()];
    while let Some(place) = places.pop() {
        for entry in fs::read_dir(place).into_iter().flatten().map_while(Result::ok) {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                places.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found
}

#[test]
fn a_repository_is_fetched_once_into_the_cache_and_used_from_there() {
    let place = TempDir::new().expect("a directory");
    let hub = hub(Manners::default());
    out(&generate(place.path(), &hub.url, &[]));
    let image = pixels(&place.path().join("picture.png"));
    let asked = hub.asked().len();
    assert!(asked >= 10, "{asked}");

    out(&generate(place.path(), &hub.url, &[]));
    assert_eq!(hub.asked().len(), asked, "a complete model is used as it is");
    // No network, a hub that never answers, and a network that is forbidden.
    for (endpoint, offline) in [("http://127.0.0.1:9", "0"), (&silent(), "0"), (&hub.url, "1")] {
        out(&generate(place.path(), endpoint, &[("HF_HUB_OFFLINE", offline)]));
        assert_eq!(pixels(&place.path().join("picture.png")), image, "{endpoint}");
    }
    assert_eq!(hub.asked().len(), asked);
}

#[test]
fn the_cache_may_be_anywhere() {
    let place = TempDir::new().expect("a directory");
    let hub = hub(Manners::default());
    let caches = [place.path().join("new"), place.path().join("old")].map(|path| path.display().to_string());
    out(&generate(place.path(), &hub.url, &[("HF_HUB_CACHE", &caches[0])]));
    out(&generate(place.path(), &hub.url, &[("HUGGINGFACE_HUB_CACHE", &caches[1])]));
    for cache in &caches {
        let snapshots = Path::new(cache).join("models--studio--tiny-z-image/snapshots");
        assert!(snapshots.join(COMMIT).join("model_index.json").is_file(), "{cache}");
    }
    assert!(!place.path().join("hf/hub").exists());
}

#[test]
fn with_no_network_it_says_what_to_do() {
    let place = TempDir::new().expect("a directory");
    let said = complaint(&generate(place.path(), "http://127.0.0.1:9", &[]), 2);
    for part in [REPOSITORY, "HF_ENDPOINT", "--model"] {
        assert!(said.contains(part), "{said}");
    }
    let hub = hub(Manners::default());
    let said = complaint(&generate(place.path(), &hub.url, &[("HF_HUB_OFFLINE", "1")]), 2);
    assert!(said.contains("HF_HUB_OFFLINE") && hub.asked().is_empty(), "{said}");
}

#[test]
fn a_file_that_breaks_off_goes_on_where_it_stopped() {
    let place = TempDir::new().expect("a directory");
    let hub = hub(Manners { breaks_after: Some(1_000_000), busy: 2, ..Manners::default() });
    out(&generate(place.path(), &hub.url, &[]));
    let resumed = hub.asked().iter().filter(|path| path.ends_with(" from 1000000")).count();
    assert!(resumed > 0, "{:?}", hub.asked());
}

#[test]
fn bytes_that_are_not_the_promised_ones_are_not_kept() {
    let other: fn(Vec<u8>) -> Vec<u8> = |mut bytes| {
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        bytes
    };
    let longer: fn(Vec<u8>) -> Vec<u8> = |bytes| [bytes, vec![0; 9]].concat();
    for (sent, complaint_part) in [(other, "SHA-256"), (longer, "longer than")] {
        let place = TempDir::new().expect("a directory");
        let hub = hub(Manners { sent, ..Manners::default() });
        let said = complaint(&generate(place.path(), &hub.url, &[]), 2);
        assert!(said.contains(complaint_part) && said.contains(".safetensors"), "{said}");
        let kept = everything_in(&place.path().join("hf/hub/models--studio--tiny-z-image/snapshots"));
        assert!(
            kept.iter().all(|file| file.extension().is_none_or(|suffix| suffix != "safetensors")),
            "{kept:?}"
        );
        // The honest hub's are fetched in their place, and what other files left half done is no obstacle.
        let hub = self::hub(Manners::default());
        out(&generate(place.path(), &hub.url, &[]));
    }
}

#[test]
fn nothing_that_a_hub_answers_becomes_a_path_outside_the_cache() {
    type Case = (&'static str, fn(&Path) -> Manners);
    let cases: [Case; 8] = [
        ("ETag", |_| Manners { etag: |_, _| "../../../../../PWNED".to_owned(), ..Manners::default() }),
        ("ETag", |_| Manners { etag: |_, _| "/tmp/tintype-PWNED".to_owned(), ..Manners::default() }),
        ("ETag", |_| Manners { etag: |_, etag| etag[1..].to_owned(), ..Manners::default() }),
        ("ETag", |_| Manners { etag: |_, _| String::new(), ..Manners::default() }),
        ("commit", |_| Manners { commit: "../../../../../PWNED".to_owned(), ..Manners::default() }),
        ("commit", |place| Manners {
            commit: place.join("PWNED").display().to_string(),
            ..Manners::default()
        }),
        ("commit", |_| Manners { commit: COMMIT.to_uppercase(), ..Manners::default() }),
        ("lists", |_| Manners {
            listed: (0..2000).map(|i| format!("vae/{i}.safetensors")).collect(),
            ..Manners::default()
        }),
    ];
    for (part, manners) in cases {
        let place = TempDir::new().expect("a directory");
        let hub = hub(manners(place.path()));
        let said = complaint(&generate(place.path(), &hub.url, &[]), 2);
        assert!(said.contains(part) && said.contains("nothing of it was kept"), "{said}");
        assert_eq!(everything_in(place.path()), Vec::<PathBuf>::new(), "{said}");
    }
    assert!(!Path::new("/tmp/tintype-PWNED").exists());
}

#[test]
fn names_that_lead_out_of_the_model_are_not_asked_for() {
    let listed =
        ["transformer/../../PWNED.safetensors", "transformer/..\\PWNED.safetensors", "../vae/config.json"];
    let place = TempDir::new().expect("a directory");
    let hub = hub(Manners { listed: listed.map(String::from).to_vec(), ..Manners::default() });
    out(&generate(place.path(), &hub.url, &[]));
    assert!(hub.asked().iter().all(|path| !path.contains("..")), "{:?}", hub.asked());
}
