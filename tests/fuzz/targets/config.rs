//! tintype.toml: any file is a configuration or one line.
#![no_main]

mod scratch;

use libfuzzer_sys::fuzz_target;
use tintype::config::Config;

fuzz_target!(|file: &[u8]| {
    let today = jiff::civil::date(2026, 11, 29);
    match Config::load(Some(&scratch::file("tintype.toml", file))) {
        Ok(config) => {
            let _usable_or_a_reason = (config.zone().err(), config.cost_model(today).err());
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
});
