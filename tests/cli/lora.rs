//! LoRAs: the library, what is said of a file, and `generate --lora`.

use std::{fs, path::Path};

use safetensors::{Dtype, tensor::TensorView};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    complaint,
    false_hub::{Hub, Manners, files_of, sha256},
    lora_files::write_lora,
    out, pixels, pull, run, tiny_models,
};

#[test]
fn a_lora_is_added_listed_inspected_applied_by_name_and_removed() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base").display().to_string();
    let tintype = |arguments: &[&str]| run(place.path(), arguments);
    write_lora(&place.path().join("style.v1.safetensors"), "layers.0.attention.to_q", 0);
    assert_eq!(out(&tintype(&["lora", "list"])), "");
    assert_eq!(out(&tintype(&["lora", "add", "style.v1.safetensors", "--name", "style"])), "style\n");
    complaint(&tintype(&["lora", "add", "style.v1.safetensors", "--name", "style"]), 2);
    complaint(&tintype(&["lora", "add", "style.v1.safetensors", "--name", "../style"]), 2);
    let listed = out(&tintype(&["lora", "list"]));
    assert!(listed.starts_with("style ") && listed.contains("1 LoRA, rank 2"), "{listed}");
    let said = out(&tintype(&["lora", "inspect", "style", "--model", &model]));
    assert!(said.contains("matched       1 of 1 layers") && said.contains("sha256"), "{said}");

    let image = |lora: &[&str]| {
        let arguments =
            ["generate", "tea", "--model", &model, "--size", "32x32", "--steps", "2", "--seed", "1"];
        out(&tintype(&[&arguments, lora].concat()));
        pixels(&place.path().join("picture.png"))
    };
    let (without, with) = (image(&[]), image(&["--lora", "style:3"]));
    assert_ne!(without, with);
    assert_eq!(image(&["--lora", "style.v1.safetensors:3"]), with);
    assert_eq!(image(&["--lora", "style:0"]), without);

    assert!(complaint(&tintype(&["lora", "remove", "stile"]), 2).contains("did you mean `style`?"));
    out(&tintype(&["lora", "remove", "style"]));
    let gone = complaint(&tintype(&["generate", "tea", "--model", &model, "--lora", "style"]), 2);
    assert!(gone.contains("style.safetensors") && gone.contains("loras"), "{gone}");
}

#[test]
fn a_lora_that_the_nodes_of_a_cluster_share_is_inspected_by_its_name() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base").display().to_string();
    let tintype = |arguments: &[&str]| run(place.path(), arguments);
    write_lora(&place.path().join("warm.safetensors"), "layers.0.attention.to_q", 0);
    out(&tintype(&["lora", "add", "warm.safetensors", "--images", "images"]));
    // Another one of the same name, in the data directory of this node.
    write_lora(&place.path().join("own.safetensors"), "layers.1.attention.to_q", 0);
    out(&tintype(&["lora", "add", "own.safetensors", "--name", "warm"]));
    let inspect = |name: &str, more: &[&str]| {
        tintype(&[&["lora", "inspect", name, "--model", &model, "--json"][..], more].concat())
    };
    let digest = |file: &str| sha256(&fs::read(place.path().join(file)).expect("a file"));
    let json = |output| serde_json::from_str::<Value>(&out(&output)).expect("JSON");
    let shared = json(inspect("warm", &["--images", "images"]));
    assert_eq!(
        (&shared["sha256"], &shared["model"]["matched"]),
        (&digest("warm.safetensors").into(), &1.into())
    );
    assert_eq!(json(inspect("warm", &[]))["sha256"], digest("own.safetensors"));

    let said = complaint(&inspect("wram", &["--images", "images"]), 2);
    assert!(said.contains("did you mean `warm`?"), "{said}");
    let said = complaint(&inspect("warm.safetensors", &["--images", "images"]), 2);
    assert!(said.contains("no LoRA `warm.safetensors`"), "{said}");

    // On a node that has not fetched it yet, a file that is not what it says is refused.
    let stored =
        place.path().join("images/loras").join(format!("{}.safetensors", digest("warm.safetensors")));
    fs::write(&stored, "changed").expect("written");
    let said = complaint(&inspect("warm", &["--images", "images", "--data-dir", "other"]), 1);
    assert!(said.contains("add it again"), "{said}");
}

