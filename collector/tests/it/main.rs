//! The one integration binary: real files, the real spool, the real router, a real ClickHouse. No mocks, no sleeping.

mod spool;
