//! What a file is for, judged by its path: code, tests, examples and so on. Ranking lets some roles sink.

/// The role of a file. Only its path decides, so a role costs nothing to store and can change with a new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Code of the product itself.
    Code,
    /// Tests, their fixtures and helpers.
    Test,
    /// Examples, samples, demonstrations and benchmarks.
    Example,
    /// Code of others that is kept here.
    Vendored,
    /// Code kept for older users: compatibility, legacy, deprecated.
    Compatibility,
    /// Declarations without code: `.d.ts`, `.pyi`.
    Declarations,
    /// Prose.
    Documentation,
    /// Settings, manifests, lock files and data.
    Data,
}

const TEST_FOLDERS: &[&str] = &[
    "test", "tests", "testing", "__tests__", "spec", "specs", "e2e", "testdata", "test_data", "fixtures", "__mocks__",
    "mocks", "testkit", "testutil", "testutils", "unittests", "androidtest", "commontest", "jvmtest", "behat",
    "cypress", "testsuite", "testcases",
];
/// Last words of folders such as `integration-tests`. `test` is none of them: `spring-boot-test` is a product.
const TEST_WORDS: &[&str] = &["tests", "testdata"];
/// And last two words, as in `java-checks-test-sources`.
const TEST_WORDS_OF_TWO: &[[&str; 2]] =
    &[["test", "sources"], ["test", "fixtures"], ["test", "data"], ["test", "cases"], ["test", "resources"]];
const EXAMPLE_FOLDERS: &[&str] = &[
    "example", "examples", "sample", "samples", "demo", "demos", "bench", "benches", "benchmark", "benchmarks",
    "tutorial", "tutorials", "playground", "sandbox", "docs_src",
];
/// Last words of folders such as `dev-examples`.
const EXAMPLE_WORDS: &[&str] = &["examples", "samples", "demos", "benchmarks", "tutorials"];
const VENDORED_FOLDERS: &[&str] = &[
    "vendor", "vendored", "third_party", "thirdparty", "3rdparty", "node_modules", "bower_components", "external",
    "_vendor", "third-party", "3rd-party", "external-crates", "extern", "externals", "vendors", "3rd_party", "cmsis",
    "pods", "carthage", "godeps", "jspm_packages", "extlib", "extlibs",
];
/// Last words of folders such as `jaraco-vendored`. `vendor` is none of them: `choose-vendor` is a product.
const VENDORED_WORDS: &[&str] = &["vendored"];
/// And last two words, as in `vendor-internal`; `STM32F7xx_HAL_Driver` is what the makers of chips hand out.
const VENDORED_WORDS_OF_TWO: &[[&str; 2]] = &[
    ["hal", "driver"],
    ["stdperiph", "driver"],
    ["vendor", "internal"],
    ["internal", "vendor"],
    ["vendor", "lib"],
    ["vendor", "libs"],
    ["vendor", "src"],
    ["vendor", "js"],
    ["vendor", "patched"],
    ["vendor", "local"],
];
/// Two folders of which the inner one holds libraries for a page: `public/js/plugins`.
const VENDORED_PAIRS: &[[&str; 2]] = &[["js", "plugins"], ["js", "lib"], ["js", "libs"], ["javascripts", "plugins"]];
/// The folder of a whole repository that holds what it depends on; further down it may be the product's own.
const VENDORED_TOP: &str = "deps/";
/// Scripts that automake and autoconf put into a repository.
const BUILD_SCRIPTS: &[&str] = &[
    "config.guess", "config.sub", "depcomp", "install-sh", "ltmain.sh", "missing", "mkinstalldirs", "test-driver",
    "ylwrap",
];
const COMPATIBILITY_WORDS: &[&str] =
    &["compat", "compatibility", "legacy", "deprecated", "polyfill", "polyfills", "shim", "shims", "obsolete"];
const DOCUMENTATION_EXTENSIONS: &[&str] = &["md", "markdown", "rst", "txt", "adoc", "asciidoc", "org", "tex", "mdx"];
const DATA_EXTENSIONS: &[&str] = &[
    "json", "yaml", "yml", "toml", "lock", "xml", "csv", "tsv", "ini", "cfg", "conf", "properties", "svg", "plist",
    "snap", "po", "pot", "resx", "csproj", "sln", "gradle", "sum", "mod", "html", "htm", "css", "scss", "less",
    "jsonl", "ndjson", "env",
];