#[test]
fn what_is_not_a_lora_or_of_another_model_is_said() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base");
    let tintype = |arguments: &[&str]| run(place.path(), arguments);
    let vae = model.join("vae/diffusion_pytorch_model.safetensors").display().to_string();
    let said = complaint(&tintype(&["lora", "add", &vae]), 2);
    assert!(said.contains("not a LoRA"), "{said}");

    write_lora(&place.path().join("other.safetensors"), "double_blocks.0.img_attn.qkv", 0);
    let model = model.display().to_string();
    let inspected = tintype(&["lora", "inspect", "other.safetensors", "--model", &model, "--json"]);
    complaint(&inspected, 1);
    let json: serde_json::Value = serde_json::from_slice(&inspected.stdout).expect("JSON");
    assert_eq!((&json["other_family"], &json["model"]["matched"]), (&"Flux's".into(), &0.into()));
    assert!(json["model"]["problem"].as_str().is_some_and(|problem| problem.contains("another model")));
    fs::remove_file(place.path().join("other.safetensors")).expect("there");
}

/// Writes the factors of a change of one layer of the model `base`, 64 × 64; all numbers of each are one.
fn write_factors(file: &Path, factors: &[(&str, [usize; 2], f32)]) {
    let bytes: Vec<_> = factors
        .iter()
        .map(|(_, [rows, columns], number)| number.to_le_bytes().repeat(rows * columns))
        .collect();
    let views = factors.iter().zip(&bytes).map(|((factor, shape, _), bytes)| {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes).expect("a view");
        (format!("layers.0.attention.to_q.{factor}"), view)
    });
    safetensors::serialize_to_file(views, None, file).expect("written");
}

#[test]
fn what_a_small_file_stands_for_is_never_computed_if_it_does_not_fit() {
    let place = TempDir::new().expect("a directory");
    let model = tiny_models::directory("base").display().to_string();
    // Matrices of 160 GB and more.
    let (tall, wide) = ([200_000, 1], [1, 200_000]);
    let hada = |[a1, b1, a2, b2]: [[usize; 2]; 4]| {
        vec![("hada_w1_a", a1, 1.0), ("hada_w1_b", b1, 1.0), ("hada_w2_a", a2, 1.0), ("hada_w2_b", b2, 1.0)]
    };
    let lora = |rank: usize, number: f32| {
        vec![("lora_A.weight", [rank, 64], number), ("lora_B.weight", [64, rank], 1.0)]
    };
    for (factors, said_of_it) in [
        (hada([tall, wide, tall, wide]), "another model"),
        (hada([[64, 1], [1, 64], tall, wide]), "differ in shape"),
        (vec![("lokr_w1", [1000, 1000], 1.0), ("lokr_w2", [1000, 1000], 1.0)], "another model"),
        (vec![("lokr_w1_a", tall, 1.0), ("lokr_w1_b", wide, 1.0), ("lokr_w2", [1, 1], 1.0)], "another model"),
        (vec![("lokr_w1", [1, 1], 1.0), ("lokr_w2_a", tall, 1.0), ("lokr_w2_b", wide, 1.0)], "another model"),
        (vec![("lora_A.weight", [2, 64], 1.0), ("lora_B.weight", [64, 3], 1.0)], "do not fit"),
        (lora(0, 1.0), "do not fit"),
        (lora(2, f32::NAN), "not finite"),
        (lora(2, f32::INFINITY), "not finite"),
        ([lora(2, 1.0), vec![("alpha", [1, 1], f32::INFINITY)]].concat(), "not finite"),
    ] {
        write_factors(&place.path().join("small.safetensors"), &factors);
        let arguments =
            ["generate", "tea", "--model", &model, "--size", "32x32", "--lora", "small.safetensors"];
        let said = complaint(&run(place.path(), &arguments), 2);
        assert!(said.contains("layers.0.attention.to_q") && said.contains(said_of_it), "{said}");
    }
}

#[test]
fn what_is_in_the_library_is_a_file_and_a_link_to_none_is_not_followed() {
    let place = TempDir::new().expect("a directory");
    let tintype = |arguments: &[&str]| run(place.path(), arguments);
    write_lora(&place.path().join("style.safetensors"), "layers.0.attention.to_q", 0);
    let library = place.path().join("data/loras");
    fs::create_dir_all(library.join("folder.safetensors")).expect("a folder");
    #[cfg(unix)]
    for link in ["style.partial", "style.safetensors"] {
        let target = place.path().join("not there");
        std::os::unix::fs::symlink(target, library.join(link)).expect("a link");
    }
    assert_eq!(out(&tintype(&["lora", "list"])), "");
    #[cfg(unix)]
    {
        complaint(&tintype(&["lora", "add", "style.safetensors"]), 2);
        fs::remove_file(library.join("style.safetensors")).expect("a link");
    }
    assert_eq!(out(&tintype(&["lora", "add", "style.safetensors"])), "style\n");
    assert!(!place.path().join("not there").exists());
}

/// A repository with the LoRA `ink` in each of `files`.
fn repository(place: &Path, files: &[&str]) -> std::path::PathBuf {
    let folder = place.join("repository");
    fs::create_dir_all(&folder).expect("a directory");
    fs::write(folder.join("README.md"), "# LoRAs").expect("written");
    for file in files {
        fs::create_dir_all(folder.join(file).parent().expect("a folder")).expect("a directory");
        write_lora(&folder.join(file), "layers.0.attention.to_q", 0);
    }
    folder
}

