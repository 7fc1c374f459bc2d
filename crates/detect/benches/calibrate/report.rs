//! Measured numbers with their exact intervals, each against its bar if it has one.
//!
//! The long form asks for the number itself; the quick form has too few for that and fails only where the interval excludes the bar.

use crate::interval;

pub struct Report {
    pub is_quick: bool,
    pub missed: Vec<String>,
    open: usize,
    held: usize,
}

/// What a number must not pass.
#[derive(Clone, Copy)]
pub enum Bar {
    None,
    /// Per 1,000 series-days, and the upper end of the interval.
    Rate(f64, f64),
    AtLeast(f64),
    AtMost(f64),
}

impl Report {
    pub fn new(is_quick: bool) -> Report {
        Report {
            is_quick,
            missed: Vec::new(),
            open: 0,
            held: 0,
        }
    }

    pub fn title(&self, text: &str) {
        println!("\n{text}");
    }

    pub fn note(&self, name: &str, text: &str) {
        println!("  {name:<58} {text}");
    }

    /// Events per 1,000 series-days.
    pub fn rate(&mut self, name: &str, count: u64, series_days: f64, bar: Bar) {
        let per = 1_000.0 / series_days.max(1e-9);
        let (low, high) = interval::poisson(count);
        let (value, low, high) = (count as f64 * per, low * per, high * per);
        let verdict = match bar {
            Bar::Rate(limit, upper) if self.is_quick => {
                self.judge(name, high <= upper && value <= limit, low > limit)
            }
            Bar::Rate(limit, upper) => {
                let holds = value <= limit && high <= upper;
                self.judge(name, holds, !holds)
            }
            _ => "",
        };
        let text = format!("{value:>6.2}  ({low:.2} to {high:.2})  {count} in {series_days:.0}");
        println!("  {name:<58} {text:<44} {verdict}");
    }

    pub fn share(&mut self, name: &str, hits: u64, of: u64, bar: Bar) {
        let (low, high) = interval::share(hits, of);
        let value = hits as f64 / (of as f64).max(1.0);
        let verdict = match bar {
            Bar::AtLeast(limit) if self.is_quick => self.judge(name, low >= limit, high < limit),
            Bar::AtMost(limit) if self.is_quick => self.judge(name, high <= limit, low > limit),
            Bar::AtLeast(limit) => self.judge(name, value >= limit, value < limit),
            Bar::AtMost(limit) => self.judge(name, value <= limit, value > limit),
            _ => "",
        };
        let [value, low, high] = [value, low, high].map(|share| 100.0 * share);
        let text = format!("{value:>5.1} %  ({low:.1} to {high:.1})  {hits} of {of}");
        println!("  {name:<58} {text:<44} {verdict}");
    }

    /// A measured quantity without an interval; its bar holds in both forms.
    pub fn value(&mut self, name: &str, value: f64, bar: Bar) {
        let verdict = match bar {
            Bar::AtMost(limit) => self.judge(name, value <= limit, value > limit),
            _ => "",
        };
        println!("  {name:<58} {:<44} {verdict}", format!("{value:>6.2}"));
    }

    fn judge(&mut self, name: &str, holds: bool, missed: bool) -> &'static str {
        if missed {
            self.missed.push(name.to_owned());
            "MISSED"
        } else if holds {
            self.held += 1;
            "holds"
        } else {
            self.open += 1;
            "too few to say"
        }
    }

    /// Prints the verdict; answers whether no bar was missed.
    pub fn end(&self) -> bool {
        println!(
            "\n{} bars hold, {} missed, {} undecided at this size",
            self.held,
            self.missed.len(),
            self.open
        );
        for name in &self.missed {
            println!("  missed: {name}");
        }
        self.missed.is_empty()
    }
}
