//! What the rules need to know of `Cargo.toml` files.

use std::collections::BTreeMap;

use crate::tree::Tree;

/// The manifests of the workspace.
pub(crate) struct Workspace {
    /// Its packages, the root first.
    pub(crate) packages: Vec<Package>,
    /// Keys of `[workspace.dependencies]` with the package each stands for.
    pub(crate) shared: BTreeMap<String, String>,
    /// The oldest Rust that builds it.
    pub(crate) rust_version: Option<String>,
}

/// One package.
pub(crate) struct Package {
    /// Path of its manifest.
    pub(crate) manifest: String,
    /// Name.
    pub(crate) name: String,
    /// Direct dependencies of every kind and target.
    pub(crate) dependencies: Vec<Dependency>,
    /// Whether it takes the lints of the workspace.
    pub(crate) inherits_lints: bool,
}

/// One direct dependency.
pub(crate) struct Dependency {
    /// The key it is written under.
    pub(crate) key: String,
    /// The package's real name, which differs from the key when it is renamed.
    pub(crate) package: String,
    /// Where it is needed.
    pub(crate) kind: DependencyKind,
}

/// Where a dependency is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DependencyKind {
    /// In the product.
    Normal,
    /// In tests and benchmarks.
    Dev,
    /// In a build script.
    Build,
}

const SECTIONS: [(&str, DependencyKind); 3] = [
    ("dependencies", DependencyKind::Normal),
    ("dev-dependencies", DependencyKind::Dev),
    ("build-dependencies", DependencyKind::Build),
];

impl Workspace {
    /// Reads the root manifest and those of its members. A manifest that cannot be read is returned as an error line:
    /// its path and what is wrong.
    pub(crate) fn read(tree: &Tree) -> Result<Self, (String, String)> {
        let root = parse(tree, "Cargo.toml")?;
        let workspace = root.get("workspace");
        let shared: BTreeMap<_, _> = workspace
            .and_then(|workspace| workspace.get("dependencies"))
            .and_then(toml::Value::as_table)
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), real_name(key, value)))
            .collect();
        let members = workspace.and_then(|workspace| workspace.get("members")).and_then(toml::Value::as_array);
        let mut packages = vec![Package::of("Cargo.toml", &root, &shared)];
        for member in members.into_iter().flatten().filter_map(toml::Value::as_str) {
            let manifest = format!("{member}/Cargo.toml");
            packages.push(Package::of(&manifest, &parse(tree, &manifest)?, &shared));
        }
        let package = workspace.and_then(|workspace| workspace.get("package"));
        let rust_version = package.and_then(|package| package.get("rust-version")).and_then(toml::Value::as_str);
        Ok(Self { packages, shared, rust_version: rust_version.map(str::to_owned) })
    }

    /// Whether a package is a member of the workspace.
    pub(crate) fn is_member(&self, name: &str) -> bool {
        self.packages.iter().any(|package| package.name == name)
    }
}

impl Package {
    fn of(manifest: &str, value: &toml::Value, shared: &BTreeMap<String, String>) -> Self {
        let mut dependencies = Vec::new();
        let targets =
            value.get("target").and_then(toml::Value::as_table).into_iter().flatten().map(|(_, target)| target);
        for table in std::iter::once(value).chain(targets) {
            for (section, kind) in SECTIONS {
                for (key, value) in table.get(section).and_then(toml::Value::as_table).into_iter().flatten() {
                    let inherited = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                    let package = match shared.get(key) {
                        Some(package) if inherited => package.clone(),
                        _ => real_name(key, value),
                    };
                    dependencies.push(Dependency { key: key.clone(), package, kind });
                }
            }
        }
        let name = value.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
        let lints = value.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        Self {
            manifest: manifest.to_owned(),
            name: name.unwrap_or_default().to_owned(),
            dependencies,
            inherits_lints: lints == Some(true),
        }
    }
}

fn parse(tree: &Tree, path: &str) -> Result<toml::Value, (String, String)> {
    let text = tree.text(path).ok_or_else(|| (path.to_owned(), "the manifest is missing".to_owned()))?;
    text.parse::<toml::Table>()
        .map(toml::Value::Table)
        .map_err(|error| (path.to_owned(), format!("not a valid manifest: {}", error.message())))
}

fn real_name(key: &str, value: &toml::Value) -> String {
    value.get("package").and_then(toml::Value::as_str).unwrap_or(key).to_owned()
}
