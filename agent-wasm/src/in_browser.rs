//! Tests of the boundary between WebAssembly and a real browser: options in, callbacks out, numbers through, observers and timers of
//! the browser held and let go, silence on nonsense. Not here: what the vitals are (`crates/vitals`, natively), when beacons go
//! (`js-shim/test`) and what they say (`e2e`).
//!
//! One agent lives on a page, and all tests share the page: each ends what it began.
// tidy: long because the exports are one surface, and a page has one agent: its life is told in one place.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::futures::JsFuture;
use js_sys::{Array, Function, JSON, Object, Promise, Reflect, Symbol};
use vitals::{NO_FACTS, replay};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use wire::Vital;
use wire::attribution::round;

use crate::{flush, measure, set_consent, set_context, set_route, start, stop};

wasm_bindgen_test_configure!(run_in_browser);

/// The discard port: a failed delivery must be silence too.
const DEAD_ENDPOINT: &str = "http://127.0.0.1:9";
/// Longer than any timer here takes on a busy machine.
const PATIENCE_MS: f64 = 10_000.0;
/// No timer fires within a test.
const NEVER_MS: f64 = 1e9;

#[wasm_bindgen(inline_js = r"
    export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
    export const mark = (name) => void performance.mark(name);
    /** In the place of the network: answers with one status after the other, then 204; what was asked is kept as text. */
    export function answering(statuses) {
      const [real, asked] = [window.fetch, []];
      window.fetch = async (_, { body }) => {
        const packed = typeof body != 'string';
        asked.push(await new Response(packed ? new Blob([body]).stream().pipeThrough(new DecompressionStream('gzip')) : body).text());
        return new Response(null, { status: statuses.shift() || 204 });
      };
      return { asked, restore: () => void (window.fetch = real) };
    }
")]
extern "C" {
    fn pause(ms: f64) -> Promise;
    fn mark(name: &str);

    type Network;
    fn answering(statuses: &JsValue) -> Network;
    #[wasm_bindgen(method, getter)]
    fn asked(this: &Network) -> Array;
    #[wasm_bindgen(method)]
    fn restore(this: &Network);
}

