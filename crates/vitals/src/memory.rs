//! MEMORY: the newest sample of the JavaScript heap, in bytes. Good for trends; browsers share one heap between frames and
//! round it, so it is no absolute claim.

use wire::Facts;

/// Where samples come from. Two sources count different things; one page view never mixes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemorySource {
    /// `performance.memory.usedJSHeapSize`.
    UsedJsHeap,
    /// `performance.measureUserAgentSpecificMemory()`, only in cross-origin isolated pages.
    UserAgentSpecific,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    samples: Option<Samples>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Samples {
    source: MemorySource,
    first_bytes: f64,
    peak_bytes: f64,
    newest_bytes: f64,
    newest_at_ms: f64,
    count: u32,
}

impl Memory {
    /// A sample from another source than the first is ignored, and so is one that is no size.
    pub fn on_sample(&mut self, source: MemorySource, bytes: f64, at_ms: f64) {
        // 0 is what browsers say when they will not tell.
        if bytes.is_nan() || bytes <= 0.0 {
            return;
        }
        let samples = self.samples.get_or_insert(Samples {
            source,
            first_bytes: bytes,
            peak_bytes: bytes,
            newest_bytes: bytes,
            newest_at_ms: at_ms,
            count: 0,
        });
        if samples.source == source {
            samples.peak_bytes = samples.peak_bytes.max(bytes);
            samples.newest_bytes = bytes;
            samples.newest_at_ms = at_ms;
            samples.count += 1;
        }
    }

    pub fn value_bytes(&self) -> Option<f64> {
        self.samples.map(|samples| samples.newest_bytes)
    }

    /// `since_ms` is the start of the page view.
    pub fn attribution(&self, since_ms: f64, facts: &mut dyn Facts) {
        let Some(samples) = self.samples else {
            return;
        };
        let source = match samples.source {
            MemorySource::UsedJsHeap => "used-js-heap",
            MemorySource::UserAgentSpecific => "user-agent-specific",
        };
        facts.text("source", source);
        facts.number("first_bytes", samples.first_bytes);
        facts.number("peak_bytes", samples.peak_bytes);
        facts.number("samples", f64::from(samples.count));
        facts.number("age_ms", (samples.newest_at_ms - since_ms).max(0.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::gather;

    #[test]
    fn the_newest_sample_of_one_source_is_the_value() {
        let mut memory = Memory::default();
        assert_eq!(memory.value_bytes(), None);
        assert!(gather(|facts| memory.attribution(0.0, facts)).is_empty());
        memory.on_sample(MemorySource::UsedJsHeap, 0.0, 10.0);
        memory.on_sample(MemorySource::UsedJsHeap, f64::NAN, 10.0);
        assert_eq!(memory.value_bytes(), None);
        memory.on_sample(MemorySource::UsedJsHeap, 1000.0, 100.0);
        memory.on_sample(MemorySource::UserAgentSpecific, 5.0, 150.0);
        memory.on_sample(MemorySource::UsedJsHeap, 3000.0, 200.0);
        memory.on_sample(MemorySource::UsedJsHeap, 2000.0, 300.0);
        assert_eq!(memory.value_bytes(), Some(2000.0));
        assert_eq!(
            wire::encode::details_json(&gather(|facts| memory.attribution(50.0, facts))),
            r#"{"source":"used-js-heap","first_bytes":1000,"peak_bytes":3000,"samples":3,"age_ms":250}"#
        );
        let mut other = Memory::default();
        other.on_sample(MemorySource::UserAgentSpecific, 5.0, 1.0);
        assert_eq!(
            wire::encode::details_json(&gather(|facts| other.attribution(0.0, facts))).get(..31),
            Some(r#"{"source":"user-agent-specific""#)
        );
    }
}
