//! One of several things, which people call by its id or by its name.

use super::CliError;
use crate::domain::did_you_mean;

/// A thing with an id and a name.
pub(super) trait Named: Clone {
    /// What it is, such as `key`.
    const KIND: &'static str;
    /// What its id is called, such as `public id`.
    const ID: &'static str;
    /// The command that lists them.
    const LIST: &'static str;

    fn id(&self) -> String;

    fn name(&self) -> &str;

    /// Whether it is in use. Its name is free for others if it is not.
    fn is_in_use(&self) -> bool;
}

/// The one of `all` with the id `wanted`, or the only one of that name: of those in use, if any is.
pub(super) fn find<T: Named>(all: &[T], wanted: &str) -> Result<T, CliError> {
    if let Some(one) = all.iter().find(|one| one.id() == wanted) {
        return Ok(one.clone());
    }
    let named: Vec<_> = all.iter().filter(|one| one.name() == wanted).collect();
    let in_use: Vec<_> = named.iter().copied().filter(|one| one.is_in_use()).collect();
    match (if in_use.is_empty() { named } else { in_use }).as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let ids: Vec<_> = all.iter().map(Named::id).collect();
            let known = all.iter().map(Named::name).chain(ids.iter().map(String::as_str));
            Err(unknown(T::KIND, wanted, known, T::LIST))
        }
        several => {
            let ids: Vec<_> = several.iter().map(|one| one.id()).collect();
            Err(CliError::Usage(format!(
                "{} {}s are called `{wanted}`; name one by its {}: {}",
                ids.len(),
                T::KIND,
                T::ID,
                ids.join(", ")
            )))
        }
    }
}

/// `wanted` is not one of the `known` things of a kind.
pub(super) fn unknown<'a>(
    kind: &str,
    wanted: &str,
    known: impl IntoIterator<Item = &'a str>,
    list: &str,
) -> CliError {
    let meant = did_you_mean(wanted, known).unwrap_or_else(|| format!("{list} shows them"));
    CliError::Usage(format!("no {kind} `{wanted}`; {meant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Lamp(u32, &'static str, bool);

    impl Named for Lamp {
        const KIND: &'static str = "lamp";
        const ID: &'static str = "number";
        const LIST: &'static str = "tintype lamp list";

        fn id(&self) -> String {
            self.0.to_string()
        }

        fn name(&self) -> &str {
            self.1
        }

        fn is_in_use(&self) -> bool {
            self.2
        }
    }

    #[test]
    fn a_thing_is_found_by_its_id_or_by_a_name_that_only_it_has() {
        let desk = Lamp(3, "desk", true);
        let lamps = [Lamp(1, "desk", false), Lamp(2, "hall", true), desk, Lamp(4, "old", false)];
        let found = |wanted| find(&lamps, wanted).map(|lamp| lamp.0).map_err(|error| error.to_string());
        assert_eq!((found("1"), found("desk"), found("old")), (Ok(1), Ok(3), Ok(4)), "in use first");
        assert_eq!(found("dekc"), Err("no lamp `dekc`; did you mean `desk`?".into()));
        assert_eq!(found("sun"), Err("no lamp `sun`; tintype lamp list shows them".into()));
        let twins = [desk, Lamp(9, "desk", true)];
        let twice = find(&twins, "desk").expect_err("two of a name").to_string();
        assert_eq!(twice, "2 lamps are called `desk`; name one by its number: 3, 9");
    }
}
