//! The data directory, the ledger, the clock, the port, and who reaches it.

use std::{
    fs::{self, File, TryLockError},
    io::ErrorKind,
    path::Path,
};

use indicatif::DecimalBytes;
use jiff::{Timestamp, Unit};

use super::report::Check;
use crate::{
    app::{LOCK_FILE, PROXY_HEADERS_FILE, images_place, ledger_place, open_images},
    config::Config,
    http::ForwardedHeaders,
    image_store::ImagesPlace,
    ledger::{Examined, LedgerPlace, examine, examine_database},
};

/// Seconds by which a clock may be behind the ledger: two processes ask it one after the other.
const SKEW_SECONDS: f64 = 2.0;

pub(super) fn disk(config: &Config) -> Check {
    let directory = config.data_dir.as_path();
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let Some(place) = absolute.ancestors().find(|place| place.is_dir()) else {
        return Check::failure(
            "disk",
            format!("{} has no parent", directory.display()),
            "pass another --data-dir",
        );
    };
    let kept_free = config.pictures.free_disk_min_mib.saturating_mul(1 << 20);
    match fs4::available_space(place) {
        Err(error) => {
            Check::failure("disk", format!("{}: {error}", place.display()), "pass another --data-dir")
        }
        Ok(free) => {
            let found = format!("{} free for {}", DecimalBytes(free), directory.display());
            let least = DecimalBytes(kept_free);
            match free {
                free if free < kept_free => Check::failure(
                    "disk",
                    found,
                    format!("free space: below {least} (pictures.free_disk_min_mib) no image is kept"),
                ),
                free if free < kept_free.saturating_mul(4) => {
                    Check::warning("disk", found, format!("free space: at {least} no more images are kept"))
                }
                _ => Check::ok("disk", found),
            }
        }
    }
}

/// The images' bucket, if they are in one: whether it can be listed.
pub(super) fn images(config: &Config) -> Option<Check> {
    let place @ ImagesPlace::Bucket(_) = images_place(config) else { return None };
    Some(match open_images(config) {
        Ok(_) => Check::ok("images", format!("{place} answers")),
        Err(error) => Check::failure("images", error.to_string(), "correct that before a start"),
    })
}

/// The ledger, the clock and the zone.
pub(super) fn books(config: &Config, now: Timestamp) -> Vec<Check> {
    let place = ledger_place(config);
    let examined = match &place {
        LedgerPlace::File(file) if !file.exists() => Ok(None),
        LedgerPlace::File(file) => examine(file).map(Some).map_err(|error| error.to_string()),
        LedgerPlace::Postgres(url) => examine_database(url).map_err(|error| error.to_string()),
    };
    match examined {
        Ok(None) => {
            let shown = match &place {
                LedgerPlace::File(_) => config.data_dir.display().to_string(),
                LedgerPlace::Postgres(url) => url.to_string(),
            };
            let none = Check::ok("ledger", format!("none in {shown} yet; the first start makes it"));
            vec![none, clock(None, now), zone(config, None)]
        }
        Ok(Some(examined)) => {
            let found = match examined.migrations_missing {
                0 => "sound".to_owned(),
                missing => format!("sound; the next start brings it up to date ({missing} steps)"),
            };
            let ledger = Check::ok("ledger", format!("{place}: {found}"));
            vec![ledger, clock(Some(&examined), now), zone(config, Some(&examined))]
        }
        Err(error) => {
            let failure = Check::failure(
                "ledger",
                error,
                match place {
                    LedgerPlace::File(_) => {
                        "restore a backup (tintype restore), or start the program that wrote it"
                    }
                    LedgerPlace::Postgres(_) => "correct `ledger`, or start the program that wrote it",
                },
            );
            vec![failure, clock(None, now), zone(config, None)]
        }
    }
}

fn clock(examined: Option<&Examined>, now: Timestamp) -> Check {
    let shown = now.round(Unit::Second).unwrap_or(now);
    match examined.and_then(|examined| examined.latest) {
        Some(latest) if latest.duration_since(now).as_secs_f64() > SKEW_SECONDS => Check::failure(
            "clock",
            format!("it is {shown}, and the ledger has entries of {latest}"),
            "set the clock (timedatectl); entries are counted in the month of the clock",
        ),
        _ => Check::ok("clock", shown.to_string()),
    }
}

