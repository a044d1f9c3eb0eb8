/// A device that failed, and whose warm-up image failed too: it makes no image before a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostDevice {
    /// Its place among the devices of its process, from 0.
    pub index: usize,
    /// What the log calls it: `cuda:1`.
    pub name: String,
    /// Why, in words.
    pub reason: String,
}
