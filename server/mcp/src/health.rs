//! Whether the process works (`/healthz`), whether its answers are complete (`/readyz`), and its metrics.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use conexus_engine::{
    Progress,
    live::{Activity, Live, Registry},
};
use serde_json::{Value, json};

use crate::metrics::Metrics;

/// The workspaces.
#[derive(Clone, Default)]
pub(crate) struct Health {
    registry: Registry,
}

impl Health {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// Whether a workspace's index is complete. One that was complete stays so while it follows changes: what it lacks
    /// then are the last few files.
    fn is_ready(live: &Live) -> bool {
        match live.status().activity {
            Activity::Failed => false,
            // Embedding waits for a slow model: searches go by words and say so.
            Activity::Idle | Activity::Running(Progress::Embedding { .. }) => true,
            _ => live.is_current(),
        }
    }

    fn report(live: &Live) -> Value {
        let status = live.status();
        let progress = status.activity.progress();
        json!({
            "workspace": live.location().root,
            "ready": Self::is_ready(live),
            "activity": status.activity.name(),
            "done": progress.map(|(done, _)| done),
            "total": progress.map(|(_, total)| total),
            "generation": status.generation.0,
            "files": status.files,
            "fault": status.fault,
        })
    }
}

/// 200 while no index has failed, else 503 and why.
pub(crate) async fn healthz(State(health): State<Health>) -> Response {
    let all = health.registry.all();
    let failed = all.iter().filter(|live| live.status().activity == Activity::Failed);
    let faults: Vec<String> = failed
        .map(|live| format!("{}: {}", live.location().root.display(), live.status().fault.unwrap_or_default()))
        .collect();
    if faults.is_empty() {
        return "ok\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, faults.join("\n")).into_response()
}

/// 200 when the index of each workspace is complete, else 503; in either case how each stands.
pub(crate) async fn readyz(State(health): State<Health>) -> Response {
    let workspaces: Vec<Value> = health.registry.all().iter().map(|live| Health::report(live)).collect();
    let ready = !workspaces.is_empty() && workspaces.iter().all(|workspace| workspace["ready"] == true);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "workspaces": workspaces }))).into_response()
}

/// The metrics as Prometheus reads them.
pub(crate) async fn metrics(State(health): State<Health>) -> Response {
    let text = move || Metrics::global().text(&health.registry, Health::is_ready);
    match tokio::task::spawn_blocking(text).await {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
