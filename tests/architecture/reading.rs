//! Which modules and libraries a source file names.

use super::{LIBRARIES, ModulePath};

/// The words and marks of a source, without comments and the contents of literals. `::` is one token.
pub fn tokens(source: &str) -> Vec<String> {
    let text: Vec<char> = source.chars().collect();
    let at = |i: usize| text.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < text.len() {
        match (at(i), at(i + 1)) {
            ('/', '/') => i += text[i..].iter().take_while(|c| **c != '\n').count(),
            ('/', '*') => {
                let mut depth = 1;
                i += 2;
                while depth > 0 && i < text.len() {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                }
            }
            ('r', '"' | '#') if !(at(i + 1) == '#' && is_word(at(i + 2))) => {
                let marks = text[i + 1..].iter().take_while(|c| **c == '#').count();
                let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', marks)).collect();
                i += marks + 2;
                while i < text.len() && !text[i..].starts_with(&end) {
                    i += 1;
                }
                i += end.len();
            }
            ('"', _) => {
                i += 1;
                while i < text.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            // A character, unless it is a lifetime.
            ('\'', '\\') => i += 2 + text[i + 2..].iter().skip(1).take_while(|c| **c != '\'').count() + 2,
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            (':', ':') => {
                tokens.push("::".to_owned());
                i += 2;
            }
            (c, _) if is_word(c) => {
                let word: String = text[i..].iter().take_while(|c| is_word(**c)).collect();
                i += word.chars().count();
                tokens.push(word);
            }
            (c, _) => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                i += 1;
            }
        }
    }
    tokens
}

/// What a path in a file names.
#[derive(Debug, PartialEq, Eq)]
pub enum Named {
    /// Something of this crate, by its module's path.
    Inside(ModulePath),
    /// A library, by its name.
    Library(String),
}

/// Every path that `source` names, in `use` and elsewhere, in test modules too: `super::` and groups are resolved.
pub fn named(source: &str, file_module: &[String]) -> Vec<Named> {
    named_from(source, file_module).into_iter().map(|(_, named)| named).collect()
}

/// The same, each with the module that names it: the file's, or one inside it.
pub fn named_from(source: &str, file_module: &[String]) -> Vec<(ModulePath, Named)> {
    let tokens = tokens(source);
    let mut module = file_module.to_vec();
    // For each open brace, whether it is that of a module.
    let mut braces = Vec::new();
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let begins_path = i == 0 || tokens[i - 1] != "::";
        match tokens[i].as_str() {
            "mod" if tokens.get(i + 2).is_some_and(|next| next == "{") => {
                module.push(tokens[i + 1].clone());
                braces.push(true);
                i += 3;
                continue;
            }
            "{" => braces.push(false),
            "}" if braces.pop() == Some(true) => {
                module.pop();
            }
            "crate" | "super" | "self"
                if begins_path && tokens.get(i + 1).is_some_and(|next| next == "::") =>
            {
                let (base, begin) = base(&tokens, i, &module);
                found.extend(
                    leaves(&tokens, begin, &base)
                        .into_iter()
                        .map(|path| (module.clone(), Named::Inside(path))),
                );
            }
            word if begins_path
                && tokens.get(i + 1).is_some_and(|next| next == "::")
                && LIBRARIES.iter().any(|(library, _)| *library == word) =>
            {
                found.push((module.clone(), Named::Library(word.to_owned())));
            }
            _ => {}
        }
        i += 1;
    }
    found
}

/// What `use` brings into the module of a file, with its path: `Money` and `units::money::Money`.
/// A path that begins with neither `crate`, `super` nor `self` is taken for one to a child, whether it is one or a library.
pub fn brought_in(source: &str, module: &[String]) -> Vec<(String, ModulePath)> {
    let tokens = tokens(source);
    let mut depth = 0_u32;
    let mut found = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            // Braces of groups are balanced before the next `use`, so those that are open belong to inner modules and functions.
            "use" if depth == 0 => {
                let (base, begin) = base(&tokens, i + 1, module);
                found.extend(leaves(&tokens, begin, &base));
            }
            _ => {}
        }
    }
    found.into_iter().filter_map(|path| Some((path.last()?.clone(), path))).collect()
}

