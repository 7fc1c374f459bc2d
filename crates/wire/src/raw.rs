//! What a page sends where WebAssembly did not run: the calls that would have driven the engine, as numbers and texts. What a
//! call means is the engine's business (`vitals::replay` lists the kinds); here they only become a list that cannot be wrong.
//!
//! ```json
//! "raw": {"open": [0, 0, null, 0, 15], "calls": [[0, 108], [1, 108, null, null, "", "#hero"], [9]]}
//! ```
//!
//! `open` has the five numbers of `vitals::replay::open`, of which the first hidden time and the interaction count may be `null`.
//! A call is its kind and up to nine numbers: trailing ones may be missing, and `null` is one that the page does not know. Where
//! the engine takes a label the page writes the text itself. A kind that this version does not know is left out, as an unknown
//! field is.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::attribution::WORDS;
use crate::decode::Malformed;
use crate::fields::cut;
use crate::json::Json;
use crate::limits::{MAX_RAW_CALLS, MAX_RAW_TEXTS, MAX_TEXT_BYTES};

/// Numbers of one call.
pub const NUMBERS: usize = 9;

/// Where a call of each kind has texts, counted from its first number.
const TEXT_PLACES: [&[usize]; 15] = [
    &[],
    &[3, 4],
    &[3],
    &[5, 6],
    &[5, 6],
    &[3],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[0],
    &[],
    &[],
];

/// Ways to open a page view: a document, a restored one, a route change, one that the browser saw.
const OPENINGS: f64 = 4.0;

/// One call: its kind, and its numbers with NaN for what is not known. A text is the number of its place in the table.
pub type Call = (u32, [f64; NUMBERS]);

/// How a page view was opened, and everything that was heard in it since.
#[derive(Clone, Debug, PartialEq)]
pub struct RawEntries {
    pub opening: u32,
    pub at_ms: f64,
    /// NaN: not hidden so far.
    pub first_hidden_ms: f64,
    /// NaN: the browser counts none.
    pub interaction_count: f64,
    pub flags: u32,
    /// In the order in which the page heard them.
    pub calls: Vec<Call>,
    /// Calls beyond [`MAX_RAW_CALLS`], which were not kept.
    pub left_out: u32,
    /// Begins with [`WORDS`].
    pub texts: Vec<Cow<'static, str>>,
}

impl RawEntries {
    /// The text of a place; empty where there is none.
    pub fn text(&self, place: u32) -> &str {
        self.texts.get(place as usize).map_or("", Cow::as_ref)
    }
}

/// Reads the value of `raw`.
pub(crate) fn read(value: &Json<'_>) -> Result<RawEntries, Malformed> {
    let open = value.get("open").and_then(Json::as_list);
    let Some(&[opening, at_ms, first_hidden_ms, interaction_count, flags]) = open
        .and_then(|open| open.iter().map(number).collect::<Option<Vec<f64>>>())
        .as_deref()
    else {
        return Err(Malformed("`raw.open` must be five numbers".into()));
    };
    if !(0.0..OPENINGS).contains(&opening) || at_ms.is_nan() || flags.is_nan() {
        return Err(Malformed("`raw.open` opens no page view".into()));
    }
    let Some(calls) = value.get("calls").and_then(Json::as_list) else {
        return Err(Malformed("`raw.calls` must be a list".into()));
    };
    let mut texts = Texts::default();
    let mut kept = Vec::new();
    for (index, item) in calls.iter().take(MAX_RAW_CALLS).enumerate() {
        kept.extend(call(item, index, &mut texts)?);
    }
    Ok(RawEntries {
        opening: opening as u32,
        at_ms,
        first_hidden_ms,
        interaction_count,
        flags: flags as u32,
        calls: kept,
        left_out: calls.len().saturating_sub(MAX_RAW_CALLS) as u32,
        texts: texts.table,
    })
}

/// None for a kind that a later version may know.
fn call(item: &Json<'_>, index: usize, texts: &mut Texts) -> Result<Option<Call>, Malformed> {
    let malformed = |wanted: &str| Malformed(format!("`raw.calls[{index}]` must {wanted}"));
    let items = item.as_list().unwrap_or(&[]);
    let Some((kind, items)) = items.split_first() else {
        return Err(malformed("be a list that begins with its kind"));
    };
    let kind = kind
        .as_u64()
        .ok_or_else(|| malformed("begin with its kind"))?;
    let Some(text_places) = TEXT_PLACES.get(kind as usize) else {
        return Ok(None);
    };
    if items.len() > NUMBERS {
        return Err(malformed("have at most nine numbers"));
    }
    let mut numbers = [f64::NAN; NUMBERS];
    for (place, item) in items.iter().enumerate() {
        numbers[place] = match item {
            Json::Text(text) if text_places.contains(&place) => texts.place(text),
            Json::Number(_) if text_places.contains(&place) => {
                return Err(malformed("have texts where the engine takes labels"));
            }
            item => number(item).ok_or_else(|| malformed("have numbers"))?,
        };
    }
    Ok(Some((kind as u32, numbers)))
}

/// `null` is a number that the page does not know.
fn number(value: &Json<'_>) -> Option<f64> {
    match value {
        Json::Null => Some(f64::NAN),
        value => value.as_f64(),
    }
}

/// The table of texts while it is filled. Each text is in it once: the events of a form share a few selectors.
struct Texts {
    table: Vec<Cow<'static, str>>,
    places: BTreeMap<String, f64>,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts {
            table: WORDS.map(Cow::Borrowed).to_vec(),
            places: BTreeMap::new(),
        }
    }
}

impl Texts {
    /// 0 for an empty text, and for one that is too many: it names what to blame, which is worth less than the value.
    fn place(&mut self, text: &str) -> f64 {
        if let Some(&place) = self.places.get(text) {
            return place;
        }
        if text.is_empty() || self.places.len() >= MAX_RAW_TEXTS {
            return 0.0;
        }
        let place = self.table.len() as f64;
        self.table.push(Cow::Owned(cut(text, MAX_TEXT_BYTES)));
        self.places.insert(text.into(), place);
        place
    }
}
