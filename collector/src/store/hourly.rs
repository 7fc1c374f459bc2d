//! What is recomputed by the hour: which tables by which statements, in which order, how often. When, and which hours: [`super::rollup`].

use std::time::Duration;

/// Tables of hours that are recomputed together.
pub struct Hourly {
    pub name: &'static str,
    /// In this order: each may read what those before it have written.
    pub statements: &'static [Statement],
    /// Where it is written down which hours were computed.
    pub generations: &'static str,
    pub newest: &'static str,
    /// An hour that keeps receiving is not computed more often than this.
    pub pause: Duration,
}

pub struct Statement {
    pub sql: &'static str,
    /// How many branches of it name the app and the hours.
    pub branches: usize,
    /// Hours of one run: its memory grows with them.
    pub hours: usize,
}

/// What is written down as done together. Totals of days read all of a day, however many hours of it are new.
pub const HOURS_AT_ONCE: usize = 24;

const fn statement(sql: &'static str, branches: usize, hours: usize) -> Statement {
    Statement {
        sql,
        branches,
        hours,
    }
}

pub const HOURS: Hourly = Hourly {
    name: "hours",
    statements: &[
        statement(include_str!("sql/rollup_hours.sql"), 3, HOURS_AT_ONCE),
        statement(include_str!("sql/rollup_scores.sql"), 2, HOURS_AT_ONCE),
        statement(
            include_str!("sql/rollup_totals_hours.sql"),
            2,
            HOURS_AT_ONCE,
        ),
        statement(
            include_str!("sql/rollup_totals_quarters.sql"),
            2,
            HOURS_AT_ONCE,
        ),
        statement(include_str!("sql/rollup_totals_days.sql"), 2, HOURS_AT_ONCE),
    ],
    generations: "rollup_generations",
    newest: "select toInt64(max(newest)) from (\
        select max(generation) as newest from rollup_hours \
        union all select max(generation) from rollup_totals)",
    pause: Duration::from_secs(20),
};

pub const DETAILS: Hourly = Hourly {
    name: "details of hours",
    statements: &[
        // Measured: 330 MB of the server's memory for a million measurements.
        statement(include_str!("sql/rollup_dimensions.sql"), 2, 4),
        statement(include_str!("sql/rollup_attribution.sql"), 2, 4),
        statement(include_str!("sql/rollup_operations.sql"), 2, 4),
        statement(
            include_str!("sql/rollup_totals_values.sql"),
            2,
            HOURS_AT_ONCE,
        ),
        // Days by stratum read the hours' rollups, which another job keeps: what this one calls complete must be complete there.
        statement(include_str!("sql/rollup_hours.sql"), 3, HOURS_AT_ONCE),
        statement(
            include_str!("sql/rollup_totals_strata.sql"),
            2,
            HOURS_AT_ONCE,
        ),
    ],
    generations: "rollup_detail_generations",
    newest: "select toInt64(max(newest)) from (\
        select max(generation) as newest from rollup_dimension_hours \
        union all select max(generation) from rollup_attribution_hours \
        union all select max(generation) from rollup_hours \
        union all select max(generation) from rollup_totals)",
    // Measured: six seconds of one core for a million measurements in an hour. So an hour that fills with them takes a fortieth.
    pause: Duration::from_secs(120),
};
