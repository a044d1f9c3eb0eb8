use jiff::Timestamp;

/// The time from `now` until the Unix second `at`, for people.
pub(super) fn time_left(at: i64, now: &Timestamp) -> String {
    let seconds = at.saturating_sub(now.as_second()).max(0);
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_said_as_people_say_it() {
        let now = Timestamp::constant(1_000, 0);
        for (at, said) in
            [(900, "0 s"), (1_059, "59 s"), (1_060, "1 min"), (4_600, "1 h 0 min"), (23_320, "6 h 12 min")]
        {
            assert_eq!(time_left(at, &now), said, "{at}");
        }
    }
}
