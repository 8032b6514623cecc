//! From a file's bytes to text, or to a stated reason why it is not indexed.

use std::{fs::File, io::Read, path::Path};

use crate::redaction;

/// Why a file is not in the index. Shown by `conexus doctor` and in typed answers, so that nothing is silently absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Skip {
    /// Its first bytes hold NUL or are mostly control characters.
    Binary,
    /// Larger than the `max_file_bytes` setting.
    TooLarge,
    /// Its name is that of a secret: keys, credentials, `.env`.
    Secret,
    /// It holds a private key.
    SecretContent,
    /// Lines of thousands of characters without code structure: minified or packed.
    Minified,
    /// A lock file or another file that tools write for tools.
    Lock,
    /// It could not be read.
    Unreadable,
    /// It is neither a file nor a folder, or its name is not valid Unicode.
    Special,
}

impl Skip {
    /// The reason in words, as users read it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::TooLarge => "larger than max_file_bytes",
            Self::Secret => "looks like a secret by its name",
            Self::SecretContent => "holds a private key",
            Self::Minified => "minified",
            Self::Lock => "lock file or other output of tools",
            Self::Unreadable => "unreadable",
            Self::Special => "not a regular file with a Unicode name",
        }
    }
}

/// A file's text.
#[derive(Debug)]
pub struct Content {
    /// Decoded text; equal to the bytes when they are valid UTF-8, secrets in it masked.
    pub text: String,
    /// BLAKE3 of the bytes on disk, or of the masked text when it holds secrets.
    pub blob: conexus_core::BlobId,
    /// Whether it says of itself that a tool wrote it.
    pub generated: bool,
}

/// Reads and decodes a file. UTF-8 is taken as it is; UTF-16 by its byte order mark; anything else that looks like text
/// as Windows-1252, so that one stray byte costs a character and not the file.
pub fn read(path: &Path, max_bytes: u64) -> Result<Content, Skip> {
    decode(bytes_of(path, max_bytes)?)
}

/// The same for a file whose content may be one that was decoded before. If it is, nothing in it is looked for again: the
/// hash of bytes with secrets is never that of a content, so there are none. That saves most of the time.
pub(crate) fn read_known(path: &Path, max_bytes: u64, known: conexus_core::BlobId) -> Result<Content, Skip> {
    let bytes = bytes_of(path, max_bytes)?;
    if *blake3::hash(&bytes).as_bytes() == known.0 {
        let text = to_text(bytes)?;
        return Ok(Content { text, blob: known, generated: false });
    }
    decode(bytes)
}

fn bytes_of(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Skip> {
    let mut file = open(path).map_err(|_| Skip::Unreadable)?;
    let metadata = file.metadata().map_err(|_| Skip::Unreadable)?;
    if !metadata.is_file() {
        return Err(Skip::Special);
    }
    let size = metadata.len();
    if size > max_bytes {
        return Err(Skip::TooLarge);
    }
    let mut bytes = Vec::with_capacity(size as usize + 1);
    // A file that grows while it is read is cut off at the limit by its own check, not by memory.
    Read::by_ref(&mut file).take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(|_| Skip::Unreadable)?;
    if bytes.len() as u64 > max_bytes {
        return Err(Skip::TooLarge);
    }
    Ok(bytes)
}

/// Opens a file that may have become a pipe since it was looked at, without waiting for somebody who writes to it.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    options.read(true).open(path)
}

/// Decodes bytes that were read elsewhere.
pub fn decode(bytes: Vec<u8>) -> Result<Content, Skip> {
    let mut blob = conexus_core::BlobId(*blake3::hash(&bytes).as_bytes());
    let text = to_text(bytes)?;
    if is_minified(&text) {
        return Err(Skip::Minified);
    }
    if holds_private_key(&text) {
        return Err(Skip::SecretContent);
    }
    let (text, secrets) = redaction::redact(text);
    if secrets > 0 {
        // A text that was masked before, such as that of a buffer which is parsed again, is the same content.
        blob = conexus_core::BlobId(*blake3::hash(text.as_bytes()).as_bytes());
    }
    let generated = is_generated(&text);
    Ok(Content { text, blob, generated })
}

/// Bytes that decide whether a file is binary.
const SNIFF_BYTES: usize = 8_192;

fn to_text(bytes: Vec<u8>) -> Result<String, Skip> {
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(&bytes)
        && encoding != encoding_rs::UTF_8
    {
        return Ok(encoding.decode(&bytes).0.into_owned());
    }
    let sniffed = &bytes[..bytes.len().min(SNIFF_BYTES)];
    if sniffed.contains(&0) {
        return Err(Skip::Binary);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            let bytes = error.into_bytes();
            let sniffed = &bytes[..bytes.len().min(SNIFF_BYTES)];
            let control =
                sniffed.iter().filter(|&&byte| byte < 32 && !matches!(byte, b'\n' | b'\r' | b'\t' | 12)).count();
            let high = sniffed.iter().filter(|&&byte| byte >= 128).count();
            if control * 50 > sniffed.len() || high * 3 > sniffed.len() {
                return Err(Skip::Binary);
            }
            Ok(encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes).0.into_owned())
        }
    }
}

