//! In which order the routes of a list are. Pure.

use wire::Vital;

use super::query;
use super::routes::{ListParameters, RouteLine};
use crate::http::Problem;

/// What comes first.
pub struct Order {
    key: Key,
    ascending: bool,
}

#[derive(Clone, Copy)]
enum Key {
    Impact,
    PageViews,
    Route,
    Good,
    Score,
    P75(&'static str),
}

impl Order {
    pub fn parse(asked: &ListParameters) -> Result<Order, Problem> {
        let key = match asked.sort.as_str() {
            "" | "impact" => Key::Impact,
            "page_views" => Key::PageViews,
            "route" => Key::Route,
            "good" => Key::Good,
            "score" => Key::Score,
            name => Key::P75(
                Vital::from_name(name)
                    .ok_or_else(|| {
                        query::invalid(
                            "sort is impact, page_views, route, score, good or a vital's name",
                        )
                    })?
                    .name(),
            ),
        };
        let ascending = match asked.order.as_str() {
            "" => matches!(key, Key::Route | Key::Good | Key::Score),
            "ascending" => true,
            "descending" => false,
            _ => return Err(query::invalid("order is ascending or descending")),
        };
        Ok(Order { key, ascending })
    }

    /// Equal ones, and those that have no such value at all (always last), by page views.
    pub fn apply(&self, lines: &mut [RouteLine]) {
        lines.sort_by(|a, b| {
            (b.page_view_count.cmp(&a.page_view_count)).then_with(|| a.route.cmp(&b.route))
        });
        if let Key::Route = self.key {
            lines.sort_by(|a, b| a.route.cmp(&b.route));
            if !self.ascending {
                lines.reverse();
            }
            return;
        }
        lines.sort_by(|a, b| match (self.value(a), self.value(b)) {
            (Some(a), Some(b)) if self.ascending => a.total_cmp(&b),
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
    }

    fn value(&self, line: &RouteLine) -> Option<f64> {
        match self.key {
            Key::Impact => Some(line.impact),
            Key::PageViews | Key::Route => Some(line.page_view_count as f64),
            Key::Good => line.good("LCP"),
            Key::Score => Some(line.score?.points),
            Key::P75(vital) => line.p75(vital),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::private::route::with_baseline;
    use crate::http::private::routes::{FindingMark, impact};
    use crate::http::private::summary;
    use detect::histogram::Scheme;

    fn line(route: &str, page_view_count: u64, change_ratio: f64, lcp: Option<f64>) -> RouteLine {
        let vital = |ms: f64| {
            let buckets = [(Scheme::Milliseconds.bucket_index(ms), page_view_count)];
            let summary = summary::summarise(Vital::Lcp, &summary::histogram(Vital::Lcp, &buckets));
            with_baseline(summary.expect("is not empty"), None)
        };
        let mut line = RouteLine {
            route: route.into(),
            page_view_count,
            impact: 0.0,
            score: None,
            vitals: lcp.map(vital).into_iter().collect(),
            findings_open: vec![FindingMark {
                id: String::new(),
                vital: "LCP".into(),
                direction: if change_ratio < 1.0 {
                    "improvement"
                } else {
                    "regression"
                }
                .into(),
                severity: String::new(),
                state: String::new(),
                change_ratio,
            }],
            trends: Vec::new(),
        };
        line.impact = impact(&line);
        line
    }

    fn check(sort: &str, order: &str, expected: [&str; 4]) {
        let asked = ListParameters {
            sort: sort.into(),
            order: order.into(),
            ..ListParameters::default()
        };
        let mut lines = [
            line("/a", 100, 1.5, Some(900.0)),
            line("/b", 1_000, 1.2, Some(3_000.0)),
            line("/c", 5_000, 0.5, None),
            line("/d", 10, 1.0, Some(5_000.0)),
        ];
        Order::parse(&asked).expect("is an order").apply(&mut lines);
        let found: Vec<&str> = lines.iter().map(|line| line.route.as_str()).collect();
        assert_eq!(found, expected, "{sort} {order}");
    }

    #[test]
    fn what_hurts_most_comes_first() {
        check("", "", ["/b", "/a", "/c", "/d"]);
        check("page_views", "", ["/c", "/b", "/a", "/d"]);
        check("route", "", ["/a", "/b", "/c", "/d"]);
        check("route", "descending", ["/d", "/c", "/b", "/a"]);
        check("LCP", "", ["/d", "/b", "/a", "/c"]);
        check("LCP", "ascending", ["/a", "/b", "/d", "/c"]);
        check("good", "", ["/b", "/d", "/a", "/c"]);
    }

    #[test]
    fn an_unknown_order_is_refused() {
        let sort = |sort: &str, order: &str| {
            Order::parse(&ListParameters {
                sort: sort.into(),
                order: order.into(),
                ..ListParameters::default()
            })
            .is_err()
        };
        assert!(sort("speed", "") && sort("", "up"));
    }
}
