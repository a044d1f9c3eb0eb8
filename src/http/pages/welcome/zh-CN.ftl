welcome-lead = 本服务器使用 { $model } 生成图片，并记录每一张的真实成本。
welcome-playground = 用你的 API 密钥在线生成图片。
welcome-sign-in = 管理员入口：成本、密钥与任务。
welcome-costs = 成本、密钥与任务。
welcome-api = 可用于任何 OpenAI 客户端，设置以下地址并附上密钥即可：
welcome-openapi = API 说明（OpenAPI）
