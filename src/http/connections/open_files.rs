use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are no connections: the ledger, the model, images on their way, and sockets that are not admitted yet or not quite
/// closed.
const OTHERS: u64 = 256;

/// Makes room for `connections`, and returns how many there is room for: all of them, or what the system's hard limit of open
/// files leaves.
pub(super) fn make_room_for(connections: usize) -> usize {
    let wanted = wanted(u64::try_from(connections).unwrap_or(u64::MAX));
    let before = getrlimit(Resource::Nofile);
    let limit = raised(before, wanted);
    let open_files = match setrlimit(Resource::Nofile, limit) {
        Ok(()) => limit.current,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            before.current
        }
    };
    let room = room(connections, open_files);
    let open_files = open_files.map_or_else(|| "unlimited".to_owned(), |files| files.to_string());
    if room < connections {
        tracing::warn!(
            "at most {room} connections, not {connections} as `limits.connections_max` says: the limit of open files is \
             {open_files}; raise it (LimitNOFILE= in systemd, ulimit -n)"
        );
    } else if limit != before {
        tracing::info!("raised the limit of open files to {open_files}, for {connections} connections");
    }
    room
}

/// Files for `connections`, and for as many again that a flood leaves to be closed: they are accepted faster than they are admitted.
fn wanted(connections: u64) -> u64 {
    connections.saturating_mul(2).saturating_add(OTHERS)
}

/// The limit to ask for: enough for `wanted`, if the hard limit allows it, and never less than there is.
fn raised(limit: Rlimit, wanted: u64) -> Rlimit {
    let Some(current) = limit.current else { return limit };
    let most = limit.maximum.unwrap_or(u64::MAX);
    Rlimit { current: Some(wanted.min(most).max(current)), maximum: limit.maximum }
}

/// How many of `connections` go into `open_files`. Under a very low limit half of it.
fn room(connections: usize, open_files: Option<u64>) -> usize {
    let Some(open_files) = open_files else { return connections };
    let room = open_files.saturating_sub(OTHERS).max(open_files / 2).max(1);
    connections.min(usize::try_from(room).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes_and_the_connections_fit_into_it() {
        let limit = |current, maximum| Rlimit { current, maximum };
        for (before, after, connections) in [
            (limit(Some(1024), Some(524_288)), Some(2304), 1024),
            (limit(Some(65_536), Some(65_536)), Some(65_536), 1024),
            (limit(Some(1024), Some(1024)), Some(1024), 768),
            (limit(Some(256), Some(256)), Some(256), 128),
            (limit(Some(1024), None), Some(2304), 1024),
            (limit(None, None), None, 1024),
        ] {
            let raised = raised(before, wanted(1024));
            assert_eq!(raised.current, after);
            assert_eq!(room(1024, raised.current), connections);
        }
    }
}
