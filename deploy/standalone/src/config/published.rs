//! The keys that an issuer publishes at a URL (RFC 7517), fetched at the start and again now and then by the thread that
//! watches the configuration. While they cannot be had the last ones hold. No request ever waits for this.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringway_dataplane::identify::jwk::JWKS_BYTES_MAX;

use super::settings::Settings;

/// How long a fetch may take: a start waits for it.
const FETCH_TIME_MAX: Duration = Duration::from_secs(5);
/// After a failed fetch the next comes so soon, or sooner where that is asked for.
const RETRY_EVERY: Duration = Duration::from_secs(30);

/// What was published at a URL.
#[derive(Clone, Debug, Default)]
pub struct Published {
    url: Option<String>,
    text: Option<Arc<str>>,
    fetched: Option<Instant>,
    is_failing: bool,
}

impl Published {
    /// The text that was fetched last.
    pub fn text(&self) -> Option<&Arc<str>> {
        self.text.as_ref()
    }

    /// Fetches where the settings name another URL than before, or the time has come. Whether there is another text.
    pub fn refresh(&mut self, settings: &Settings) -> bool {
        if settings.auth.jwks_url != self.url {
            *self = Published { url: settings.auth.jwks_url.clone(), ..Published::default() };
        }
        let Some(url) = self.url.clone() else { return false };
        let every = settings.auth.jwks_refresh;
        let every = if self.is_failing { every.min(RETRY_EVERY) } else { every };
        if self.fetched.is_some_and(|fetched| fetched.elapsed() < every) {
            return false;
        }
        self.fetched = Some(Instant::now());
        match fetch(&url) {
            Ok(text) => {
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!(url, "published keys can be had again");
                }
                let is_other = self.text.as_deref() != Some(text.as_str());
                self.text = Some(text.into());
                is_other
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    let has_former = self.text.is_some();
                    tracing::error!(url, error, has_former, "published keys cannot be had; the last ones hold");
                }
                false
            }
        }
    }

    /// Whether something is fetched at all.
    pub fn is_used(&self) -> bool {
        self.url.is_some()
    }
}

fn fetch(url: &str) -> Result<String, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(FETCH_TIME_MAX))
        // A redirect could lead anywhere, inside this network too.
        .max_redirects(0)
        .build()
        .into();
    let mut response = agent.get(url).call().map_err(|error| error.to_string())?;
    let body = response.body_mut().with_config().limit(JWKS_BYTES_MAX as u64);
    body.read_to_string().map_err(|error| error.to_string())
}
