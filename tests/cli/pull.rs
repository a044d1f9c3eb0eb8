//! `tintype pull` against a hub on loopback that speaks both hubs' protocols: honest, slow, silent and hostile.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::Ordering,
};

use tempfile::TempDir;

use crate::{
    complaint,
    eventually::eventually,
    false_hub::{COMMIT, Hub, Manners, files_of, proxy, sha256, silent},
    out,
    program::{tintype, tintype_by},
    signal, tiny_models,
};

const REPOSITORY: &str = "studio/tiny-z-image";
const VARIABLES: [&str; 18] = [
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_TOKEN_PATH",
    "HF_ENDPOINT",
    "HF_HUB_DOWNLOAD_TIMEOUT",
    "HF_HUB_ETAG_TIMEOUT",
    "MODELSCOPE_ENDPOINT",
    "MODELSCOPE_DOMAIN",
    "MODELSCOPE_CACHE",
    "MODELSCOPE_API_TOKEN",
    "XDG_CACHE_HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "no_proxy",
];

fn model() -> PathBuf {
    tiny_models::directory("sharded")
}

/// Tintype in `place`, which knows `hub` as both hubs.
fn prepared(mut command: Command, place: &Path, hub: &str) -> Command {
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
        .current_dir(place)
        .env("HF_ENDPOINT", hub)
        .env("MODELSCOPE_ENDPOINT", hub)
        .env("HF_HOME", place.join("hf"))
        .env("HOME", place.join("home"));
    command
}

/// Tintype in `place` with `arguments`, which knows `hub` as both hubs.
pub fn command(place: &Path, hub: &str, arguments: &[&str]) -> Command {
    let mut command = prepared(tintype(), place, hub);
    command.args(arguments);
    command
}

fn pull(place: &Path, hub: &str, arguments: &[&str]) -> Output {
    let mut command = command(place, hub, &["pull", REPOSITORY]);
    command.args(arguments).output().expect("the program runs")
}

fn generate(place: &Path, hub: &str, arguments: &[&str]) -> Output {
    let words = ["generate", "tea", "--size", "32x32", "--steps", "1", "--seed", "1"];
    command(place, hub, &words).args(arguments).output().expect("the program runs")
}

/// What `sha256sum FILES | sort -k2 | sha256sum` prints for `directory`.
fn digest_of(directory: &Path) -> String {
    let mut files = files_of(directory);
    files.retain(|file| !file.starts_with('.'));
    files.sort();
    let line =
        |file: String| format!("{}  {file}\n", sha256(&fs::read(directory.join(&file)).expect("a file")));
    sha256(files.into_iter().map(line).collect::<String>().as_bytes())
}

fn incomplete_in(place: &Path) -> Vec<String> {
    files_of(place).into_iter().filter(|file| file.ends_with(".incomplete")).collect()
}

#[test]
fn both_hubs_are_pulled_from_and_what_was_pulled_is_served() {
    let hub = Hub::serve(model(), Manners::default());
    for (arguments, model_argument) in [
        (&[][..], REPOSITORY),
        (&["--from", "modelscope"], "modelscope:studio/tiny-z-image"),
        (&["--from", "modelscope", "--into", "model dir"], "model dir"),
        (&["--from", "huggingface", "--into", "model"], "model"),
    ] {
        let place = TempDir::new().expect("a directory");
        let said = out(&pull(place.path(), &hub.url, arguments));
        let last = said.lines().last().expect("a line");
        let quoted = if model_argument.contains(' ') { "'model dir'" } else { model_argument };
        assert_eq!(last, format!("tintype serve --model {quoted}"), "{said}");
        for part in
            ["3.09 MB", "transformer/diffusion_pytorch_model-00002-of-00003.safetensors", "in all", &hub.url]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        let digest = digest_of(&model());
        assert!(said.contains(&format!("model.sha256 = \"{digest}\"")), "{said}");
        assert_eq!(incomplete_in(place.path()), Vec::<String>::new());

        // The hub is not asked again, and what it says can be pinned.
        let asked = hub.asked().len();
        let pinned = |digest: &str| {
            command(
                place.path(),
                "http://127.0.0.1:9",
                &["generate", "tea", "--size", "32x32", "--steps", "1"],
            )
            .args(["--model", model_argument])
            .env("TINTYPE_MODEL__SHA256", digest)
            .output()
            .expect("the program runs")
        };
        out(&pinned(&digest));
        let complaint = complaint(&pinned(&"0".repeat(64)), 2);
        assert!(complaint.contains("model.sha256") && complaint.contains(&digest), "{complaint}");
        assert_eq!(hub.asked().len(), asked);
    }
}

