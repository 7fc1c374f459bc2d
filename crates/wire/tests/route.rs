//! One route rule in two languages: the golden cases, and many random paths whose answers are compared by their digests with those
//! of the agent's JavaScript (`js-shim/test/route.test.js`).

use serde_json::Value;
use wire::route::{route, scrub};

const GOLDEN: &str = include_str!("../testdata/routes.json");

fn golden() -> Value {
    serde_json::from_str(GOLDEN).expect("JSON")
}

fn texts(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list");
    list.iter()
        .map(|text| text.as_str().expect("a text"))
        .collect()
}

#[test]
fn the_golden_cases_have_one_answer() {
    let golden = golden();
    let templates = texts(&golden["templates"]);
    let cases = golden["cases"].as_array().expect("cases");
    assert!(cases.len() > 300);
    for case in cases {
        let [path, own, expected_route, expected_path] = texts(case)[..] else {
            panic!("{case}: path, template, route and scrubbed path");
        };
        // A page's own template comes first; most cases have none.
        let all = || {
            [own]
                .into_iter()
                .filter(|own| !own.is_empty())
                .chain(templates.iter().copied())
        };
        assert_eq!(
            route(path, all()),
            expected_route,
            "route of {path} by {own}"
        );
        assert_eq!(
            scrub(path, all()),
            expected_path,
            "scrubbed {path} by {own}"
        );
    }
}

#[test]
fn random_paths_have_the_digests_that_the_agent_computes() {
    let golden = golden();
    let templates = texts(&golden["templates"]);
    let random = &golden["random"];
    let mut paths = Paths {
        pieces: texts(&random["pieces"]),
        state: 1,
    };
    let count = random["count"].as_u64().expect("a count");
    let digests: Vec<String> = texts(&random["digests"])
        .iter()
        .map(|_| {
            let mut digest = Digest(0x811c_9dc5);
            for _ in 0..count {
                let (path, own) = paths.next_case();
                let all = || {
                    [own.as_str()]
                        .into_iter()
                        .filter(|own| !own.is_empty())
                        .chain(templates.iter().copied())
                };
                digest.take(&route(&path, all()));
                digest.take(&scrub(&path, all()));
            }
            format!("{:08x}", digest.0)
        })
        .collect();
    assert_eq!(digests, texts(&random["digests"]));
}

/// Random paths and templates, the same in both languages.
struct Paths<'a> {
    pieces: Vec<&'a str>,
    state: u32,
}

impl Paths<'_> {
    /// A number below `limit`, from the generator of Numerical Recipes.
    fn below(&mut self, limit: u32) -> u32 {
        self.state = self
            .state
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        (self.state >> 8) % limit
    }

    fn segment(&mut self) -> String {
        let count = 1 + self.below(4);
        let places = self.pieces.len() as u32;
        (0..count)
            .map(|_| {
                let place = self.below(places);
                self.pieces[place as usize]
            })
            .collect()
    }

    /// A path, and a template made from it or nothing.
    fn next_case(&mut self) -> (String, String) {
        let count = 1 + self.below(11);
        let segments: Vec<String> = (0..count).map(|_| self.segment()).collect();
        let path: String = segments.iter().flat_map(|segment| ["/", segment]).collect();
        let mut template = String::new();
        let kind = self.below(3);
        if kind > 0 && path.len() <= 400 {
            for segment in &segments {
                if kind > 1 && self.below(6) == 0 {
                    template.push_str("/*");
                    break;
                }
                let is_parameter = self.below(3) == 0;
                template.push('/');
                template.push_str(if is_parameter { ":part" } else { segment });
            }
        }
        (path, template)
    }
}

/// FNV-1a of 32 bits over texts, each with a line's end.
struct Digest(u32);

impl Digest {
    fn take(&mut self, text: &str) {
        for byte in text.bytes().chain([b'\n']) {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
}
