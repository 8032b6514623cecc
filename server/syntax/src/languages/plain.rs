//! Languages without a grammar here: they have a name, and their texts are cut into windows of lines.

use super::{Analysis, LanguageSpec};
use conexus_core::Language;

macro_rules! plain {
    ($($name:literal $display:literal [$($extension:literal)*] [$($file:literal)*];)+) => {
        &[$(LanguageSpec {
            language: Language::named($name),
            display: $display,
            extensions: &[$($extension),*],
            file_names: &[$($file),*],
            interpreters: &[],
            analysis: Analysis::Windows,
        }),+]
    };
}

/// Name, display name, extensions, file names.
pub(super) static PLAIN: &[LanguageSpec] = plain! {
    "text" "Text" ["txt" "text" "log"] ["LICENSE" "NOTICE" "AUTHORS" "README" "CHANGELOG" "COPYING"];
    "json" "JSON" ["json" "jsonc" "json5" "jsonl" "ndjson" "geojson" "webmanifest" "ipynb"] [".babelrc" ".eslintrc" "composer.lock" "flake.lock"];
    "yaml" "YAML" ["yaml" "yml"] [".clang-format" ".clang-tidy"];
    "toml" "TOML" ["toml"] ["Cargo.lock" "poetry.lock" "uv.lock" "Pipfile"];
    "ini" "INI" ["ini" "cfg" "conf" "properties" "editorconfig"] [".gitconfig" ".editorconfig" ".npmrc"];
    "xml" "XML" ["xml" "xsd" "xsl" "xslt" "svg" "plist" "csproj" "vbproj" "fsproj" "props" "targets" "resx" "xaml" "storyboard"] [];
    "html" "HTML" ["html" "htm" "xhtml" "jinja" "j2" "hbs" "ejs" "erb" "eex" "heex" "twig" "mustache"] [];
    "css" "CSS" ["css" "scss" "sass" "less" "styl"] [];
    "sql" "SQL" ["sql" "ddl" "psql" "plsql" "pgsql"] [];
    "graphql" "GraphQL" ["graphql" "gql" "graphqls"] [];
    "protobuf" "Protocol Buffers" ["proto"] [];
    "thrift" "Thrift" ["thrift"] [];
    "dockerfile" "Dockerfile" ["dockerfile" "containerfile"] ["Dockerfile" "Containerfile"];
    "makefile" "Makefile" ["mk" "mak"] ["Makefile" "makefile" "GNUmakefile"];
    "cmake" "CMake" ["cmake"] ["CMakeLists.txt"];
    "starlark" "Starlark" ["bzl" "star"] ["BUILD" "BUILD.bazel" "WORKSPACE" "WORKSPACE.bazel" "MODULE.bazel" "Tiltfile"];
    "meson" "Meson" [] ["meson.build" "meson_options.txt"];
    "nix" "Nix" ["nix"] [];
    "hcl" "HCL" ["hcl" "tf" "tfvars"] [];
    "just" "Just" ["just"] ["justfile" "Justfile" ".justfile"];
    "groovy" "Groovy" ["groovy" "gradle" "gvy"] ["Jenkinsfile"];
    "vue" "Vue" ["vue"] [];
    "svelte" "Svelte" ["svelte"] [];
    "astro" "Astro" ["astro"] [];
    "fish" "Fish" ["fish"] [];
    "powershell" "PowerShell" ["ps1" "psm1" "psd1"] [];
    "batch" "Batch" ["bat" "cmd"] [];
    "perl" "Perl" ["pl" "pm" "t"] [];
    "r" "R" ["r"] [".Rprofile"];
    "julia" "Julia" ["jl"] [];
    "matlab" "MATLAB" ["matlab"] [];
    "dart" "Dart" ["dart"] [];
    "objective-c" "Objective-C" ["m" "mm"] [];
    "ocaml" "OCaml" ["ml" "mli" "mll" "mly"] [];
    "fsharp" "F#" ["fs" "fsi" "fsx"] [];
    "visual-basic" "Visual Basic" ["vb" "bas"] [];
    "erlang" "Erlang" ["erl" "hrl"] ["rebar.config"];
    "gleam" "Gleam" ["gleam"] [];
    "clojure" "Clojure" ["clj" "cljs" "cljc" "edn"] [];
    "lisp" "Lisp" ["lisp" "lsp" "cl" "asd"] [];
    "emacs-lisp" "Emacs Lisp" ["el"] [".emacs"];
    "scheme" "Scheme" ["scm" "ss" "rkt" "sld"] [];
    "elm" "Elm" ["elm"] [];
    "purescript" "PureScript" ["purs"] [];
    "nim" "Nim" ["nim" "nims" "nimble"] [];
    "d" "D" ["d" "di"] [];
    "crystal" "Crystal" ["cr"] [];
    "v" "V" ["v" "vsh"] [];
    "ada" "Ada" ["adb" "ads"] [];
    "pascal" "Pascal" ["pas" "pp" "dpr"] [];
    "fortran" "Fortran" ["f" "f90" "f95" "f03" "f08" "for"] [];
    "cobol" "COBOL" ["cob" "cbl" "cpy"] [];
    "assembly" "Assembly" ["asm" "s" "nasm"] [];
    "verilog" "Verilog" ["sv" "svh" "vh"] [];
    "vhdl" "VHDL" ["vhd" "vhdl"] [];
    "glsl" "GLSL" ["glsl" "vert" "frag" "comp" "geom"] [];
    "hlsl" "HLSL" ["hlsl" "fx"] [];
    "wgsl" "WGSL" ["wgsl"] [];
    "metal" "Metal" ["metal"] [];
    "wat" "WebAssembly Text" ["wat" "wast"] [];
    "solidity" "Solidity" ["sol"] [];
    "move" "Move" ["move"] [];
    "tcl" "Tcl" ["tcl" "tk"] [];
    "vim" "Vim script" ["vim" "vimrc"] [".vimrc" "_vimrc"];
    "awk" "AWK" ["awk"] [];
    "jq" "jq" ["jq"] [];
    "rego" "Rego" ["rego"] [];
    "cue" "CUE" ["cue"] [];
    "dhall" "Dhall" ["dhall"] [];
    "jsonnet" "Jsonnet" ["jsonnet" "libsonnet"] [];
    "tex" "TeX" ["tex" "sty" "cls" "bib"] [];
    "restructuredtext" "reStructuredText" ["rst"] [];
    "asciidoc" "AsciiDoc" ["adoc" "asciidoc"] [];
    "org" "Org" ["org"] [];
    "typst" "Typst" ["typ"] [];
    "csv" "CSV" ["csv" "tsv"] [];
    "diff" "Diff" ["diff" "patch"] [];
    "ignore" "Ignore list" ["gitignore"] [".gitignore" ".dockerignore" ".npmignore" ".ignore" ".prettierignore" ".eslintignore"];
    "env" "Environment" ["env"] [".env" ".env.example"];
};
