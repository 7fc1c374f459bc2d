//! The measurement engine: copies of the browser's timeline entries go in, a page view's vitals come out. The same code runs in
//! the page as WebAssembly and in the collector natively, so both give the same numbers. Not here: observing, clocks, sending.
//!
//! # Driving a page view
//!
//! [`PageView::open`] begins one document life. Feed it every [`Entry`] in any order within a batch, and what happened to the
//! page ([`PageView::on_load`], [`PageView::on_hidden`], [`PageView::on_input`], ...); the caller supplies every timestamp, in ms
//! since the document's time origin. Ask [`PageView::value`] or [`PageView::measurements`] whenever you like: an answer is the
//! value as of now, absolute, and absent where the browser gave nothing to measure. [`PageView::restored`] and
//! [`PageView::soft`] begin the page view that follows.
//!
//! Semantics are those of the `web-vitals` library except where that loses data: CLS takes its maximum after every entry and
//! nothing waits for an idle moment.
#![no_std]

extern crate alloc;

pub mod attribution;
pub mod cls;
pub mod entry;
pub mod fcp;
pub mod fid;
pub mod inp;
pub mod lcp;
pub mod memory;
pub mod page_view;
pub mod ttfb;
pub mod visibility;

pub use entry::{Entry, EventEntry, LcpEntry, Navigation, ResourceTiming, ShiftEntry};
pub use memory::MemorySource;
pub use page_view::{PageView, Start, Supported, is_plausible};
