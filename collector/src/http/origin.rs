//! Origins: `scheme://host[:port]`, compared as browsers write them.

/// Whether `text` is an origin in the form in which browsers send it: lower case, no path, no default port.
pub fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    !authority.is_empty()
        && !authority.ends_with(default_port)
        && authority.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_:[]".contains(&byte)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_scheme_and_host_and_nothing_after() {
        for good in [
            "https://shop.example",
            "http://localhost:3000",
            "http://[::1]:8080",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "shop.example",
            "https://",
            "https://shop.example/",
            "https://Shop.example",
            "https://shop.example:443",
            "http://a.example:80",
            "ftp://a.example",
            "null",
            "*",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
