//! Raw entries that are well formed as JSON and mad in their numbers: the engine must give plausible values or none.
//! An input that begins with `{` is the JSON itself; any other is read as a list of calls.

#![no_main]

use std::fmt::Write;

use libfuzzer_sys::fuzz_target;

/// Numbers with a history of breaking things, beside those that the input brings.
const USUAL: [&str; 16] = [
    "null", "0", "1", "2", "3", "8", "104", "1000", "5000", "600000", "-1", "0.1", "1e-9", "1e15",
    "1e308", "-1e308",
];

fuzz_target!(|bytes: &[u8]| {
    let raw = match bytes.first() {
        Some(b'{') => String::from_utf8_lossy(bytes).into_owned(),
        _ => calls(bytes),
    };
    let body = format!(
        "{{\"v\":1,\"view\":\"0193c2f0-7c1e-7cc3-98c4-dc0c0c07398f\",\"seq\":0,\"sent\":0,\"start\":0,\"path\":\"/\",\"raw\":{raw}}}"
    );
    let _ = vitalscope_fuzz::accept(body.as_bytes());
});

fn calls(bytes: &[u8]) -> String {
    let mut bytes = bytes.iter().copied();
    let mut next = || bytes.next();
    let mut text = String::from("{\"open\":[");
    let (opening, flags) = (next().unwrap_or(0) % 5, next().unwrap_or(31));
    let _ = write!(
        text,
        "{opening},{},null,0,{flags}],\"calls\":[",
        u16::from(flags) * 7
    );
    let mut first = true;
    while let Some(kind) = next() {
        text.push_str(if first { "[" } else { ",[" });
        first = false;
        let _ = write!(text, "{}", kind % 16);
        for _ in 0..usize::from(kind / 16).min(9) {
            let Some(byte) = next() else { break };
            let _ = match byte {
                0..16 => write!(text, ",{}", USUAL[usize::from(byte)]),
                16..20 => write!(text, ",\"#label{byte}\""),
                _ => write!(
                    text,
                    ",{}",
                    i64::from(byte) * i64::from(next().unwrap_or(1)) - 1000
                ),
            };
        }
        text.push(']');
    }
    text.push_str("]}");
    text
}
