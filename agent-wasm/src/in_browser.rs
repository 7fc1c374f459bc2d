//! Tests of the boundary between WebAssembly and a real browser: options in, callbacks out, silence on nonsense.
//! Not here: what the vitals are (`crates/vitals`, natively) and what is sent (`e2e`).

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, JSON, Object, Reflect, Symbol};
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use crate::{flush, measure, set_consent, set_context, set_route, start, stop};

wasm_bindgen_test_configure!(run_in_browser);

/// The discard port: a failed delivery must be silence too.
const DEAD_ENDPOINT: &str = "http://127.0.0.1:9";

/// The agent of a page is one, so its life is one test.
#[wasm_bindgen_test]
fn a_life_from_nonsense_to_silence() {
    before_the_start_there_is_silence();

    let (violations, on_violation) = listener();
    // Mistaken options (a release that is a number, a rate that is a word) do not stop the others from being taken.
    let options = json(&format!(
        r#"{{"app":"shop","endpoint":"{DEAD_ENDPOINT}","release":7,"sampleRate":"all","flushIntervalMs":-1,
            "onMeasurement":"not a function","budgets":{{"checkout":100}},"context":{{"tenant":"acme"}}}}"#
    ));
    set(&options, "onBudgetViolation", &on_violation);
    start(&options, &JsValue::UNDEFINED);

    set_route(&"/product/:id".into());
    measure(&"checkout".into(), 99.0, &JsValue::UNDEFINED);
    assert_eq!(violations.borrow().len(), 0, "within the budget");
    measure(&"checkout".into(), 250.0, &json(r#"{"items":3}"#));
    measure(&"checkout".into(), f64::NAN, &JsValue::UNDEFINED);
    measure(&"other".into(), 9_000.0, &JsValue::UNDEFINED);
    let told = violations
        .borrow()
        .first()
        .cloned()
        .expect("the budget is exceeded");
    assert_eq!(text(&told, "name").as_deref(), Some("checkout"));
    assert_eq!(text(&told, "route").as_deref(), Some("/product/:id"));
    assert_eq!(number(&told, "value"), Some(250.0));
    assert_eq!(number(&told, "budget"), Some(100.0));
    assert_eq!(
        violations.borrow().len(),
        1,
        "not a number and no budget are no violations"
    );

    mistakes_of_the_page_are_not_thrown_back(&on_violation);

    stop();
    measure(&"checkout".into(), 250.0, &JsValue::UNDEFINED);
    set_route(&"/late".into());
    flush();
    stop();
    assert_eq!(violations.borrow().len(), 1, "stopped");
}

fn before_the_start_there_is_silence() {
    measure(&"too-early".into(), 1.0, &JsValue::UNDEFINED);
    flush();
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
        measure(&"odd".into(), 1.0, &value);
    }
    set_consent(&"perhaps".into());
    flush();
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

fn set(object: &JsValue, key: &str, value: &JsValue) {
    Reflect::set(object, &key.into(), value).expect("a plain object takes any key");
}

fn text(object: &JsValue, key: &str) -> Option<String> {
    Reflect::get(object, &key.into()).ok()?.as_string()
}

fn number(object: &JsValue, key: &str) -> Option<f64> {
    Reflect::get(object, &key.into()).ok()?.as_f64()
}
