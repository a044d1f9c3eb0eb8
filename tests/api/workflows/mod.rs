//! The workflows of .github: what GitHub would refuse, what gives too much away, and what they start that is not there.

use std::{os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::{
    script::{python_programs, run},
    skip::skip_or_fail,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn workflow(name: &str) -> String {
    let file = root().join(".github/workflows").join(name);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn a_linter_finds_nothing_in_the_workflows_and_something_in_a_bad_one() {
    let sources = root().join("tests/api/workflows");
    let programs = match python_programs("workflows-venv", &sources) {
        Ok(programs) => programs,
        Err(reason) => return skip_or_fail("zizmor", &reason),
    };
    let lint = |path: &Path| {
        let mut zizmor = Command::new(programs.join("zizmor"));
        zizmor
            .args(["--strict-collection", "--offline", "--no-progress", "--config"])
            .arg(root().join(".github/zizmor.yml"));
        run(zizmor.arg(path))
    };
    if let Err(findings) = lint(&root().join(".github/workflows")) {
        panic!("{findings}");
    }
    let bad = tempfile::TempDir::new().expect("a directory");
    let bad = bad.path().join("bad.yml");
    let title = "      - run: echo ${{ github.event.issue.title }}\n";
    for (workflow, finding) in [
        (workflow("release.yml") + title, "template-injection"),
        (workflow("ci.yml").replace("runs-on:", "runs:"), "failed to load"),
    ] {
        std::fs::write(&bad, workflow).expect("written");
        let findings = lint(&bad).expect_err("a finding");
        assert!(findings.contains(finding), "{finding} in {findings}");
    }
}

#[test]
fn what_a_workflow_starts_is_there_and_can_be_started() {
    let mut started = 0;
    for name in ["ci.yml", "release.yml"] {
        let text = workflow(name);
        let runs = text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("run: "));
        for program in runs.filter_map(|command| command.split(' ').next()).filter(|word| word.contains('/'))
        {
            let file = root().join(program);
            let mode = std::fs::metadata(&file).map(|file| file.permissions().mode());
            assert!(mode.is_ok_and(|mode| mode & 0o111 == 0o111), "{name} starts {program}");
            started += 1;
        }
    }
    assert!(started >= 2, "{started}");
}
