//! Around every request: a name for what does not exist, a bound on its time, a count.

use std::{collections::HashSet, sync::Arc, time::Duration};

use jsonrpsee::{
    MethodResponse,
    core::middleware::{Batch, BatchEntry, BatchEntryErr, Notification, Request, RpcServiceT},
    types::{ErrorObjectOwned, Id},
};

use super::{context::Caller, error::RpcError};
use crate::tls::Barred;

/// Whether a request came by a connection that can carry notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// One request, one answer.
    Http,
    /// A connection that stays.
    WebSocket,
}

/// What the wrapper knows; shared by all connections.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) chain: String,
    pub(crate) methods: HashSet<&'static str>,
    pub(crate) timeout: Duration,
    pub(crate) barred: Arc<Barred>,
}

/// Wraps the service that runs the methods.
#[derive(Clone, Debug)]
pub(crate) struct Observe<S> {
    pub(crate) service: S,
    pub(crate) rules: Arc<Rules>,
}

impl Rules {
    /// Refuses what cannot be served, and counts.
    fn check(&self, request: &Request<'_>) -> Result<(), ErrorObjectOwned> {
        // At each request: a connection that is open already ends with the certificate, too.
        if let Some(Caller(Some(peer))) = request.extensions().get::<Caller>()
            && self.barred.has(peer.fingerprint)
        {
            return Err(RpcError::Barred(peer.name.clone()).into());
        }
        let Some(name) = self.methods.get(request.method_name()).copied() else {
            // Names are a caller's to invent: they are no label of a metric, and no long line of a log.
            metrics::counter!("causeway_rpc_unknown_methods", "chain" => self.chain.clone())
                .increment(1);
            let shown: String = request.method_name().chars().take(64).collect();
            return Err(RpcError::UnknownMethod(shown).into());
        };
        metrics::counter!("causeway_rpc_requests", "chain" => self.chain.clone(), "method" => name)
            .increment(1);
        let http = request.extensions().get::<Transport>() == Some(&Transport::Http);
        if http && matches!(name, "eth_subscribe" | "eth_unsubscribe") {
            return Err(RpcError::NoSubscriptions.into());
        }
        Ok(())
    }

    fn late(&self, id: Id<'static>) -> MethodResponse {
        MethodResponse::error(
            id,
            ErrorObjectOwned::from(RpcError::Timeout {
                seconds: self.timeout.as_secs(),
            }),
        )
    }
}

impl<S> RpcServiceT for Observe<S>
where
    S: RpcServiceT<
            MethodResponse = MethodResponse,
            BatchResponse = MethodResponse,
            NotificationResponse = MethodResponse,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    type MethodResponse = MethodResponse;
    type BatchResponse = MethodResponse;
    type NotificationResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            let id = request.id().into_owned();
            if let Err(error) = this.rules.check(&request) {
                return MethodResponse::error(id, error);
            }
            match tokio::time::timeout(this.rules.timeout, this.service.call(request)).await {
                Ok(response) => response,
                Err(_) => this.rules.late(id),
            }
        }
    }

    fn batch<'a>(&self, mut batch: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move {
            for entry in batch.iter_mut() {
                if let Ok(BatchEntry::Call(request)) = entry
                    && let Err(error) = this.rules.check(request)
                {
                    *entry = Err(BatchEntryErr::new(request.id().into_owned(), error));
                }
            }
            match tokio::time::timeout(this.rules.timeout, this.service.batch(batch)).await {
                Ok(response) => response,
                Err(_) => this.rules.late(Id::Null),
            }
        }
    }

    fn notification<'a>(
        &self,
        notification: Notification<'a>,
    ) -> impl Future<Output = MethodResponse> + Send + 'a {
        let this = self.clone();
        async move { this.service.notification(notification).await }
    }
}
