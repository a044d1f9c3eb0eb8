# 每个页面共用的框架
skip = 跳到正文
nav-label = 页面
nav-costs = 成本
nav-roi = 回本测算
nav-keys = 密钥
nav-jobs = 任务
nav-gallery = 图库
nav-own-gallery = 我的图片
nav-batches = 批量任务
nav-webhooks = 通知
nav-settings = 设置
nav-playground = 在线试用
nav-reference = 接口文档
nav-sign-in = 登录
nav-sessions = 登录设备
menu = 外观与账户
theme = 外观
theme-system = 跟随系统
theme-light = 浅色
theme-dark = 深色
sign-out = 退出登录
examples-both = 示例数值：硬件和电价均为示例。
examples-hardware = 示例数值：硬件为示例。
examples-electricity = 示例数值：电价为示例。
examples-enter = 填写你的数值
footer = Tintype：用自己的硬件生成图片，每一张的成本都清楚。
how-heading = 这个数字怎么来的

# 列表的更新情况
live-on = 每 2 秒更新
live-paused = 页面已有 10 分钟无人操作，更新已暂停。
live-lost = 服务器没有响应。
live-refresh = 刷新

# 出图质量
quality-low = 低
quality-medium = 中
quality-high = 高
quality-xhigh = 很高
quality-max = 最高

# 操作被拒绝时的页面
error-forbidden = 操作被拒绝
error-not-found = 找不到
error-too-many = 请求太频繁
error-server = 出错了
error-conflict = 没有改动
error-request = 操作未成功
error-back = 返回“{ $place }”
error-status = 状态码 { $status }
refusal-form-forged = 表单已失效，或不是由本服务器生成。请返回并刷新页面，再操作一次。
refusal-scope = 登录所用的密钥缺少所需权限：查看报表需要 costs，改动任何内容需要 admin。
refusal-disk-full = 服务器磁盘已满，无法写入。请先腾出空间。
refusal-internal = 服务器无法响应，原因见服务器日志。
refusal-unreadable = 地址或表单中有无法识别的内容，请返回修改。
refusal-no-job = 这个任务不在进行中，可能已经结束。
refusal-no-batch = 没有这个批量任务。
refusal-no-file = 这个文件已不再保存。
refusal-batch-over = 这个批量任务已经结束，无法取消。
refusal-no-endpoint = 没有这个接收地址，可能已被删除。
refusal-no-key = 没有这个密钥。
refusal-key-revoked = 这个密钥已永久吊销，无法再改动。请新建一个代替它。
refusal-key-disabled = 这个密钥已经停用，无需重复操作。
refusal-key-enabled = 这个密钥已经启用，无需重复操作。
refusal-last-admin = 这是最后一个带 admin 权限的可用密钥，不能在页面上取消。请先给另一个密钥 admin 权限，或在服务器上使用 `tintype key`。
refusal-no-image = 这张图片已不再保存。
refusal-no-page = 这个地址没有页面。
refusal-method = 这个地址不支持这种请求。
refusal-rate = 这个密钥请求太频繁，请稍后再试。
refusal-too-slow = 表单没有及时送达，请重新提交。
refusal-before = `before` 应为编号，可从“更早”链接取得。
refusal-by = `by` 只能是 key、tag、model、size、quality 或 day。
refusal-format = `format` 只能是 focus，且只用于整月；导出成本月报时请省略。
refusal-month = 月份的写法如 2026-11。
refusal-span = 月份的写法如 2026-09 和 2026-11，较早的在前，且不能与 `month`、`by` 同用。
refusal-year = 年份的写法如 2026，且不能与 `month`、`by` 同用。
refusal-parameter = `{ $name }` 的值无法使用，请返回修改。
