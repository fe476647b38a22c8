//! Bodies that take time to read are read aside of the threads that answer, a few at once, and no customer has more than a
//! few of them in hand: the others' do not wait for one.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Payload;
use bytes::Bytes;
use tokio::sync::Semaphore;

use super::bounds;
use super::errors::GrafanaError;
use crate::config::Http;
use crate::fair::{Bounds, Fair, Permit};
use crate::http::body::{self, BadBody};
use crate::http::error::ApiError;
use crate::http::heavy;

/// A body beyond this is only read in a place of its customer's, bytes.
const SMALL: usize = 64 * 1024;

/// A body beyond this takes a millisecond to read as JSON, bytes.
const QUICK: usize = 16 * 1024;

/// Places of all customers, and of one. A body takes one, and is a megabyte at most.
const PLACES: (u64, u64) = (64, 4);

/// Requests of one customer that may wait for a place.
const WAITING: usize = 64;

/// Places for bodies that take memory or time.
pub struct Work {
    places: Arc<Fair>,
    turns: Arc<Semaphore>,
}

impl Work {
    /// Places that are waited for as long as a body may take.
    pub fn new(config: &Http) -> Self {
        let (total, share) = PLACES;
        let patience = Duration::from_secs(config.body_seconds.into());
        // Half of the cores, for answers need the others.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            places: Fair::new(Bounds { total, share, spare: 0, waiting: WAITING, patience }),
            turns: Arc::new(Semaphore::new((cores / 2).clamp(1, 4))),
        }
    }

    async fn place(&self, customer: u32) -> Result<Permit, ApiError> {
        self.places.acquire(customer, 1).await.map_err(|_none_free| ApiError::ManyBodies)
    }

    /// Reads a body of the customer's, and what `read` makes of it.
    ///
    /// # Errors
    /// A body that is coded, too long or too slow, no place in time, or what `read` says of it.
    pub async fn read<T: Send + 'static>(
        &self,
        request: &HttpRequest,
        payload: Payload,
        (customer, time): (u32, Duration),
        read: impl FnOnce(&[u8]) -> Result<T, GrafanaError> + Send + 'static,
    ) -> Result<T, GrafanaError> {
        let refused = |why: BadBody| GrafanaError::from(why.answer(bounds::BODY));
        body::check(request, bounds::BODY).map_err(refused)?;
        // Without a length it comes in chunks, or there is none.
        let may_be_long = body::length(request).map_or_else(|| has_chunks(request), |length| length > SMALL as u64);
        let mut place = if may_be_long { Some(self.place(customer).await?) } else { None };
        let body = body::read(request, payload, bounds::BODY, time).await.map_err(refused)?;
        if !takes_time(&body) {
            return read(&body);
        }
        if place.is_none() {
            place = Some(self.place(customer).await?);
        }
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_closed| ApiError::ManyBodies)?;
        // Place and turn end with the work, whether or not the caller is still there.
        heavy::block(move |_is_wanted| {
            let _held = (place, turn);
            read(&body)
        })
        .await?
    }
}

fn has_chunks(request: &HttpRequest) -> bool {
    request.headers().contains_key(actix_web::http::header::TRANSFER_ENCODING)
}

/// Long ones, and those with patterns: `~` stands in their operators, plain or as an escape.
fn takes_time(body: &Bytes) -> bool {
    body.len() > QUICK || memchr::memchr(b'~', body).is_some() || memchr::memmem::find(body, b"\\u").is_some()
}