/// Whether a file is prose, wherever it lies.
pub fn is_prose(path: &str) -> bool {
    let extension = path.rsplit('/').next().and_then(|file| file.rsplit_once('.')).map(|(_, extension)| extension);
    extension
        .is_some_and(|extension| DOCUMENTATION_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// The role of a workspace-relative path with `/`.
pub fn role(path: &str) -> Role {
    let (folders, file) = path.rsplit_once('/').unwrap_or(("", path));
    let lower = file.to_ascii_lowercase();
    let (stem, extension) =
        lower.split_once('.').map_or((lower.as_str(), ""), |(stem, _)| (stem, lower.rsplit('.').next().unwrap_or("")));
    let in_folder =
        |names: &[&str]| folders.split('/').any(|folder| names.iter().any(|name| folder.eq_ignore_ascii_case(name)));
    let ends_with = |words: &[&str], of_two: &[[&str; 2]]| {
        folders.split('/').any(|folder| {
            let mut last = folder.rsplit(['-', '_']);
            let (Some(end), Some(before)) = (last.next(), last.next()) else { return false };
            let is = |word: &str, known: &str| word.eq_ignore_ascii_case(known);
            words.iter().any(|known| is(end, known))
                || of_two.iter().any(|[first, second]| is(before, first) && is(end, second))
        })
    };
    if in_folder(VENDORED_FOLDERS)
        || path.starts_with(VENDORED_TOP)
        || BUILD_SCRIPTS.contains(&file)
        || ends_with(VENDORED_WORDS, VENDORED_WORDS_OF_TWO)
        || has_pair(folders, VENDORED_PAIRS)
    {
        return Role::Vendored;
    }
    if in_folder(TEST_FOLDERS)
        || ends_with(TEST_WORDS, TEST_WORDS_OF_TWO)
        || is_test_file(file, &lower, stem)
        || folders
            .split('/')
            .any(|folder| [".Tests", "Tests", "TestCases", "TestData"].iter().any(|end| folder.ends_with(end)))
    {
        return Role::Test;
    }
    if DOCUMENTATION_EXTENSIONS.contains(&extension) {
        return Role::Documentation;
    }
    if DATA_EXTENSIONS.contains(&extension) {
        return Role::Data;
    }
    if in_folder(EXAMPLE_FOLDERS) || ends_with(EXAMPLE_WORDS, &[]) {
        return Role::Example;
    }
    if in_folder(COMPATIBILITY_WORDS) || stem.split(['_', '-']).any(|word| COMPATIBILITY_WORDS.contains(&word)) {
        return Role::Compatibility;
    }
    if extension == "pyi" || [".d.ts", ".d.mts", ".d.cts"].iter().any(|ending| lower.ends_with(ending)) {
        return Role::Declarations;
    }
    Role::Code
}

fn is_test_file(file: &str, lower: &str, stem: &str) -> bool {
    stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || stem.ends_with("_spec")
        || stem.ends_with("-test")
        || stem == "test"
        || stem == "tests"
        || stem == "conftest"
        || lower.contains(".test.")
        || lower.contains(".spec.")
        || lower.contains(".stories.")
        || lower.split('.').next_back() == Some("bats")
        || ["Test.", "Tests.", "TestCase.", "Spec.", "Suite."].iter().any(|ending| file.contains(ending))
}

/// Whether two folders stand one in the other.
fn has_pair(folders: &str, pairs: &[[&str; 2]]) -> bool {
    let inner = folders.split('/').skip(1);
    folders.split('/').zip(inner).any(|(outer, inner)| pairs.contains(&[outer, inner]))
}

/// Two folders of which the inner one holds what was built of other files.
const BUILT_PAIRS: &[[&str; 2]] = &[["public", "build"], ["js", "build"], ["static", "build"], ["assets", "build"]];

/// Whether a file lies in a folder for what tools write.
pub fn is_generated(path: &str) -> bool {
    // `dist` also stands for what a distribution needs, which is written by hand, but not in JavaScript.
    let script = [".js", ".cjs", ".mjs", ".css"].iter().any(|ending| path.ends_with(ending));
    path.rsplit_once('/').is_some_and(|(folders, _)| {
        folders.split('/').any(|folder| {
            matches!(folder, "generated" | "__generated__" | "autogenerated" | "generated-src")
                || script && folder == "dist"
        }) || script && has_pair(folders, BUILT_PAIRS)
    })
}

/// The part of a file's name before its first dot: `ranking` of `src/ranking.test.ts`.
pub fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    match file.strip_prefix('.') {
        Some(hidden) => hidden.split('.').next().unwrap_or(hidden),
        None => file.split('.').next().unwrap_or(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_by_path() {
        for (path, expected) in [
            ("src/lib.rs", Role::Code),
            ("src/latest/attest.rs", Role::Code),
            ("tests/it.rs", Role::Test),
            ("pkg/server_test.go", Role::Test),
            ("web/app.test.tsx", Role::Test),
            ("src/FooTest.java", Role::Test),
            ("Dapper.Tests/Async.cs", Role::Test),
            ("integration_tests/a.py", Role::Test),
            ("java-checks-test-sources/src/A.java", Role::Test),
            ("spotbugsTestCases/src/A.java", Role::Test),
            ("core/spring-boot-test/src/A.java", Role::Code),
            ("dev-examples/a.ts", Role::Example),
            ("vendor/a/b_test.go", Role::Vendored),
            ("lib/STM32F7xx_HAL_Driver/Src/clock.c", Role::Vendored),
            ("cloud/vendor-internal/sdk/client.go", Role::Vendored),
            ("jaraco_vendored/text.py", Role::Vendored),
            ("shop/choose-vendor/list.ts", Role::Code),
            ("deps/zlib/inflate.c", Role::Vendored),
            ("app/deps/session.py", Role::Code),
            ("build-aux/missing", Role::Vendored),
            ("public/js/plugins/select.js", Role::Vendored),
            ("src/plugins/select.js", Role::Code),
            ("src/Behat/Steps.php", Role::Test),
            ("examples/hello.rs", Role::Example),
            ("src/compat/io.rs", Role::Compatibility),
            ("py/_compat.py", Role::Compatibility),
            ("types/index.d.ts", Role::Declarations),
            ("README.md", Role::Documentation),
            ("Cargo.lock", Role::Data),
            ("Makefile", Role::Code),
        ] {
            assert_eq!(role(path), expected, "{path}");
        }
        for (path, expected) in [
            ("src/generated/api.ts", true),
            ("src/generated.rs", false),
            ("dist/app.js", true),
            ("public/js/build/app.js", true),
            ("dist/tools/flash.py", false),
        ] {
            assert_eq!(is_generated(path), expected, "{path}");
        }
        assert_eq!((stem("a/b/ranking.test.ts"), stem(".bashrc"), stem("Makefile")), ("ranking", "bashrc", "Makefile"));
    }
}
