//! When a certificate ends, read from its DER form. Nothing else of X.509 is understood here: checking chains and names is
//! the TLS library's work.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]`, explicit: the version, absent in certificates of version 1.
const VERSION: u8 = 0xa0;

/// `notAfter` of RFC 5280 section 4.1.2.5, in seconds since the epoch; None when the bytes are no certificate.
pub fn not_after_s(der: &[u8]) -> Option<i64> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (mut fields, _) = element(certificate, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = any(fields)?.2;
    }
    for _serial_algorithm_issuer in 0..3 {
        fields = any(fields)?.2;
    }
    let (validity, _) = element(fields, SEQUENCE)?;
    let (_not_before, not_after) = (any(validity)?, any(any(validity)?.2)?);
    time(not_after.0, not_after.1)
}

/// The content of the element at the beginning, which must have this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = any(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Tag, content and rest. Lengths of up to four bytes: no certificate is larger.
fn any(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if !(1..=4).contains(&count) {
            return None;
        }
        let (digits, rest) = rest.split_at_checked(count)?;
        let length = digits
            .iter()
            .fold(0, |sum, &digit| sum << 8 | usize::from(digit));
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let two = |at: usize| rest.get(at..at + 2)?.parse::<i8>().ok();
    let moment =
        DateTime::new(year, two(0)?, two(2)?, two(4)?, two(6)?, two(8)?.min(59), 0).ok()?;
    let moment = moment.to_zoned(TimeZone::UTC).ok()?;
    Some(moment.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(["shop.example".to_owned()]).unwrap();
        params.not_after = date_time_ymd(year, 3, 9);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
        assert_eq!(
            not_after_s(&certificate(2031)),
            Some(at("2031-03-09T00:00:00Z"))
        );
        // From 2050 on certificates use the other form.
        assert_eq!(
            not_after_s(&certificate(2071)),
            Some(at("2071-03-09T00:00:00Z"))
        );
    }

    #[test]
    fn bytes_that_are_no_certificate_have_no_end() {
        let whole = certificate(2031);
        for length in 0..whole.len() {
            assert_eq!(not_after_s(&whole[..length]), None, "cut at {length}");
        }
        for at in 0..whole.len().min(400) {
            let mut broken = whole.clone();
            broken[at] = 0xff;
            let _ = not_after_s(&broken); // must not panic, whatever it says
        }
    }
}
