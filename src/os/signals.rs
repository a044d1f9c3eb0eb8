/// Whether this process was started with SIGHUP ignored, as by `nohup`: then a terminal that closes is none of its business.
/// False if the system does not say.
pub fn is_hangup_ignored() -> bool {
    const SIGHUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored(&status).is_some_and(|mask| mask & SIGHUP != 0)
}

/// The signals that are ignored, one bit each, from the text of /proc/self/status.
fn ignored(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_as_linux_writes_them() {
        let status = "Name:\ttintype\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000\n";
        assert_eq!(ignored(status), Some(0x1001));
        assert_eq!(ignored("Name:\ttintype\n"), None);
    }
}
