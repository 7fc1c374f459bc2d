//! User agent -> browser, operating system, class of device, and whether it says that it is a bot.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use serde::Deserialize;
use ua_parser::{os, user_agent};

/// Patterns of the uap-core project, see the folder's README.
const PATTERNS: &str = include_str!("uap-core/regexes.json");
/// Longer user agents are read up to here: honest ones have half of it.
const MAX_USER_AGENT_BYTES: usize = 512;
/// Parses kept; when they are full, all are forgotten. Visitors of a site share a few hundred user agents.
const MAX_CACHED: usize = 4096;

/// What a user agent says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Family and major version, such as `Chrome 156`; empty when unknown.
    pub browser: String,
    /// As `browser`: `Android 16`, `Windows 10`, `Linux`.
    pub os: String,
    pub device: Device,
    pub bot: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    Mobile,
    Tablet,
    Desktop,
    #[default]
    Unknown,
}

impl Device {
    pub const fn name(self) -> &'static str {
        match self {
            Device::Mobile => "mobile",
            Device::Tablet => "tablet",
            Device::Desktop => "desktop",
            Device::Unknown => "unknown",
        }
    }

    pub fn from_name(name: &str) -> Option<Device> {
        [Device::Mobile, Device::Tablet, Device::Desktop]
            .into_iter()
            .find(|device| device.name() == name)
    }
}

/// Reads user agents and remembers what it read.
pub struct Clients {
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
    cache: Mutex<HashMap<String, Arc<Client>>>,
}

#[derive(Deserialize)]
struct Patterns {
    user_agent_parsers: Vec<user_agent::Parser<'static>>,
    os_parsers: Vec<os::Parser<'static>>,
}

impl Clients {
    /// Compiles the patterns: some tens of milliseconds, once.
    ///
    /// # Errors
    /// The embedded patterns are broken: our own bug, found by any test.
    pub fn load() -> anyhow::Result<Clients> {
        let patterns: Patterns = serde_json::from_str(PATTERNS).context("user agent patterns")?;
        let browsers = user_agent::Builder::new().push_all(patterns.user_agent_parsers)?;
        let systems = os::Builder::new().push_all(patterns.os_parsers)?;
        Ok(Clients {
            browsers: browsers.build()?,
            systems: systems.build()?,
            cache: Mutex::default(),
        })
    }

    pub fn read(&self, user_agent: &str) -> Arc<Client> {
        let end = user_agent.floor_char_boundary(MAX_USER_AGENT_BYTES);
        let user_agent = &user_agent[..end];
        if let Some(known) = self.cache().get(user_agent) {
            return known.clone();
        }
        // Parsed without the lock: two requests may do the same work once.
        let client = Arc::new(self.parse(user_agent));
        let mut cache = self.cache();
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(user_agent.into(), client.clone());
        client
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Client>>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parse(&self, user_agent: &str) -> Client {
        let browser = self.browsers.extract(user_agent);
        let system = self.systems.extract(user_agent);
        let system_family = system.as_ref().map_or("", |system| &system.os);
        Client {
            device: device(user_agent, system_family),
            bot: is_bot(user_agent),
            browser: browser
                .map(|browser| name(&browser.family, browser.major))
                .unwrap_or_default(),
            os: system
                .as_ref()
                .map(|system| name(&system.os, system.major.as_deref()))
                .unwrap_or_default(),
        }
    }
}

fn name(family: &str, major: Option<&str>) -> String {
    match major {
        _ if family == "Other" => String::new(),
        Some(major) if !major.is_empty() => format!("{family} {major}"),
        _ => family.into(),
    }
}

/// Android phones say `Mobile`, Android tablets do not; an iPad that asks for desktop pages says it is a Mac, and only the agent
/// can tell.
fn device(user_agent: &str, system: &str) -> Device {
    let says = |word| user_agent.contains(word);
    if says("iPad") || says("Tablet") || says("Kindle") || system == "Android" && !says("Mobile") {
        Device::Tablet
    } else if says("Mobi") || says("iPhone") || says("iPod") {
        Device::Mobile
    } else if [
        "Windows",
        "Mac OS X",
        "Linux",
        "Ubuntu",
        "Chrome OS",
        "Fedora",
    ]
    .contains(&system)
    {
        Device::Desktop
    } else {
        Device::Unknown
    }
}

/// Programs that say what they are. A headless browser is none: synthetic monitoring is traffic that someone asked for.
fn is_bot(user_agent: &str) -> bool {
    const WORDS: [&str; 12] = [
        "crawler",
        "spider",
        "slurp",
        "facebookexternalhit",
        "mediapartners-google",
        "google-inspectiontool",
        "chrome-lighthouse",
        "ptst/",
        "gtmetrix",
        "pingdom",
        "feedfetcher",
        "google favicon",
    ];
    let lower = user_agent.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word)) || has_bot_word(&lower)
}

