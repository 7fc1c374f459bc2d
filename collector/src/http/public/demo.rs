//! The demo shop: three pages and a slow variant that is bad on purpose, so that a person can see the whole chain from a
//! click to a finding. Pages are filled from templates of `collector/demo/` at request time; nothing here keeps state.
//!
//! `?release=NAME` becomes the release that the agent reports and is kept across links; `slow` also delays the image, shifts
//! the layout and blocks clicks. Everything shown is ours except that name, which is refused unless it is plain.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::RustEmbed;
use serde::Deserialize;

/// Longest wait that `?delay_ms=` can ask of an asset: enough to make any LCP poor, too short to tie up connections.
const MAX_DELAY_MS: u64 = 5_000;
/// What the slow variant asks for.
const SLOW_IMAGE_DELAY_MS: u64 = 2_600;
const MAX_RELEASE_BYTES: usize = 40;
const DEFAULT_RELEASE: &str = "1.0.0";
const SLOW_RELEASE: &str = "slow";

#[derive(RustEmbed)]
#[folder = "demo/"]
struct Files;

#[derive(Clone, Debug, Deserialize)]
struct Product {
    id: u32,
    image: String,
    name: String,
    price: String,
    line: String,
    text: String,
}

#[derive(Debug, Default, Deserialize)]
struct PageQuery {
    #[serde(default)]
    release: String,
}

#[derive(Debug, Deserialize)]
struct AssetQuery {
    #[serde(default)]
    delay_ms: u64,
}

/// The shop under `/demo/`. `snippet` is the inline script that the pages carry before the agent; it may be empty.
pub fn router(snippet: &str) -> Router {
    let shop = Shop {
        snippet: snippet.into(),
    };
    let page = |page: fn(&Shop, &Variant, u32) -> Option<String>| {
        let shop = shop.clone();
        get(
            move |id: Option<Path<u32>>, Query(query): Query<PageQuery>| async move {
                let variant = Variant::of(&query.release);
                page(&shop, &variant, id.map_or(0, |Path(id)| id)).map_or_else(not_found, html)
            },
        )
    };
    Router::new()
        .route("/demo", get(|| async { Redirect::permanent("/demo/") }))
        .route("/demo/", page(|shop, variant, _| shop.list(variant)))
        .route("/demo/product/{id}", page(Shop::product))
        .route("/demo/product/{id}/delivery", page(Shop::product))
        .route("/demo/cart", page(|shop, variant, _| shop.cart(variant)))
        .route("/demo/assets/{file}", get(asset))
}

#[derive(Clone)]
struct Shop {
    snippet: std::sync::Arc<str>,
}

impl Shop {
    fn list(&self, variant: &Variant) -> Option<String> {
        let cards: Vec<String> = products()
            .iter()
            .map(|product| {
                format!(
                    "      <li><a class=\"card\" href=\"/demo/product/{id}{query}\"><img src=\"/demo/assets/{image}-small.webp\" width=\"480\" \
                     height=\"360\" alt=\"\" loading=\"lazy\"><span class=\"name\"><span>{name}</span><span>€ {price}</span></span>\
                     <span class=\"line\">{line}</span></a></li>",
                    id = product.id,
                    query = variant.query(),
                    image = product.image,
                    name = product.name,
                    price = product.price,
                    line = product.line,
                )
            })
            .collect();
        Some(
            self.fill("list.html", variant)?
                .replace("{{cards}}", &cards.join("\n")),
        )
    }

    fn product(&self, variant: &Variant, id: u32) -> Option<String> {
        let product = products().into_iter().find(|product| product.id == id)?;
        let page = self
            .fill("product.html", variant)?
            .replace("{{id}}", &product.id.to_string())
            .replace("{{image}}", &product.image)
            .replace("{{name}}", &product.name)
            .replace("{{price}}", &product.price)
            .replace("{{line}}", &product.line)
            .replace("{{text}}", &product.text);
        Some(page)
    }

    fn cart(&self, variant: &Variant) -> Option<String> {
        self.fill("cart.html", variant)
    }

