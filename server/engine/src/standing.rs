//! How the owner of an index stands, as it tells processes that read beside it.

use std::{fmt, path::Path, time::Duration};

use conexus_core::Notice;
use conexus_index::{Owner, Voice};

#[cfg(doc)]
use crate::Settings;
use crate::{Progress, live::Activity};

/// An owner that is silent for longer has ended or hangs: it says something each second.
const SILENCE: Duration = Duration::from_secs(3);
/// Changed files from which answers say that a run is under way.
const LONG_RUN: u64 = 100;

/// What is being done with an index, and what that means for its readers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) activity: Activity,
    /// Whether the whole workspace has been looked at since the owner's start, and what changes on disk is followed. A
    /// command never says so.
    pub(crate) current: bool,
    /// Whether it is a command, which ends by itself.
    pub(crate) ends: bool,
    /// By what settings it says that it chooses files, see [`Settings::choice`]; 0 where it says nothing.
    pub(crate) choice: u32,
}

impl Standing {
    /// Nobody keeps the index up to the disk.
    pub(crate) const DETACHED: Self = Self { activity: Activity::Detached, current: false, ends: false, choice: 0 };

    /// What the owner of the index in a folder says of itself.
    pub(crate) fn said(folder: &Path) -> Self {
        let owner = Owner::of(folder).filter(|owner| owner.silent <= SILENCE);
        owner.and_then(|owner| Self::read(&owner.words)).unwrap_or(Self::DETACHED)
    }

    /// How the owner of the index in a folder stands.
    pub(crate) fn of_owner(folder: &Path) -> Self {
        let standing = Self::said(folder);
        match standing.activity {
            // A command that has indexed, or never will.
            Activity::Idle | Activity::Running(Progress::Embedding { .. }) if !standing.current => Self::DETACHED,
            _ => standing,
        }
    }

    /// Tells it to readers.
    pub(crate) fn tell(self, voice: &Voice) {
        voice.say(&self.to_string());
    }

    /// What answers say of the index.
    pub(crate) fn notice(self) -> Option<Notice> {
        match self.activity {
            Activity::Running(Progress::Indexing { done, total }) if !self.current || total >= LONG_RUN => {
                Some(Notice::Indexing { done, total })
            }
            // The built-in model answers meanwhile, which each answer says by itself.
            Activity::Running(Progress::Embedding { .. }) => None,
            Activity::Stopped => Some(Notice::Stopped),
            Activity::Detached => Some(Notice::Detached),
            Activity::Opening | Activity::Running(_) if !self.current => Some(Notice::Indexing { done: 0, total: 0 }),
            _ => None,
        }
    }

    /// `None` for what another version of the program says.
    fn read(words: &str) -> Option<Self> {
        let mut words = words.split(' ');
        let (follows, name) = match words.next().filter(|word| !word.is_empty()) {
            Some(word) => word.split_once(':')?,
            // It has said nothing yet.
            None => return Some(Self::default()),
        };
        let mut number = || words.next().and_then(|word| word.parse().ok());
        let activity = match name {
            "opening" => Activity::Opening,
            "walking" => Activity::Running(Progress::Walking),
            "indexing" => Activity::Running(Progress::Indexing { done: number()?, total: number()? }),
            "embedding" => Activity::Running(Progress::Embedding { done: number()?, total: number()? }),
            "finishing" => Activity::Running(Progress::Finishing),
            "idle" => Activity::Idle,
            "stopped" => Activity::Stopped,
            _ => return None,
        };
        let choice = words.next().and_then(|word| word.strip_prefix(CHOICE)?.parse().ok()).unwrap_or(0);
        Some(Self { activity, current: follows == CURRENT, ends: follows == ENDS, choice })
    }
}

/// What an owner says that is current.
const CURRENT: &str = "current";
/// What a command says.
const ENDS: &str = "once";
/// What precedes the choice of files.
const CHOICE: &str = "choice:";

/// As [`Standing::read`] reads it.
impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let follows = match self {
            Self { ends: true, .. } => ENDS,
            Self { current: true, .. } => CURRENT,
            _ => "not-yet",
        };
        write!(formatter, "{follows}:{}", self.activity.name())?;
        self.activity.progress().map_or(Ok(()), |(done, total)| write!(formatter, " {done} {total}"))?;
        if self.choice == 0 { Ok(()) } else { write!(formatter, " {CHOICE}{}", self.choice) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_owner_says_is_understood() {
        let counted = [Progress::Indexing { done: 3, total: 50 }, Progress::Embedding { done: 7, total: 8 }];
        let running = [Progress::Walking, Progress::Finishing].into_iter().chain(counted).map(Activity::Running);
        for activity in running.chain([Activity::Opening, Activity::Idle, Activity::Stopped]) {
            for (current, ends, choice) in [(false, false, 7), (true, false, 0), (false, true, 0)] {
                let standing = Standing { activity, current, ends, choice };
                assert_eq!(Standing::read(&standing.to_string()), Some(standing), "{standing}");
            }
        }
        assert_eq!(Standing::read(""), Some(Standing::default()));
        for foreign in ["current", "current:indexing", "current:indexing 1", "current:dancing", "current:failed", ":"] {
            assert_eq!(Standing::read(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn readers_are_told_what_an_index_lacks() {
        let run = |total| Activity::Running(Progress::Indexing { done: 1, total });
        let indexing = |done, total| Some(Notice::Indexing { done, total });
        for (activity, at_first, later) in [
            (Activity::Opening, indexing(0, 0), None),
            (Activity::Running(Progress::Walking), indexing(0, 0), None),
            (run(99), indexing(1, 99), None),
            (run(100), indexing(1, 100), indexing(1, 100)),
            (Activity::Running(Progress::Embedding { done: 1, total: 2 }), None, None),
            (Activity::Running(Progress::Finishing), indexing(0, 0), None),
            (Activity::Idle, None, None),
            (Activity::Stopped, Some(Notice::Stopped), Some(Notice::Stopped)),
            (Activity::Detached, Some(Notice::Detached), Some(Notice::Detached)),
            (Activity::Failed, None, None),
        ] {
            for (current, expected) in [(false, at_first), (true, later)] {
                assert_eq!(
                    Standing { activity, current, ..Standing::DETACHED }.notice(),
                    expected,
                    "{activity:?}, {current}"
                );
            }
        }
    }
}
