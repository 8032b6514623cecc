//! What an operator sees: health, readiness, metrics, the audit log.

use std::collections::{BTreeMap, BTreeSet};

use conexus_testkit::{LspClient, wait_for};
use serde_json::{Value, json};

use super::{
    DEADLINE,
    client::{Client, Http, Revision, http},
    serve, session, start,
};

pub(super) fn get(client: &Http, path: &str) -> (u16, String) {
    let answer = http(&client.address, "GET", path, &client.headers("x", &json!({})), "");
    (answer.status, answer.body)
}

/// Samples by name with labels, as Prometheus writes them.
pub(super) fn metrics(client: &Http) -> BTreeMap<String, f64> {
    let (status, text) = get(client, "/metrics");
    assert_eq!(status, 200);
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?}"));
            (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line:?}")))
        })
        .collect()
}

#[test]
fn health_and_readiness_look_at_the_index() {
    let session = session();
    let (_server, client) = serve(&session, Revision::Old);
    assert_eq!(get(&client, "/healthz"), (200, "ok\n".to_owned()));
    let (status, body) = get(&client, "/readyz");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &body["ready"]), (200, &json!(true)), "{body:#}");
    let workspace = &body["workspaces"][0];
    assert_eq!((&workspace["activity"], &workspace["fault"]), (&json!("idle"), &Value::Null), "{body:#}");
    assert!(workspace["generation"].as_u64() > Some(0) && workspace["files"].as_u64() > Some(2), "{body:#}");
    for path in ["/healthz", "/readyz", "/metrics"] {
        let headers = [format!("Host: {}", client.address)];
        assert_eq!(http(&client.address, "GET", path, &headers, "").status, 401, "{path}");
    }
}

/// An index that cannot be written is a fault that both tell, and so do the metrics.
#[test]
fn an_index_that_failed_is_neither_healthy_nor_ready() {
    let session = session();
    let file = session.program.home().join("file");
    std::fs::write(&file, "").expect("a file");
    let mut command = session.program.command(session.workspace.root());
    command.arg("--index-dir").arg(file.join("index")).arg("serve");
    let _server = start(&session, command);
    let client = Http::connect(&session, Revision::New);
    let (_, fault) =
        wait_for("the fault", DEADLINE, || Some(get(&client, "/healthz")).filter(|(code, _)| *code == 503));
    assert!(fault.contains(&*file.to_string_lossy()), "{fault}");
    let (status, body) = get(&client, "/readyz");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &body["ready"], &body["workspaces"][0]["activity"]), (503, &json!(false), &json!("failed")));
    assert!(body["workspaces"][0]["fault"].as_str().is_some_and(|told| fault.contains(told)), "{body:#}");
    let ready = metrics(&client).into_iter().find(|(name, _)| name.starts_with("conexus_index_ready"));
    assert_eq!(ready.map(|(_, value)| value), Some(0.0));
}

