//! Composition: builds the parts, connects them, runs them, ends them in order.
