//! A real ClickHouse server as a child process on loopback, for installations that bring none. It knows no schema.
