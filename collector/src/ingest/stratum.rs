//! The stratum of a page view: `device/connection/delivery`, the split inside a series that keeps a change of the traffic's mix
//! from looking like a regression. Opaque to the detector.

use wire::{NavigationType, PageContext};

use super::Device;

/// `mobile|desktop|unknown / slow|fast|unknown / network|cache|restored|soft-native|soft-route`.
pub fn stratum(device: Device, context: &PageContext, navigation_type: NavigationType) -> String {
    let device = match device {
        Device::Mobile | Device::Tablet => "mobile",
        Device::Desktop => "desktop",
        Device::Unknown => "unknown",
    };
    let connection = match context.connection.as_str() {
        "4g" => "fast",
        "slow-2g" | "2g" | "3g" => "slow",
        _ => "unknown",
    };
    format!(
        "{device}/{connection}/{}",
        delivery(context, navigation_type)
    )
}

/// What page views of a stratum's device call theirs.
pub fn devices(of_stratum: &str) -> &'static [&'static str] {
    match of_stratum {
        "mobile" => &["mobile", "tablet"],
        "desktop" => &["desktop"],
        _ => &["unknown"],
    }
}

/// What page views of a stratum's connection call theirs; none when that is whatever a browser may say.
pub fn connections(of_stratum: &str) -> Option<&'static [&'static str]> {
    match of_stratum {
        "fast" => Some(&["4g"]),
        "slow" => Some(&["slow-2g", "2g", "3g"]),
        _ => None,
    }
}

/// Where the document came from. Restored ones paint at once, and soft ones never load a document: neither may be compared with
/// a load over the network.
fn delivery(context: &PageContext, navigation_type: NavigationType) -> &'static str {
    match navigation_type {
        NavigationType::BackForward
        | NavigationType::BackForwardCache
        | NavigationType::Prerender
        | NavigationType::Restore => "restored",
        NavigationType::SoftNavigation if context.soft == "native" => "soft-native",
        NavigationType::SoftNavigation => "soft-route",
        NavigationType::Navigate | NavigationType::Reload if context.delivery == "cache" => "cache",
        NavigationType::Navigate | NavigationType::Reload => "network",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_the_values_behind_them_agree() {
        use Device::*;
        let of = |device: Device, connection: &str| {
            let context = PageContext {
                connection: connection.into(),
                ..PageContext::default()
            };
            stratum(device, &context, NavigationType::Navigate)
        };
        for device in [Mobile, Tablet, Desktop, Unknown] {
            let stratum = of(device, "");
            let part = stratum.split('/').next().expect("a device");
            assert!(devices(part).contains(&device.name()), "{stratum}");
        }
        for connection in ["4g", "slow-2g", "2g", "3g", "5g", ""] {
            let stratum = of(Desktop, connection);
            let part = stratum.split('/').nth(1).expect("a connection");
            match connections(part) {
                Some(values) => assert!(values.contains(&connection), "{stratum}"),
                None => assert_eq!(part, "unknown", "{connection}"),
            }
        }
    }

    fn check(
        device: Device,
        connection: &str,
        delivery: &str,
        soft: &str,
        kind: NavigationType,
        expected: &str,
    ) {
        let context = PageContext {
            connection: connection.into(),
            delivery: delivery.into(),
            soft: soft.into(),
            ..PageContext::default()
        };
        assert_eq!(stratum(device, &context, kind), expected);
    }

    #[test]
    fn a_stratum_names_device_connection_and_delivery() {
        use NavigationType::*;
        check(
            Device::Mobile,
            "3g",
            "network",
            "",
            Navigate,
            "mobile/slow/network",
        );
        check(
            Device::Tablet,
            "4g",
            "cache",
            "",
            Reload,
            "mobile/fast/cache",
        );
        check(
            Device::Desktop,
            "",
            "",
            "",
            Navigate,
            "desktop/unknown/network",
        );
        check(
            Device::Unknown,
            "5g",
            "weird",
            "",
            Prerender,
            "unknown/unknown/restored",
        );
        for kind in [BackForward, BackForwardCache, Restore] {
            check(
                Device::Desktop,
                "4g",
                "cache",
                "",
                kind,
                "desktop/fast/restored",
            );
        }
        check(
            Device::Desktop,
            "4g",
            "",
            "native",
            SoftNavigation,
            "desktop/fast/soft-native",
        );
        check(
            Device::Desktop,
            "4g",
            "",
            "route",
            SoftNavigation,
            "desktop/fast/soft-route",
        );
    }
}
