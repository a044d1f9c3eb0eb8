use std::process::Output;

use tempfile::TempDir;

use crate::{large_model, program::tintype_by, run};

/// Generates with the large model, 580 MB of f32, in a process that may not have more than `mib` of its own.
///
/// RLIMIT_DATA (getrlimit(2)) counts what is allocated; the mapped model files are not.
fn generate_within(mib: u32, memory: &str) -> Output {
    let place = TempDir::new().expect("a directory");
    let limited = format!("ulimit -d {}; exec \"$@\"", mib * 1024);
    let model = large_model::directory().display().to_string();
    let mut command = tintype_by(&["sh", "-c", &limited, "sh"]);
    command.current_dir(place.path()).env("RAYON_NUM_THREADS", "2");
    command.args(["generate", "a lighthouse", "--model", &model, "--device", "cpu", "--memory", memory]);
    let output = command.args(["--steps", "2", "--size", "64x64", "--seed", "1"]).output().expect("it runs");
    if output.status.success() {
        assert_eq!(std::fs::read_dir(place.path()).expect("a directory").count(), 1, "an image");
    }
    output
}

/// What each tier is measured to need, and the next larger one lacks, in MiB: 550, 346, 179 and 125, 156 in 4 bits.
#[test]
fn each_tier_generates_within_memory_that_is_too_little_for_the_one_before() {
    let ladder = [("resident", 640), ("offload", 450), ("8bit", 240), ("low", 150)];
    for (memory, mib) in ladder {
        let generated = generate_within(mib, memory);
        let said = String::from_utf8_lossy(&generated.stderr);
        assert!(generated.status.success(), "{memory} in {mib} MiB: {said}");
    }
    for ((memory, _), (_, mib)) in ladder.iter().zip(&ladder[1..]) {
        let said = String::from_utf8(generate_within(*mib, memory).stderr).expect("UTF-8");
        assert!(said.contains("memory allocation"), "{memory} in {mib} MiB: {said}");
    }
    assert!(generate_within(240, "4bit").status.success());
}

#[test]
fn a_tier_that_is_none_is_refused_with_those_that_are() {
    let place = TempDir::new().expect("a directory");
    let refused = run(place.path(), &["generate", "x", "--memory", "tiny"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        refused.status.code() == Some(2) && said.contains("resident, offload, 8bit, 4bit or low"),
        "{said}"
    );
}
