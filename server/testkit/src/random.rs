//! Randomised tests whose failures name the seed that repeats them.

use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngSeed, TestCaseError, TestRunner},
};

/// The seed to repeat, in decimal.
const SEED: &str = "CONEXUS_TEST_SEED";
/// The number of cases to try, for long runs.
const CASES: &str = "CONEXUS_TEST_CASES";

/// Tries a test on `cases` random values. A failure is made smaller for at most a minute; its message holds the smallest
/// value and the seed, with which `CONEXUS_TEST_SEED` repeats it. `CONEXUS_TEST_CASES` overrides the number of cases.
#[track_caller]
pub fn check_random<S: Strategy>(cases: u32, values: &S, test: impl Fn(S::Value)) {
    let seed = variable(SEED).unwrap_or_else(fresh_seed);
    let config = Config {
        cases: variable(CASES).map_or(cases, |cases| cases as u32),
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(values, |value| {
        test(value);
        Ok::<(), TestCaseError>(())
    });
    if let Err(error) = outcome {
        panic!("{error}\nrepeat it with {SEED}={seed}");
    }
}

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value}")))
}

fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one("seed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_seed_and_smallest_value() {
        let failure =
            std::panic::catch_unwind(|| check_random(200, &(0..1000_u32), |value| assert!(value < 10, "too large")));
        let message = failure.expect_err("a large value comes up").downcast::<String>().expect("a message");
        assert!(message.contains("minimal failing input: 10\n"), "{message}");
        assert!(message.contains("CONEXUS_TEST_SEED="), "{message}");
    }
}
