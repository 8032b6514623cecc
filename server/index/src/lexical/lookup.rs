//! Where terms occur, without scores: the chunks that hold a term, and the terms that begin with a text.

use tantivy::schema::IndexRecordOption;

use super::Field;
use super::view::LexicalView;
use crate::{Result, SlotSet};

impl LexicalView {
    /// The live slots that hold a term in any field.
    pub(crate) fn slots_with(&self, term: &str, alive: &SlotSet) -> Result<SlotSet> {
        let mut slots = SlotSet::new();
        for field in Field::ALL {
            self.visit(term, field, |slot| {
                if alive.contains(slot) {
                    slots.insert(slot);
                }
            })?;
        }
        Ok(slots)
    }

    /// The live slots that hold a term in one field, ascending; `None` when there are more than `most`.
    pub(crate) fn slots_in(&self, term: &str, field: Field, most: usize, alive: &SlotSet) -> Result<Option<Vec<u32>>> {
        let (mut slots, mut holding) = (Vec::new(), 0);
        self.visit(term, field, |slot| {
            if alive.contains(slot) {
                holding += 1;
                if holding <= most {
                    slots.push(slot);
                }
            }
        })?;
        slots.sort_unstable();
        Ok((holding <= most).then_some(slots))
    }

    fn visit(&self, term: &str, field: Field, mut each: impl FnMut(u32)) -> Result<()> {
        let failed = |error| self.segments.failed(error);
        for segment in self.segments.iter() {
            let Some(at) = segment.find_in(term.as_bytes(), field).map_err(failed)? else { continue };
            let mut postings = segment.postings(&at, IndexRecordOption::Basic).map_err(failed)?;
            while postings.block_len() > 0 {
                postings.docs().iter().for_each(|&document| each(segment.slots[document as usize]));
                postings.advance();
            }
        }
        for part in &self.parts {
            let postings = part.postings.find(term.as_bytes()).iter();
            postings
                .filter(|posting| posting.field() == field as usize)
                .for_each(|posting| each(part.slots[posting.chunk()]));
        }
        Ok(())
    }

    /// The shortest terms of live chunks in a field that begin with a text, at most `most`, shorter ones first.
    pub(crate) fn terms_with_prefix(
        &self,
        prefix: &str,
        field: Field,
        most: usize,
        alive: &SlotSet,
    ) -> Result<Vec<String>> {
        let failed = |error| self.segments.failed(error);
        let mut found: Vec<Vec<u8>> = Vec::new();
        for segment in self.segments.iter() {
            found.extend(segment.terms_with_prefix(prefix, field).map_err(failed)?);
        }
        for part in &self.parts {
            let terms = part.postings.iter().filter(|(term, _)| term.starts_with(prefix.as_bytes()));
            let terms = terms.filter(|(_, postings)| postings.iter().any(|posting| posting.field() == field as usize));
            found.extend(terms.map(|(term, _)| term.to_vec()));
        }
        found.sort_unstable_by(|left, right| left.len().cmp(&right.len()).then_with(|| left.cmp(right)));
        found.dedup();
        let mut live = Vec::new();
        for term in found {
            let term = String::from_utf8_lossy(&term).into_owned();
            let mut lives = false;
            self.visit(&term, field, |slot| lives |= alive.contains(slot))?;
            if lives {
                live.push(term);
            }
            if live.len() >= most {
                break;
            }
        }
        Ok(live)
    }
}
