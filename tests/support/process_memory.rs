//! What the system says of a process' memory.

use std::fs;

/// KiB in the line `name` of /proc/PID/status: `VmRSS` for what is resident, `VmHWM` for its peak.
pub fn memory_kib(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line =
        status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("KiB")
}
