//! What the pages of an imaginary shop send: a pure function of a seed, so that whoever knows the seed knows every value that must
//! be in ClickHouse afterwards. The shape is that of the agent's own beacons (`crates/wire/testdata/v1/agent.json`).
//!
//! Written by hand into a reused buffer: on the two cores that it shares with the collector, the generator must not be what is
//! measured. Not here: when a beacon is sent, and over which connection.

use wire::Vital;

/// Beacons that the longest page views send.
pub const MAX_BEACONS: u32 = 3;
/// Operations that a beacon carries at most.
pub const MAX_OPERATIONS: u32 = 2;

/// Page views numbered from 0. Two runs of one seed and different marks share no page view.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    key: u64,
}

/// One vital as it is sent: `units / 10^decimals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub vital: Vital,
    units: u64,
    decimals: u32,
}

impl Sent {
    /// What the decimal text is read as: the division is exact to the last bit.
    pub fn value(&self) -> f64 {
        self.units as f64 / 10f64.powi(self.decimals as i32)
    }
}

/// Shares in percent, cumulative: few routes have most page views.
const ROUTES: [(u64, &str); 8] = [
    (30, "/product/:id"),
    (50, "/"),
    (66, "/category/:id"),
    (78, "/search"),
    (88, "/cart"),
    (94, "/checkout"),
    (98, "/account/orders/:id"),
    (100, "/help"),
];
const ELEMENTS: [&str; 4] = ["#hero", "main>section>img", "h1.title", "#gallery>img"];
const TARGETS: [&str; 4] = ["#buy", "nav>a.menu", "#search>input", "button.add-to-cart"];
const CALLS: [&str; 4] = [
    "GET /api/cart",
    "POST /api/cart",
    "GET /api/search",
    "render product-list",
];
/// (device, width, height, cores, memory in GB, effective connection).
const DEVICES: [(&str, u32, u32, u32, u32, &str); 4] = [
    ("mobile", 390, 844, 8, 8, "4g"),
    ("desktop", 1920, 1080, 8, 16, "4g"),
    ("mobile", 412, 915, 8, 4, "3g"),
    ("desktop", 1280, 720, 4, 8, "4g"),
];
/// One for each of [`DEVICES`].
pub const USER_AGENTS: [&str; 4] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
];

impl Traffic {
    pub fn new(seed: u64, mark: u64) -> Traffic {
        Traffic {
            key: mix(seed ^ mix(mark)),
        }
    }

    /// How many beacons this page view sends, numbered from 0.
    pub fn beacon_count(&self, view: u64) -> u32 {
        match self.draw(view, 0) % 10 {
            0..=3 => 1,
            4..=7 => 2,
            _ => MAX_BEACONS,
        }
    }

    /// Index into [`USER_AGENTS`].
    pub fn device(&self, view: u64) -> usize {
        (self.draw(view, 1) % DEVICES.len() as u64) as usize
    }

    /// A UUID of version 4. Random in all its bits, as the agent's are, and yet the number can be read from it.
    pub fn view_id(&self, view: u64) -> u128 {
        let high = (self.draw(view, 2) & !0xf000) | 0x4000;
        let low = (1 << 63) | (view.wrapping_mul(SPREAD) & LOW_BITS);
        (u128::from(high) << 64) | u128::from(low)
    }

    /// The number of one of our page views; None for any other.
    pub fn view_number(&self, id: u128) -> Option<u64> {
        let view = (id as u64 & LOW_BITS).wrapping_mul(SPREAD_INVERSE) & LOW_BITS;
        (self.view_id(view) == id).then_some(view)
    }

    /// The vitals of one beacon. A later one changes what goes on changing; its value is the final one.
    pub fn measurements(&self, view: u64, seq: u32) -> impl Iterator<Item = Sent> {
        let interacted = self.draw(view, 3) % 5 < 3;
        let vitals: &[Vital] = match (seq, interacted) {
            (0, false) => &[Vital::Ttfb, Vital::Fcp, Vital::Lcp, Vital::Cls],
            (0, true) => &[
                Vital::Ttfb,
                Vital::Fcp,
                Vital::Lcp,
                Vital::Cls,
                Vital::Fid,
                Vital::Inp,
            ],
            (1, false) => &[Vital::Lcp, Vital::Cls, Vital::Memory],
            (1, true) => &[Vital::Lcp, Vital::Cls, Vital::Inp, Vital::Memory],
            (_, false) => &[Vital::Cls, Vital::Memory],
            (_, true) => &[Vital::Cls, Vital::Inp, Vital::Memory],
        };
        let traffic = *self;
        vitals
            .iter()
            .map(move |&vital| traffic.measurement(view, seq, vital))
    }

