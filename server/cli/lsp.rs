//! `conexus lsp`: the language server on standard input and output.
//!
//! It is two processes: one that passes messages on ([`relay`]), and the server ([`run`]), which may crash and is started
//! again.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::Command,
    sync::Arc,
};

use anyhow::{Context, Result};
use conexus_engine::live::Registry;
use conexus_lsp::AssistantEndpoint;
use conexus_mcp::{Error, Remote, Serving, Sidecar};

use super::{
    Outcome,
    arguments::{Arguments, LspArguments},
    check,
    log::Level,
    serving,
    settings::{self, FromEditor},
};

/// Port and token of the endpoint for assistants, which the servers of one session share: what an assistant knows goes on
/// to hold after a crash. Only the user can read the variables of their processes.
const ENDPOINT: &str = "CONEXUS_SESSION_ENDPOINT";

/// Stands between the editor and servers.
pub(crate) fn relay() -> Result<Outcome> {
    // Asked for now: after an update the path may name another program, or none.
    let program = std::env::current_exe().context("the program does not know where it is")?;
    let endpoint = shared_endpoint();
    let server = || {
        let mut command = Command::new(&program);
        command.args(std::env::args_os().skip(1)).arg("--guarded-by").arg(std::process::id().to_string());
        if let Some(endpoint) = &endpoint {
            command.env(ENDPOINT, endpoint);
        }
        command
    };
    let code = conexus_lsp::relay::run(server).context("the language server cannot start")?;
    Ok(if code == 0 { Outcome::Clean } else { Outcome::OfChild(code) })
}

/// A port that is free now, and a token.
fn shared_endpoint() -> Option<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    let port = listener.local_addr().ok()?.port();
    Some(format!("{port}:{}", conexus_mcp::new_token().ok()?))
}

/// Serves one editor. Exit codes are the protocol's: 0 after a shutdown, 1 without.
pub(crate) fn run(arguments: &Arguments, own: &LspArguments, level: Level) -> Result<Outcome> {
    if let Some(parent) = own.guarded_by {
        conexus_lsp::relay::end_with_parent(parent);
    }
    let global = arguments.global.clone();
    let from_editor = FromEditor::new(level);
    let checks_of = check::checks_of(&global, &from_editor);
    let editor = settings::editor_access(&global)?;
    let registry = Registry::default();
    let open = |serving: &Serving| Sidecar::open(&registry, Arc::clone(&checks_of), serving);
    // Without it the editor is served all the same.
    let (sidecar, warning) = match serving::of_session(&global).and_then(|serving| endpoint(&serving, open)) {
        Ok((sidecar, warning)) => (Some(sidecar), warning),
        Err(error) => (None, Some(format!("Conexus: assistants cannot ask this session: {error:#}"))),
    };
    let options = conexus_lsp::Options {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings_of: {
            let from_editor = from_editor.clone();
            Arc::new(move |folder: &Path| {
                settings::load_in_session(&global, &from_editor, folder).map_err(|error| format!("{error:#}"))
            })
        },
        take_file_settings: Arc::new(move |sent| from_editor.take(sent)),
        checks_of,
        registry,
        editor,
        assistants: sidecar.as_ref().map(|sidecar| AssistantEndpoint {
            url: format!("http://{}/mcp", sidecar.address()),
            token: sidecar.token().to_owned(),
        }),
        warning,
    };
    let is_shut_down = conexus_lsp::run(options).context("the language server cannot start")?;
    drop(sidecar);
    Ok(if is_shut_down { Outcome::Clean } else { Outcome::Findings })
}

/// The endpoint as the settings say and the server before in this session had it. Where another program, such as another
/// editor, has the port of the settings, it is any free one for this machine alone, and the warning says which.
fn endpoint(
    serving: &Serving,
    open: impl Fn(&Serving) -> conexus_mcp::Result<Sidecar>,
) -> Result<(Sidecar, Option<String>)> {
    let (port, token) = of_session().unzip();
    let token = serving.token.clone().or(token);
    let at = |port, remote: &Option<Remote>| {
        open(&Serving { port, token: token.clone(), remote: remote.clone(), ..serving.clone() })
    };
    // Another program may have the port of the session by now.
    let anywhere = |remote| at(port.unwrap_or(0), remote).or_else(|_| at(0, remote));
    let opened = if serving.port == 0 { anywhere(&serving.remote) } else { at(serving.port, &serving.remote) };
    match opened {
        Err(error @ Error::Listen { .. }) => {
            let sidecar = anywhere(&None)?;
            let address = sidecar.address();
            let warning = format!("Conexus: {error}. Assistants reach this session at {address} instead.");
            Ok((sidecar, Some(warning)))
        }
        opened => Ok((opened?, None)),
    }
}

/// Port and token that the servers of this session share.
fn of_session() -> Option<(u16, Arc<str>)> {
    let variable = std::env::var(ENDPOINT).ok()?;
    let (port, token) = variable.split_once(':')?;
    Some((port.parse().ok()?, token.into()))
}
