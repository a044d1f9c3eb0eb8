//! A service's export of costs, as `tintype roi --from-csv` reads it: any bytes.
#![no_main]

mod scratch;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let path = scratch::file("usage.csv", file).display().to_string();
    tintype::cli::run_with(["tintype", "roi", "--from-csv", &path]);
});
