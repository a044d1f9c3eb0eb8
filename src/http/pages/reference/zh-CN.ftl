# /docs
reference-title = 接口文档
reference-lead = 可使用任意 OpenAI 客户端：设置接口地址并发送密钥即可。OpenAI 没有的字段均为选填。以下说明为英文。
reference-contents = 目录
reference-schemas = 数据结构
reference-parameters = 参数
reference-body = 请求体
reference-fields = 字段
reference-responses = 响应
reference-required = 必填
