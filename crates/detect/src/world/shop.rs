//! The tables of the synthetic shop: routes, strata, vitals and browsers. Data, no behaviour beyond looking it up.

use wire::Vital;

pub struct Route {
    pub template: &'static str,
    /// A path that matches it; `{}` is replaced by a number.
    pub path: &'static str,
    /// Mean page views an hour.
    pub views_per_hour: f64,
    /// Log shift of the loading vitals, and of the interaction vitals.
    pub loading: f64,
    pub interaction: f64,
}

pub const ROUTES: [Route; 6] = [
    Route {
        template: "/",
        path: "/",
        views_per_hour: 260.0,
        loading: 0.0,
        interaction: -0.1,
    },
    Route {
        template: "/products",
        path: "/products",
        views_per_hour: 200.0,
        loading: 0.1,
        interaction: 0.0,
    },
    Route {
        template: "/product/:id",
        path: "/product/{}",
        views_per_hour: 240.0,
        loading: 0.15,
        interaction: 0.05,
    },
    Route {
        template: "/cart",
        path: "/cart",
        views_per_hour: 110.0,
        loading: -0.15,
        interaction: 0.2,
    },
    Route {
        template: "/checkout",
        path: "/checkout",
        views_per_hour: 75.0,
        loading: -0.05,
        interaction: 0.25,
    },
    Route {
        template: "/search",
        path: "/search",
        views_per_hour: 95.0,
        loading: 0.05,
        interaction: 0.1,
    },
];

/// A stratum of page views without its interaction class.
pub struct Stratum {
    pub device: &'static str,
    pub connection: &'static str,
    pub delivery: &'static str,
    /// Share within its device class.
    pub share: f64,
    pub loading: f64,
    pub interaction: f64,
    pub ttfb: f64,
}

pub const STRATA: [Stratum; 4] = [
    Stratum {
        device: "mobile",
        connection: "fast",
        delivery: "network",
        share: 0.75,
        loading: 0.0,
        interaction: 0.0,
        ttfb: 0.0,
    },
    Stratum {
        device: "mobile",
        connection: "slow",
        delivery: "network",
        share: 0.25,
        loading: 0.5,
        interaction: 0.1,
        ttfb: 0.6,
    },
    Stratum {
        device: "desktop",
        connection: "fast",
        delivery: "network",
        share: 0.8,
        loading: -0.35,
        interaction: -0.5,
        ttfb: -0.1,
    },
    Stratum {
        device: "desktop",
        connection: "fast",
        delivery: "cache",
        share: 0.2,
        loading: -0.8,
        interaction: -0.5,
        ttfb: -1.5,
    },
];

/// How many interactions a page view saw: class as in a stratum's name, share of views, and what it adds to INP, a maximum.
pub struct Interactions {
    pub class: &'static str,
    pub share: f64,
    pub from: u32,
    pub to: u32,
    pub inp: f64,
}

pub const INTERACTIONS: [Interactions; 3] = [
    Interactions {
        class: "",
        share: 0.3,
        from: 0,
        to: 0,
        inp: 0.0,
    },
    Interactions {
        class: "1-4",
        share: 0.5,
        from: 1,
        to: 4,
        inp: 0.0,
    },
    Interactions {
        class: "5-19",
        share: 0.2,
        from: 5,
        to: 19,
        inp: 0.3,
    },
];

/// ln of the median on the reference route and stratum, and the spread of ln values.
pub fn law(vital: Vital) -> (f64, f64) {
    let (median, sigma): (f64, f64) = match vital {
        Vital::Fcp => (1_150.0, 0.5),
        Vital::Lcp => (2_000.0, 0.5),
        Vital::Cls => (0.045, 0.9),
        Vital::Fid => (9.0, 0.8),
        Vital::Inp => (110.0, 0.65),
        Vital::Ttfb => (420.0, 0.55),
        Vital::Memory => (24e6, 0.35),
    };
    (median.ln(), sigma)
}

pub struct Browser {
    pub device: &'static str,
    pub name: &'static str,
    pub os: &'static str,
    pub share: f64,
    pub has_memory: bool,
}

pub const BROWSERS: [Browser; 6] = [
    Browser {
        device: "mobile",
        name: "Chrome",
        os: "Android",
        share: 0.6,
        has_memory: true,
    },
    Browser {
        device: "mobile",
        name: "Safari",
        os: "iOS",
        share: 0.4,
        has_memory: false,
    },
    Browser {
        device: "desktop",
        name: "Chrome",
        os: "Windows",
        share: 0.5,
        has_memory: true,
    },
    Browser {
        device: "desktop",
        name: "Edge",
        os: "Windows",
        share: 0.2,
        has_memory: true,
    },
    Browser {
        device: "desktop",
        name: "Safari",
        os: "macOS",
        share: 0.2,
        has_memory: false,
    },
    Browser {
        device: "desktop",
        name: "Firefox",
        os: "Linux",
        share: 0.1,
        has_memory: false,
    },
];

pub const COUNTRIES: [(&str, f64); 6] = [
    ("DE", 0.34),
    ("FR", 0.2),
    ("PL", 0.16),
    ("NL", 0.12),
    ("US", 0.1),
    ("JP", 0.08),
];

/// Attribution as the agent would name it: (key, text).
pub fn attribution(vital: Vital, route: &Route) -> &'static [(&'static str, &'static str)] {
    match (vital, route.template) {
        (Vital::Lcp, "/product/:id") => &[("element", "img.product-photo"), ("initiator", "img")],
        (Vital::Lcp, _) => &[("element", "img.hero"), ("initiator", "img")],
        (Vital::Cls, _) => &[("element", "div.banner")],
        (Vital::Inp, "/cart") => &[("element", "button.quantity"), ("interaction", "pointer")],
        (Vital::Inp | Vital::Fid, _) => &[("element", "a.card"), ("interaction", "pointer")],
        (Vital::Memory, _) => &[("source", "performance.memory")],
        (Vital::Fcp | Vital::Ttfb, _) => &[],
    }
}

pub fn memory_share(device: &str) -> f64 {
    BROWSERS
        .iter()
        .filter(|browser| browser.device == device && browser.has_memory)
        .map(|browser| browser.share)
        .sum()
}
