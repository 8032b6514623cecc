//! How much a mention speaks for one definition of its name, and against others.
//!
//! Each piece of evidence adds to a sum. The confidence of a definition is its share of `exp(sum)` among all definitions of
//! the name and one more that stands for what is outside of the workspace: a library's function of the same name. The
//! constants were set by reading answers, see "Relations" in `docs/quality.md`.

use conexus_core::{Reference, ReferenceKind, SymbolKind};

use super::{
    definition::{Definition, folder, last_part},
    mention::{MentioningFile, Names, Receiver},
    rules::{Scope, is_common},
};

/// Why a definition is believed to be meant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Weight {
    pub(super) sum: f32,
    /// The strongest evidence in words, or empty.
    pub(super) reason: &'static str,
    strongest: f32,
}

impl Weight {
    /// From here on a definition is out of the question.
    const NEVER: f32 = -9.0;

    fn add(&mut self, value: f32, reason: &'static str) {
        self.sum += value;
        if value > self.strongest && !reason.is_empty() {
            self.strongest = value;
            self.reason = reason;
        }
    }

    fn never() -> Self {
        Self { sum: Self::NEVER, ..Self::default() }
    }

    /// Whether the definition may be meant at all.
    pub(super) fn is_possible(&self) -> bool {
        self.sum > Self::NEVER / 2.0
    }
}

/// A mention in its file.
pub(super) struct Mention<'a> {
    pub(super) file: &'a MentioningFile<'a>,
    pub(super) names: &'a Names<'a>,
    pub(super) name: &'a str,
    pub(super) reference: Reference,
    pub(super) receiver: Receiver<'a>,
}

/// What speaks for a definition.
pub(super) fn weigh(mention: &Mention<'_>, definition: &Definition<'_>) -> Weight {
    let (here, rules) = (mention.file, definition.rules);
    let path: &str = here.file.path();
    if here.rules.family != rules.family || !kinds_fit(mention.reference.kind, definition) {
        return Weight::never();
    }
    if mention.receiver == Receiver::None && here.is_local(mention.name, mention.reference) {
        return Weight::never();
    }
    let mut weight = Weight::default();
    let same_file = here.file.first_slot() == definition.file.first_slot();
    let same_folder = folder(path) == definition.folder();
    if same_file {
        // In the file of a type many values are of other types.
        let of_value = matches!(mention.receiver, Receiver::Named(_) | Receiver::Expression);
        weight.add(if of_value && definition.is_member() { 0.9 } else { 2.0 }, "same file");
    } else if same_folder {
        weight.add(0.7, "same folder");
    } else {
        weight.add(nearness(path, definition.file.path()), "");
    }
    if definition.test && !here.test && !same_file {
        weight.add(-4.0, "");
    }
    let holds_value = matches!(
        definition.kind(),
        SymbolKind::Constant | SymbolKind::Variable | SymbolKind::Field | SymbolKind::Property
    );
    if holds_value && mention.reference.kind == ReferenceKind::Call {
        weight.add(-1.5, "");
    }
    if definition.is_member() {
        member(mention, definition, same_file, &mut weight);
    } else {
        free(mention, definition, same_file, same_folder, &mut weight);
    }
    weight
}

/// The share of a definition among those that a mention may mean.
pub(super) fn confidence(sum: f32, all: impl Iterator<Item = f32>, mention: &Mention<'_>) -> f32 {
    // Equal evidence for many definitions of one interface is no evidence for a library's.
    let total: f32 = all.map(f32::exp).sum();
    let outside = outside(mention).exp();
    (sum.exp() / (total + outside)).clamp(0.0, 0.99)
}

/// What speaks for a definition outside of the workspace.
fn outside(mention: &Mention<'_>) -> f32 {
    let mut sum: f32 = match mention.receiver {
        Receiver::Own => 0.0,
        Receiver::None => 0.4,
        Receiver::Named(_) | Receiver::Path(_) | Receiver::Expression => 1.2,
    };
    let words = conexus_core::words::parts(mention.name).count();
    if is_common(mention.name) {
        sum += 1.6;
    } else if words >= 3 {
        sum -= 1.2;
    } else if words == 2 {
        sum -= 0.5;
    }
    sum
}

/// Whether a mention of that kind can mean a definition of that kind.
fn kinds_fit(mention: ReferenceKind, definition: &Definition<'_>) -> bool {
    let kind = definition.kind();
    let rust = definition.rules.family == "rust";
    match mention {
        ReferenceKind::Call => {
            !(matches!(kind, SymbolKind::Interface | SymbolKind::Trait) || rust && kind == SymbolKind::Macro)
        }
        ReferenceKind::Type | ReferenceKind::Inherit => kind.is_type(),
        ReferenceKind::Macro => !rust || kind == SymbolKind::Macro,
        // An import is no use, and is looked at as evidence only.
        ReferenceKind::Import => false,
        ReferenceKind::Mention => kind != SymbolKind::Macro,
    }
}

