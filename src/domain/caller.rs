use std::{fmt, num::NonZeroU32, str::FromStr};

use super::KeyId;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Paint pictures: everything under /v1.
    Images,
    /// Read costs: everything under /admin.
    Admin,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Images => "images",
            Self::Admin => "admin",
        })
    }
}

/// The set of scopes on a key; none by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes {
    /// May paint pictures.
    pub images: bool,
    /// May read costs.
    pub admin: bool,
}

impl Scopes {
    /// Both scopes, as the first key has.
    pub const ALL: Self = Self { images: true, admin: true };

    /// Whether `scope` is in the set.
    pub const fn contains(self, scope: Scope) -> bool {
        match scope {
            Scope::Images => self.images,
            Scope::Admin => self.admin,
        }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = [Scope::Images, Scope::Admin]
            .into_iter()
            .filter(|scope| self.contains(*scope))
            .map(|scope| scope.to_string())
            .collect();
        f.write_str(&names.join(","))
    }
}

/// A text that names no scopes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a list of scopes; write images, admin or images,admin")]
pub struct ScopesError(String);

/// Reads what [`Scopes`] prints.
impl FromStr for Scopes {
    type Err = ScopesError;

    fn from_str(text: &str) -> Result<Self, ScopesError> {
        let mut scopes = Self::default();
        for name in text.split(',') {
            match name.trim() {
                "images" => scopes.images = true,
                "admin" => scopes.admin = true,
                _ => return Err(ScopesError(text.to_owned())),
            }
        }
        Ok(scopes)
    }
}

/// A key's own limits. None: the configured limit holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// Requests a minute.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Pictures a minute.
    pub images_per_minute: Option<NonZeroU32>,
    /// Jobs that wait or are painted at one time.
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
    /// Its own limits.
    pub limits: KeyLimits,
}

/// Ids of models as people write them, with commas between; none where one of them is empty.
pub fn model_list(text: &str) -> Option<Vec<String>> {
    let models: Vec<_> = text.split(',').map(|model| model.trim().to_owned()).collect();
    (!models.iter().any(String::is_empty)).then_some(models)
}

impl Caller {
    /// Whether it may use the model with the id `model`. An alias is no id.
    pub fn may_use(&self, model: &str) -> bool {
        self.models.as_ref().is_none_or(|models| models.iter().any(|allowed| allowed == model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::KeyId;

    #[test]
    fn a_list_of_models_has_no_holes() {
        assert_eq!(model_list("a, b"), Some(vec!["a".into(), "b".into()]));
        assert_eq!((model_list("a,"), model_list("")), (None, None));
    }

    #[test]
    fn scopes_are_read_back_and_nothing_else_is() {
        for text in ["images", "admin", "images,admin"] {
            assert_eq!(text.parse::<Scopes>().expect("scopes").to_string(), text);
        }
        for text in ["", "all", "images,", "Images"] {
            assert!(text.parse::<Scopes>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_caller_uses_the_models_that_are_named_or_every_one() {
        let mut caller = Caller {
            key: KeyId::new(1),
            public_id: "abc".into(),
            scopes: Scopes::ALL,
            models: None,
            limits: KeyLimits::default(),
        };
        assert!(caller.may_use("z-image-turbo"));
        caller.models = Some(vec!["z-image-turbo".into()]);
        assert!(caller.may_use("z-image-turbo") && !caller.may_use("z-image"));
    }
}