    /// What all pages share. The agent's tags come as a user would paste them.
    fn fill(&self, file: &str, variant: &Variant) -> Option<String> {
        let snippet = if self.snippet.is_empty() {
            String::new()
        } else {
            format!("<script>{}</script>\n  ", self.snippet)
        };
        let agent = format!(
            "{snippet}<script async src=\"/agent.js\" data-app=\"demo\" data-release=\"{}\"></script>",
            variant.release
        );
        let query = variant.query();
        let header = format!(
            "<header><a class=\"brand\" href=\"/demo/{query}\">Northlight</a><nav><a href=\"/demo/{query}\">Objects</a>\
             <a href=\"/demo/cart{query}\">Cart <span id=\"count\" class=\"cart-count\">0</span></a></nav></header>"
        );
        let footer = format!(
            "<footer>A demo shop, watched by Vitalscope as app <strong>demo</strong>, release <strong>{}</strong>. Try it \
             <a href=\"/demo/\">as it should be</a> or <a href=\"/demo/?release=slow\">with a slow release</a>; the dashboard is on the \
             private listener (port 8081 by default).</footer>",
            variant.release
        );
        let slow_image = if variant.is_slow() {
            format!("?delay_ms={SLOW_IMAGE_DELAY_MS}")
        } else {
            String::new()
        };
        Some(
            text(file)?
                .replace("{{header}}", &header)
                .replace("{{footer}}", &footer)
                .replace(
                    "{{variant}}",
                    if variant.is_slow() {
                        SLOW_RELEASE
                    } else {
                        "normal"
                    },
                )
                .replace("{{query}}", &query)
                .replace("{{slow_image}}", &slow_image)
                .replace("{{agent}}", &agent),
        )
    }
}

/// Which release of the shop is shown.
struct Variant {
    release: String,
}

impl Variant {
    /// Letters, digits and `.-_` need no escaping anywhere on the page; any other name means the default release.
    fn of(release: &str) -> Variant {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let fits =
            !release.is_empty() && release.len() <= MAX_RELEASE_BYTES && release.bytes().all(plain);
        Variant {
            release: if fits {
                release.to_owned()
            } else {
                DEFAULT_RELEASE.to_owned()
            },
        }
    }

    fn is_slow(&self) -> bool {
        self.release == SLOW_RELEASE
    }

    /// What every link carries so that the visit stays on its release.
    fn query(&self) -> String {
        if self.release == DEFAULT_RELEASE {
            String::new()
        } else {
            format!("?release={}", self.release)
        }
    }
}

async fn asset(Path(file): Path<String>, Query(query): Query<AssetQuery>) -> Response {
    let (found, content_type) = match file.rsplit_once('.') {
        Some((_, "css")) => (Files::get(&file), "text/css; charset=utf-8"),
        Some((_, "js")) => (Files::get(&file), "text/javascript; charset=utf-8"),
        Some((_, "webp")) => (Files::get(&format!("images/{file}")), "image/webp"),
        _ => (None, ""),
    };
    let Some(found) = found else {
        return not_found();
    };
    tokio::time::sleep(Duration::from_millis(query.delay_ms.min(MAX_DELAY_MS))).await;
    // A delayed asset must be slow each time it is looked at, so it is never kept.
    let caching = if query.delay_ms > 0 {
        "no-store"
    } else {
        "public, max-age=300"
    };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, caching),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, found.data).into_response()
}

fn html(page: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, page).into_response()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "no such page in the demo shop").into_response()
}

fn text(file: &str) -> Option<String> {
    Files::get(file).map(|found| String::from_utf8_lossy(&found.data).into_owned())
}

fn products() -> Vec<Product> {
    let file = Files::get("products.json")
        .map(|found| found.data)
        .unwrap_or_default();
    serde_json::from_slice(&file).expect("products.json is part of the build and tested")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> Shop {
        Shop {
            snippet: "/* snippet */".into(),
        }
    }

    #[test]
    fn every_page_is_filled_completely() {
        for release in ["", "slow", "2.0.0"] {
            let variant = Variant::of(release);
            let mut pages = vec![shop().list(&variant), shop().cart(&variant)];
            pages.extend(
                products()
                    .iter()
                    .map(|product| shop().product(&variant, product.id)),
            );
            for page in pages {
                let page = page.expect("the template exists");
                assert!(!page.contains("{{"), "{page}");
                assert!(page.contains("/* snippet */"));
                assert!(page.contains(&format!("data-release=\"{}\"", variant.release)));
            }
        }
    }

    #[test]
    fn the_slow_variant_is_slow_and_stays_slow() {
        let slow = shop()
            .product(&Variant::of("slow"), 3)
            .expect("product 3 exists");
        assert!(
            slow.contains("delay_ms=2600")
                && slow.contains("/demo/cart?release=slow")
                && slow.contains("data-variant=\"slow\"")
        );
        let normal = shop()
            .product(&Variant::of(""), 3)
            .expect("product 3 exists");
        assert!(!normal.contains("delay_ms") && normal.contains("href=\"/demo/cart\""));
        assert!(shop().product(&Variant::of(""), 99).is_none());
    }

    #[test]
    fn a_hostile_release_is_not_shown() {
        for release in ["\"><script>", "a b", &"x".repeat(41)] {
            assert_eq!(Variant::of(release).release, DEFAULT_RELEASE);
        }
    }

    #[test]
    fn each_product_has_its_images() {
        for product in products() {
            for file in [
                format!("images/{}.webp", product.image),
                format!("images/{}-small.webp", product.image),
            ] {
                assert!(Files::get(&file).is_some(), "{file}");
            }
        }
    }
}
