use actix_web::HttpResponse;
use serde_json::Value;

use super::error::ApiError;

/// The document, written by hand and held against the server by tests/openapi. A parser of ours reads more than a
/// derived schema could say, and refuses more.
const DOCUMENT: &str = include_str!("openapi.json");

/// GET /openapi.json: what this server understands, in OpenAPI 3.1.
pub(super) async fn document() -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(described()?))
}

/// What this server understands, in OpenAPI 3.1.
pub(in crate::http) fn described() -> Result<Value, ApiError> {
    let document = serde_json::from_str::<Value>(DOCUMENT);
    let mut document = document.map_err(|error| ApiError::internal(&error))?;
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::api::wire::{BATCH_FIELDS, EDIT_FIELDS, FIELDS};

    fn assert_documented(schema: &str, read: &[&str]) {
        let document: Value = serde_json::from_str(DOCUMENT).expect("JSON");
        let fields = document["components"]["schemas"][schema]["properties"].as_object();
        let mut documented: Vec<&str> = fields.expect("properties").keys().map(String::as_str).collect();
        let mut read = read.to_vec();
        documented.sort_unstable();
        read.sort_unstable();
        assert_eq!(documented, read, "{schema}");
    }

    #[test]
    fn the_document_names_every_field_that_is_read_and_no_other() {
        assert_documented("CreateImageRequest", &FIELDS);
        let of_edits = [FIELDS.as_slice(), &EDIT_FIELDS].concat();
        assert_documented("CreateBatchRequest", &BATCH_FIELDS);
        assert_documented("EditImageForm", &of_edits);
        assert_documented("EditImageRequest", &of_edits);
    }
}