fn zone(config: &Config, examined: Option<&Examined>) -> Check {
    let zone = match config.zone() {
        Ok(zone) => zone,
        Err(error) => return Check::failure("zone", error.to_string(), "correct time_zone"),
    };
    let kept = examined.and_then(|examined| examined.zone.as_deref());
    let name = match (zone.iana_name(), kept) {
        (Some(name), _) => name.to_owned(),
        (None, Some(kept)) => return Check::ok("zone", format!("{kept}, which the ledger keeps")),
        (None, None) => {
            return Check::failure(
                "zone",
                "the machine's own has no IANA name, so that the ledger cannot keep it",
                "set time_zone, such as \"Asia/Shanghai\"",
            );
        }
    };
    match kept {
        Some(kept) if kept != name => Check::warning(
            "zone",
            format!("the ledger counts months in {kept}; a start counts those to come in {name}"),
            format!("set time_zone = \"{kept}\", unless you want that"),
        ),
        _ if config.time_zone.is_none() => Check::warning(
            "zone",
            format!("{name}, the machine's own"),
            "set time_zone, so that months do not change with the machine",
        ),
        _ => Check::ok("zone", name),
    }
}

#[cfg(unix)]
pub(super) fn permissions(config: &Config) -> Check {
    use std::os::unix::fs::PermissionsExt;
    let root = &config.data_dir;
    if !root.exists() {
        return Check::ok(
            "permissions",
            "no data directory yet; the first start makes it for its user alone",
        );
    }
    let writable = rustix::fs::access(root, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK);
    if writable.is_err() || !root.is_dir() {
        let found = format!("this user cannot write to {}", root.display());
        return Check::failure(
            "permissions",
            found,
            "give the directory to the server's user (chown), or pass --data-dir",
        );
    }
    let inside = fs::read_dir(root).into_iter().flatten().map_while(Result::ok).map(|entry| entry.path());
    let open: Vec<_> = std::iter::once(root.clone())
        .chain(inside)
        .filter(|path| fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0))
        .map(|path| path.display().to_string())
        .collect();
    match open.as_slice() {
        [] => Check::ok("permissions", format!("{} is its owner's alone", root.display())),
        open => Check::warning(
            "permissions",
            format!("others may read {}", open.join(", ")),
            format!("chmod -R go= {}", root.display()),
        ),
    }
}

#[cfg(not(unix))]
pub(super) fn permissions(_config: &Config) -> Check {
    Check::ok("permissions", "not checked on this system")
}

/// What a proxy wrote into requests last: `seen at …: x-forwarded-proto https, …`.
fn last_headers(config: &Config) -> String {
    let file = config.data_dir.join(PROXY_HEADERS_FILE);
    let seen = fs::read(file).ok().and_then(|text| serde_json::from_slice::<ForwardedHeaders>(&text).ok());
    let Some(ForwardedHeaders { at, peer, headers }) = seen else {
        return "no request with a proxy's headers has come yet".to_owned();
    };
    let shown: Vec<_> = headers.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let from = peer.map_or_else(String::new, |peer| format!(" from {peer}"));
    format!("last seen {at:.0}{from}: {}", shown.join(", "))
}

/// Whether a server has the data directory.
fn is_served(data_dir: &Path) -> bool {
    let lock = File::open(data_dir.join(LOCK_FILE));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

pub(super) fn port(config: &Config) -> Check {
    let address = &config.listen;
    match address.bind() {
        Ok(_) if is_served(&config.data_dir) => Check::warning(
            "port",
            format!(
                "{address} is free, but a server runs on {} at another address",
                config.data_dir.display()
            ),
            "pass its --config or --listen to the doctor too, or stop it",
        ),
        Ok(_) => Check::ok("port", format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_served(&config.data_dir) => Check::ok(
            "port",
            format!("{address} is in use, and a server runs on {}", config.data_dir.display()),
        ),
        Err(error) => Check::failure(
            "port",
            format!("{address}: {error}"),
            "stop the program that has it, or pass another --listen",
        ),
    }
}

pub(super) fn metrics(config: &Config) -> Check {
    let address = &config.listen;
    if address.is_local() {
        Check::ok("metrics", "GET /metrics is reached from this machine alone, unless a proxy passes it on")
    } else {
        Check::warning(
            "metrics",
            format!("GET /metrics is open to everybody who reaches {address}"),
            "listen on 127.0.0.1 behind a proxy that keeps /metrics closed, or close the port in the firewall",
        )
    }
}

pub(super) fn proxy(config: &Config) -> Check {
    let see = last_headers(config);
    let is_tls = config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    match (is_tls, config.trusted_proxies.is_empty()) {
        (true, true) => Check::warning(
            "proxy",
            "public_url is https, and trusted_proxies is empty: all clients count as one address",
            format!("set trusted_proxies to the proxy's network; {see}"),
        ),
        (_, true) => Check::ok("proxy", format!("none is trusted; X-Forwarded headers are ignored; {see}")),
        (_, false) => {
            let networks: Vec<_> = config.trusted_proxies.iter().map(ToString::to_string).collect();
            Check::ok("proxy", format!("X-Forwarded headers of {} are believed; {see}", networks.join(", ")))
        }
    }
}
