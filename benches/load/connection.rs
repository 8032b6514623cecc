//! One connection to the endpoint that is kept open, as a client of the protocol keeps it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

/// Questions in words, such as any repository answers.
pub(crate) const QUESTIONS: [&str; 6] = [
    "where are failed requests sent again",
    "parse the configuration file",
    "close the connection and free memory",
    "check that the user may do this",
    "write records to disk in batches",
    "convert a time to text",
];

/// Longer than the endpoint lets a call wait.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where the endpoint is, and its token.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: String,
    pub(crate) token: String,
}

impl Endpoint {
    /// The one that a session below a home folder has written down.
    pub(crate) fn find(home: &Path) -> Option<Self> {
        let mut files = std::fs::read_dir(home.join("cache/conexus/run")).ok()?.flatten();
        let file = files.find(|file| file.path().extension().is_some())?;
        let written: Value = serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok()?;
        let address = written["url"].as_str()?.strip_prefix("http://")?.to_owned();
        Some(Self { address, token: written["token"].as_str()?.to_owned() })
    }
}

pub(crate) struct Connection {
    endpoint: Endpoint,
    stream: BufReader<TcpStream>,
    id: u64,
}

impl Connection {
    pub(crate) fn open(endpoint: &Endpoint) -> Result<Self, String> {
        let stream = TcpStream::connect(&endpoint.address).map_err(|error| format!("connecting: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        Ok(Self { endpoint: endpoint.clone(), stream: BufReader::new(stream), id: 0 })
    }

    /// Calls a tool; anything but a good answer is an error.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value, String> {
        self.id += 1;
        let params = json!({ "name": tool, "arguments": arguments });
        let body = json!({ "jsonrpc": "2.0", "id": self.id, "method": "tools/call", "params": params }).to_string();
        let Endpoint { address, token } = &self.endpoint;
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: \
             application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: \
             2025-11-25\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).map_err(|error| format!("sending: {error}"))?;
        let (status, body) = self.answer()?;
        let answer: Value = serde_json::from_slice(&body)
            .map_err(|error| format!("{status}: {error} in {}", String::from_utf8_lossy(&body)))?;
        if status != 200 || answer["id"] != self.id || answer["result"]["isError"] == true {
            return Err(format!("{tool} {arguments}: {status} {answer}"));
        }
        match answer["result"].get("structuredContent") {
            Some(content) => Ok(content.clone()),
            None => Err(format!("{tool} {arguments}: {answer}")),
        }
    }

    fn answer(&mut self) -> Result<(u16, Vec<u8>), String> {
        let mut line = String::new();
        let mut next = |stream: &mut BufReader<TcpStream>| {
            line.clear();
            match stream.read_line(&mut line) {
                Ok(0) => Err("the connection was closed".to_owned()),
                Ok(_) => Ok(line.trim_end().to_ascii_lowercase()),
                Err(error) => Err(format!("reading: {error}")),
            }
        };
        let status = next(&mut self.stream)?;
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(status.clone())?;
        let mut length = 0;
        loop {
            let header = next(&mut self.stream)?;
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(|_| header.clone())?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).map_err(|error| format!("reading: {error}"))?;
        Ok((status, body))
    }
}
