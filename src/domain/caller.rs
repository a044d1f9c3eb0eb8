use std::{fmt, num::NonZeroU32, str::FromStr};

use super::KeyId;

/// What a key may do. No scope includes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Generate images: everything under /v1.
    Images,
    /// Read the pages under /admin, in which nobody's images and prompts are shown without `Admin`.
    Costs,
    /// Change keys, jobs and sessions, and see everyone's kept images: every write under /admin.
    Admin,
}

impl Scope {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Images, Self::Costs, Self::Admin];

    /// Its word, as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Costs => "costs",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The set of scopes on a key; none by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes {
    /// May generate images.
    pub images: bool,
    /// May read reports.
    pub costs: bool,
    /// May change what the pages change.
    pub admin: bool,
}

impl Scopes {
    /// Every scope, as the first key has.
    pub const ALL: Self = Self { images: true, costs: true, admin: true };
    /// Images alone, as a new key has.
    pub const IMAGES: Self = Self { images: true, costs: false, admin: false };
    /// Reports alone, as a bookkeeper has.
    pub const COSTS: Self = Self { images: false, costs: true, admin: false };

    /// Whether `scope` is in the set.
    pub const fn contains(self, scope: Scope) -> bool {
        match scope {
            Scope::Images => self.images,
            Scope::Costs => self.costs,
            Scope::Admin => self.admin,
        }
    }

    const fn insert(&mut self, scope: Scope) {
        match scope {
            Scope::Images => self.images = true,
            Scope::Costs => self.costs = true,
            Scope::Admin => self.admin = true,
        }
    }
}

/// `images,costs`
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> =
            Scope::ALL.into_iter().filter(|scope| self.contains(*scope)).map(Scope::name).collect();
        f.write_str(&names.join(","))
    }
}

/// A text that is not a list of scopes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a list of scopes; write one or more of images, costs and admin, separated by commas")]
pub struct ScopesError(String);

/// Reads what [`Scopes`] prints.
impl FromStr for Scopes {
    type Err = ScopesError;

    fn from_str(text: &str) -> Result<Self, ScopesError> {
        let mut scopes = Self::default();
        for name in text.split(',') {
            let scope = Scope::ALL.into_iter().find(|scope| scope.name() == name.trim());
            scopes.insert(scope.ok_or_else(|| ScopesError(text.to_owned()))?);
        }
        Ok(scopes)
    }
}

/// A key's own limits. None: the configured limit holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// Requests a minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Images a minute.
    pub images_per_minute: Option<NonZeroU32>,
    /// Jobs that wait or run at one time.
    pub concurrent_jobs: Option<NonZeroU32>,
}

/// A request's author, once its key has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The key's row in the ledger.
    pub key: KeyId,
    /// The part of the key that may be shown and logged.
    pub public_id: String,
    /// What the key may do.
    pub scopes: Scopes,
    /// Ids of the models that it may use; none: every model.
    pub models: Option<Vec<String>>,
    /// Names of the LoRAs that it may use; none: every LoRA.
    pub loras: Option<Vec<String>>,
    /// Its own limits.
    pub limits: KeyLimits,
    /// Whether its prompts may leave the house, for images that are bought.
    pub may_overflow: bool,
}

/// Names of models or LoRAs as people write them, with commas between; none if one of them is empty.
pub fn name_list(text: &str) -> Option<Vec<String>> {
    let names: Vec<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
    (!names.iter().any(String::is_empty)).then_some(names)
}

impl Caller {
    /// Whether it may use the model with the id `model`. An alias is not an id.
    pub fn may_use(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|allowed| allowed == model))
    }

    /// Whether it may use the LoRA `name`.
    pub fn may_apply(&self, name: &str) -> bool {
        self.loras.as_ref().is_none_or(|loras| loras.iter().any(|allowed| allowed == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::KeyId;

    #[test]
    fn a_list_of_names_has_no_holes() {
        assert_eq!(name_list("a, b"), Some(vec!["a".into(), "b".into()]));
        assert_eq!((name_list("a,"), name_list("")), (None, None));
    }

    #[test]
    fn scopes_are_read_back_and_nothing_else_is() {
        for text in ["images", "costs", "admin", "images,admin", "images,costs,admin"] {
            assert_eq!(text.parse::<Scopes>().expect("scopes").to_string(), text);
        }
        for text in ["", "all", "images,", "Images", "cost"] {
            assert!(text.parse::<Scopes>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_caller_uses_the_models_and_loras_that_are_named_or_every_one() {
        let mut caller = Caller {
            key: KeyId::new(1),
            public_id: "abc".into(),
            scopes: Scopes::ALL,
            models: None,
            loras: None,
            limits: KeyLimits::default(),
            may_overflow: false,
        };
        assert!(caller.may_use("z-image-turbo"));
        caller.models = Some(vec!["z-image-turbo".into()]);
        assert!(caller.may_use("z-image-turbo") && !caller.may_use("z-image"));
        assert!(caller.may_apply("ink"));
        caller.loras = Some(vec!["ink".into()]);
        assert!(caller.may_apply("ink") && !caller.may_apply("clay"));
    }
}
