# `just` lists what can be done; https://just.systems, or `pip install rust-just`.

_default:
    @just --list --unsorted

# The program, optimised: target/release/tintype
build:
    cargo build --release --locked

# Serve the embedded model on 127.0.0.1:8080
serve *flags:
    cargo run --release --locked -- serve {{ flags }}

# Everything except the browser, the SDKs, the crash and load tests: a few minutes
fast-test *filter:
    cargo test --locked --lib --test architecture --test dependencies --test api --test cli {{ filter }}

# Every test. What needs python3, npm or chromium skips without them
test *filter:
    cargo test --locked --features otel {{ filter }}

# Run tests many times beside two busy loops, to see whether they depend on speed: `just busy 20 --test api streaming`
busy times *test:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo test --locked --no-run {{ test }}
    trap 'kill $(jobs -p)' EXIT
    for _ in 1 2; do (while :; do :; done) & done
    for _ in $(seq {{ times }}); do cargo test --locked {{ test }}; done

# The whole of what a change has to pass, as CI runs it
ci:
    .ci/run

# Formatting, clippy, and the documentation's links
lint:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

# Mend what rustfmt and clippy can mend
fix:
    cargo clippy --locked --all-targets --fix --allow-dirty
    cargo fmt

# Licences, bans, duplicates and advisories of all dependencies. Needs cargo-deny
deny:
    cargo deny --locked check

# Documentation of the library, opened in a browser
docs:
    cargo doc --locked --no-deps --open

# Benchmarks: `just bench pipeline`, `just bench overhead -- settle`
bench name *flags:
    cargo bench --locked --bench {{ name }} {{ flags }}

# Time the loading of Z-Image's full shape, written at random into the folder `into`, type by type: up to 17 GB. Needs the packages of tests/parity
load-times into *flags:
    python3 tools/load-times/load_times.py --tintype target/release/tintype --into {{ into }} {{ flags }}

# Feed a reader with bytes for so many seconds: http, config, source_image, model_file, lora_file or usage. Needs nightly and cargo-fuzz
fuzz target seconds="600":
    mkdir -p target/fuzz/corpus/{{ target }} target/fuzz/found
    cargo +nightly fuzz run --fuzz-dir tests/fuzz --sanitizer none -O {{ target }} target/fuzz/corpus/{{ target }} tests/fuzz/corpus/{{ target }} -- -max_total_time={{ seconds }} -timeout=30 -max_len=65536 -artifact_prefix=target/fuzz/found/

# Pack what a day on a card runs: target/card-day/kit.tar.xz. `just card-day --features cuda`; see tools/card-day
card-day *flags:
    tools/card-day/pack {{ flags }}

# Break the CUDA kernels line by line, and see that the emulator's tests notice: some minutes
mutate-kernels *which:
    #!/usr/bin/env bash
    set -euo pipefail
    tests=$(cargo test --locked --test cuda_emulator --no-run --message-format=json | sed -n 's/.*"executable":"\([^"]*cuda_emulator-[^"]*\)".*/\1/p')
    python3 tools/mutate-kernels/mutate.py "$tests" {{ which }}

# Registers, spills and shared memory of each CUDA kernel on each architecture: `just kernel-tables --install --write`. No card is needed
kernel-tables *flags:
    python3 tools/kernel-tables/kernel_tables.py {{ flags }}

# Make the images of the README again. Needs chromium and chromedriver
screenshots:
    cargo test --locked --test browser pages
    cp target/screenshots/readme/*.webp docs/images/

# A tar.gz of the program with its checksum, and with cargo-deb a .deb, below target/package. Flags go to cargo: --features cuda
package *flags:
    tools/package/tarball {{ flags }}