/// Average line length, in bytes, above which a text of some size counts as minified.
const MINIFIED_LINE_BYTES: usize = 1_000;

fn is_minified(text: &str) -> bool {
    if text.len() < 20_000 {
        return false;
    }
    let lines = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
    text.len() / lines > MINIFIED_LINE_BYTES
}

fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Where a file says that a tool wrote it: in its first lines. Further down the same words are prose about generators.
const GENERATED_MARK_BYTES: usize = 600;
/// Where it says so when a licence stands before it: that of Apache takes 640 bytes in a block comment, and 750 and more
/// with a mark at each line.
const BEHIND_LICENCE_BYTES: usize = 1_600;

fn is_generated(text: &str) -> bool {
    let written = head(text, GENERATED_MARK_BYTES);
    if written.to_ascii_lowercase().contains("licen") {
        let marks = ["DO NOT EDIT", "@generated", "<auto-generated", "Code generated by"];
        let first = head(text, BEHIND_LICENCE_BYTES);
        if marks.iter().any(|mark| first.contains(mark)) {
            return true;
        }
    }
    let head = written.to_ascii_lowercase();
    let says = |marks: &[&str]| marks.iter().any(|mark| head.contains(mark));
    let by_itself = [
        "@generated",
        "do not edit this file",
        "<auto-generated",
        "auto-generated",
        "autogenerated by",
        "this file was generated",
        "this file is generated",
        "this file is automatically generated",
        "this file was automatically generated",
        "code generated by",
        "generated by the protocol buffer",
    ];
    // What tools that put scripts together begin their output with: browserify, webpack, parcel, and such as mocha had.
    let bundles = [
        "function e(t,n,r){function s(o,u)",
        "(function(){function r(e,n,t)",
        "webpackbootstrap",
        "parcelrequire=",
        "// commonjs require()",
    ];
    // A sentence of its own: in the middle of one it is prose.
    let begins = |line: &str| {
        let line = line.trim_start_matches(|c: char| !c.is_alphanumeric());
        [
            "Generated by ", "Generated from ", "Automatically generated ", "AUTOMATICALLY GENERATED",
            "Machine generated ",
        ]
        .iter()
        .any(|mark| line.starts_with(mark))
    };
    written.contains("DO NOT EDIT")
        || says(&by_itself)
        || written.lines().any(begins)
        || says(&bundles)
        || head.contains("generated") && says(&["do not edit", "do not modify"])
}

fn holds_private_key(text: &str) -> bool {
    // Only a file that begins with a key is refused; code and documentation about keys is code.
    let head = head(text, 400).trim_start();
    head.starts_with("-----BEGIN ") && head.contains("PRIVATE KEY-----") || head.starts_with("PuTTY-User-Key-File")
}

const SECRET_NAMES: &[&str] = &[
    ".env", ".netrc", "_netrc", ".pgpass", ".npmrc", ".pypirc", ".git-credentials", ".htpasswd", "id_rsa", "id_dsa",
    "id_ecdsa", "id_ed25519", "credentials", "credentials.json", "credentials.toml", "secrets.json", "secrets.yaml",
    "secrets.yml", "secrets.toml", "service-account.json", ".dockercfg", ".vault-token", "terraform.tfstate",
    "terraform.tfstate.backup", "master.key",
];
const SECRET_EXTENSIONS: &[&str] =
    &["pem", "key", "p12", "pfx", "jks", "keystore", "kdbx", "ppk", "asc", "gpg", "age", "ovpn"];
const HARMLESS_ENVIRONMENTS: &[&str] = &["example", "sample", "template", "dist", "defaults"];

/// Whether a file's name is that of a secret. Such files are never opened.
pub fn is_secret_name(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    if let Some(environment) = file.strip_prefix(".env.") {
        return !HARMLESS_ENVIRONMENTS.iter().any(|name| environment.contains(name));
    }
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    SECRET_NAMES.contains(&file.as_str()) || SECRET_EXTENSIONS.contains(&extension)
}

