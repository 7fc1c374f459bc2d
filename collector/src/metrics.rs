//! Own counters, each named once.