/// What is left in the library of `place`.
fn library(place: &Path) -> Vec<String> {
    files_of(&place.join("data/loras"))
}

#[test]
fn a_lora_comes_from_both_hubs_with_its_digest_verified() {
    let place = TempDir::new().expect("a directory");
    let add = |hub: &Hub, arguments: &[&str]| {
        let words = [&["lora", "add"], arguments].concat();
        pull::command(place.path(), &hub.url, &words).output().expect("the program runs")
    };
    let folder = repository(place.path(), &["ink v1.safetensors"]);
    let digest = sha256(&fs::read(folder.join("ink v1.safetensors")).expect("a file"));
    let hub = Hub::serve(folder.clone(), Manners { breaks_after: Some(600), busy: 1, ..Manners::default() });
    assert_eq!(out(&add(&hub, &["studio/ink"])), "ink v1\n", "in pieces");
    let copy = fs::read(place.path().join("data/loras/ink v1.safetensors")).expect("it is there");
    assert_eq!(sha256(&copy), digest);
    let added: Value =
        serde_json::from_str(&out(&add(&hub, &["modelscope:studio/ink", "--name", "ms", "--json"])))
            .expect("JSON");
    assert_eq!((&added["name"], &added["sha256"]), (&"ms".into(), &digest.clone().into()));
    assert_eq!(added["repository"], "modelscope:studio/ink");
    assert_eq!(out(&add(&hub, &["studio/ink", "--name", "pinned", "--sha256", &digest])), "pinned\n");
    let other = "0".repeat(64);
    let said = complaint(&add(&hub, &["studio/ink", "--name", "other", "--sha256", &other]), 2);
    assert!(said.contains(&other) && said.contains(&digest), "{said}");
    assert_eq!(library(place.path()), ["ink v1.safetensors", "ms.safetensors", "pinned.safetensors"]);

    // Of several one is chosen, and a name that every program writes is not kept.
    write_lora(&folder.join("pytorch_lora_weights.safetensors"), "layers.1.attention.to_q", 0);
    let said = complaint(&add(&hub, &["studio/ink"]), 2);
    assert!(said.contains("2 .safetensors files") && said.contains("--file"), "{said}");
    let chosen = ["studio/ink", "--file", "pytorch_lora_weights.safetensors"];
    assert_eq!(out(&add(&hub, &chosen)), "ink\n");

    let listed: Value =
        serde_json::from_str(&out(&run(place.path(), &["lora", "list", "--json"]))).expect("JSON");
    let names: Vec<_> = listed.as_array().expect("a list").iter().map(|lora| &lora["name"]).collect();
    assert_eq!(names, ["ink", "ink v1", "ms", "pinned"]);
    assert_eq!((&listed[1]["sha256"], &listed[1]["ranks"]), (&digest.into(), &serde_json::json!([2])));
    let removed = out(&run(place.path(), &["lora", "remove", "ms", "--json"]));
    assert_eq!(serde_json::from_str::<Value>(&removed).expect("JSON")["removed"], "ms");
}

#[test]
fn what_a_hub_sends_that_is_not_the_lora_leaves_nothing_behind() {
    let place = TempDir::new().expect("a directory");
    let add = |hub: &Hub, arguments: &[&str]| {
        let words = [&["lora", "add"], arguments].concat();
        pull::command(place.path(), &hub.url, &words).output().expect("the program runs")
    };
    let folder = repository(place.path(), &["ink.safetensors"]);
    let changed = Manners { sent: |bytes| bytes.iter().map(|byte| byte ^ 1).collect(), ..Manners::default() };
    let said = complaint(&add(&Hub::serve(folder.clone(), changed), &["studio/ink"]), 2);
    assert!(said.contains("ink.safetensors has the SHA-256"), "{said}");
    let nameless = Manners { etag: |_, etag| format!("{etag:.40}"), ..Manners::default() };
    let said = complaint(&add(&Hub::serve(folder, nameless), &["studio/ink"]), 2);
    assert!(said.contains("no SHA-256"), "{said}");
    let vae = Hub::serve(tiny_models::directory("base").join("vae"), Manners::default());
    let said = complaint(&add(&vae, &["studio/vae"]), 2);
    assert!(said.contains("not a LoRA"), "{said}");
    assert_eq!(library(place.path()), Vec::<String>::new());
    for (wrong, part) in [("studio/ink/more", "OWNER/NAME"), ("gone.safetensors", "gone.safetensors")] {
        let said = complaint(&run(place.path(), &["lora", "add", wrong]), 2);
        assert!(said.contains(part), "{said}");
    }
}
