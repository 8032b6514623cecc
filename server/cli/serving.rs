//! How the endpoint for assistants is opened: the table `mcp` of the user's settings file, and the flags of `serve`.
//!
//! A workspace's file has no say here: it may come from somebody else, and this opens a door.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use conexus_mcp::{Limits, Remote, Serving};

use super::{
    arguments::{Global, ServeArguments},
    settings::{self, McpTable},
};

/// Characters of the shortest token that is accepted.
const TOKEN_CHARACTERS: usize = 32;

/// What an editor's session opens.
pub(crate) fn of_session(global: &Global) -> Result<Serving> {
    let (table, base) = settings::load_mcp(global)?;
    validated(table, &base)
}

/// What `conexus serve` opens: flags before settings.
pub(crate) fn of_serve(global: &Global, serve: &ServeArguments) -> Result<Serving> {
    let (mut table, base) = settings::load_mcp(global)?;
    // Flags are relative to where the command is run, the file's paths to the file.
    let here = std::env::current_dir()?;
    let absolute = |path: &PathBuf| here.join(path);
    table.host = serve.host.or(table.host);
    table.port = serve.port.or(table.port);
    table.certificate = serve.certificate.as_ref().map(absolute).or(table.certificate);
    table.key = serve.key.as_ref().map(absolute).or(table.key);
    table.token_file = serve.token_file.as_ref().map(absolute).or(table.token_file);
    table.audit_log = serve.audit_log.as_ref().map(absolute).or(table.audit_log);
    if !serve.name.is_empty() {
        table.names = Some(serve.name.clone());
    }
    validated(table, &base)
}

fn validated(table: McpTable, base: &Path) -> Result<Serving> {
    let host = table.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let port = table.port.unwrap_or(0);
    let token = table.token_file.map(|path| token(&base.join(path))).transpose()?;
    let mut limits = Limits::default();
    if let Some(requests) = table.requests_per_second {
        limits.requests_per_second = requests;
        limits.burst = requests.saturating_mul(2);
    }
    if let Some(requests) = table.in_flight {
        limits.in_flight = requests;
    }
    limits.arrival = table.arrival_seconds.map_or(limits.arrival, Duration::from_secs);
    limits.answer = table.answer_seconds.map_or(limits.answer, Duration::from_secs);
    let audit_log = table.audit_log.map(|path| base.join(path));
    let source_folders = table.source_folders.iter().map(|path| base.join(path)).collect();
    if host.is_loopback() && host != Ipv4Addr::LOCALHOST {
        bail!("`mcp.host` is {host}: programs of this machine are answered on 127.0.0.1 alone; leave it out");
    }
    if host.is_loopback() {
        return Ok(Serving { port, token, remote: None, limits, audit_log, source_folders });
    }
    let (Some(certificate), Some(key), Some(token)) = (table.certificate, table.key, token) else {
        bail!(
            "`mcp.host` is {host}, which other machines reach: that needs `mcp.certificate`, `mcp.key` and \
             `mcp.token_file`; without them only 127.0.0.1 is served"
        );
    };
    let own = if host.is_unspecified() { Vec::new() } else { vec![SocketAddr::from((host, 0)).to_string()] };
    let own = own.into_iter().map(|address| address.trim_end_matches(":0").to_owned()).collect();
    let names = table.names.unwrap_or(own);
    if names.is_empty() {
        bail!("`mcp.host` is {host}: name in `mcp.names` under which names clients ask");
    }
    let remote = Remote {
        address: SocketAddr::from((host, port)),
        names,
        certificate: base.join(certificate),
        key: base.join(key),
        token: Arc::clone(&token),
    };
    Ok(Serving { port: 0, token: Some(token), remote: Some(remote), limits, audit_log, source_folders })
}

/// The token in a file that nobody else can read.
fn token(path: &Path) -> Result<Arc<str>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the token in {}", path.display()))?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path)?.permissions());
        if mode & 0o077 != 0 {
            bail!("{} can be read by others: chmod 600 it", path.display());
        }
    }
    let token = text.trim();
    if token.len() < TOKEN_CHARACTERS || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        bail!(
            "the token in {} must be at least {TOKEN_CHARACTERS} characters without spaces, such as `openssl rand \
             -hex 32` prints",
            path.display()
        );
    }
    Ok(token.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> McpTable {
        toml::from_str(text).expect("a table")
    }

    #[test]
    fn other_machines_need_a_certificate_and_a_token() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, "0123456789abcdef0123456789abcdef\n").expect("a file");
        let private = |mode| {
            #[cfg(unix)]
            std::fs::set_permissions(&token_file, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("a mode");
        };
        private(0o600);
        let check = |text: &str| validated(table(text), folder.path());
        assert!(check("").expect("the default").remote.is_none());
        assert!(check("host = '127.0.0.1'\nport = 7000").is_ok_and(|serving| serving.port == 7000));
        for other in ["::1", "127.0.0.9"] {
            let error = check(&format!("host = '{other}'")).expect_err(other).to_string();
            assert!(error.contains(other) && error.contains("127.0.0.1 alone"), "{error}");
        }
        for lacking in [
            "host = '0.0.0.0'",
            "host = '192.168.1.2'\ntoken_file = 'token'",
            "host = '::'\ncertificate = 'c.pem'\nkey = 'k.pem'",
            "host = '0.0.0.0'\ncertificate = 'c.pem'\ntoken_file = 'token'",
        ] {
            let error = check(lacking).expect_err(lacking).to_string();
            assert!(error.contains("mcp.certificate") && error.contains("mcp.token_file"), "{error}");
        }
        let whole = "certificate = 'c.pem'\nkey = 'k.pem'\ntoken_file = 'token'\n";
        assert!(check(&format!("host = '0.0.0.0'\n{whole}")).is_err_and(|error| error.to_string().contains("names")));
        let named = check(&format!("host = '0.0.0.0'\nport = 8443\nnames = ['index.example.org']\n{whole}"));
        assert_eq!(named.expect("whole").remote.expect("remote").address.port(), 8443);
        let own = check(&format!("host = '192.168.1.2'\n{whole}")).expect("whole").remote.expect("remote");
        assert_eq!(own.names, ["192.168.1.2"]);
        if cfg!(unix) {
            private(0o644);
            assert!(check("token_file = 'token'").is_err_and(|error| error.to_string().contains("chmod 600")));
            private(0o600);
        }
        std::fs::write(&token_file, "short\n").expect("a file");
        assert!(check("token_file = 'token'").is_err_and(|error| error.to_string().contains("32 characters")));
    }
}
