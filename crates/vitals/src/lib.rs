//! The measurement engine: copies of the browser's timeline entries go in, a page view's vitals come out. The same code runs in
//! the page as WebAssembly and in the collector natively, so both give the same numbers. Not here: observing, clocks, sending.
//!
//! # Driving a page view
//!
//! [`PageView::open`] begins one: a document's life, a restore from the back/forward cache, or a route change. Feed it every
//! [`Entry`] that started in it, in any order within a batch, and what happened to the page ([`PageView::on_load`],
//! [`PageView::on_hidden`], [`PageView::on_input`], ...); the caller supplies every timestamp, in ms since the document's time
//! origin. Ask [`PageView::value`] whenever you like: an answer is the value as of now, absolute, and absent where the browser
//! gave nothing to measure.
//!
//! [`replay`] drives a page view with a list of plain numbers. That list is what crosses into WebAssembly and, where WebAssembly
//! may not run, what a raw-entry beacon carries: one door, so that both homes cannot differ.
//!
//! Texts (selectors, addresses, names) never come in here: an entry carries [`Label`]s, places in the caller's own table, and
//! what to blame is said with the same labels. That keeps strings, and the code that handles them, out of the page's WebAssembly.
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
pub mod replay;
pub mod start;
pub mod ttfb;
pub mod visibility;

pub use attribution::{Facts, NO_FACTS};
pub use entry::{Entry, EventEntry, FrameEntry, Label, LcpEntry, Navigation, ShiftEntry};
pub use memory::MemorySource;
pub use page_view::{PageView, is_plausible};
pub use start::{Opening, Start, Supported};
