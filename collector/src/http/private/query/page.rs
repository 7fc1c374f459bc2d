//! Which rows of a list, and as what.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::invalid;
use crate::http::Problem;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;
/// A list is read as a whole to count it; one with more rows is for SQL.
pub const MAX_ROWS: usize = 10_000;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PageParameters {
    /// Rows of a page: 1 to 1,000, 100 when absent. Of a CSV up to 10,000, and all of them when absent.
    #[param(minimum = 1, maximum = 10000)]
    pub limit: Option<u32>,
    /// Rows to leave out.
    pub offset: Option<u32>,
    /// `json`, or `csv`: a table for a spreadsheet. Texts that a spreadsheet would take for a formula get an apostrophe in front.
    pub format: String,
}

/// What is shown of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub limit: usize,
    pub offset: usize,
    pub format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Rows of the whole list.
    pub total: usize,
    pub offset: usize,
    pub limit: usize,
}

impl PageParameters {
    pub fn parse(&self) -> Result<Cut, Problem> {
        let format = format(&self.format)?;
        let (usual, most) = match format {
            Format::Json => (DEFAULT_LIMIT, MAX_LIMIT),
            Format::Csv => (MAX_ROWS, MAX_ROWS),
        };
        let limit = self.limit.map_or(usual, |limit| limit as usize);
        if !(1..=most).contains(&limit) {
            return Err(invalid(&format!("limit is a number from 1 to {most}")));
        }
        Ok(Cut {
            limit,
            offset: self.offset.unwrap_or(0) as usize,
            format,
        })
    }
}

pub fn format(name: &str) -> Result<Format, Problem> {
    match name {
        "" | "json" => Ok(Format::Json),
        "csv" => Ok(Format::Csv),
        _ => Err(invalid("format is json or csv")),
    }
}

impl Cut {
    pub fn of<T>(self, rows: Vec<T>) -> Page<T> {
        let total = rows.len();
        Page {
            rows: rows
                .into_iter()
                .skip(self.offset)
                .take(self.limit)
                .collect(),
            total,
            offset: self.offset,
            limit: self.limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limit: Option<u32>, offset: u32, format: &str, expected: Option<(Vec<u32>, usize)>) {
        let asked = PageParameters {
            limit,
            offset: Some(offset),
            format: format.into(),
        };
        let found = asked.parse().ok().map(|cut| {
            let page = cut.of((0..250).collect());
            (page.rows, page.total)
        });
        assert_eq!(found, expected, "{asked:?}");
    }

    #[test]
    fn a_page_is_a_bounded_part_of_a_list() {
        check(None, 0, "", Some(((0..100).collect(), 250)));
        check(Some(10), 245, "json", Some(((245..250).collect(), 250)));
        check(None, 300, "", Some((Vec::new(), 250)));
        check(None, 0, "csv", Some(((0..250).collect(), 250)));
        check(Some(0), 0, "", None);
        check(Some(1_001), 0, "", None);
        check(Some(1_001), 0, "csv", Some(((0..250).collect(), 250)));
        check(None, 0, "xml", None);
    }
}
