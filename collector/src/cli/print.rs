//! The only code that writes to stdout: what a person reads, or JSON for programs.

use std::io::{self, Write};

use serde::Serialize;

/// One value as indented JSON.
///
/// # Errors
/// Standard output is closed.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
}

/// One value as one line of JSON: for lists that are read line by line.
///
/// # Errors
/// Standard output is closed.
pub fn json_line(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)
}

/// One line for people.
///
/// # Errors
/// Standard output is closed.
pub fn line(text: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Columns padded to their widest cell. Every row has as many cells as `head`.
///
/// # Errors
/// Standard output is closed.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = io::stdout().lock();
    let mut write = |cells: [&str; N]| {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            text.push_str(&format!("{cell:width$}  "));
        }
        writeln!(out, "{}", text.trim_end())
    };
    write(head)?;
    for row in rows {
        write(std::array::from_fn(|column| row[column].as_str()))?;
    }
    Ok(())
}
