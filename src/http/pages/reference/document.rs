use serde_json::Value;

/// Methods of HTTP that a path may have, in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// An OpenAPI document.
pub(super) struct Document<'a>(pub(super) &'a Value);

/// One method of one path.
pub(super) struct Operation<'a> {
    /// In capitals.
    pub(super) method: &'static str,
    pub(super) path: &'a str,
    value: &'a Value,
}

impl<'a> Operation<'a> {
    /// The text of `field`; empty if there is none.
    pub(super) fn text(&self, field: &str) -> &'a str {
        self.value[field].as_str().unwrap_or_default()
    }

    /// What links lead to it by: `post-v1-images-generations`.
    pub(super) fn id(&self) -> String {
        let path = self.path.replace(['{', '}', '.'], "").replace('/', "-");
        format!("{}{path}", self.method.to_lowercase())
    }

    /// Whether it is refused without a key.
    pub(super) fn needs_key(&self) -> bool {
        self.value["security"].as_array().is_some_and(|schemes| !schemes.is_empty())
    }
}

impl<'a> Document<'a> {
    /// The names of its groups, each with what it is about.
    pub(super) fn tags(&self) -> Vec<(&'a str, &'a str)> {
        let text = |tag: &'a Value, field: &str| tag[field].as_str().unwrap_or_default();
        let tags = self.0["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
        tags.iter().map(|tag| (text(tag, "name"), text(tag, "description"))).collect()
    }

    /// The operations of the group `tag`.
    pub(super) fn operations(&self, tag: &str) -> Vec<Operation<'a>> {
        let has_tag = |value: &Value| {
            value["tags"].as_array().is_some_and(|tags| tags.iter().any(|one| one.as_str() == Some(tag)))
        };
        let of_path = |(path, methods): (&'a String, &'a Value)| {
            let known = METHODS.into_iter().filter_map(move |method| Some((method, methods.get(method)?)));
            known.map(move |(method, value)| Operation { method: upper(method), path, value })
        };
        let paths = self.0["paths"].as_object().into_iter().flatten();
        let mut found: Vec<_> =
            paths.flat_map(of_path).filter(|operation| has_tag(operation.value)).collect();
        // What most people look for comes first.
        found.sort_by_key(|operation| {
            let is_usual = operation.path == "/v1/images/generations";
            (!is_usual, operation.path.starts_with("/pictures"), operation.path.contains("/async/"))
        });
        found
    }

    /// What `value` stands for: what it refers to, or itself.
    pub(super) fn resolved(&self, value: &'a Value) -> &'a Value {
        let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.0.pointer(pointer)).unwrap_or(value)
    }

    pub(super) fn parameters(&self, operation: &Operation<'a>) -> Vec<&'a Value> {
        let parameters = operation.value["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        parameters.iter().map(|parameter| self.resolved(parameter)).collect()
    }

    /// What may be sent, by media type.
    pub(super) fn bodies(&self, operation: &Operation<'a>) -> Vec<(&'a str, &'a Value)> {
        self.contents(self.resolved(&operation.value["requestBody"]))
    }

    /// What comes back, by status.
    pub(super) fn responses(&self, operation: &Operation<'a>) -> Vec<(&'a str, &'a Value)> {
        let responses = operation.value["responses"].as_object().into_iter().flatten();
        responses.map(|(status, response)| (status.as_str(), self.resolved(response))).collect()
    }

    /// The schemas of a body, by media type.
    pub(super) fn contents(&self, body: &'a Value) -> Vec<(&'a str, &'a Value)> {
        let contents = body["content"].as_object().into_iter().flatten();
        contents.map(|(media_type, content)| (media_type.as_str(), &content["schema"])).collect()
    }

    /// The names of its schemas.
    pub(super) fn schemas(&self) -> Vec<&'a str> {
        let schemas = self.0["components"]["schemas"].as_object().into_iter().flatten();
        schemas.map(|(name, _)| name.as_str()).collect()
    }

    pub(super) fn schema(&self, name: &str) -> &'a Value {
        &self.0["components"]["schemas"][name]
    }
}

fn upper(method: &str) -> &'static str {
    match method {
        "post" => "POST",
        "put" => "PUT",
        "patch" => "PATCH",
        "delete" => "DELETE",
        _ => "GET",
    }
}
