use super::*;

#[test]
fn every_operation_field_and_schema_of_the_document_is_on_the_page_and_no_link_leads_nowhere() {
    let described = described().expect("JSON");
    let document = Document(&described);
    let operations: Vec<_> = document.tags().iter().flat_map(|(tag, _)| document.operations(tag)).collect();
    let in_document: usize = described["paths"]
        .as_object()
        .expect("paths")
        .values()
        .map(|path| path.as_object().expect("methods").keys().filter(|key| *key != "parameters").count())
        .sum();
    assert_eq!(operations.len(), in_document, "every operation has one of the tags");
    for words in [Words::ENGLISH, Words::CHINESE] {
        let shown: String =
            operations.iter().map(|one| show_operation(words, &document, one, "http://a").0).collect();
        let schemas = document.schemas().into_iter().map(|name| {
            format!(
                "<i id=\"{}\">{}",
                schema::id(name),
                schema::fields(words, &document, document.schema(name), name).0
            )
        });
        let page = shown + &schemas.collect::<String>();
        for part in page.split("href=\"#").skip(1) {
            let target = part.split('"').next().expect("a target");
            assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
        }
        for field in ["prompt", "output_compression", "X-Cost-Tag", "completion_window", "receipt"] {
            assert!(page.contains(&format!("<code>{field}</code>")), "{field}");
        }
    }
}

#[test]
fn types_are_said_in_words() {
    let described = serde_json::json!({});
    let document = Document(&described);
    let said = |schema: Value| {
        let html = schema::type_of(&document, &schema).0;
        html.replace("<code>", "").replace("</code>", "")
    };
    assert_eq!(said(serde_json::json!({ "type": ["integer", "null"] })), "integer or null");
    assert_eq!(
        said(serde_json::json!({ "type": "array", "items": { "type": "string" } })),
        "array of string"
    );
    assert_eq!(said(serde_json::json!({ "enum": ["low", null] })), "&quot;low&quot; or null");
    let reference = said(serde_json::json!({ "$ref": "#/components/schemas/Image" }));
    assert_eq!(reference, "<a href=\"#schema-Image\">Image</a>");
}
