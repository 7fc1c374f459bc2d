//! Reads p75 per route from a running collector's ClickHouse with the `clickhouse` crate, as in `docs/sql.md`.
//! `cargo run -p collector --example read_vitals -- http://127.0.0.1:8123 shop`

use clickhouse::{Client, Row};
use serde::Deserialize;

#[derive(Row, Deserialize)]
struct RouteP75 {
    route: String,
    vital: String,
    p75: f64,
    page_views: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> clickhouse::error::Result<()> {
    let mut words = std::env::args().skip(1);
    let url = words.next().unwrap_or("http://127.0.0.1:8123".into());
    let app = words.next().unwrap_or("shop".into());
    // No user: on the embedded server, whoever does not say who he is may read the views, and nothing else.
    let client = Client::default().with_url(url).with_database("vitalscope");
    let sql = "select route, toString(vital) as vital, quantile(0.75)(value) as p75, count() as page_views \
        from measurements where app = ? and started_at > now() - interval 7 day group by route, vital order by page_views desc";
    for row in client.query(sql).bind(app).fetch_all::<RouteP75>().await? {
        println!(
            "{:<32} {:<6} {:>12.1} over {} page views",
            row.route, row.vital, row.p75, row.page_views
        );
    }
    Ok(())
}
