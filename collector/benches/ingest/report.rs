//! The table at the end, and which bars were kept.

/// What a figure is held against.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<String>,
    bars: Vec<(String, bool)>,
}

impl Report {
    /// A figure without a bar.
    pub fn line(&mut self, line: String) {
        println!("{line}"); // a bench takes minutes: show what there is
        self.lines.push(line);
    }

    pub fn bar(&mut self, what: &str, bar: Bar, value: f64, unit: &str) {
        let (kept, wanted) = match bar {
            Bar::AtLeast(least) => (value >= least, format!("at least {least:.2}")),
            Bar::AtMost(most) => (value <= most, format!("at most {most:.2}")),
        };
        self.bars
            .push((format!("{what:<48} {value:>8.2} {unit:<3} {wanted}"), kept));
    }

    /// Something that holds or does not.
    pub fn check(&mut self, what: &str, holds: bool) {
        self.bars.push((what.into(), holds));
    }

    pub fn passed(&self) -> bool {
        self.bars.iter().all(|(_, kept)| *kept)
    }

    pub fn print(&self) {
        println!();
        for line in &self.lines {
            println!("{line}");
        }
        println!();
        for (bar, kept) in &self.bars {
            println!("{}  {bar}", if *kept { "kept  " } else { "MISSED" });
        }
    }
}

/// The middle one; of an even count the lower.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}
