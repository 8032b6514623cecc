//! Memory of the process: what is resident, and what came of keeping to a ceiling.

/// What was done to keep to the ceiling of resident memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relief {
    /// Nothing: there is room, or the system does not tell how much is resident.
    NotNeeded,
    /// What waited in memory was written earlier than it would have been.
    WrittenEarlier,
    /// The same, and still this many bytes are resident, more than the ceiling.
    Exceeded(u64),
}

/// Bytes of this process that are in memory, mapped files included; `None` where the system does not say (all but
/// Linux).
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().split(' ').next()?.parse::<u64>().ok()? * 1024)
}