#[wasm_bindgen_test]
async fn a_life_from_nonsense_to_silence() {
    before_the_start_there_is_silence();

    let (violations, on_violation) = listener();
    // Mistaken options (a release that is a number, a rate that is a word) do not stop the others from being taken.
    let options = json(&format!(
        r#"{{"app":"shop","endpoint":"{DEAD_ENDPOINT}","release":7,"sampleRate":"all","flushIntervalMs":-1,
            "onMeasurement":"not a function","context":{{"tenant":"acme"}},
            "budgets":{{"checkout":100,"search":{{"limit":100,"impact":"background"}}}}}}"#
    ));
    set(&options, "onBudgetViolation", &on_violation);
    start(&options, &JsValue::UNDEFINED);
    start(&json(r#"{"app":"other"}"#), &JsValue::UNDEFINED);

    set_route(&"/product/:id".into());
    measure(&"checkout".into(), 99.0, &JsValue::UNDEFINED);
    measure(&"checkout".into(), 150.0, &json(r#"{"items":3}"#));
    measure(&"checkout".into(), f64::NAN, &JsValue::UNDEFINED);
    measure(&"other".into(), 9_000.0, &JsValue::UNDEFINED);
    measure(&"search".into(), 250.0, &JsValue::UNDEFINED);
    assert!(
        violations.borrow().is_empty(),
        "the page is told when the agent has finished"
    );
    wait(0.0).await;
    let told = violations.borrow().clone();
    assert_eq!(
        told.len(),
        2,
        "within the budget, not a number and no budget are no violations"
    );
    for (violation, expected) in told.iter().zip([
        ["checkout", "warning", "user-visible"],
        ["search", "critical", "background"],
    ]) {
        let words = ["name", "severity", "impact"].map(|key| text(violation, key));
        assert_eq!(
            words.each_ref().map(|word| word.as_deref()),
            expected.map(Some)
        );
        assert_eq!(text(violation, "route").as_deref(), Some("/product/:id"));
        assert_eq!(number(violation, "budget"), Some(100.0));
    }
    assert_eq!(number(&told[0], "value"), Some(150.0));

    mistakes_of_the_page_are_not_thrown_back(&on_violation);

    stop();
    measure(&"checkout".into(), 250.0, &JsValue::UNDEFINED);
    set_route(&"/late".into());
    flush();
    stop();
    wait(0.0).await;
    assert_eq!(violations.borrow().len(), 2, "stopped");
}

fn before_the_start_there_is_silence() {
    measure(&"too-early".into(), 1.0, &JsValue::UNDEFINED);
    flush();
    stop();
    set_consent(&"granted".into());
    set_route(&"/early".into());
    // None of these is an app, so none of them starts anything: the real start below still works.
    for nonsense in [
        "null",
        "3",
        "\"shop\"",
        "{}",
        r#"{"app":""}"#,
        r#"{"app":7}"#,
    ] {
        start(&json(nonsense), &JsValue::UNDEFINED);
    }
    start(&JsValue::UNDEFINED, &JsValue::UNDEFINED);
}

fn mistakes_of_the_page_are_not_thrown_back(function: &Function) {
    let cyclic: JsValue = Object::new().into();
    set(&cyclic, "self", &cyclic);
    let odd = [
        cyclic,
        json("[1,2]"),
        json(r#"{"deep":{"er":1}}"#),
        Symbol::iterator().into(),
        function.clone().into(),
    ];
    for value in odd {
        set_context(&value);
        set_route(&value);
        measure(&"odd".into(), 1.0, &value);
        measure(&value, 1.0, &JsValue::UNDEFINED);
    }
    set_route(&"/product/:id".into());
    flush();
}

#[wasm_bindgen_test]
async fn beacons_go_by_the_engines_timers_and_again_after_a_refusal() {
    let network = answering(&json("[503]"));
    let (told, on_measurement) = listener();
    let options = json(
        r#"{"app":"shop","endpoint":"https://rum.invalid","flushIntervalMs":1000,"memoryIntervalMs":1000,"apiTimings":false}"#,
    );
    set(&options, "onMeasurement", &on_measurement);
    start(&options, &JsValue::UNDEFINED);
    measure(&"checkout".into(), 231.0, &json(r#"{"items":3}"#));

    until("the refused beacon comes again", || {
        network.asked().length() > 1
    })
    .await;
    let beacons: Vec<JsValue> = network
        .asked()
        .iter()
        .take(2)
        .map(|text| json(&text.as_string().expect("text")))
        .collect();
    for key in ["view", "seq", "m", "ops", "start"] {
        let [first, again] =
            [0, 1].map(|at: usize| JSON::stringify(&get(&beacons[at], key)).expect("from JSON"));
        assert_eq!(String::from(first), String::from(again), "{key}");
    }
    assert_eq!(
        number(&get(&get(&beacons[0], "ops"), "0"), "v"),
        Some(231.0)
    );
    let memory = |at_least: f64| {
        told.borrow().iter().any(|told| {
            text(told, "name").as_deref() == Some("MEMORY")
                && number(&get(told, "attribution"), "samples") >= Some(at_least)
        })
    };
    until("memory is sampled again and again", || memory(3.0)).await;
    stop();
    // A beacon that was being packed when it stopped may still leave; the timers would show within the second after that.
    wait(500.0).await;
    let (asked, heard) = (network.asked().length(), told.borrow().len());
    wait(1_500.0).await;
    assert_eq!(
        network.asked().length(),
        asked,
        "no timer outlives the agent"
    );
    assert_eq!(told.borrow().len(), heard);
    network.restore();
}

#[wasm_bindgen_test]
async fn a_page_may_stop_the_agent_from_inside_of_it() {
    let network = answering(&json("[]"));
    let calls = Rc::new(RefCell::new(0));
    let inside = Rc::clone(&calls);
    // Runs within the engine's timer, while it makes a beacon: the timer ends under its own feet.
    let before_send = Closure::<dyn FnMut(JsValue) -> JsValue>::new(move |value| {
        *inside.borrow_mut() += 1;
        if *inside.borrow() == 1 {
            stop();
        }
        value
    });
    let options = json(r#"{"app":"shop","endpoint":"https://rum.invalid","flushIntervalMs":1000}"#);
    set(&options, "beforeSend", &before_send.into_js_value());
    start(&options, &JsValue::UNDEFINED);
    until("a beacon is made", || *calls.borrow() > 0).await;
    wait(0.0).await;
    let made = *calls.borrow();
    wait(1_500.0).await;
    assert_eq!(*calls.borrow(), made, "stopped");
    // And it can begin again.
    start(
        &json(r#"{"app":"shop","endpoint":"https://rum.invalid","flushIntervalMs":1000}"#),
        &JsValue::UNDEFINED,
    );
    let before = network.asked().length();
    until("the next life sends", || network.asked().length() > before).await;
    stop();
    network.restore();
}

/// The golden raw-entry beacon's calls; texts have the places 7 and on.
const CALLS: [&[f64]; 16] = [
    &[7.0, 0.0, 0.0, 0.0, 1.7, 1.7, 1.7, 1.7, 8.8, 2130.4],
    &[13.0, 1.0, 1_420_290.0, 150.2, 4e6, 4_294_967_296.0],
    &[0.0, 108.0],
    &[1.0, 412.3, 180.2, 330.7, 7.0, 8.0],
    &[2.0, 437.8, 0.0625, 0.0, 9.0],
    &[2.0, 637.8, 0.015_625, 0.0, 10.0],
    &[8.0, 388.7, 388.8, 616.2],
    &[9.0],
    &[10.0],
    &[4.0, 1201.1, 96.0, 1201.9, 1202.3, 6907.0, 11.0, 12.0],
    &[3.0, 1201.2, 96.0, 1203.2, 1294.4, 6907.0, 13.0, 12.0],
    &[2.0, 1290.5, 0.03125, 1.0, 14.0],
    &[5.0, 1195.0, 110.2, 91.2, 15.0],
    &[6.0, 1.0],
    &[13.0, 1.0, 2_472_613.0, 2123.9, 4e6, 4_294_967_296.0],
    &[11.0, 2130.4],
];

#[wasm_bindgen_test]
fn a_page_view_driven_by_numbers_gives_values_and_facts() {
    let opening = [0.0, 0.0, f64::NAN, 0.0, 15.0];
    let mut native = replay::open(0, 0.0, f64::NAN, 0.0, 15);
    ask("open", &[&[0.0], &opening[..]].concat());
    assert!(answer("value", &[0.0, 0.0]).is_nan(), "nothing was heard");
    for call in CALLS {
        // What a call leaves out arrives as no number.
        ask("hear", &[&[0.0], call].concat());
        let mut numbers = [f64::NAN; replay::NUMBERS];
        numbers[..call.len() - 1].copy_from_slice(&call[1..]);
        replay::hear(&mut native, call[0] as u32, numbers);
    }
    for (place, (vital, expected)) in [
        (Vital::Fcp, 108.0),
        (Vital::Lcp, 412.3),
        (Vital::Cls, 0.078_125),
        (Vital::Fid, 0.8),
        (Vital::Inp, 96.0),
        (Vital::Ttfb, 8.8),
        (Vital::Memory, 2_472_613.0),
    ]
    .into_iter()
    .enumerate()
    {
        let at = [0.0, place as f64];
        assert_eq!(round(answer("value", &at)), expected, "{}", vital.name());
        let facts = list(&ask("facts", &at));
        let mut expected_facts = NO_FACTS;
        native.write_attribution(
            vital,
            native.raw_value(vital).expect("a value"),
            &mut expected_facts,
        );
        assert_eq!(facts[0], expected, "{}", vital.name());
        for (fact, expected) in facts[1..].iter().zip(expected_facts.map(round)) {
            assert_eq!(
                fact.to_bits(),
                expected.to_bits(),
                "{}: {facts:?}",
                vital.name()
            );
        }
        assert_eq!(facts.len(), 1 + expected_facts.len());
    }
    let lcp = list(&ask("facts", &[0.0, 1.0]));
    assert_eq!(
        lcp[1..3],
        [8.0, 7.0],
        "places of texts come back: element, address"
    );
    assert_eq!(
        round(lcp[3..7].iter().sum()),
        412.3,
        "the parts are the whole"
    );
    assert_eq!(
        (answer("value", &[0.0, 7.0]), answer("value", &[0.0, 8.0])),
        (1.0, 1.0)
    );
}

#[wasm_bindgen_test]
fn two_page_views_are_kept_and_the_next_one_takes_the_older_ones_place() {
    let open = |number: f64| ask("open", &[number, 2.0, 0.0, f64::NAN, f64::NAN, 15.0]);
    let sampled = |number: f64| answer("value", &[number, 6.0]);
    let sample = |number: f64, bytes: f64| ask("hear", &[number, 13.0, 1.0, bytes, 5.0]);
    for number in [4.0, 5.0] {
        open(number);
        assert!(sampled(number).is_nan(), "blank");
        sample(number, 1000.0 + number);
    }
    assert_eq!((sampled(4.0), sampled(5.0)), (1004.0, 1005.0));
    open(6.0);
    assert!(sampled(6.0).is_nan());
    assert_eq!(sampled(5.0), 1005.0);
    // A value that no page can have is told apart from none.
    ask("hear", &[6.0, 13.0, 1.0, 1e300, 5.0]);
    assert_eq!(sampled(6.0), -1.0);
    // A kind that this version does not know says nothing.
    ask("hear", &[5.0, 99.0, 1.0]);
    assert_eq!(sampled(5.0), 1005.0);
}

#[wasm_bindgen_test]
async fn the_observer_calls_back_hands_out_what_waits_and_ends() {
    let (told, watch) = listener();
    begin(&watch);
    for options in [
        r#"{"type":"mark"}"#,
        r#"{"type":"measure","durationThreshold":16}"#,
        r#"{"type":"of-another-browser"}"#,
    ] {
        invoke("observe", &[json(options)]);
    }
    mark("taken");
    let taken: Array = invoke("take", &[]).unchecked_into();
    assert_eq!(taken.length(), 1);
    assert_eq!(text(&taken.get(0), "name").as_deref(), Some("taken"));
    assert_eq!(invoke("take", &[]).unchecked_into::<Array>().length(), 0);
    mark("watched");
    until("the observer calls back", || !told.borrow().is_empty()).await;
    assert_eq!(told.borrow().len(), 1, "what was taken is not told again");

    invoke("end", &[]);
    mark("late");
    wait(100.0).await;
    assert_eq!(told.borrow().len(), 1, "ended");
    assert!(invoke("take", &[]).is_undefined());
    invoke("observe", &[json(r#"{"type":"mark"}"#)]);
    invoke("end", &[]);
}

#[wasm_bindgen_test]
async fn what_the_observer_calls_may_end_it() {
    let (told, remember) = listener();
    let end = Closure::<dyn FnMut(JsValue)>::new(move |list| {
        invoke("take", &[]);
        invoke("end", &[]);
        let _ = remember.call1(&JsValue::UNDEFINED, &list);
    });
    begin(end.as_ref().unchecked_ref());
    invoke("observe", &[json(r#"{"type":"mark"}"#)]);
    mark("first");
    until("the observer calls back", || !told.borrow().is_empty()).await;
    mark("second");
    wait(100.0).await;
    assert_eq!(told.borrow().len(), 1);
}

/// Begins without any timer of the agent.
fn begin(watch: &Function) {
    invoke("begin", &[watch.clone().into(), NEVER_MS.into()]);
}

/// Calls what WebAssembly exports as the agent's JavaScript does: past the typed functions that wasm-bindgen wraps around it.
fn invoke(name: &str, facts: &[JsValue]) -> JsValue {
    let export: Function = get(&wasm_bindgen::exports(), name).unchecked_into();
    let facts: Array = facts.iter().collect();
    export
        .apply(&JsValue::UNDEFINED, &facts)
        .expect("exports do not throw")
}

fn ask(name: &str, numbers: &[f64]) -> JsValue {
    let numbers: Vec<JsValue> = numbers.iter().map(|&number| number.into()).collect();
    invoke(name, &numbers)
}

fn answer(name: &str, numbers: &[f64]) -> f64 {
    ask(name, numbers).as_f64().expect("a number")
}

fn list(value: &JsValue) -> Vec<f64> {
    assert!(Array::is_array(value));
    value
        .unchecked_ref::<Array>()
        .iter()
        .map(|each| each.as_f64().expect("a number"))
        .collect()
}

async fn wait(ms: f64) {
    JsFuture::from(pause(ms))
        .await
        .expect("a pause does not fail");
}

async fn until(what: &str, mut probe: impl FnMut() -> bool) {
    const POLL_MS: f64 = 20.0;
    let mut waited_ms = 0.0;
    while !probe() {
        assert!(
            waited_ms < PATIENCE_MS,
            "{what}: not within {PATIENCE_MS} ms"
        );
        wait(POLL_MS).await;
        waited_ms += POLL_MS;
    }
}

/// A page's callback that remembers what it was told.
fn listener() -> (Rc<RefCell<Vec<JsValue>>>, Function) {
    let told = Rc::new(RefCell::new(Vec::new()));
    let inside = Rc::clone(&told);
    let callback = Closure::<dyn FnMut(JsValue)>::new(move |value| inside.borrow_mut().push(value));
    (told, callback.into_js_value().unchecked_into())
}

fn json(text: &str) -> JsValue {
    JSON::parse(text).expect("the test writes valid JSON")
}

fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).expect("an object")
}

fn set(object: &JsValue, key: &str, value: &JsValue) {
    Reflect::set(object, &key.into(), value).expect("a plain object takes any key");
}

fn text(object: &JsValue, key: &str) -> Option<String> {
    get(object, key).as_string()
}

fn number(object: &JsValue, key: &str) -> Option<f64> {
    get(object, key).as_f64()
}