#[test]
fn json_says_what_was_fetched() {
    let (place, hub) = (TempDir::new().expect("a directory"), Hub::serve(model(), Manners::default()));
    let said = out(&pull(place.path(), &hub.url, &["--json", "--yes"]));
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["repository"], REPOSITORY);
    assert_eq!((&said["hub"], &said["verified_by"]), (&"huggingface".into(), &"hub".into()));
    assert_eq!((&said["commit"], &said["endpoint"]), (&COMMIT.into(), &(&*hub.url).into()));
    assert_eq!(said["digest"], digest_of(&model()));
    let files = said["files"].as_array().expect("files");
    assert_eq!(files.len(), files_of(&model()).len());
    for file in files {
        let bytes = fs::read(model().join(file["path"].as_str().expect("a path"))).expect("a file");
        assert_eq!((&file["bytes"], &file["sha256"]), (&bytes.len().into(), &sha256(&bytes).into()));
    }
}

#[test]
fn a_pull_that_breaks_off_again_and_again_goes_on_where_it_stopped() {
    for hub_name in ["huggingface", "modelscope"] {
        let place = TempDir::new().expect("a directory");
        let hub =
            Hub::serve(model(), Manners { breaks_after: Some(1_000_000), busy: 2, ..Manners::default() });
        out(&pull(place.path(), &hub.url, &["--from", hub_name, "--into", "model"]));
        let asked = hub.asked();
        for byte in ["from 1000000", "from 2000000", "from 3000000"] {
            assert!(asked.iter().any(|path| path.ends_with(byte)), "{asked:?}");
        }
        assert_eq!(digest_of(&place.path().join("model")), digest_of(&model()));
    }
}

#[test]
fn retry_after_may_be_a_date_and_a_hub_that_stays_busy_is_given_up() {
    let (place, hub) = (
        TempDir::new().expect("a directory"),
        Hub::serve(
            model(),
            Manners { busy: 1, retry_after: "Sun, 29 Nov 2026 07:00:00 GMT", ..Manners::default() },
        ),
    );
    out(&pull(place.path(), &hub.url, &[]));
    let hub = Hub::serve(model(), Manners { busy: usize::MAX, ..Manners::default() });
    let said = complaint(&pull(place.path(), &hub.url, &["--into", "model"]), 2);
    assert!(said.contains("429"), "{said}");
    assert_eq!(hub.asked().len(), 3);
}

