# /docs
reference-title = API reference
reference-lead = Any OpenAI client works: set its base URL, and send your key. Fields that OpenAI does not have are optional.
reference-contents = Contents
reference-schemas = Objects
reference-parameters = Parameters
reference-body = Body
reference-fields = Fields
reference-responses = Answers
reference-required = required
