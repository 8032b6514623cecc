//! Who is let in: programs that know the token and ask for this endpoint by its name. Pages in a browser are not.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use subtle::ConstantTimeEq;

use crate::{Error, Result};

/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;

/// What a request must carry.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    token: Arc<str>,
    /// Every `Host` under which it is asked.
    hosts: Arc<[String]>,
}

impl Guard {
    pub(crate) fn new(token: Arc<str>, hosts: impl IntoIterator<Item = String>) -> Self {
        Self { token, hosts: hosts.into_iter().collect() }
    }

    /// The guard of a port of the loopback interface.
    pub(crate) fn of_loopback(token: Arc<str>, port: u16) -> Self {
        Self::new(token, ["127.0.0.1", "localhost"].map(|host| format!("{host}:{port}")))
    }

    pub(crate) fn hosts(&self) -> &[String] {
        &self.hosts
    }

    fn refusal(&self, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
        let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        // A page that has its own name lead to this address still names itself.
        if !header(header::HOST).is_some_and(|host| self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))) {
            return Some((StatusCode::FORBIDDEN, "this host name is not served"));
        }
        if headers.contains_key(header::ORIGIN) {
            return Some((StatusCode::FORBIDDEN, "pages in a browser are not answered"));
        }
        let given = header(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")).unwrap_or("");
        let known = bool::from(given.as_bytes().ct_eq(self.token.as_bytes()));
        (!known).then_some((StatusCode::UNAUTHORIZED, "the token is missing or wrong"))
    }
}

/// Counts a refused request, and says whether its address may still be told why.
pub(crate) type Refusals = Arc<dyn Fn(&Request) -> bool + Send + Sync>;

/// What a response carries that the audit log leaves out: somebody makes too many of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unnoted;

/// Lets a request through that the guard knows. What others ask costs it nothing.
pub(crate) async fn guard(
    State((guard, refusals)): State<(Guard, Refusals)>,
    request: Request,
    next: Next,
) -> Response {
    match guard.refusal(request.headers()) {
        Some(refusal) if refusals(&request) => refusal.into_response(),
        Some(_) => {
            let why = "too many requests of this address were refused, wait a little";
            let mut response = (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], why).into_response();
            response.extensions_mut().insert(Unnoted);
            response
        }
        None => next.run(request).await,
    }
}

/// A new token, for an endpoint that does not live in this process or not yet.
pub fn token() -> Result<Arc<str>> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
    Ok(blake3::Hash::from(bytes).to_hex().as_str().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_knows_the_token_and_is_no_page_is_let_through() {
        let guard = Guard::of_loopback("secret".into(), 4000);
        let good = [("host", "127.0.0.1:4000"), ("authorization", "Bearer secret")];
        for (change, expected) in [
            (None, None),
            (Some(("host", "LOCALHOST:4000")), None),
            (Some(("host", "evil.example:4000")), Some(StatusCode::FORBIDDEN)),
            (Some(("host", "127.0.0.1")), Some(StatusCode::FORBIDDEN)),
            (Some(("host", "")), Some(StatusCode::FORBIDDEN)),
            (Some(("origin", "http://127.0.0.1:4000")), Some(StatusCode::FORBIDDEN)),
            (Some(("origin", "null")), Some(StatusCode::FORBIDDEN)),
            (Some(("authorization", "Bearer Secret")), Some(StatusCode::UNAUTHORIZED)),
            (Some(("authorization", "Bearer secret ")), Some(StatusCode::UNAUTHORIZED)),
            (Some(("authorization", "secret")), Some(StatusCode::UNAUTHORIZED)),
            (Some(("authorization", "")), Some(StatusCode::UNAUTHORIZED)),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in good.into_iter().chain(change) {
                headers.insert(name, HeaderValue::from_static(value));
            }
            assert_eq!(guard.refusal(&headers).map(|(status, _)| status), expected, "{change:?}");
        }
        assert_eq!(guard.refusal(&HeaderMap::new()).map(|(status, _)| status), Some(StatusCode::FORBIDDEN));
    }

    #[test]
    fn tokens_are_long_and_differ() {
        let (first, second) = (token().unwrap(), token().unwrap());
        assert_eq!(first.len(), 2 * TOKEN_BYTES);
        assert_ne!(first, second);
    }
}
