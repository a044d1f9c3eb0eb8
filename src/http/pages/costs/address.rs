use jiff::civil::Date;
use url::form_urlencoded::Serializer;

use crate::ledger::Only;

/// What the address of `from` to `to` with `only` their images asks for.
pub(super) fn query_of(from: Date, to: Date, only: &[Only]) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("from", &from.to_string()).append_pair("to", &to.to_string());
    for one in only {
        query.append_pair(one.by.as_str(), one.group.as_deref().unwrap_or(""));
    }
    query.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::GroupBy;

    #[test]
    fn an_address_names_the_days_and_what_is_counted() {
        let day = |text: &str| text.parse().expect("a day");
        let only = [
            Only { by: GroupBy::Tag, group: Some("client 12&x".into()) },
            Only { by: GroupBy::Quality, group: None },
        ];
        let query = query_of(day("2026-11-03"), day("2026-11-17"), &only);
        assert_eq!(query, "from=2026-11-03&to=2026-11-17&tag=client+12%26x&quality=");
    }
}
