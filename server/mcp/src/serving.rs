//! How an endpoint is opened: where it listens, who may ask, and how much.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

/// How an endpoint is opened. It always listens on the loopback interface, in plain HTTP, for programs of this machine.
#[derive(Clone, Debug, Default)]
pub struct Serving {
    /// Port on the loopback interface; 0 is any free one.
    pub port: u16,
    /// What requests carry; without one, a token is made for each process.
    pub token: Option<Arc<str>>,
    /// A second listener, for other machines.
    pub remote: Option<Remote>,
    /// How much may be asked.
    pub limits: Limits,
    /// The file to which a line per call and per refusal is added.
    pub audit_log: Option<PathBuf>,
    /// Folders below which assistants may add sources to an index.
    pub source_folders: Vec<PathBuf>,
}

/// A listener for other machines, which is never without encryption and never without a token of the user's choice.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Address and port.
    pub address: SocketAddr,
    /// Names under which it is asked, in `Host`; with or without its port.
    pub names: Vec<String>,
    /// The certificate chain in PEM.
    pub certificate: PathBuf,
    /// The certificate's private key in PEM.
    pub key: PathBuf,
    /// What requests carry.
    pub token: Arc<str>,
}

/// How much may be asked. The defaults are beyond what people and their assistants do, and below what would take the
/// machine away from its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Requests per second of one client, on average; at least 1. A client is an address, on the
    /// loopback interface with its `User-Agent`.
    pub requests_per_second: u32,
    /// Requests of one client at once after a pause; at least 1.
    pub burst: u32,
    /// Requests that are read, waiting or answered at the same time; at least 1.
    pub in_flight: usize,
    /// Largest body of a request in bytes.
    pub body_bytes: usize,
    /// How long a request's headers, and its body, may take to arrive.
    pub arrival: Duration,
    /// How long an answer may take to begin, and where progress is told before it, to come.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: 5_000,
            burst: 10_000,
            in_flight: 2_048,
            // A query of 1 MiB fits.
            body_bytes: 2 << 20,
            // Connections that rest are ended after it too; clients keep theirs for 15 seconds at most.
            arrival: Duration::from_secs(30),
            answer: Duration::from_mins(1),
        }
    }
}
