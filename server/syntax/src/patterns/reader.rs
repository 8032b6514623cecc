//! Reads the text of a query into forms.

use super::{PatternError, error};

/// One form of a query.
#[derive(Debug)]
pub(super) enum Form {
    /// `(kind children...)`; a group has no kind.
    Node { kind: Option<String>, children: Vec<Form>, field: Option<String>, captures: Vec<String>, optional: bool },
    /// `"text"`, or `_` outside parentheses.
    Token { text: String, field: Option<String>, captures: Vec<String>, optional: bool },
    /// `[a b]`
    Alternation { children: Vec<Form>, field: Option<String>, captures: Vec<String>, optional: bool },
    /// `.`
    Anchor,
    /// `!field`
    Negated(String),
    /// `(#name arguments...)`
    Predicate { name: String, arguments: Vec<Form> },
    /// `@capture` as an argument of a predicate.
    Reference(String),
}

impl Form {
    /// Whether a `?` or `*` follows it.
    pub(super) fn is_optional(&self) -> bool {
        match self {
            Self::Node { optional, .. } | Self::Token { optional, .. } | Self::Alternation { optional, .. } => {
                *optional
            }
            _ => false,
        }
    }
}

/// Reads all top-level forms.
pub(super) fn read(source: &str) -> Result<Vec<Form>, PatternError> {
    let mut reader = Reader { rest: source };
    let mut forms = Vec::new();
    while reader.peek().is_some() {
        forms.push(reader.form(None)?);
    }
    Ok(forms)
}

struct Reader<'a> {
    rest: &'a str,
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '?' | '!')
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with(';') {
                return self.rest.chars().next();
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }

    fn accept(&mut self, character: char) -> bool {
        let found = self.peek() == Some(character);
        if found {
            self.rest = &self.rest[character.len_utf8()..];
        }
        found
    }

    fn word(&mut self) -> Result<String, PatternError> {
        let end = self.rest.find(|character| !is_word(character)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word.is_empty() { error(format!("expected a name at: {:.40}", self.rest)) } else { Ok(word.to_owned()) }
    }

    fn string(&mut self) -> Result<String, PatternError> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, other)) => text.push(other),
                    None => break,
                },
                other => text.push(other),
            }
        }
        error("a string without an end")
    }

    fn form(&mut self, field: Option<String>) -> Result<Form, PatternError> {
        let mut form = match self.peek() {
            Some('(') => {
                self.accept('(');
                self.list()?
            }
            Some('[') => {
                self.accept('[');
                let mut children = Vec::new();
                while !self.accept(']') {
                    children.push(self.form(None)?);
                }
                Form::Alternation { children, field: None, captures: Vec::new(), optional: false }
            }
            Some('"') => {
                self.accept('"');
                Form::Token { text: self.string()?, field: None, captures: Vec::new(), optional: false }
            }
            Some('.') => {
                self.accept('.');
                return Ok(Form::Anchor);
            }
            Some('!') => {
                self.accept('!');
                return Ok(Form::Negated(self.word()?));
            }
            Some('@') => {
                self.accept('@');
                return Ok(Form::Reference(self.word()?));
            }
            Some(_) => {
                let word = self.word()?;
                if self.accept(':') {
                    return self.form(Some(word));
                }
                Form::Token { text: word, field: None, captures: Vec::new(), optional: false }
            }
            None => return error("the query ends inside a pattern"),
        };
        self.suffixes(&mut form, field)?;
        Ok(form)
    }

    /// What follows `(`.
    fn list(&mut self) -> Result<Form, PatternError> {
        if self.accept('#') {
            let name = self.word()?;
            let mut arguments = Vec::new();
            while !self.accept(')') {
                arguments.push(self.form(None)?);
            }
            return Ok(Form::Predicate { name, arguments });
        }
        let kind = match self.peek() {
            Some(character) if character.is_alphanumeric() || character == '_' => Some(self.word()?),
            _ => None,
        };
        let mut children = Vec::new();
        while !self.accept(')') {
            children.push(self.form(None)?);
        }
        Ok(Form::Node { kind, children, field: None, captures: Vec::new(), optional: false })
    }

    /// Captures and quantifiers after a form. `+` means once and `*` means `?`: every repetition is its own match.
    fn suffixes(&mut self, form: &mut Form, name: Option<String>) -> Result<(), PatternError> {
        let (Form::Node { field, captures, optional, .. }
        | Form::Token { field, captures, optional, .. }
        | Form::Alternation { field, captures, optional, .. }) = form
        else {
            return Ok(());
        };
        *field = name;
        loop {
            match self.peek() {
                Some('?' | '*') => {
                    self.rest = &self.rest[1..];
                    *optional = true;
                }
                Some('+') => self.rest = &self.rest[1..],
                Some('@') => {
                    self.rest = &self.rest[1..];
                    captures.push(self.word()?);
                }
                _ => return Ok(()),
            }
        }
    }
}