/// `bot` at the end of a word: Googlebot, bingbot, `Discordbot/2.0`. The phones of the maker Cubot are none.
fn has_bot_word(lower: &str) -> bool {
    lower.match_indices("bot").any(|(at, word)| {
        let after = lower[at + word.len()..].bytes().next();
        let ends = after.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        ends && !lower[..at].ends_with("cu")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_agents_become_browser_system_and_device() {
        let clients = Clients::load().expect("patterns compile");
        let check = |user_agent: &str, browser: &str, os: &str, device| {
            let client = clients.read(user_agent);
            assert_eq!(
                (client.browser.as_str(), client.os.as_str(), client.device),
                (browser, os, device),
                "{user_agent}"
            );
            assert!(!client.bot, "{user_agent}");
            assert_eq!(clients.read(user_agent), client, "from the cache");
        };
        check(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
            "Chrome 156",
            "Windows 10",
            Device::Desktop,
        );
        check(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
            "Edge 156",
            "Windows 10",
            Device::Desktop,
        );
        check(
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36",
            "Chrome Mobile 156",
            "Android 10",
            Device::Mobile,
        );
        check(
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
            "Chrome 156",
            "Android 10",
            Device::Tablet,
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
            "Mobile Safari 18",
            "iOS 18",
            Device::Mobile,
        );
        check(
            "Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
            "Mobile Safari 17",
            "iOS 17",
            Device::Tablet,
        );
        check(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
            "Safari 18",
            "Mac OS X 10",
            Device::Desktop,
        );
        check(
            "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
            "Firefox 153",
            "Linux",
            Device::Desktop,
        );
        check(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36",
            "HeadlessChrome 156",
            "Linux",
            Device::Desktop,
        );
        check("", "", "", Device::Unknown);
        check("curl/8.9.1", "curl 8", "", Device::Unknown);
    }

    #[test]
    fn bots_say_so_and_phones_of_a_similar_name_are_none() {
        for bot in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116.0.1938.76 Safari/537.36",
            "Mozilla/5.0 (Linux; Android 11; moto g power (2022)) Chrome/149.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse",
            "Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)",
            "Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com)",
        ] {
            assert!(is_bot(bot), "{bot}");
        }
        for person in [
            "Mozilla/5.0 (Linux; Android 9; CUBOT X19) Chrome/120.0.0.0 Mobile Safari/537.36",
            "curl/8.9.1",
            "",
        ] {
            assert!(!is_bot(person), "{person}");
        }
    }

    #[test]
    fn a_flood_of_user_agents_is_bounded() {
        let clients = Clients::load().expect("patterns compile");
        for number in 0..=MAX_CACHED {
            clients.read(&number.to_string());
        }
        assert!(clients.cache().len() <= MAX_CACHED);
        clients.read(&"é".repeat(10_000));
        assert!(
            clients
                .cache()
                .keys()
                .all(|key| key.len() <= MAX_USER_AGENT_BYTES)
        );
    }
}
