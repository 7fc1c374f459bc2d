//! What operators and people look at: dashboard, API, metrics, health.
