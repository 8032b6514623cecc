//! Waiting for a state instead of sleeping for a time.

use std::time::{Duration, Instant};

/// How often a state is looked at.
const INTERVAL: Duration = Duration::from_millis(5);

/// Looks until there is something, and panics with `what` when the deadline passes.
#[track_caller]
pub fn wait_for<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    wait_until(deadline, || look().ok_or_else(|| what.to_owned()))
}

/// Looks until all is well, and panics with what was wrong last when the deadline passes.
#[track_caller]
pub fn wait_until<T>(deadline: Duration, mut look: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(wrong) => assert!(start.elapsed() < deadline, "waited {deadline:?} in vain for {wrong}"),
        }
        std::thread::sleep(INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_returns_what_comes_up() {
        let mut looks = 0;
        let found = wait_for("the third look", Duration::from_mins(1), || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(found, 3);
    }

    #[test]
    #[should_panic(expected = "in vain for godot")]
    fn it_gives_up() {
        wait_for("godot", Duration::from_millis(1), || None::<()>);
    }
}
