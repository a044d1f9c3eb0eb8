use std::fmt;

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

/// The set of scopes on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// A request's author, once its key has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The key's row in the ledger.
    pub key: KeyId,
    /// The part of the key that may be shown and logged.
    pub public_id: String,
    /// What the key may do.
    pub scopes: Scopes,
}
