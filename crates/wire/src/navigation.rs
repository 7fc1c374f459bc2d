//! How a page view began. One word for it on the wire, in SQL and in baselines, which never mix them.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "decode",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case")
)]
pub enum NavigationType {
    #[default]
    Navigate,
    Reload,
    BackForward,
    BackForwardCache,
    Prerender,
    Restore,
    SoftNavigation,
}

impl NavigationType {
    pub const ALL: [NavigationType; 7] = [
        NavigationType::Navigate,
        NavigationType::Reload,
        NavigationType::BackForward,
        NavigationType::BackForwardCache,
        NavigationType::Prerender,
        NavigationType::Restore,
        NavigationType::SoftNavigation,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            NavigationType::Navigate => "navigate",
            NavigationType::Reload => "reload",
            NavigationType::BackForward => "back-forward",
            NavigationType::BackForwardCache => "back-forward-cache",
            NavigationType::Prerender => "prerender",
            NavigationType::Restore => "restore",
            NavigationType::SoftNavigation => "soft-navigation",
        }
    }

    pub fn from_name(name: &str) -> Option<NavigationType> {
        NavigationType::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}
