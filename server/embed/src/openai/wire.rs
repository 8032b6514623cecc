//! The request and the answer of `/v1/embeddings`, and the checks that an answer must pass.

use serde::{Deserialize, Serialize};

use crate::embedder::normalise;

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<usize>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// The body of a request.
pub(super) fn request(model: &str, input: &[&str], dimensions: Option<usize>) -> String {
    let request = Request { model, input, dimensions };
    serde_json::to_string(&request).expect("strings and numbers always have a JSON form")
}

/// The rows of an answer in the order of the request's texts, each of length 1 or all zeros.
/// `dimension` is `None` while it is being found out.
pub(super) fn rows(body: &[u8], count: usize, dimension: Option<usize>) -> Result<Vec<Vec<f32>>, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| format!("it cannot be read: {error}"))?;
    if answer.data.len() != count {
        return Err(format!("it has {} vectors for {count} texts", answer.data.len()));
    }
    let mut rows = vec![Vec::new(); count];
    for (position, item) in answer.data.into_iter().enumerate() {
        // Some servers leave `index` out; then the order counts.
        let index = item.index.unwrap_or(position);
        let mut row = item.embedding;
        if row.is_empty() {
            return Err(format!("its vector {index} is empty"));
        }
        if let Some(dimension) = dimension
            && row.len() != dimension
        {
            return Err(format!("its vectors have {} numbers, {dimension} are expected", row.len()));
        }
        if !row.iter().all(|value| value.is_finite()) {
            return Err(format!("its vector {index} has a number that is not finite"));
        }
        match rows.get_mut(index) {
            Some(slot) if slot.is_empty() => {
                normalise(&mut row);
                *slot = row;
            }
            Some(_) => return Err(format!("it has two vectors with index {index}")),
            None => return Err(format!("it has a vector with index {index} for {count} texts")),
        }
    }
    Ok(rows)
}

/// The message of an error answer, in the forms that servers use, or the beginning of the body. At most 300 printable
/// characters.
pub(super) fn message(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let found = ["/error/message", "/error", "/message", "/detail"]
        .iter()
        .find_map(|pointer| json.pointer(pointer).and_then(serde_json::Value::as_str));
    let text = found.unwrap_or(&text).trim();
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_do_not_pass() {
        for (body, complaint) in [
            ("", "cannot be read"),
            ("{}", "missing field `data`"),
            (r#"{"data":[]}"#, "0 vectors for 2"),
            (r#"{"data":[{"embedding":[1,0]},{"embedding":[1]}]}"#, "have 1 numbers, 2 are expected"),
            (r#"{"data":[{"embedding":[1,0]},{"embedding":[1,null]}]}"#, "null"),
            (r#"{"data":[{"embedding":[1,0]},{"embedding":[1,NaN]}]}"#, "cannot be read"),
            (r#"{"data":[{"embedding":[1,0]},{"embedding":[]}]}"#, "vector 1 is empty"),
            (r#"{"data":[{"index":1,"embedding":[1,0]},{"index":1,"embedding":[1,0]}]}"#, "two vectors with index 1"),
            (r#"{"data":[{"index":1,"embedding":[1,0]},{"index":2,"embedding":[1,0]}]}"#, "index 2 for 2"),
        ] {
            let error = rows(body.as_bytes(), 2, Some(2)).unwrap_err();
            assert!(error.contains(complaint), "{body}: {error}");
        }
        // Features of the JSON library, which other crates switch on, decide who notices it.
        let error = rows(br#"{"data":[{"embedding":[1,0]},{"embedding":[1,1e39]}]}"#, 2, Some(2)).unwrap_err();
        assert!(error.contains("not finite") || error.contains("out of range"), "{error}");
    }

    #[test]
    fn order_and_length_are_put_right() {
        let body = r#"{"data":[{"index":1,"embedding":[0,3]},{"index":0,"embedding":[0,0]}],"usage":{}}"#;
        assert_eq!(rows(body.as_bytes(), 2, None).unwrap(), [[0.0, 0.0], [0.0, 1.0]]);
        let body = r#"{"data":[{"embedding":[2,0]},{"embedding":[0,2]}]}"#;
        assert_eq!(rows(body.as_bytes(), 2, Some(2)).unwrap(), [[1.0, 0.0], [0.0, 1.0]]);
    }

    #[test]
    fn error_messages_are_found() {
        for (body, expected) in [
            (r#"{"error":{"message":"no such model"}}"#, "no such model"),
            (r#"{"error":"busy"}"#, "busy"),
            (r#"{"detail":"x\ny"}"#, "x y"),
            ("<html>", "<html>"),
        ] {
            assert_eq!(message(body.as_bytes()), expected);
        }
        assert_eq!(message("x".repeat(1000).as_bytes()).len(), 300);
    }
}
