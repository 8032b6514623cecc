"""Writes the texts and vectors that the Rust embedder is tested against.

    python golden.py MODEL.bin golden.tsv

One line each: kind, text or name, path_container, body, tokens, vector (all components, five decimals).
In the texts a backslash, tab, newline and carriage return are written \\\\ \\t \\n \\r. The tokens of a document's
three fields are separated by ` | `, before truncation to distinct tokens. An empty text has the zero vector.
"""
import sys

import reference

QUERIES = [
    "", " ", "?!", "where do we retry failed requests", "parse an HTTP header", "HTTPServer", "parseHTTPRequest2",
    "snake_case_name", "SCREAMING_SNAKE_CASE", "camelCaseName", "XMLHttpRequest", "getURLForID", "HTTPs", "iOS", "utf8ToUTF16LE",
    "sha256 of a file", "port 8080, 1024 and 65535", "x86_64", "a", "Z", "how is the cache invalidated when a file changes?",
    "supercalifragilisticexpialidocious", "qzxjkvwpq", "Grüße, café, naïve Ünïcode", "日本語 のテスト parse", "🦀 rust crab 🦀",
    "line one\nline two\ttabbed\r\nback\\slash", "std::collections::HashMap<K, V>", "foo.bar(baz)->qux[3] += 0xFF;",
    "retry retry retry", "aB", "ABc", "ABC", "abcDEFghi123JKL", "reciprocal rank fusion of lexical and semantic results",
]
DOCUMENTS = [
    ("", "", "", ""),
    ("retry_with_backoff", "src/net/client/retry.rs", "HttpClient", "fn retry_with_backoff(&self, attempts: u32) -> Result<Response> {\n    for attempt in 0..attempts {\n        match self.send() {\n            Ok(r) => return Ok(r),\n            Err(e) if e.is_transient() => sleep(Duration::from_millis(100 << attempt)),\n            Err(e) => return Err(e),\n        }\n    }\n    Err(Error::Exhausted)\n}"),
    ("HTTPServer", "server.go", "", "type HTTPServer struct {\n\tAddr string\n\tTLSConfig *tls.Config // may be nil\n}"),
    ("parseURL", "lib/util/url.ts", "URLHelper", "parseURL(text: string): URL | undefined {\n  try { return new URL(text) } catch { return undefined }\n}"),
    ("", "README.md", "", "# Title\n\nPlain text, no code; naïve café — “quotes”."),
    ("only_name", "", "", ""),
    ("", "a/b/c/d/e/f.py", "", ""),
    ("a_b_c_d_e_f_g_h_i_j_k_l_m_n_o_p", "one/two/three/four.five.six", "Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho Sigma Tau", "x"),
    ("long", "long.c", "", " ".join(f"word{i} value{i % 7} {'name' * (i % 9)}" for i in range(200))),
    ("unicode", "src/ユニコード.rs", "", "é" * 1790 + " first second third fourth fifth"),
    ("distinct", "d.txt", "", " ".join(a + " " + b for a in "red green blue read write open close lock send receive".split() for b in "file socket buffer queue thread process memory page cache index table row key value node edge graph tree list map set heap stack ring pool".split())),
]


def escape(text):
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def main(model, out):
    model = reference.read(model)
    show = lambda text: " ".join(model.tokens[t] for t in model.tokenize(text))
    with open(out, "w", encoding="utf-8", newline="\n") as file:
        file.write("kind\ttext_or_name\tpath_container\tbody\ttokens\tvector\n")
        for kind, fields in [("query", (q, "", "")) for q in QUERIES] + [
            ("document", (name, reference.path_container(path, container), body)) for name, path, container, body in DOCUMENTS
        ]:
            vector = model.query(fields[0]) if kind == "query" else model.document(*fields)
            tokens = show(fields[0]) if kind == "query" else " | ".join((show(fields[0]), show(fields[1]), show(fields[2][: reference.BODY_CHARS])))
            numbers = ",".join(f"{x + 0.0:.5f}" for x in vector)
            file.write("\t".join([kind, *map(escape, fields), tokens, numbers]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
