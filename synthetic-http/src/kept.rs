//! What the requests of a run share: connections, cookies, and what was renewed.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use reqwest::header::HeaderValue;

use crate::jar::CookieJar;
use crate::renewal::Renewed;
use crate::settings::Settings;
use crate::wire::{self, Client};

/// What the requests of a run share.
#[derive(Default)]
pub(crate) struct KeptByARun {
    /// Connections and cookies are fresh for every run, and kept within it.
    clients: Mutex<Vec<KeptClient>>,
    pub(crate) renewed: Renewed,
    /// What all requests of a run say of who sent them.
    pub(crate) agent: OnceLock<HeaderValue>,
}

struct KeptClient {
    settings: Arc<Settings>,
    client: Client,
    jar: Arc<CookieJar>,
}

type Sender = (Client, Option<Arc<CookieJar>>);

/// Returns the client that sends a request, and the cookies it goes with.
pub(crate) fn client_of(settings: &Arc<Settings>, kept: Option<&KeptByARun>) -> Result<Sender, wire::WireError> {
    let shared = settings.client().map_err(Clone::clone)?;
    let jar = |jar: Arc<CookieJar>| settings.cookies.then_some(jar);
    // Outside of any run, cookies live as long as the request, across its redirects.
    let Some(kept) = kept else { return Ok((shared.clone(), jar(Arc::default()))) };
    let mut clients = kept.clients.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = clients.iter().find(|known| Arc::ptr_eq(&known.settings, settings)) {
        return Ok((known.client.clone(), jar(Arc::clone(&known.jar))));
    }
    let client = if settings.reuse_across_runs { shared.clone() } else { shared.fresh() };
    let fresh = Arc::<CookieJar>::default();
    clients.push(KeptClient { settings: Arc::clone(settings), client: client.clone(), jar: Arc::clone(&fresh) });
    Ok((client, jar(fresh)))
}
