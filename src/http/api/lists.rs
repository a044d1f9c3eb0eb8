//! Lists in OpenAI's form, page by page.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{code::Code, error::ApiError};
use crate::{http::text::shortened, ledger::Page};

/// What a query says of the rows that are wanted.
#[derive(Debug, Deserialize)]
pub(super) struct ListTerms {
    after: Option<String>,
    limit: Option<String>,
    order: Option<String>,
    pub(super) purpose: Option<String>,
}

/// A page of rows.
#[derive(Debug, Serialize)]
pub(super) struct ListBody<T> {
    object: &'static str,
    data: Vec<T>,
    first_id: Option<String>,
    last_id: Option<String>,
    has_more: bool,
}

impl ListTerms {
    /// The page that is wanted: of `usual` rows if the query names no limit, and of `most` at most. It has room for one row
    /// more, which only shows that there is one.
    pub(super) fn page<Id: FromStr>(&self, usual: u32, most: u32) -> Result<Page<Id>, ApiError> {
        let after = self.after.as_deref();
        let not_ours = |after: &str| {
            ApiError::invalid(
                "after",
                format!("`after` is `{}`, which is not an id of this list.", shortened(after)),
            )
        };
        let after = after.map(|after| after.parse().map_err(|_| not_ours(after))).transpose()?;
        let limit = self.limit(usual, most)?;
        let is_ascending = match self.order.as_deref() {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(other) => {
                let message = format!("`order` is `{}`; write asc or desc.", shortened(other));
                return Err(ApiError::invalid("order", message));
            }
        };
        Ok(Page { after, limit: limit + 1, is_ascending })
    }

    fn limit(&self, usual: u32, most: u32) -> Result<u32, ApiError> {
        let Some(text) = self.limit.as_deref() else { return Ok(usual) };
        let refuse = |code, words: &str| {
            Err(ApiError::parameter(
                "limit",
                code,
                format!("`limit` is `{}`; it must be {words}.", shortened(text)),
            ))
        };
        match text.parse::<i64>() {
            Err(_) => refuse(Code::InvalidType, "an integer"),
            Ok(limit) if limit < 1 => refuse(Code::IntegerBelowMinValue, "at least 1"),
            Ok(limit) => match u32::try_from(limit) {
                Ok(limit) if limit <= most => Ok(limit),
                _ => refuse(Code::IntegerAboveMaxValue, &format!("at most {most}")),
            },
        }
    }
}

impl<T> ListBody<T> {
    /// The rows of `page`, and whether there are more. Each row is called by what `id` says.
    pub(super) fn of<Id>(mut data: Vec<T>, page: &Page<Id>, id: impl Fn(&T) -> String) -> Self {
        let room = page.limit as usize - 1;
        let has_more = data.len() > room;
        data.truncate(room);
        let (first_id, last_id) = (data.first().map(&id), data.last().map(&id));
        Self { object: "list", data, first_id, last_id, has_more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FileId;

    fn terms(after: Option<&str>, limit: Option<&str>, order: Option<&str>) -> ListTerms {
        let text = |text: Option<&str>| text.map(str::to_owned);
        ListTerms { after: text(after), limit: text(limit), order: text(order), purpose: None }
    }

    #[test]
    fn a_page_has_the_usual_rows_or_those_that_were_asked_for() {
        let page = |limit, order| terms(None, limit, order).page::<FileId>(20, 100);
        let usual = page(None, None).expect("read");
        assert_eq!((usual.limit, usual.is_ascending, usual.after), (21, false, None));
        assert_eq!(page(Some("100"), Some("asc")).expect("read").limit, 101);
        for (limit, code) in [
            ("0", Code::IntegerBelowMinValue),
            ("-1", Code::IntegerBelowMinValue),
            ("101", Code::IntegerAboveMaxValue),
            ("99999999999", Code::IntegerAboveMaxValue),
            ("ten", Code::InvalidType),
        ] {
            let error = page(Some(limit), None).expect_err(limit);
            assert_eq!((error.code(), error.param()), (code, Some("limit")), "{limit}");
        }
        assert_eq!(page(None, Some("up")).expect_err("refused").param(), Some("order"));
        let error = terms(Some("file-1"), None, None).page::<FileId>(20, 100).expect_err("refused");
        assert_eq!(error.param(), Some("after"));
    }

    #[test]
    fn a_list_says_whether_there_is_more() {
        let page = terms(None, Some("2"), None).page::<FileId>(20, 100).expect("read");
        let list = |rows: Vec<u32>| ListBody::of(rows, &page, u32::to_string);
        let whole = list(vec![1, 2]);
        assert_eq!((whole.data.len(), whole.has_more, whole.last_id.as_deref()), (2, false, Some("2")));
        let part = list(vec![1, 2, 3]);
        assert_eq!((part.data.as_slice(), part.has_more), (&[1, 2][..], true));
        assert_eq!((part.first_id.as_deref(), part.last_id.as_deref()), (Some("1"), Some("2")));
        assert_eq!(list(Vec::new()).first_id, None);
    }
}
