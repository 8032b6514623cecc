//! Compiles FAISS's HNSW graph and our C shim with the C++ compiler alone: no cmake, BLAS, LAPACK or OpenMP.
//!
//! The C++ sources come from the crates.io package `faiss-sys`, an otherwise unused build-dependency: cargo
//! downloads, checks and vendors it like any other, and this script asks `cargo metadata` where it lies.
//! `CONEXUS_FAISS_SOURCE` names another folder that holds `faiss/impl/HNSW.cpp`.
//!
//! The shim drives `faiss::HNSW` itself, with its own storage, threads and results. That needs three of FAISS's
//! files; `IndexHNSW` would need 23, a BLAS and most index types.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The FAISS files that the graph needs, relative to the folder that holds `faiss/`.
const FAISS_FILES: [&str; 3] = ["faiss/impl/FaissException.cpp", "faiss/impl/HNSW.cpp", "faiss/utils/random.cpp"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=shim");
    println!("cargo::rerun-if-env-changed=CONEXUS_FAISS_SOURCE");

    let faiss = faiss_source();
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        // A graph built without optimisation takes minutes in every debug test, so the profile is not asked.
        .opt_level(3)
        .debug(false)
        .warnings(false)
        .include("shim")
        .include(&faiss)
        .define("NDEBUG", None)
        // The type of BLAS sizes, and a private name for the one BLAS function that a function nobody calls
        // mentions: a BLAS elsewhere in the program must not meet our stub.
        .define("FINTEGER", "int")
        .define("sgemm_", "conexus_faiss_sgemm")
        .file("shim/arena.cpp")
        .file("shim/shim.cpp")
        .files(FAISS_FILES.iter().map(|file| faiss.join(file)));
    if build.get_compiler().is_like_msvc() {
        // Exceptions (every shim function catches them), UTF-8 sources, and names as in a library of our own.
        build.flag("/EHsc").flag("/utf-8").define("FAISS_MAIN_LIB", None).define("NOMINMAX", None);
    } else {
        // GCC and Clang, on Linux, macOS (libc++ is chosen by `cc`) and MinGW.
        build.flag_if_supported("-ffunction-sections").flag_if_supported("-fdata-sections");
        if env::var("CARGO_CFG_WINDOWS").is_ok() {
            build.define("FAISS_MAIN_LIB", None);
        }
    }
    build.compile("conexus_faiss");
}

/// The folder that holds `faiss/impl/HNSW.cpp`.
fn faiss_source() -> PathBuf {
    if let Some(folder) = env::var_os("CONEXUS_FAISS_SOURCE") {
        return checked(PathBuf::from(folder), "CONEXUS_FAISS_SOURCE");
    }
    // Offline first: cargo has the package already, because it is a dependency. The metadata may name packages of
    // other targets or of tests that were never downloaded; only then cargo may fetch them.
    let package = package_folder(&["--offline"]).or_else(|| package_folder(&[])).expect(
        "cargo metadata does not name the package faiss-sys: set CONEXUS_FAISS_SOURCE to the folder that holds faiss/impl/HNSW.cpp",
    );
    checked(package.join("faiss"), "the package faiss-sys")
}

fn checked(folder: PathBuf, origin: &str) -> PathBuf {
    let witness = folder.join(FAISS_FILES[1]);
    assert!(witness.is_file(), "{origin} holds no FAISS source: {} is missing", witness.display());
    folder
}

/// Where cargo keeps `faiss-sys`: its registry, a vendored folder or a patched path.
fn package_folder(extra: &[&str]) -> Option<PathBuf> {
    let target = env::var("TARGET").expect("cargo sets TARGET");
    let output = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"))
        .args(["metadata", "--format-version", "1", "--filter-platform", &target])
        .args(extra)
        .current_dir(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"))
        .output()
        .ok()?;
    let json = String::from_utf8(output.stdout).ok()?;
    // One string is wanted of a document that cargo itself writes; a JSON library would be built for this alone.
    json.split("\"manifest_path\":\"").skip(1).find_map(|rest| {
        let manifest = rest.split('"').next()?.replace("\\\\", "\\");
        let folder = Path::new(&manifest).parent()?;
        let name = folder.file_name()?.to_str()?;
        let version = name.strip_prefix("faiss-sys")?;
        (version.is_empty() || version.starts_with('-')).then(|| folder.to_path_buf())
    })
}
