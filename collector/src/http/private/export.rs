//! Tables as CSV (RFC 4180), for spreadsheets: every text was chosen by somebody who can send a beacon, so none may be taken for a
//! formula there.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::query::{Cut, Format, Page};
use crate::store::queries::{AlertRow, BaselineRow, DeployRow, FindingRow, ValueRow};

/// A text that begins with one of these is a formula to some spreadsheet (OWASP, "CSV injection").
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// One field of a table.
pub enum Cell<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    Count(i128),
    Empty,
}

/// What has a line in a table.
pub trait Record {
    const COLUMNS: &'static [&'static str];

    fn cells(&self) -> Vec<Cell<'_>>;
}

/// An answer in the form that was asked for.
pub enum Answer<T> {
    Json(T),
    Csv(Csv),
}

/// A table, ready to be saved under `vitalscope-{name}.csv`.
pub struct Csv {
    pub name: &'static str,
    pub text: String,
}

/// The asked page of a list, in the asked form.
pub fn list<T: Record>(name: &'static str, cut: Cut, rows: Vec<T>) -> Answer<Page<T>> {
    let page = cut.of(rows);
    match cut.format {
        Format::Json => Answer::Json(page),
        Format::Csv => Answer::Csv(table(name, &page.rows)),
    }
}

pub fn table<T: Record>(name: &'static str, rows: &[T]) -> Csv {
    let mut text = String::new();
    line(&mut text, T::COLUMNS.iter().map(|column| quoted(column)));
    for row in rows {
        line(&mut text, row.cells().iter().map(written));
    }
    Csv { name, text }
}

fn line<'a>(text: &mut String, fields: impl Iterator<Item = Cow<'a, str>>) {
    for (place, field) in fields.enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(&field);
    }
    text.push_str("\r\n");
}

fn written<'a>(cell: &'a Cell<'a>) -> Cow<'a, str> {
    match cell {
        Cell::Text(text) if text.starts_with(FORMULA_STARTS) => {
            Cow::Owned(quoted(&format!("'{text}")).into_owned())
        }
        Cell::Text(text) => quoted(text),
        // Spreadsheets know neither NaN nor infinity.
        Cell::Number(number) if !number.is_finite() => Cow::Borrowed(""),
        Cell::Number(number) => Cow::Owned(number.to_string()),
        Cell::Count(count) => Cow::Owned(count.to_string()),
        Cell::Empty => Cow::Borrowed(""),
    }
}

fn quoted(text: &str) -> Cow<'_, str> {
    if !text.contains([',', '"', '\r', '\n']) {
        return Cow::Borrowed(text);
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    let _ = write!(quoted, "\"{}\"", text.replace('"', "\"\""));
    Cow::Owned(quoted)
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match self {
            Answer::Json(answer) => Json(answer).into_response(),
            Answer::Csv(csv) => csv.into_response(),
        }
    }
}

impl IntoResponse for Csv {
    fn into_response(self) -> Response {
        let saved_as = format!("attachment; filename=\"vitalscope-{}.csv\"", self.name);
        (
            [
                (
                    header::CONTENT_TYPE,
                    "text/csv; charset=utf-8; header=present".to_owned(),
                ),
                (header::CONTENT_DISPOSITION, saved_as),
            ],
            self.text,
        )
            .into_response()
    }
}

impl<'a> From<&'a String> for Cell<'a> {
    fn from(text: &'a String) -> Cell<'a> {
        Cell::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a &'static str> for Cell<'a> {
    fn from(text: &'a &'static str) -> Cell<'a> {
        Cell::Text(Cow::Borrowed(text))
    }
}

impl From<&f64> for Cell<'_> {
    fn from(number: &f64) -> Self {
        Cell::Number(*number)
    }
}

impl From<&u64> for Cell<'_> {
    fn from(count: &u64) -> Self {
        Cell::Count(i128::from(*count))
    }
}

impl From<&i64> for Cell<'_> {
    fn from(count: &i64) -> Self {
        Cell::Count(i128::from(*count))
    }
}

impl From<&bool> for Cell<'_> {
    fn from(is_so: &bool) -> Self {
        Cell::Text(Cow::Borrowed(if *is_so { "true" } else { "false" }))
    }
}

impl From<&u8> for Cell<'_> {
    fn from(count: &u8) -> Self {
        Cell::Count(i128::from(*count))
    }
}

impl From<&Option<f64>> for Cell<'_> {
    fn from(number: &Option<f64>) -> Self {
        number.map_or(Cell::Empty, Cell::Number)
    }
}

impl From<&Option<&'static str>> for Cell<'_> {
    fn from(text: &Option<&'static str>) -> Self {
        text.map_or(Cell::Empty, |text| Cell::Text(Cow::Borrowed(text)))
    }
}

/// A record whose columns are named fields, in this order.
macro_rules! record {
    ($row:ty: $($field:ident)+) => {
        impl $crate::http::private::export::Record for $row {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];

            fn cells(&self) -> Vec<$crate::http::private::export::Cell<'_>> {
                vec![$((&self.$field).into()),+]
            }
        }
    };
}
pub(super) use record;

record!(FindingRow: id app environment route kind vital stratum direction state severity change_ratio change_low change_high p_value z
    confidence baseline_p75 current_p75 baseline_n current_n change_point_ms change_point_low_ms change_point_high_ms release opened_at_ms
    confirmed_at_ms resolved_at_ms recommendation);
record!(BaselineRow: id app environment route kind vital strategy state p50 p75 p95 mean stddev n hours_used hours_left_out
    left_out_reasons minimum_detectable_ratio from_ms to_ms updated_at_ms candidate);
record!(DeployRow: app environment release at_ms source);
record!(AlertRow: id rule app route vital severity state finding_id opened_at_ms resolved_at_ms last_sent_at_ms);
record!(ValueRow: dimension value n);

#[cfg(test)]
mod tests {
    use super::*;

    struct Line(&'static str, f64);

    impl Record for Line {
        const COLUMNS: &'static [&'static str] = &["text", "number"];

        fn cells(&self) -> Vec<Cell<'_>> {
            vec![(&self.0).into(), (&self.1).into()]
        }
    }

    fn check(text: &'static str, number: f64, expected: &str) {
        let found = table("test", &[Line(text, number)]).text;
        assert_eq!(found, format!("text,number\r\n{expected}\r\n"));
    }

    #[test]
    fn a_text_is_never_a_formula_and_never_leaves_its_cell() {
        check("/product/:id", -1.5, "/product/:id,-1.5");
        check("=cmd|' /C calc'!A0", 0.0, "'=cmd|' /C calc'!A0,0");
        check("+1", 1.0, "'+1,1");
        check("-1+1", 1.0, "'-1+1,1");
        check("@SUM(A1)", 1.0, "'@SUM(A1),1");
        check("\t=1", 1.0, "'\t=1,1");
        check("a,\"b\"\nc", f64::NAN, "\"a,\"\"b\"\"\nc\",");
        check("=a,b", 1.0, "\"'=a,b\",1");
    }
}
