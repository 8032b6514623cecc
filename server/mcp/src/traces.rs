//! Traces for a collector of OpenTelemetry: a span for each request and in it one for each stage, sent in batches over
//! HTTP as OTLP in JSON. Nothing is sent unless a setting names the collector.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};

use crate::{Error, Result};

/// Longest that one batch may take.
const BATCH: Duration = Duration::from_secs(10);
/// How long the last batch may keep the process from ending.
const LAST_BATCH: Duration = Duration::from_secs(2);
/// Bytes of a collector's answer that are read.
const ANSWER_BYTES: u64 = 1 << 20;

/// What sends spans. What is left is sent when it is dropped.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Sends to a collector: its whole address, such as `http://127.0.0.1:4318/v1/traces`.
    pub fn to(collector: &str, version: &'static str) -> Result<Self> {
        let failed = |reason: String| Error::Collector { url: collector.to_owned(), reason };
        if !collector.starts_with("http://") && !collector.starts_with("https://") {
            return Err(failed("it is no address that begins with http:// or https://".to_owned()));
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::default())
            .with_protocol(Protocol::HttpJson)
            .with_endpoint(collector)
            .with_timeout(BATCH)
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let attributes =
            [KeyValue::new("service.version", version), KeyValue::new("process.pid", i64::from(std::process::id()))];
        let resource = Resource::builder().with_service_name("conexus").with_attributes(attributes).build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        Ok(Self { provider })
    }

    /// What spans are given to.
    pub fn tracer(&self) -> SdkTracer {
        self.provider.tracer("conexus")
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST_BATCH) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// The blocking client, on the thread that sends and does nothing else.
#[derive(Clone, Debug)]
struct Client {
    agent: ureq::Agent,
    /// Whether the last batch arrived; each outage is told once.
    arrives: Arc<AtomicBool>,
}

impl Default for Client {
    fn default() -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(BATCH)).build();
        Self { agent: agent.into(), arrives: Arc::new(AtomicBool::new(true)) }
    }
}

impl Client {
    fn send(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, ureq::Error> {
        let answer = self.agent.run(request.map(|body| body.to_vec()))?;
        let (parts, mut body) = answer.into_parts();
        let body = body.with_config().limit(ANSWER_BYTES).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }
}

impl HttpClient for Client {
    fn send_bytes<'client, 'sent>(
        &'client self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = std::result::Result<Response<Bytes>, HttpError>> + Send + 'sent>>
    where
        'client: 'sent,
        Self: 'sent,
    {
        let url = request.uri().to_string();
        let sent = self.send(request);
        let wrong = match &sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        let arrived = self.arrives.swap(wrong.is_none(), Ordering::Relaxed);
        if let Some(wrong) = wrong.filter(|_| arrived) {
            tracing::warn!(url, wrong, "traces are not taken by the collector, `log.traces` names it");
        }
        Box::pin(std::future::ready(sent.map_err(Into::into)))
    }
}