    fn measurement(&self, view: u64, seq: u32, vital: Vital) -> Sent {
        let draw = self.draw(view, 16 + u64::from(seq) * 16 + vital as u64);
        // A typical value and a long tail: the sum of logarithms, in 64ths of an octave around 1.
        let octaves = (draw % 64 + (draw >> 8) % 64 + (draw >> 16) % 64) as f64 / 64.0 - 1.5;
        let around = |typical: f64| (typical * octaves.exp2()) as u64;
        let (units, decimals) = match vital {
            Vital::Ttfb => (around(2_400.0), 1),
            Vital::Fcp => (around(9_000.0), 1),
            Vital::Lcp => (around(17_000.0) + u64::from(seq) * 400, 1),
            // Half of all page views do not shift at all.
            Vital::Cls if draw >> 63 == 0 => (u64::from(seq) * 8, 4),
            Vital::Cls => (around(600.0) + u64::from(seq) * 8, 4),
            Vital::Fid => (around(30.0), 1),
            // Event timing is rounded to 8 ms.
            Vital::Inp => (around(12.0) * 8 + u64::from(seq) * 8, 0),
            Vital::Memory => (around(24_000_000.0), 0),
        };
        Sent {
            vital,
            units,
            decimals,
        }
    }

    /// How many operations a beacon carries: one of three beacons has some.
    pub fn operation_count(&self, view: u64, seq: u32) -> u32 {
        let draw = self.draw(view, 8 + u64::from(seq));
        if draw.is_multiple_of(3) {
            1 + (draw >> 8) as u32 % MAX_OPERATIONS
        } else {
            0
        }
    }

    /// Duration in tenths of a ms.
    fn operation(&self, view: u64, seq: u32, position: u32) -> u64 {
        let draw = self.draw(view, 128 + u64::from(seq) * 8 + u64::from(position));
        100 + draw % 9_000
    }

    /// Appends the beacon as JSON. `sent_ms` is the time of the attempt, `start_ms` the same in all beacons of the page view.
    pub fn write(&self, view: u64, seq: u32, sent_ms: u64, start_ms: u64, out: &mut Vec<u8>) {
        let (device, width, height, cores, memory_gb, connection) = DEVICES[self.device(view)];
        let share = self.draw(view, 4) % 100;
        let route = ROUTES
            .iter()
            .find(|(to, _)| share < *to)
            .map_or("/", |(_, route)| route);
        text(out, "{\"v\":1,\"view\":\"");
        uuid(out, self.view_id(view));
        text(out, "\",\"seq\":");
        number(out, seq.into());
        text(out, ",\"session\":\"");
        // Three page views of a visit.
        hex(out, self.draw(view / 3, 5), 16);
        text(out, "\",\"sent\":");
        number(out, sent_ms);
        text(out, ",\"start\":");
        number(out, start_ms);
        text(out, ",\"nav\":\"navigate\",\"path\":\"");
        text(out, route);
        text(out, "\",\"route\":\"");
        text(out, route);
        text(
            out,
            "\",\"release\":\"1.4.2\",\"env\":\"production\",\"context\":{\"device\":\"",
        );
        text(out, device);
        text(out, "\",\"connection\":\"");
        text(out, connection);
        text(out, "\",\"rtt_ms\":50");
        for (name, value) in [
            ("cores", cores),
            ("memory_gb", memory_gb),
            ("width", width),
            ("height", height),
        ] {
            text(out, ",\"");
            text(out, name);
            text(out, "\":");
            number(out, value.into());
        }
        text(out, ",\"delivery\":\"network\",\"interactions\":");
        number(out, (2 * seq + 1).into());
        text(out, ",\"interactions_seen\":");
        number(out, (2 * seq + 1).into());
        text(out, ",\"sample_rate\":1");
        if seq == 0 {
            self.timing(view, out);
        }
        text(out, "},\"m\":[");
        for (index, sent) in self.measurements(view, seq).enumerate() {
            text(out, if index == 0 { "" } else { "," });
            self.vital(view, sent, out);
        }
        text(out, "],\"ops\":[");
        for position in 0..self.operation_count(view, seq) {
            let tenths = self.operation(view, seq, position);
            text(out, if position == 0 { "" } else { "," });
            text(out, "{\"n\":\"");
            text(out, CALLS[(tenths % CALLS.len() as u64) as usize]);
            text(out, "\",\"v\":");
            decimal(out, tenths, 1);
            text(out, ",\"ok\":true,\"at\":");
            number(out, 1_000 + tenths);
            text(out, "}");
        }
        text(out, "],\"drop\":{},\"self\":{\"main_ms\":");
        decimal(out, 30 + self.draw(view, 6) % 40, 1);
        text(out, ",\"bytes\":");
        number(out, 900 + u64::from(seq) * 600);
        text(out, ",\"entries_dropped\":0}}");
    }

    /// Milestones of the navigation, in order.
    fn timing(&self, view: u64, out: &mut Vec<u8>) {
        let draw = self.draw(view, 7);
        let mut at_tenths = 10 + draw % 40;
        text(out, ",\"timing\":{");
        let milestones = [
            ("dns_start_ms", 0),
            ("dns_end_ms", 40),
            ("connect_start_ms", 0),
            ("connect_end_ms", 300),
            ("request_ms", 20),
            ("response_end_ms", 2_000),
            ("dom_interactive_ms", 4_000),
            ("dom_content_loaded_ms", 200),
            ("load_ms", 8_000),
        ];
        for (index, (name, spread)) in milestones.into_iter().enumerate() {
            if spread > 0 {
                at_tenths += mix(draw ^ index as u64) % spread;
            }
            text(out, if index == 0 { "\"" } else { ",\"" });
            text(out, name);
            text(out, "\":");
            decimal(out, at_tenths, 1);
        }
        text(out, "}");
    }

