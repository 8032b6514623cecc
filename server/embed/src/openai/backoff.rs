//! How long to wait before asking again.

use std::time::{Duration, SystemTime};

use crate::{Cancel, EmbedError};

/// Exponential waits with jitter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

impl Backoff {
    /// The wait after the attempt with this number (from 0): `first` doubled each time up to `longest`, of which a
    /// random half to whole is taken so that clients that failed together do not come back together. A wait that the
    /// server asks for is a lower bound. `None` when the server asks for more than `longest`.
    pub(super) fn wait(self, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
        let full = self.first.saturating_mul(2_u32.saturating_pow(attempt)).min(self.longest);
        let wait = full.mul_f64(0.5 + fastrand::f64() / 2.0);
        match asked {
            Some(asked) if asked > self.longest => None,
            Some(asked) => Some(wait.max(asked)),
            None => Some(wait),
        }
    }
}

/// A `Retry-After` header: seconds or an HTTP date.
pub(super) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Sleeps unless cancelled.
pub(super) fn sleep(wait: Duration, cancel: &Cancel) -> Result<(), EmbedError> {
    const SLICE: Duration = Duration::from_millis(25);
    let mut left = wait;
    loop {
        if cancel.is_cancelled() {
            return Err(EmbedError::Cancelled);
        }
        if left.is_zero() {
            return Ok(());
        }
        let slice = left.min(SLICE);
        std::thread::sleep(slice);
        left -= slice;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_stay_bounded_and_honour_the_server() {
        let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(2) };
        for (attempt, full) in [(0, 100), (1, 200), (3, 800), (5, 2000), (40, 2000)] {
            for _ in 0..50 {
                let wait = backoff.wait(attempt, None).unwrap().as_millis();
                assert!((full / 2..=full).contains(&wait), "{attempt}: {wait}");
            }
        }
        assert_eq!(backoff.wait(0, Some(Duration::from_secs(1))), Some(Duration::from_secs(1)));
        assert_eq!(backoff.wait(0, Some(Duration::from_secs(3))), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (header, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(retry_after(header, now), seconds.map(Duration::from_secs), "{header}");
        }
    }
}
