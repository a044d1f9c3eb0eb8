//! What every page stands in: who visits and in which language, the page around a body, figures as people write them, and
//! the files that a page asks for.

mod assets;
mod column;
mod figures;
mod page;
mod parts;
mod preferences;
mod refusal;
mod visit;
mod words;

pub(in crate::http) use self::{
    assets::serve as serve_asset,
    column::MoneyColumn,
    page::Page,
    parts::{explained, fields, live_status, rich, row},
    preferences::prefer,
    refusal::page as refusal_page,
    visit::{Visit, Visitor, wants_page},
    words::Words,
};
