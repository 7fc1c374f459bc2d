//! ClickHouse's RowBinary encoding, as far as our tables need it: little-endian numbers, texts and maps with a LEB128 length in
//! front. Written here because a sealed block needs the same bytes for the same rows, for ever: its token is their hash.
//! Source: the format's page in ClickHouse's documentation.

/// Appends values to the bytes of a row.
pub trait RowBinary {
    fn put_length(&mut self, length: usize);
    fn put_text(&mut self, text: &str);
    fn put_u8(&mut self, value: u8);
    fn put_u16(&mut self, value: u16);
    fn put_u32(&mut self, value: u32);
    fn put_u64(&mut self, value: u64);
    fn put_f64(&mut self, value: f64);
    /// A Nullable(Float64).
    fn put_optional_f64(&mut self, value: Option<f64>);
    /// The two halves of a UUID, the high one first.
    fn put_uuid(&mut self, value: u128);
}

impl RowBinary for Vec<u8> {
    fn put_length(&mut self, mut length: usize) {
        while length >= 0x80 {
            self.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.push(length as u8);
    }

    fn put_text(&mut self, text: &str) {
        self.put_length(text.len());
        self.extend_from_slice(text.as_bytes());
    }

    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }

    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_f64(&mut self, value: f64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_optional_f64(&mut self, value: Option<f64>) {
        match value {
            Some(value) => {
                self.push(0);
                self.put_f64(value);
            }
            None => self.push(1),
        }
    }

    fn put_uuid(&mut self, value: u128) {
        self.put_u64((value >> 64) as u64);
        self.put_u64(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_the_format_says() {
        let mut bytes = Vec::new();
        bytes.put_text("ab");
        bytes.put_length(300);
        bytes.put_optional_f64(None);
        bytes.put_u16(0x0102);
        bytes.put_uuid(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f);
        let expected = [
            &[2, b'a', b'b', 0xac, 0x02, 1, 2, 1][..],
            &[7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8],
        ];
        assert_eq!(bytes, expected.concat());
    }
}
