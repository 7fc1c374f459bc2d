//! What a failed insert asks for: try again, call a person, or set something aside. Codes are ClickHouse's; the split is
//! judgement, and an unknown code is tried again, because good data is never set aside on a guess.

use clickhouse::error::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The same bytes under the same token will be taken later.
    Transient,
    /// Somebody must fix the server, its rights or its schema; the data is good and waits.
    Operator,
    /// Something inside this block will never be taken: divide it.
    Poison,
}

/// Classes an error of the client.
pub fn class(error: &Error) -> Class {
    let text = error.to_string();
    match code(&text) {
        // TOO_MANY_PARTS is transient, but under the same number: a block over too many partitions.
        Some(252) if text.contains("partitions") => Class::Poison,
        // The header names columns and types: a table that somebody changed, and every row is good.
        Some(_) if text.contains("while reading header") => Class::Operator,
        // CANNOT_PARSE_INPUT, CANNOT_READ_ALL_DATA, TYPE_MISMATCH in a value, INCORRECT_DATA.
        Some(27 | 33 | 53 | 117) => Class::Poison,
        // Columns, tables, databases, rights, passwords, quotas, a full disk.
        Some(8 | 16 | 20 | 47 | 60 | 81 | 164 | 201 | 243 | 497 | 516) => Class::Operator,
        _ => Class::Transient,
    }
}

/// The number in `Code: N. DB::Exception: …`.
pub fn code(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("Code: ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_the_codes() {
        let check = |text: &str, expected| {
            assert_eq!(class(&Error::BadResponse(text.into())), expected, "{text}");
        };
        check("Code: 241. DB::Exception: Memory limit", Class::Transient);
        check(
            "Code: 252. DB::Exception: Too many parts (3000)",
            Class::Transient,
        );
        check(
            "Code: 252. DB::Exception: Too many partitions for single INSERT block",
            Class::Poison,
        );
        check(
            "Code: 516. DB::Exception: vitalscope: Authentication failed",
            Class::Operator,
        );
        check("Code: 60. DB::Exception: Unknown table", Class::Operator);
        check(
            "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space",
            Class::Operator,
        );
        check(
            "Code: 117. DB::Exception: Type of 'path' must be LowCardinality(String), not String: (while reading header)",
            Class::Operator,
        );
        check(
            "Code: 33. DB::Exception: Cannot read all data",
            Class::Poison,
        );
        check("502 Bad Gateway", Class::Transient);
        assert_eq!(class(&Error::TimedOut), Class::Transient);
    }
}
