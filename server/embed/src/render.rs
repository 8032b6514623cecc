//! A passage as one text, for models that read prose rather than fields.

use conexus_core::Passage;

/// Path, qualified name, documentation and text of a passage, cut to `limit` characters. Empty when the passage has
/// no text of its own: a path alone is nothing to embed.
pub(crate) fn render(prefix: &str, passage: &Passage<'_>, limit: usize) -> String {
    let Passage { path, name, container, signature, doc, body } = *passage;
    if [name, signature, doc, body].iter().all(|field| field.trim().is_empty()) {
        return String::new();
    }
    let mut text = String::with_capacity(prefix.len() + path.len() + doc.len() + body.len() + 64);
    text.push_str(prefix);
    let title = [container, name].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    for line in [path, &title] {
        if !line.is_empty() {
            text.push_str(line);
            text.push('\n');
        }
    }
    // A chunk's text usually holds its documentation and signature already.
    for field in [doc, signature] {
        if !body.contains(field) {
            text.push_str(field);
            text.push('\n');
        }
    }
    text.push_str(body);
    truncate(&mut text, limit);
    text
}

/// A query with its prefix, cut to `limit` characters; empty when the query is blank.
pub(crate) fn render_query(prefix: &str, query: &str, limit: usize) -> String {
    if query.trim().is_empty() {
        return String::new();
    }
    let mut text = format!("{prefix}{query}");
    truncate(&mut text, limit);
    text
}

fn truncate(text: &mut String, limit: usize) {
    if let Some((end, _)) = text.char_indices().nth(limit) {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_appear_once_and_the_limit_counts_characters() {
        let passage = Passage {
            path: "a/b.rs",
            name: "read",
            container: "File",
            signature: "fn read()",
            doc: "/// Reads.",
            body: "fn read() { größe }",
        };
        assert_eq!(render("p: ", &passage, 1000), "p: a/b.rs\nFile read\n/// Reads.\nfn read() { größe }");
        assert_eq!(render("", &Passage { body: "größe", ..Passage::default() }, 3), "grö");
        assert_eq!(render("p: ", &Passage { path: "a/b.rs", body: " \n", ..Passage::default() }, 9), "");
        assert_eq!(render_query("q: ", " \t", 9), "");
        assert_eq!(render_query("q: ", "where", 9), "q: where");
    }
}