const BINARY_EXTENSIONS: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "webp", "ico", "icns", "bmp", "tif", "tiff", "avif", "psd", "pdf", "zip", "gz", "tgz",
    "bz2", "xz", "zst", "7z", "rar", "tar", "jar", "war", "class", "so", "dylib", "dll", "exe", "o", "a", "obj", "lib",
    "rlib", "wasm", "pyc", "pyo", "ttf", "otf", "woff", "woff2", "eot", "mp3", "mp4", "mov", "avi", "webm", "ogg",
    "wav", "flac", "mkv", "sqlite", "sqlite3", "iso", "dmg", "deb", "rpm", "apk", "parquet", "npy", "npz", "onnx",
    "safetensors",
];

/// Whether a file's name says that it holds no text: such a file is not opened, on no run.
pub fn is_binary_name(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once('.')
        .is_some_and(|(_, extension)| BINARY_EXTENSIONS.iter().any(|binary| extension.eq_ignore_ascii_case(binary)))
}

const LOCK_NAMES: &[&str] = &[
    "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "Cargo.lock", "poetry.lock",
    "uv.lock", "Pipfile.lock", "pdm.lock", "composer.lock", "Gemfile.lock", "go.sum", "go.work.sum", "mix.lock",
    "pubspec.lock", "Package.resolved", "flake.lock", "deno.lock", "gradle.lockfile", "packages.lock.json",
];
const MACHINE_ENDINGS: &[&str] = &[".min.js", ".min.css", ".map", ".svg", ".bundle.js", ".pbxproj", ".ipynb.json"];

/// Whether a file is written by tools for tools, judged by its name.
pub fn is_lock_name(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    LOCK_NAMES.contains(&file) || MACHINE_ENDINGS.iter().any(|ending| file.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(bytes: &[u8]) -> Result<String, Skip> {
        decode(bytes.to_vec()).map(|content| content.text)
    }

    #[test]
    fn bytes_become_text_or_a_reason() {
        assert_eq!(text_of(b""), Ok(String::new()));
        assert_eq!(text_of("fn größe() {}".as_bytes()).as_deref(), Ok("fn größe() {}"));
        assert_eq!(text_of(b"caf\xe9 = 1\n").as_deref(), Ok("café = 1\n"));
        assert_eq!(text_of(b"\xff\xfea\0b\0").as_deref(), Ok("ab"));
        assert_eq!(text_of(b"ELF\0\0"), Err(Skip::Binary));
        assert_eq!(text_of(&[0x81; 400]), Err(Skip::Binary));
        assert_eq!(text_of("x".repeat(60_000).as_bytes()), Err(Skip::Minified));
        assert_eq!(text_of(b"-----BEGIN RSA PRIVATE KEY-----\nabc"), Err(Skip::SecretContent));
        assert!(
            decode(b"// Code generated by x. DO NOT EDIT.\npackage a".to_vec()).is_ok_and(|content| content.generated)
        );
        let licence = format!("/*\nLicensed under a licence.\n{}*/\n", "Its words.\n".repeat(80));
        for (line, generated) in
            [("// Code generated by x. DO NOT EDIT.\n", true), ("// Ids are auto-generated.\n", false)]
        {
            let text = licence.clone() + line + "package a\n";
            assert!(decode(text.into_bytes()).is_ok_and(|content| content.generated == generated), "{line}");
        }
        for (text, generated) in [
            ("(function e(t,n,r){function s(o,u){if(!n[o]){}}})({1:[function(require,module,exports){\n", true),
            ("/******/ (() => { // webpackBootstrap\n", true),
            ("function e(first, second) { return first + second; }\n", false),
            ("// Makes endpoints, which are automatically generated.\n", false),
            ("# # Generated by a tool.\n", true),
            ("a = (function () {\n  /*\n   * Generated by PEG.js 0.9.0.\n", true),
            ("// Takes tokens that are\n// generated by the lexer.\n", false),
            ("// Generated from arabic.sbl by Snowball 3.0.1 - https://snowballstem.org/\n", true),
            (";(function(){\n\n// CommonJS require()\n\nfunction require(p){\n", true),
            ("/* Automatically generated file; edit the table instead. */\n", true),
            ("// Ids are\n// generated from names.\n", false),
        ] {
            assert!(decode(text.into()).is_ok_and(|content| content.generated == generated), "{text}");
        }
    }

    #[test]
    fn names_of_secrets_and_locks() {
        for secret in [".env", "a/.env.production", "deploy/id_rsa", "tls/server.key", "x.PEM"] {
            assert!(is_secret_name(secret), "{secret}");
        }
        for harmless in [".env.example", "src/key.rs", "keys.md", "environment.ts"] {
            assert!(!is_secret_name(harmless), "{harmless}");
        }
        assert!(is_binary_name("a/logo.PNG") && !is_binary_name("png") && !is_binary_name("src/a.rs"));
        assert!(is_lock_name("a/yarn.lock") && is_lock_name("b.min.js") && !is_lock_name("lock.rs"));
    }
}
