//! One request after another over HTTP, until one is answered or there is no hope.

use std::net::IpAddr;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ureq::http::{Uri, header};

use super::OpenAiSettings;
use super::backoff::{Backoff, retry_after, sleep};
use super::wire::message;
use crate::{Cancel, EmbedError};

/// Largest accepted answer in bytes: 2,048 texts of 4,096 numbers with 8 digits each fit.
const MAX_ANSWER: u64 = 128 << 20;

/// A connection to one endpoint.
pub(super) struct Client {
    agent: ureq::Agent,
    uri: Uri,
    authorization: Option<header::HeaderValue>,
    key: Option<String>,
    attempts: u32,
    backoff: Backoff,
    cancel: Cancel,
    /// Why the last request was not answered.
    fault: Mutex<Option<String>>,
}

/// What became of a request.
pub(super) enum Outcome {
    /// The body of a successful answer.
    Answer(Vec<u8>),
    /// The endpoint does not take these texts: too many or too long (status 400, 413 or 422).
    Unsuitable(EmbedError),
}

enum Attempt {
    Done(Outcome),
    Again {
        reason: String,
        asked: Option<Duration>,
        /// Whether nobody listens at the address.
        refused: bool,
    },
}

/// Who waits for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// A person, who is better told at once that nothing listens at the address.
    Person,
    /// Work in the background, which outlasts a restart of the endpoint.
    Work,
}

