welcome-lead = This server generates images with { $model } and records the true cost of each.
welcome-playground = Generate images by hand with your API key.
welcome-sign-in = For operators: costs, keys and jobs.
welcome-costs = Costs, keys and jobs.
welcome-api = Any OpenAI client works. Set its base URL, and send your key:
welcome-openapi = API description (OpenAPI)
