use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use actix_web::{cookie::Cookie, test::TestRequest};
use fluent_syntax::{ast, parser};

use super::*;

/// The keys of every message and the variables that each names.
type Keys = BTreeMap<String, BTreeSet<String>>;

fn keys(language: Language) -> Keys {
    let mut keys = Keys::new();
    for messages in MESSAGES {
        let resource = parser::parse(messages[language.index()])
            .unwrap_or_else(|(_, errors)| panic!("{}: {errors:?}", language.tag()));
        for entry in resource.body {
            if let ast::Entry::Message(message) = entry {
                let mut variables = BTreeSet::new();
                note_variables(&message.value.expect("a message says something"), &mut variables);
                let known = keys.insert(message.id.name.to_owned(), variables);
                assert!(known.is_none(), "{} is there twice in {}", message.id.name, language.tag());
            }
        }
    }
    keys
}

fn note_variables(pattern: &ast::Pattern<&str>, variables: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let ast::PatternElement::Placeable { expression } = element {
            note_expression(expression, variables);
        }
    }
}

fn note_expression(expression: &ast::Expression<&str>, variables: &mut BTreeSet<String>) {
    match expression {
        ast::Expression::Inline(inline) => note_inline(inline, variables),
        ast::Expression::Select { selector, variants } => {
            note_inline(selector, variables);
            for variant in variants {
                note_variables(&variant.value, variables);
            }
        }
    }
}

fn note_inline(inline: &ast::InlineExpression<&str>, variables: &mut BTreeSet<String>) {
    match inline {
        ast::InlineExpression::VariableReference { id } => {
            variables.insert(id.name.to_owned());
        }
        ast::InlineExpression::Placeable { expression } => note_expression(expression, variables),
        _ => {}
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let http = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    // The table of errors names what a page says of each.
    let mut places = vec![http.join("pages"), http.join("api/code.rs")];
    let mut files = Vec::new();
    while let Some(place) = places.pop() {
        if place.is_dir() {
            let entries = fs::read_dir(&place).expect("a directory");
            places.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if place.extension().is_some_and(|extension| extension == "rs") && !place.ends_with("tests.rs")
        {
            let source = fs::read_to_string(&place).expect("a source");
            let source = source.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            files.push((place, source));
        }
    }
    files
}

/// The texts that stand in quotes right behind `opening` in `source`.
fn quoted_behind<'a>(source: &'a str, opening: &str) -> Vec<&'a str> {
    let behind = source.split(opening).skip(1).map(str::trim_start);
    behind.filter_map(|rest| rest.strip_prefix('"')?.split('"').next()).collect()
}

#[test]
fn every_language_has_the_same_messages_about_the_same_things() {
    let [english, chinese] = Language::ALL.map(keys);
    let only = |here: &Keys, there: &Keys| {
        here.keys().filter(|key| !there.contains_key(*key)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(only(&english, &chinese), Vec::<String>::new(), "not in Chinese");
    assert_eq!(only(&chinese, &english), Vec::<String>::new(), "not in English");
    for (key, variables) in &english {
        assert_eq!(variables, &chinese[key], "the variables of {key}");
    }
}

#[test]
fn every_message_that_a_page_says_is_there_and_every_one_there_is_said() {
    let keys = keys(Language::English);
    let sources = sources();
    for (file, source) in &sources {
        for opening in ["say(", "format(", "line("] {
            for key in quoted_behind(source, opening) {
                assert!(keys.contains_key(key), "{} says {key}, which has no words", file.display());
            }
        }
    }
    // A key may stand apart from its saying, in a table of labels.
    let is_said = |key: &str| sources.iter().any(|(_, source)| source.contains(&format!("\"{key}\"")));
    let unsaid: Vec<_> = keys.keys().filter(|key| !is_said(key)).collect();
    assert_eq!(unsaid, Vec::<&String>::new(), "no page says these");
}

#[test]
fn what_a_visitor_chose_goes_before_what_the_browser_prefers() {
    let language = |chosen: Option<&str>, accepted: &str| {
        let request = TestRequest::default().insert_header(("accept-language", accepted));
        let request = match chosen {
            Some(tag) => request.cookie(Cookie::new(cookies::LANGUAGE, tag.to_owned())),
            None => request,
        };
        Language::of(&request.to_http_request())
    };
    assert_eq!(language(None, "zh-CN,zh;q=0.9,en;q=0.8"), Language::Chinese);
    assert_eq!(language(None, "de,zh-TW;q=0.5,en;q=0.6"), Language::English);
    assert_eq!(language(None, "de,zh-Hant-HK;q=0.5"), Language::Chinese);
    assert_eq!(language(None, "*"), Language::English);
    assert_eq!(language(None, "not a language at all;;"), Language::English);
    assert_eq!(language(Some("en"), "zh-CN"), Language::English);
    assert_eq!(language(Some("xx"), "zh-CN"), Language::Chinese);
    assert_eq!(Language::of(&TestRequest::default().to_http_request()), Language::English);
}

#[test]
fn a_number_chooses_its_plural_and_is_written_in_groups() {
    let tell = |language, count: i64| Words(language).format("sessions-count", &[("count", count.into())]);
    assert_eq!(tell(Language::English, 1), "1 session is open.");
    assert_eq!(tell(Language::English, 1200), "1,200 sessions are open.");
    assert_eq!(tell(Language::Chinese, 1200), "共有 1,200 台设备处于登录状态。");
}

#[test]
fn what_stands_between_words_is_in_their_language() {
    for (file, source) in sources().into_iter().filter(|(file, _)| !file.ends_with("reference/schema.rs")) {
        for mark in ["\": \"", "\", \""] {
            let raw = [format!("{mark} ("), format!("{{ {mark} }}")];
            assert!(!raw.iter().any(|raw| source.contains(raw)), "{}: a raw {mark}", file.display());
        }
    }
}

/// Words that stand for something that has another name on every page.
const OTHER_WORDS: [(Language, &[&str]); 2] = [
    (Language::English, &["picture", "pictures", "order", "orders", "painter"]),
    (Language::Chinese, &["图像", "您", "价格表", "运维", "对方", "电量", "结账", "对账单", "公开 ID"]),
];

#[test]
fn a_thing_has_one_name_on_every_page() {
    for (language, others) in OTHER_WORDS {
        let lines = MESSAGES.iter().flat_map(|messages| messages[language.index()].lines());
        for line in lines.filter(|line| !line.starts_with('#')) {
            let has = |other: &&&str| match language {
                Language::English => {
                    line.split_whitespace().any(|word| word.trim_matches(['.', ',']) == **other)
                }
                Language::Chinese => line.contains(**other),
            };
            assert_eq!(others.iter().find(has), None, "{line}");
        }
    }
}
