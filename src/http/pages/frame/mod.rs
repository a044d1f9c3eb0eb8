//! What every page stands in: who visits and in which language, the page around a body, figures as people write them, and
//! the files that a page asks for.

mod assets;
mod attend;
mod figures;
mod page;
mod parts;
mod preferences;
mod refusal;
mod visit;
mod words;

pub(in crate::http) use self::{
    assets::serve as serve_asset,
    attend::attend,
    page::Page,
    parts::{explained, fields, rich, row},
    preferences::prefer,
    visit::{Visit, Visitor},
    words::Words,
};