/// Evidence for a member of a type.
fn member(mention: &Mention<'_>, definition: &Definition<'_>, same_file: bool, weight: &mut Weight) {
    let owner = definition.owner;
    let inner = mention.file.owner_at(mention.reference);
    match mention.receiver {
        Receiver::None => {
            let implicit = definition.rules.implicit_self || definition.kind() == SymbolKind::EnumMember;
            // Without `self` a method is named in the body of its type at most: `property(get_name)`.
            let called = mention.reference.kind == ReferenceKind::Call || inner != owner;
            if !implicit && called && !definition.kind().is_type() {
                *weight = Weight::never();
                return;
            }
            if inner == owner {
                weight.add(3.5, "same type");
            } else if mention.names.inherits(owner) {
                weight.add(2.0, "extends its type");
            } else if mention.names.import(mention.name).is_some() {
                weight.add(2.0, "imports its name");
            } else {
                weight.add(if same_file { -1.0 } else { -3.0 }, "");
            }
        }
        Receiver::Own => {
            if inner == owner {
                weight.add(4.0, "called on its own type");
            } else if mention.names.inherits(owner) {
                weight.add(2.5, "extends its type");
            } else {
                weight.add(-1.5, "");
            }
        }
        Receiver::Named(receiver) => {
            let own = definition.rules.family == "go" && mention.file.is_method_receiver(receiver, mention.reference);
            if own {
                weight.add(if inner == owner { 4.0 } else { -1.5 }, "called on its own type");
                return;
            }
            if alike(receiver, owner) {
                weight.add(4.0, "its receiver is named like the type");
                return;
            }
            if receiver.starts_with(char::is_uppercase) {
                // Another type's member; it may be a subclass or an alias.
                weight.add(if receiver.len() == 1 { -0.5 } else { -4.0 }, "");
            } else if ends_like(receiver, owner) {
                weight.add(1.5, "its receiver is named like the type");
            }
            typed(mention, definition, weight);
        }
        Receiver::Path(path) if alike(path, owner) => weight.add(4.0, "its receiver is named like the type"),
        Receiver::Path(_) => weight.add(-4.5, ""),
        Receiver::Expression => typed(mention, definition, weight),
    }
}

/// Evidence by the type of a receiver that is not spelled out.
fn typed(mention: &Mention<'_>, definition: &Definition<'_>, weight: &mut Weight) {
    let own = mention.file.file.first_slot() == definition.file.first_slot()
        && definition.symbol.span().contains(mention.reference.span);
    if own {
        // A call of the own name on another value hands on to what is inside.
        weight.add(-3.0, "");
    }
    if mention.names.import(definition.owner).is_some() {
        weight.add(1.8, "imports its type");
    } else if mention.names.mentions(definition.owner) {
        weight.add(1.5, "names its type");
    } else {
        weight.add(-0.6, "");
    }
}

/// Evidence for what is reached by its name alone or through a module.
fn free(mention: &Mention<'_>, definition: &Definition<'_>, same_file: bool, same_folder: bool, weight: &mut Weight) {
    let rules = definition.rules;
    let (module, package) = (definition.module(), last_part(definition.folder()));
    match mention.receiver {
        Receiver::None => {
            if same_file {
                weight.add(2.5, "same file");
            } else if let Some(words) = mention.names.import(mention.name) {
                let from = if words.contains(module) {
                    4.5
                } else if words.contains(package) {
                    2.5
                } else {
                    1.0
                };
                weight.add(from, "imports its name");
            } else if same_folder && rules.scope == Scope::Folder {
                weight.add(3.0, "same package");
            } else if rules.scope == Scope::Workspace {
                weight.add(0.8, "");
            } else if mention.names.wildcard && mention.names.imports_from(module, package) {
                weight.add(2.0, "imports all of its module");
            } else if mention.names.wildcard {
                weight.add(0.0, "");
            } else if rules.family == "rust" && definition.kind() == SymbolKind::Macro {
                // Macros are in scope without an import.
                weight.add(1.5, "");
            } else {
                weight.add(-3.0, "");
            }
        }
        Receiver::Own if definition.rules.family == "rust" && same_file => weight.add(0.5, "same file"),
        Receiver::Own | Receiver::Expression => {
            if rules.qualified || definition.kind().is_callable() {
                weight.add(if definition.kind().is_type() { -1.5 } else { -5.0 }, "");
            }
        }
        Receiver::Named(receiver) | Receiver::Path(receiver) => {
            if receiver == module || (receiver == package && rules.scope == Scope::Folder) {
                let imported = mention.names.imports_from(module, package);
                weight.add(if imported { 4.0 } else { 3.0 }, "called through its module");
            } else if receiver == package {
                weight.add(2.5, "called through its package");
            } else if rules.family == "rust" && receiver.starts_with(char::is_uppercase) {
                // Behind a type stands what belongs to it: `Poll::Ready` is no type of the name `Ready`.
                weight.add(-5.0, "");
            } else if let Some(words) = mention.names.import(receiver)
                && (words.contains(module) || words.contains(package))
            {
                weight.add(2.5, "called through an import of its module");
            } else if rules.qualified {
                weight.add(if definition.kind().is_type() { -1.5 } else { -4.0 }, "");
            } else {
                weight.add(-1.0, "");
            }
        }
    }
}

/// Equal but for case and `_`: `snapshot` and `Snapshot`, `http_client` and `HttpClient`.
fn alike(left: &str, right: &str) -> bool {
    let plain = |text: &'_ str| -> Vec<u8> {
        text.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase()).collect()
    };
    !left.is_empty() && plain(left) == plain(right)
}

/// Whether the last word of a variable is the last word of a type or abbreviates it: `http_client`, `conn` for
/// `Connection`.
fn ends_like(receiver: &str, owner: &str) -> bool {
    let last = |text: &'_ str| conexus_core::words::parts(text).last().unwrap_or("").to_lowercase();
    let (receiver, owner) = (last(receiver), last(owner));
    receiver.len() >= 3 && owner.starts_with(&receiver)
}

/// 0 to 0.6 by the folders that two paths share.
fn nearness(left: &str, right: &str) -> f32 {
    let (left, right) = (folder(left), folder(right));
    let shared = left.split('/').zip(right.split('/')).take_while(|(left, right)| left == right).count();
    let longest = left.split('/').count().max(right.split('/').count());
    0.6 * shared as f32 / longest as f32
}
