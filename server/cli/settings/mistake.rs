//! A value that a setting may not have, told with the place where it stands.

use std::{ops::Range, path::Path};

use conexus_check::Error as CheckError;
use conexus_embed::EmbedError;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Something wrong with a setting whose type is right.
#[derive(Debug)]
pub(crate) struct Mistake {
    /// The key with its tables, as `index.exclude`.
    setting: &'static str,
    /// The element of the list, or the key of the table, that is meant.
    part: Option<String>,
    says: String,
}

impl Mistake {
    pub(crate) fn of(setting: &'static str, says: impl Into<String>) -> Self {
        Self { setting, part: None, says: says.into() }
    }

    pub(crate) fn in_part(setting: &'static str, part: &str, says: impl Into<String>) -> Self {
        Self { part: Some(part.to_owned()), ..Self::of(setting, says) }
    }

    /// The same where the value was read from a file with this text.
    pub(crate) fn in_file(&self, path: &Path, text: &str) -> anyhow::Error {
        match self.place(text) {
            Some((line, column)) => {
                anyhow::anyhow!("{}: line {line}, column {column}: {}", path.display(), self.says)
            }
            None => anyhow::anyhow!("{}: {}", path.display(), self.says),
        }
    }

    /// The same where the value may come from one of these variables, each with its setting.
    pub(crate) fn in_environment(&self, variables: &[(&str, &str)]) -> anyhow::Error {
        match variables.iter().find(|(setting, _)| *setting == self.setting) {
            Some((_, variable)) => anyhow::anyhow!("the environment variable {variable}: {}", self.says),
            None => anyhow::anyhow!("{}", self.says),
        }
    }

    /// Line and column, from 1, of the value; of the innermost table around it where it is not written down.
    fn place(&self, text: &str) -> Option<(usize, usize)> {
        let document = DeTable::parse(text).ok()?;
        let mut place: Option<Range<usize>> = None;
        let mut table = Some(document.get_ref());
        for key in self.setting.split('.') {
            let Some(value) = table.and_then(|table| table.get(key)) else { break };
            place = Some(self.part_of(value).unwrap_or_else(|| value.span()));
            table = value.get_ref().as_table();
        }
        let before = &text[..place?.start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }

    fn part_of(&self, value: &Spanned<DeValue<'_>>) -> Option<Range<usize>> {
        let part = self.part.as_deref()?;
        match value.get_ref() {
            DeValue::Array(elements) => {
                elements.iter().find(|element| element.get_ref().as_str() == Some(part)).map(Spanned::span)
            }
            DeValue::Table(table) => table.get_key_value(part).map(|(key, _)| key.span()),
            _ => None,
        }
    }
}

impl From<CheckError> for Mistake {
    fn from(error: CheckError) -> Self {
        let says = error.to_string();
        match error {
            CheckError::Option { setting, .. } => Self::of(setting, says),
            CheckError::Glob { glob, .. } => Self::in_part("check.per_path_ignore", &glob, says),
            _ => Self::of("check", says),
        }
    }
}

impl From<EmbedError> for Mistake {
    fn from(error: EmbedError) -> Self {
        match error {
            EmbedError::Setting { setting, reason } => Self::of(setting, format!("`{setting}` {reason}")),
            other => Self::of("embedding", other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_wherever_toml_lets_it_stand() {
        let memory = || Mistake::of("index.memory_mb", "it");
        let exclude = || Mistake::in_part("index.exclude", "a{", "it");
        for (text, mistake, place) in [
            ("[index]\nmemory_mb = 1\n", memory(), Some((2, 13))),
            ("\n\nindex.memory_mb = 1\n", memory(), Some((3, 19))),
            ("index = { hidden = true, memory_mb = 1 }\n", memory(), Some((1, 38))),
            ("# ö\r\n[index]\r\n'memory_mb' = 1\r\n", memory(), Some((3, 15))),
            ("[index]\nexclude = [\n  'ö', 'a{',\n]\n", exclude(), Some((3, 8))),
            (
                "[check.per_path_ignore]\n'b' = []\n'a{' = []\n",
                Mistake::in_part("check.per_path_ignore", "a{", ""),
                Some((3, 1)),
            ),
            ("[embedding]\nurl = ''\n", Mistake::of("embedding.model", "it"), Some((1, 1))),
            ("[check]\n", memory(), None),
        ] {
            assert_eq!(mistake.place(text), place, "{text:?}");
        }
    }
}
