//! The durable disk queue between the answer and ClickHouse. It does not know what a beacon is.