impl Client {
    pub(super) fn new(settings: &OpenAiSettings, cancel: Cancel) -> Result<Self, EmbedError> {
        let uri = endpoint(&settings.url)?;
        let key = settings.api_key_env.as_deref().map(read_key).transpose()?;
        let authorization = match &key {
            Some(key) => {
                let mut value = header::HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| {
                    EmbedError::setting("embedding.api_key_env", "the key has characters that a header cannot carry")
                })?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A redirected POST would lose its body or carry the key elsewhere.
            .max_redirects(0)
            .user_agent(concat!("conexus/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(settings.connect_timeout))
            .timeout_global(Some(settings.request_timeout));
        if is_loopback(&uri) {
            config = config.proxy(None);
        }
        Ok(Self {
            agent: config.build().new_agent(),
            uri,
            authorization,
            key,
            attempts: settings.attempts,
            backoff: Backoff { first: settings.first_wait, longest: settings.longest_wait },
            cancel,
            fault: Mutex::default(),
        })
    }

    /// The endpoint's address without its query, which may hold secrets.
    pub(super) fn address(&self) -> String {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        format!("{}://{authority}{}", self.uri.scheme_str().unwrap_or_default(), self.uri.path())
    }

    /// Why the last request was not answered; `None` when it was.
    pub(super) fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a request until it is answered, refused, or `attempts` is used up.
    pub(super) fn send(&self, body: &str, patience: Patience) -> Result<Outcome, EmbedError> {
        let outcome = self.send_patiently(body, patience);
        // One that was cancelled tells nothing of the endpoint.
        if !matches!(outcome, Err(EmbedError::Cancelled)) {
            *self.fault.lock().unwrap_or_else(PoisonError::into_inner) =
                outcome.as_ref().err().map(ToString::to_string);
        }
        outcome
    }

    fn send_patiently(&self, body: &str, patience: Patience) -> Result<Outcome, EmbedError> {
        let mut attempt = 0;
        loop {
            let (reason, asked, refused) = match self.attempt(body)? {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Again { reason, asked, refused } => (reason, asked, refused),
            };
            attempt += 1;
            let wait = self.backoff.wait(attempt - 1, asked);
            let hopeless = refused && patience == Patience::Person;
            let Some(wait) = wait.filter(|_| attempt < self.attempts && !hopeless) else {
                let reason = match (wait, asked) {
                    (None, Some(asked)) => format!("{reason}, and asks to wait {} s", asked.as_secs()),
                    _ => reason,
                };
                return Err(EmbedError::Endpoint { url: self.address(), attempts: attempt, reason });
            };
            sleep(wait, &self.cancel)?;
        }
    }

    /// One request. It runs on a thread of its own so that cancelling does not have to wait for the endpoint; the
    /// thread ends by itself when the time-out is over.
    fn attempt(&self, body: &str) -> Result<Attempt, EmbedError> {
        if self.cancel.is_cancelled() {
            return Err(EmbedError::Cancelled);
        }
        let (sender, receiver) = mpsc::sync_channel(1);
        let mut request = self.agent.post(&self.uri).header(header::CONTENT_TYPE, "application/json");
        if let Some(value) = &self.authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        let body = body.to_owned();
        std::thread::Builder::new()
            .name("conexus-embed-http".to_owned())
            .spawn(move || {
                // The receiver is gone when the caller was cancelled.
                let _ = sender.send(exchange(request, &body));
            })
            .map_err(|error| self.failed(&format!("no thread for the request: {error}")))?;
        let exchanged = loop {
            match receiver.recv_timeout(Duration::from_millis(25)) {
                Ok(exchanged) => break exchanged,
                Err(RecvTimeoutError::Timeout) if self.cancel.is_cancelled() => return Err(EmbedError::Cancelled),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(self.failed("the request's thread panicked")),
            }
        };
        match exchanged {
            Ok(answer) => self.judge(answer),
            Err(error) if is_transient(&error) => {
                let refused = is_refused(&error);
                Ok(Attempt::Again { reason: self.redact(&error.to_string()), asked: None, refused })
            }
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    fn judge(&self, answer: Exchanged) -> Result<Attempt, EmbedError> {
        let Exchanged { status, asked, body } = answer;
        if status == 200 {
            return Ok(Attempt::Done(Outcome::Answer(body)));
        }
        let refused = || EmbedError::Refused { url: self.address(), status, message: self.redact(&message(&body)) };
        match status {
            408 | 425 | 429 | 500.. => {
                let reason = format!("status {status}: {}", self.redact(&message(&body)));
                Ok(Attempt::Again { reason, asked, refused: false })
            }
            400 | 413 | 422 => Ok(Attempt::Done(Outcome::Unsuitable(refused()))),
            _ => Err(refused()),
        }
    }

    fn failed(&self, reason: &str) -> EmbedError {
        EmbedError::Endpoint { url: self.address(), attempts: 1, reason: self.redact(reason) }
    }

    /// Servers may repeat the key in their messages.
    fn redact(&self, text: &str) -> String {
        match &self.key {
            Some(key) => text.replace(key.as_str(), "***"),
            None => text.to_owned(),
        }
    }
}

struct Exchanged {
    status: u16,
    asked: Option<Duration>,
    body: Vec<u8>,
}

fn exchange(request: ureq::RequestBuilder<ureq::typestate::WithBody>, body: &str) -> Result<Exchanged, ureq::Error> {
    let mut response = request.send(body)?;
    let header = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let asked = header.and_then(|value| retry_after(value, SystemTime::now()));
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec()?;
    Ok(Exchanged { status, asked, body })
}

/// Whether asking again may help: the endpoint starts, is overloaded, or the network failed.
fn is_transient(error: &ureq::Error) -> bool {
    use ureq::Error::{ConnectionFailed, HostNotFound, Io, Protocol, Timeout};
    matches!(error, Io(_) | Timeout(_) | ConnectionFailed | HostNotFound | Protocol(_))
}

fn is_refused(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::ConnectionFailed)
        || matches!(error, ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// The address to post to: as given when it ends in `/embeddings`; below the given path; or, without a path, at the
/// usual `/v1/embeddings`. A query is kept.
pub(super) fn endpoint(url: &str) -> Result<Uri, EmbedError> {
    let wrong = |reason: String| EmbedError::setting("embedding.url", reason);
    let given: Uri = url.trim().parse().map_err(|error| wrong(format!("is not a URL: {error}")))?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (given.scheme_str(), given.authority()) else {
        return Err(wrong("must begin with http:// or https:// and name a host".to_owned()));
    };
    if authority.as_str().contains('@') {
        return Err(wrong("must not hold a user name or password; use embedding.api_key_env".to_owned()));
    }
    let path = given.path().trim_end_matches('/');
    let path = match path {
        "" => "/v1/embeddings".to_owned(),
        path if path.ends_with("/embeddings") => path.to_owned(),
        path => format!("{path}/embeddings"),
    };
    let query = given.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}://{authority}{path}{query}").parse().map_err(|error| wrong(format!("is not a URL: {error}")))
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn read_key(variable: &str) -> Result<String, EmbedError> {
    let wrong = |reason: String| EmbedError::setting("embedding.api_key_env", reason);
    if variable.is_empty() || variable.contains(['=', '\0']) {
        return Err(wrong("is not the name of an environment variable".to_owned()));
    }
    // The value is not shown, whatever is wrong with it: users put the key itself here by mistake.
    let key = std::env::var(variable).map_err(|_| wrong("names an environment variable that is not set".to_owned()))?;
    match key.trim() {
        "" => Err(wrong("names an environment variable that is empty".to_owned())),
        key => Ok(key.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (url, expected) in [
            ("http://localhost:11434", "http://localhost:11434/v1/embeddings"),
            ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1/embeddings"),
            ("https://a.example/x/embeddings?api-version=1", "https://a.example/x/embeddings?api-version=1"),
        ] {
            assert_eq!(endpoint(url).unwrap().to_string(), expected);
        }
        for url in ["", "localhost", "ftp://a.example", "http://u:p@a.example", "http:///v1", "http://a b"] {
            let error = endpoint(url).unwrap_err().to_string();
            assert!(error.starts_with("setting embedding.url: "), "{url}: {error}");
        }
    }

    #[test]
    fn loopback() {
        for (url, expected) in [
            ("http://localhost", true),
            ("http://127.9.9.9:1", true),
            ("http://[::1]:1", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example", false),
        ] {
            assert_eq!(is_loopback(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