/// Each metric of the page is there and written by what it speaks of, and no other is.
#[test]
fn metrics_are_those_of_the_page_and_count_what_happens() {
    let session = session();
    let mut editor = LspClient::open(session.command(["lsp"]), session.workspace.root());
    editor.wait_until_idle();
    let mut client = Http::connect(&session, Revision::Old);
    let before = metrics(&client);
    let root = session.workspace.root().display().to_string();
    let of_workspace = |name: &str| format!("{name}{{workspace=\"{root}\"}}");
    assert_eq!(before.get(&of_workspace("conexus_index_overlays")), Some(&0.0), "{before:#?}");

    let uri = conexus_testkit::file_uri(&session.workspace.path("src/queue.rs"));
    editor.did_open(&uri, "rust", "pub fn drain_leaky_bucket() {}\n");
    for _ in 0..2 {
        client.tool("context_search", &json!({ "query": "how are failed requests sent again" }));
    }
    client.tool("context_search", &json!({ "query": "rtrfld" }));
    client.refusal("context_read", &json!({ "file_path": "../x" }));
    let found = wait_for("the open buffer among the metrics", DEADLINE, || {
        let found = metrics(&client);
        (found.get(&of_workspace("conexus_index_overlays")) == Some(&1.0)).then_some(found)
    });
    let value = |name: &str| *found.get(name).unwrap_or_else(|| panic!("no {name} in {found:#?}"));
    assert_eq!(value("conexus_calls_total{outcome=\"answered\",tool=\"context_search\"}"), 3.0);
    assert_eq!(value("conexus_calls_total{outcome=\"refused\",tool=\"context_read\"}"), 1.0);
    assert_eq!(value("conexus_call_seconds_count{tool=\"context_search\"}"), 3.0);
    assert_eq!(value("conexus_call_seconds_bucket{tool=\"context_search\",le=\"+Inf\"}"), 3.0);
    for bound in ["0.000002", "0.000005", "0.00001", "0.00002", "0.00005", "10"] {
        for of in ["call_seconds_bucket{tool=\"context_search\"", "search_stage_seconds_bucket{stage=\"embed\""] {
            value(&format!("conexus_{of},le=\"{bound}\"}}"));
        }
    }
    assert!(value("conexus_call_seconds_sum{tool=\"context_search\"}") > 0.0);
    for stage in ["embed", "lexical", "vectors", "names", "rank", "search"] {
        assert!(value(&format!("conexus_search_stage_seconds_count{{stage=\"{stage}\"}}")) > 0.0, "{stage}");
    }
    assert!(value("conexus_http_responses_total{status=\"200\"}") >= 4.0);
    assert_eq!(value("conexus_http_requests_in_flight"), 1.0, "the one that reads the metrics");
    for name in ["files", "chunks", "generation", "bytes"] {
        assert!(value(&of_workspace(&format!("conexus_index_{name}"))) > 0.0, "{name}");
    }
    assert_eq!(value(&of_workspace("conexus_index_ready")), 1.0);
    if cfg!(target_os = "linux") {
        assert!(value("conexus_resident_memory_bytes") > 1e6);
    }

    let (_, text) = get(&client, "/metrics");
    let told: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).expect("the page");
    let documented: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `conexus_")?.split('`').next()).collect();
    let told: BTreeSet<&str> = told.into_iter().filter_map(|name| name.strip_prefix("conexus_")).collect();
    assert_eq!(told, documented);
    editor.shut_down();
}

#[test]
fn the_audit_log_has_a_line_for_each_call_and_each_refusal() {
    let session = session();
    let log = session.program.home().join("audit.jsonl");
    let mut command = session.command(["serve", "--audit-log"]);
    command.arg(&log);
    let server = start(&session, command);
    let mut client = Http::connect(&session, Revision::New);
    client.tool("context_search", &json!({ "query": "retry" }));
    client.refusal("context_read", &json!({ "file_path": "../x" }));
    let secret = ["ghp", "_q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA1b2C"].concat();
    client.tool("context_grep", &json!({ "pattern": secret }));
    http(&client.address, "GET", "/healthz", &[format!("Host: {}", client.address)], "");
    let lines = wait_for("four lines", DEADLINE, || {
        let text = std::fs::read_to_string(&log).ok()?;
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        (lines.len() == 4).then_some(lines)
    });
    assert_eq!((&lines[0]["tool"], &lines[0]["outcome"]), (&json!("context_search"), &json!("answered")), "{lines:#?}");
    assert_eq!(lines[0]["arguments"], json!({ "query": "retry" }));
    assert!(lines[0]["bytes"].as_u64() > Some(0) && lines[0]["milliseconds"].as_f64() > Some(0.0), "{lines:#?}");
    assert!(lines.iter().all(|line| line["client"].as_str().is_some_and(|name| name.starts_with("127.0.0.1:"))));
    assert!(lines.iter().all(|line| line["time"].as_str().is_some_and(|time| time.ends_with('Z'))), "{lines:#?}");
    assert_eq!(lines[1]["outcome"], "refused");
    assert!(lines[1]["reason"].as_str().is_some_and(|reason| reason.contains("outside")), "{lines:#?}");
    let arguments = lines[2]["arguments"].as_str().expect("a text");
    assert!(arguments.starts_with("{\"pattern\":\"[redacted]***"), "{lines:#?}");
    assert!(!std::fs::read_to_string(&log).expect("the log").contains(&secret[4..20]), "{lines:#?}");
    assert_eq!((&lines[3]["path"], &lines[3]["status"]), (&json!("/healthz"), &json!(401)), "{lines:#?}");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&log.metadata().expect("a file").permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    server.kill();
}