#[test]
#[cfg(unix)]
fn ctrl_c_keeps_what_has_come() {
    use std::process::Stdio;
    let place = TempDir::new().expect("a directory");
    let slow = Hub::serve(model(), Manners { stalls: Some((500_000, usize::MAX)), ..Manners::default() });
    // Whoever runs tests in the background of a shell has them ignore Ctrl-C, and a child inherits that.
    let mut child = prepared(tintype_by(&["env", "--default-signal=INT"]), place.path(), &slow.url)
        .args(["pull", REPOSITORY, "--into", "model"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let has_come = || {
        let partial = incomplete_in(place.path())
            .into_iter()
            .filter(|file| fs::metadata(place.path().join(file)).is_ok_and(|found| found.len() == 500_000));
        partial.count() == 3
    };
    eventually("half a megabyte of three files", has_come);
    signal::send(&child, "-INT");
    assert!(!child.wait().expect("it ends").success());
    assert!(!place.path().join("model/model_index.json").exists());

    let hub = Hub::serve(model(), Manners::default());
    let said = out(&pull(place.path(), &hub.url, &["--into", "model"]));
    assert!(said.contains("are here"), "{said}");
    let resumed = |path: &&String| path.starts_with("/elsewhere/") && path.ends_with("from 500000");
    assert_eq!(hub.asked().iter().filter(resumed).count(), 3, "{:?}", hub.asked());
    assert_eq!(digest_of(&place.path().join("model")), digest_of(&model()));
    assert_eq!(incomplete_in(place.path()), Vec::<String>::new());
}

#[test]
fn a_hub_that_falls_silent_is_asked_again_for_the_rest() {
    let place = TempDir::new().expect("a directory");
    let hub = Hub::serve(model(), Manners { stalls: Some((100_000, 2)), ..Manners::default() });
    let mut command = command(place.path(), &hub.url, &["pull", REPOSITORY]);
    out(&command.env("HF_HUB_DOWNLOAD_TIMEOUT", "1").output().expect("the program runs"));
    let resumed = |path: &&String| path.starts_with("/elsewhere/") && path.ends_with("from 100000");
    assert_eq!(hub.asked().iter().filter(resumed).count(), 2, "{:?}", hub.asked());

    let mut command = self::command(place.path(), &silent(), &["pull", REPOSITORY, "--into", "model"]);
    let said = complaint(&command.env("HF_HUB_ETAG_TIMEOUT", "1").output().expect("the program runs"), 2);
    assert!(said.contains("HF_ENDPOINT"), "{said}");
}

#[test]
fn wrong_bytes_get_no_name() {
    let other: fn(Vec<u8>) -> Vec<u8> = |bytes| bytes.iter().rev().copied().collect();
    let longer: fn(Vec<u8>) -> Vec<u8> = |bytes| [bytes, vec![0; 9]].concat();
    for hub_name in ["huggingface", "modelscope"] {
        for (sent, part) in [(other, "SHA-256"), (longer, "longer than")] {
            let place = TempDir::new().expect("a directory");
            let hub = Hub::serve(model(), Manners { sent, ..Manners::default() });
            let said = complaint(&pull(place.path(), &hub.url, &["--from", hub_name, "--into", "model"]), 2);
            assert!(said.contains(part) && said.contains(".safetensors"), "{said}");
            let kept = files_of(&place.path().join("model"));
            assert!(!kept.iter().any(|file| file.ends_with(".safetensors")), "{kept:?}");
        }
        // A length that does not hold: too short a file never ends, and is given up.
        let place = TempDir::new().expect("a directory");
        let hub = Hub::serve(model(), Manners { claimed: Some(9_000_000), ..Manners::default() });
        let said = complaint(&pull(place.path(), &hub.url, &["--from", hub_name, "--into", "model"]), 2);
        assert!(said.contains("broke off") || said.contains("416"), "{said}");
        assert!(!place.path().join("model/model_index.json").exists());
    }
}

#[test]
fn a_file_that_was_damaged_on_the_disk_is_fetched_again() {
    let (place, hub) = (TempDir::new().expect("a directory"), Hub::serve(model(), Manners::default()));
    out(&pull(place.path(), &hub.url, &["--into", "model"]));
    let file = place.path().join("model/vae/diffusion_pytorch_model.safetensors");
    let mut bytes = fs::read(&file).expect("a file");
    bytes[1000] ^= 1;
    fs::write(&file, bytes).expect("written");
    let before = hub.asked().len();
    out(&pull(place.path(), &hub.url, &["--into", "model"]));
    let fetched: Vec<_> =
        hub.asked()[before..].iter().filter(|path| path.starts_with("/elsewhere/")).cloned().collect();
    assert_eq!(fetched, ["/elsewhere/vae/diffusion_pytorch_model.safetensors"]);
    assert_eq!(digest_of(&place.path().join("model")), digest_of(&model()));
}

#[test]
fn a_token_is_shown_to_the_hub_alone() {
    for (hub_name, variable) in [("huggingface", "HF_TOKEN"), ("modelscope", "MODELSCOPE_API_TOKEN")] {
        let (place, hub) = (TempDir::new().expect("a directory"), Hub::serve(model(), Manners::default()));
        let mut asked = command(place.path(), &hub.url, &["pull", REPOSITORY, "--from", hub_name]);
        out(&asked.env(variable, "secret").output().expect("the program runs"));
        let with = hub.asked_with_credentials();
        assert!(with.iter().any(|path| path.starts_with("/api/")), "{with:?}");
        assert!(!with.iter().any(|path| path.starts_with("/elsewhere/")), "{with:?}");
        assert!(hub.asked().iter().any(|path| path.starts_with("/elsewhere/")));
    }
    // A mirror that is named on the command line is not the hub that the token is for.
    let (place, hub) = (TempDir::new().expect("a directory"), Hub::serve(model(), Manners::default()));
    let mut asked = command(place.path(), "http://127.0.0.1:9", &["pull", REPOSITORY, "--from", &hub.url]);
    out(&asked.env("HF_TOKEN", "secret").output().expect("the program runs"));
    assert_eq!(hub.asked_with_credentials(), Vec::<String>::new());
}

#[test]
fn a_pin_holds_against_the_hub() {
    let (place, hub) = (TempDir::new().expect("a directory"), Hub::serve(model(), Manners::default()));
    let digest = digest_of(&model());
    let said = out(&pull(place.path(), &hub.url, &["--into", "model", "--sha256", &digest]));
    assert!(said.contains("pinned"), "{said}");

    // A mirror that has other weights, with hashes to match. Nothing of them gets a name, in a directory or in the cache.
    let other = TempDir::new().expect("a directory");
    for file in files_of(&model()) {
        let to = other.path().join(&file);
        fs::create_dir_all(to.parent().expect("a parent")).expect("made");
        fs::copy(model().join(&file), to).expect("copied");
    }
    let vae = other.path().join("vae/diffusion_pytorch_model.safetensors");
    let mut bytes = fs::read(&vae).expect("a file");
    *bytes.last_mut().expect("a byte") ^= 1;
    fs::write(&vae, bytes).expect("written");
    let mirror = Hub::serve(other.path().to_owned(), Manners::default());
    let config = format!("[model]\npath = \"{REPOSITORY}\"\nsha256 = \"{digest}\"\n");
    fs::write(place.path().join("tintype.toml"), config).expect("written");
    for place_argument in [&["--into", "other"][..], &[]] {
        let said = complaint(&pull(place.path(), &mirror.url, place_argument), 2);
        assert!(said.contains(&digest) && said.contains("model.sha256"), "{said}");
    }
    let said = complaint(&generate(place.path(), &mirror.url, &[]), 2);
    assert!(said.contains(&digest), "{said}");
    assert_eq!(files_of(&place.path().join("other")), Vec::<String>::new());
    assert_eq!(files_of(&place.path().join("hf")), Vec::<String>::new());
    // The right weights are taken, by the same configuration.
    out(&generate(place.path(), &hub.url, &[]));
}

#[test]
fn a_disk_without_room_is_noticed_before_and_while_it_fills() {
    let place = TempDir::new().expect("a directory");
    let hub = Hub::serve(model(), Manners { claimed: Some(1 << 50), ..Manners::default() });
    let said = complaint(&pull(place.path(), &hub.url, &["--into", "model"]), 2);
    assert!(said.contains("MB free") && said.contains("--into"), "{said}");
    assert!(!place.path().join("model").exists());
    assert!(!hub.asked().iter().any(|path| path.starts_with("/elsewhere/")));

    // A limit on the length of files is a disk that fills: a write is refused in the middle. Then it is taken away.
    let hub = Hub::serve(model(), Manners::default());
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 2000; exec \"$@\"", "sh"];
    let mut asked = prepared(tintype_by(&limited), place.path(), &hub.url);
    let said = complaint(&asked.args(["pull", REPOSITORY, "--into", "model"]).output().expect("it runs"), 2);
    assert!(said.contains("free disk space"), "{said}");
    out(&pull(place.path(), &hub.url, &["--into", "model"]));
    let is_resumed = |path: &String| path.starts_with("/elsewhere/") && path.contains(" from ");
    assert!(hub.asked().iter().any(is_resumed), "{:?}", hub.asked());
    assert_eq!(digest_of(&place.path().join("model")), digest_of(&model()));
}

#[test]
fn proxies_are_used_except_for_the_hosts_that_are_exempt() {
    let hub = Hub::serve(model(), Manners::default());
    let (proxy, used) = proxy(&hub.url);
    for variable in ["HTTPS_PROXY", "ALL_PROXY"] {
        let place = TempDir::new().expect("a directory");
        let before = used.load(Ordering::Relaxed);
        // A host that only the proxy finds.
        let mut asked = command(place.path(), "http://hub.invalid", &["pull", REPOSITORY, "--into", "model"]);
        asked.env(variable, &proxy).env("NO_PROXY", "localhost");
        out(&asked.output().expect("the program runs"));
        assert!(used.load(Ordering::Relaxed) > before, "{variable}");
    }
    let place = TempDir::new().expect("a directory");
    let mut asked = command(place.path(), &hub.url, &["pull", REPOSITORY]);
    asked.env("HTTPS_PROXY", "http://127.0.0.1:9").env("NO_PROXY", "127.0.0.1,localhost");
    out(&asked.output().expect("the program runs"));
}

#[test]
fn caches_of_both_hubs_are_found() {
    let (place, hub) = (TempDir::new().expect("a directory"), Hub::serve(model(), Manners::default()));
    let cached = place.path().join("home/.cache/modelscope/hub/models").join(REPOSITORY);
    for file in files_of(&model()) {
        fs::create_dir_all(cached.join(&file).parent().expect("a parent")).expect("made");
        fs::copy(model().join(&file), cached.join(&file)).expect("copied");
    }
    for name in [REPOSITORY.to_owned(), format!("modelscope:{REPOSITORY}")] {
        out(&generate(place.path(), "http://127.0.0.1:9", &["--model", &name]));
    }
    // What it has is held against the hub's list, and not fetched.
    let said = out(&pull(place.path(), &hub.url, &["--from", "modelscope"]));
    assert!(said.contains("already here"), "{said}");
    assert_eq!(hub.asked().len(), 1, "{:?}", hub.asked());
}

#[test]
fn a_revision_is_asked_for_and_found_again() {
    let (place, hub) = (TempDir::new().expect("a directory"), Hub::serve(model(), Manners::default()));
    let said = out(&pull(place.path(), &hub.url, &["--revision", "v1.0"]));
    assert!(said.ends_with(&format!("tintype serve --model {REPOSITORY}@v1.0\n")), "{said}");
    assert!(hub.asked().iter().any(|path| path.ends_with("/revision/v1.0")));
    out(&generate(place.path(), "http://127.0.0.1:9", &["--model", &format!("{REPOSITORY}@v1.0")]));
    out(&generate(place.path(), "http://127.0.0.1:9", &["--model", &format!("{REPOSITORY}@{COMMIT}")]));
    out(&pull(place.path(), &hub.url, &["--from", "modelscope", "--revision", "v2"]));
    assert!(hub.asked().iter().any(|path| path.contains("Revision=v2")));
    out(&generate(place.path(), "http://127.0.0.1:9", &["--model", &format!("modelscope:{REPOSITORY}@v2")]));

    // A pinned commit is that commit, and a revision is no path.
    let said = complaint(&pull(place.path(), &hub.url, &["--revision", &"f".repeat(40)]), 2);
    assert!(said.contains("asked for commit"), "{said}");
    for revision in ["../x", "a/b", ".x", ""] {
        let said = complaint(&pull(place.path(), &hub.url, &["--revision", revision]), 2);
        assert!(said.contains("--revision"), "{said}");
    }
}

#[test]
fn nothing_that_modelscope_answers_becomes_a_path_elsewhere() {
    let cases: [(&str, Manners); 3] = [
        ("40 or 64", Manners { etag: |_, _| "../../../PWNED".to_owned(), ..Manners::default() }),
        ("no SHA-256", Manners { etag: |_, _| "a".repeat(40), ..Manners::default() }),
        (
            "lists",
            Manners {
                listed: (0..2000).map(|i| format!("vae/{i}.safetensors")).collect(),
                ..Manners::default()
            },
        ),
    ];
    for (part, manners) in cases {
        let (place, hub) = (TempDir::new().expect("a directory"), Hub::serve(model(), manners));
        let said = complaint(&pull(place.path(), &hub.url, &["--from", "modelscope"]), 2);
        assert!(said.contains(part), "{said}");
        assert_eq!(files_of(place.path()), Vec::<String>::new());
    }
    let names =
        ["../PWNED", "transformer/../../PWNED.safetensors", "/tmp/PWNED", "vae/a&FilePath=x.safetensors"];
    let listed = names.map(String::from).to_vec();
    let (place, hub) =
        (TempDir::new().expect("a directory"), Hub::serve(model(), Manners { listed, ..Manners::default() }));
    out(&pull(place.path(), &hub.url, &["--from", "modelscope", "--into", "model"]));
    assert!(
        hub.asked().iter().all(|path| !path.contains("PWNED") && !path.contains("=x.")),
        "{:?}",
        hub.asked()
    );
}

#[test]
fn what_cannot_be_pulled_is_said_at_once() {
    let place = TempDir::new().expect("a directory");
    for name in ["Z-Image", "./model", "https://huggingface.co/a/b"] {
        let mut asked = command(place.path(), "http://127.0.0.1:9", &["pull", name]);
        let said = complaint(&asked.output().expect("the program runs"), 2);
        assert!(said.contains("OWNER/NAME"), "{said}");
    }
    // Single files in a repository, as GGUFs are.
    let files = TempDir::new().expect("a directory");
    fs::write(files.path().join("z-image-turbo-Q4_K_M.gguf"), "GGUF").expect("written");
    let hub = Hub::serve(files.path().to_owned(), Manners::default());
    let said = complaint(&pull(place.path(), &hub.url, &[]), 2);
    assert!(said.contains("model_index.json") && said.contains("single files"), "{said}");
}