    fn vital(&self, view: u64, sent: Sent, out: &mut Vec<u8>) {
        let pick = self.draw(view, 15) as usize;
        text(out, "{\"n\":\"");
        text(out, sent.vital.name());
        text(out, "\",\"v\":");
        decimal(out, sent.units, sent.decimals);
        match sent.vital {
            Vital::Lcp => {
                text(out, ",\"a\":{\"element\":\"");
                text(out, ELEMENTS[pick % ELEMENTS.len()]);
                text(out, "\",\"ttfb_ms\":231.5,\"load_delay_ms\":");
                decimal(out, sent.units / 4, 1);
                text(out, ",\"load_ms\":");
                decimal(out, sent.units / 5, 1);
                text(out, "}");
            }
            Vital::Inp => {
                text(out, ",\"a\":{\"type\":\"pointerdown\",\"element\":\"");
                text(out, TARGETS[pick % TARGETS.len()]);
                text(out, "\",\"input_delay_ms\":1.2,\"processing_ms\":");
                number(out, sent.units / 2);
                text(out, "}");
            }
            Vital::Ttfb => text(out, ",\"a\":{\"dns_ms\":0,\"connection_ms\":31.4}"),
            _ => {}
        }
        text(out, "}");
    }

    /// One of many independent random numbers of a page view.
    fn draw(&self, view: u64, what: u64) -> u64 {
        mix(self.key ^ mix(view ^ (what << 56)))
    }
}

/// Bits of a view id that hold its number.
const LOW_BITS: u64 = (1 << 62) - 1;
/// An odd number and its inverse modulo 2^64: multiplying by them spreads numbers over all bits, and back.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
const SPREAD_INVERSE: u64 = 0xf1de_83e1_9937_733d;

/// The finaliser of SplitMix64: https://doi.org/10.1145/2714064.2660195
pub fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn decimal(out: &mut Vec<u8>, units: u64, decimals: u32) {
    let one = 10u64.pow(decimals);
    number(out, units / one);
    if decimals > 0 {
        out.push(b'.');
        let fraction = units % one;
        for place in (0..decimals).rev() {
            out.push(b'0' + (fraction / 10u64.pow(place) % 10) as u8);
        }
    }
}

fn hex(out: &mut Vec<u8>, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(number >> (4 * place) & 15) as usize]);
    }
}

fn uuid(out: &mut Vec<u8>, id: u128) {
    let (high, low) = ((id >> 64) as u64, id as u64);
    hex(out, high >> 32, 8);
    out.push(b'-');
    hex(out, high >> 16, 4);
    out.push(b'-');
    hex(out, high, 4);
    out.push(b'-');
    hex(out, low >> 48, 4);
    out.push(b'-');
    hex(out, low, 12);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collector_reads_what_is_written_and_the_values_are_those_that_are_expected() {
        let traffic = Traffic::new(7, 1);
        let (mut bytes, mut beacons) = (0, 0);
        for view in 0..2_000 {
            for seq in 0..traffic.beacon_count(view) {
                let mut out = Vec::new();
                traffic.write(view, seq, 1_795_200_002_000, 1_795_200_000_000, &mut out);
                (bytes, beacons) = (bytes + out.len(), beacons + 1);
                let decoded = wire::decode::decode(&out).expect("is a beacon");
                assert_eq!(decoded.refused, []);
                let beacon = decoded.beacon;
                let id = u128::from_str_radix(&beacon.view.replace('-', ""), 16).expect("is hex");
                assert_eq!((id, beacon.seq), (traffic.view_id(view), seq));
                let have = beacon.measurements.iter().map(|m| (m.vital, m.value));
                let want = traffic
                    .measurements(view, seq)
                    .map(|sent| (sent.vital, sent.value()));
                assert!(have.eq(want), "{}", String::from_utf8_lossy(&out));
                let operations = traffic.operation_count(view, seq);
                assert_eq!(beacon.operations.len(), operations as usize);
            }
        }
        let mean = bytes / beacons;
        assert!((600..1100).contains(&mean), "{mean} bytes");
    }

    #[test]
    fn a_view_id_names_its_number_and_no_other_runs() {
        let traffic = Traffic::new(7, 1);
        for view in [0, 1, 2, 1_000_003, LOW_BITS] {
            let id = traffic.view_id(view);
            assert_eq!(traffic.view_number(id), Some(view));
            assert_eq!(Traffic::new(7, 2).view_number(id), None);
            assert_eq!(traffic.view_number(id ^ (1 << 100)), None);
            assert_eq!(((id >> 76) & 15, (id >> 62) & 3), (4, 2), "version 4");
        }
    }
}
