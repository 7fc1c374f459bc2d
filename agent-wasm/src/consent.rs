//! What may be measured, stored and sent. The visitor's privacy signals, where respected, decide before anything the page says.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Measure, store, send.
    Granted,
    /// Measure in memory; store and send nothing yet.
    Pending,
    /// Nothing at all.
    Denied,
}

impl Consent {
    /// An unknown word is no consent; no word at all is the page's own decision to measure.
    pub fn from_name(name: Option<&str>) -> Consent {
        match name {
            None | Some("granted") => Consent::Granted,
            Some("pending") => Consent::Pending,
            Some(_) => Consent::Denied,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clear_words_allow() {
        for (name, expected) in [
            (None, Consent::Granted),
            (Some("granted"), Consent::Granted),
            (Some("pending"), Consent::Pending),
            (Some("denied"), Consent::Denied),
            (Some("Granted"), Consent::Denied),
        ] {
            assert_eq!(Consent::from_name(name), expected, "{name:?}");
        }
    }
}