/// Where the path that begins at `i` starts from, and the place of its first name that is a module's or an item's.
fn base(tokens: &[String], mut i: usize, module: &[String]) -> (ModulePath, usize) {
    let mut base = module.to_vec();
    while let Some(token) = tokens.get(i) {
        match token.as_str() {
            "crate" => base.clear(),
            "super" => _ = base.pop(),
            "self" => {}
            _ => break,
        }
        if tokens.get(i + 1).is_none_or(|mark| mark != "::") {
            break;
        }
        i += 2;
    }
    (base, i)
}

/// The paths of the tree of names that begins at `i`, below `base`: of `a::{b, c::d}` `a::b` and `a::c::d`.
pub fn leaves(tokens: &[String], mut i: usize, base: &[String]) -> Vec<ModulePath> {
    let mut path = base.to_vec();
    while let Some(token) = tokens.get(i) {
        if token == "{" {
            let mut found = Vec::new();
            let mut depth = 0;
            while let Some(token) = tokens.get(i) {
                let begins = depth == 1 && (tokens[i - 1] == "{" || tokens[i - 1] == ",");
                if begins && token != "}" {
                    found.extend(leaves(tokens, i, &path));
                }
                match token.as_str() {
                    "{" => depth += 1,
                    "}" if depth == 1 => break,
                    "}" => depth -= 1,
                    _ => {}
                }
                i += 1;
            }
            return found;
        }
        path.push(token.clone());
        match tokens.get(i + 1) {
            Some(mark) if mark == "::" => i += 2,
            _ => break,
        }
    }
    vec![path]
}

#[cfg(test)]
mod tests {
    use super::{Named, named};

    fn inside(source: &str, module: &[&str]) -> Vec<String> {
        let module: Vec<String> = module.iter().map(|part| (*part).to_owned()).collect();
        let paths = named(source, &module).into_iter().filter_map(|named| match named {
            Named::Inside(path) => Some(path.join("::")),
            Named::Library(_) => None,
        });
        paths.collect()
    }

    #[test]
    fn groups_and_paths_in_code_are_read() {
        let source = "use crate::{\n    admit::{self, Refused},\n    clock::Clock,\n};\n\
                      fn f() -> crate::units::Money { crate::costs::zero() }";
        let paths = ["admit::self", "admit::Refused", "clock::Clock", "units::Money", "costs::zero"];
        assert_eq!(inside(source, &["service"]), paths);
    }

    #[test]
    fn super_is_resolved_to_the_root_and_from_inner_modules() {
        let source = "use super::super::costs::Receipt;\nuse super::keys;\n\
                      mod inner { use super::super::keys; use super::super::super::http::error; }\nuse super::last;";
        let paths = ["costs::Receipt", "ledger::keys", "ledger::keys", "http::error", "ledger::last"];
        assert_eq!(inside(source, &["ledger", "months"]), paths);
    }

    #[test]
    fn what_follows_a_test_module_is_read() {
        let source = "#[cfg(test)]\nmod testing;\nuse crate::http::error;\n#[cfg(test)]\nmod tests { use crate::app::App; }";
        assert_eq!(inside(source, &["pipeline"]), ["http::error", "app::App"]);
    }

    #[test]
    fn what_a_module_brings_in_has_its_path() {
        let source = "pub use child::{One, deeper::Two};\nuse super::Three;\nfn f() { use crate::Four; }";
        let module = ["ledger".to_owned(), "keys".to_owned()];
        let found: Vec<_> = super::brought_in(source, &module)
            .into_iter()
            .map(|(name, path)| (name, path.join("::")))
            .collect();
        let expected = [
            ("One", "ledger::keys::child::One"),
            ("Two", "ledger::keys::child::deeper::Two"),
            ("Three", "ledger::Three"),
        ];
        assert_eq!(found, expected.map(|(name, path)| (name.to_owned(), path.to_owned())));
    }

    #[test]
    fn comments_and_literals_are_passed_over() {
        let source = r##"// crate::http::a
            /* crate::http::b /* nested */ crate::http::c */
            const A: &str = "crate::http::d \" crate::http::e"; const B: &str = r#"crate::http::f "quoted""#;
            fn f<'a>(c: char) -> &'a str { if c == '"' || c == '\'' || c == '\u{1F}' { crate::units::g() } }"##;
        assert_eq!(inside(source, &["costs"]), ["units::g"]);
    }
}
