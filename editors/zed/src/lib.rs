//! Conexus in Zed: how its language server and its server for the agent are started, and with which settings.

// Zed's interface is there in WebAssembly alone; what does not need it is tested without.
#[cfg(target_family = "wasm")]
mod extension;
#[cfg(any(test, target_family = "wasm"))]
mod start;
