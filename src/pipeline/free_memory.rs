use std::fs;

use candle_core::Device;

/// Share of the free memory that work may take, in percent: the rest is for what is not foreseen.
const USABLE_PERCENT: u64 = 90;

/// Bytes that work may take where `free` are free.
pub fn usable_bytes(free: u64) -> u64 {
    free / 100 * USABLE_PERCENT
}

/// Bytes of the memory in which `device` works that are free now; none if unknown.
///
/// For a CPU, what is free on the machine and in its control group (cgroups(7), version 2).
pub(super) fn free_bytes(device: &Device) -> Option<u64> {
    match device {
        Device::Cpu => free_host_bytes(),
        #[cfg(feature = "cuda")]
        Device::Cuda(cuda) => super::card::free_bytes(cuda),
        _ => None,
    }
}

fn free_host_bytes() -> Option<u64> {
    let machine = proc_bytes("/proc/meminfo", "MemAvailable:");
    [machine, free_in_control_group()].into_iter().flatten().min()
}

fn free_in_control_group() -> Option<u64> {
    let bytes = |file: &str| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    let max = bytes("/sys/fs/cgroup/memory.max")?;
    let current = bytes("/sys/fs/cgroup/memory.current")?;
    let stat = fs::read_to_string("/sys/fs/cgroup/memory.stat").unwrap_or_default();
    Some(max.saturating_sub(held_bytes(current, &stat)))
}

/// What a control group holds of its `current` bytes when it has to: not the pages of files, which `stat` lists and
/// which the system gives up first. A model's own mapped files are among them.
fn held_bytes(current: u64, stat: &str) -> u64 {
    let lines = stat.lines().filter_map(|line| line.split_once(' '));
    let of_files = lines.filter(|(name, _)| matches!(*name, "active_file" | "inactive_file"));
    let bytes = of_files.filter_map(|(_, bytes)| bytes.trim().parse().ok());
    bytes.fold(current, u64::saturating_sub)
}

/// Bytes in the line of a /proc file (proc(5)) that begins with `name` and counts in kB.
pub fn proc_bytes(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_files_are_not_held_against_a_control_group() {
        let stat = "anon 100\nfile 900\nshmem 50\ninactive_file 600\nactive_file 250\nunevictable 0\n";
        assert_eq!(held_bytes(1_000, stat), 150);
        assert_eq!(held_bytes(500, stat), 0, "read at another moment");
        assert_eq!(held_bytes(1_000, ""), 1_000);
    }
}
