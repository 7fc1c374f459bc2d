//! The public listener's service: all of its routes, with a short cut for the one that is asked all the time.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use tower::{Service, ServiceExt};

use super::{State, cors, views};

/// A beacon goes straight to its handler. The way through the router, with its layers and extractors, took a tenth of the
/// processor time that a beacon costs; the answers are the same.
#[derive(Clone)]
pub struct Door {
    state: Arc<State>,
    router: Router,
}

impl Door {
    pub fn new(state: State) -> Door {
        let state = Arc::new(state);
        Door {
            router: super::routes(state.clone()),
            state,
        }
    }
}

impl Service<Request> for Door {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Some(app) = views::app_of(&self.state, &request).map(str::to_owned) else {
            return Box::pin(self.router.clone().oneshot(request));
        };
        let state = self.state.clone();
        Box::pin(async move {
            let listed = cors::listed(&state, &request);
            let mut response = views::answer(&state, &app, request).await;
            cors::set(response.headers_mut(), listed);
            Ok(response)
        })
    }
}
