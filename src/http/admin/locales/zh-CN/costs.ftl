costs-title = { $month }成本
costs-months = 月份
costs-empty = 这个月没有生成图片。
costs-pictures = 图片
costs-cost-per-picture = 每张成本
costs-total = 合计
costs-saved = 节省
costs-lost = 亏损

costs-standard-cost = 标准成本
costs-electricity = 电费
costs-electricity-how = 插座处电量 × 电价
costs-depreciation = 折旧
costs-depreciation-how = 硬件损耗，按张分摊
costs-upkeep = 维护
costs-upkeep-how = 维修、网络、场地

costs-compared = 与 `{ $service }` 比较
costs-list-price = 对方标价
costs-list-price-how = 按每天的价格
costs-total-here = 自有成本合计

costs-energy = 电量
costs-energy-device = 设备
costs-energy-device-how = 生成图片所用
costs-energy-plug = 插座处
costs-energy-plug-how = 设备、主机和电源损耗
costs-energy-failed = 失败的工作
costs-energy-failed-how = 没有产出图片，不计入合计
costs-energy-failed-price = 失败工作的电费
costs-undelivered = 未送达的图片
costs-undelivered-how = 已生成，但客户端已断开

costs-whole-month = 整月
costs-standard = 标准成本
costs-standard-how = 图片部分
costs-failed = 失败的工作
costs-idle = 空闲与预热
costs-idle-how = 电费
costs-unused-wear = 未分摊的折旧
costs-unused-wear-how = 没有计入任何图片的损耗
costs-unused-upkeep = 未分摊的维护
costs-fully-loaded = 全部成本

costs-each = 每张图片的成本
costs-each-marginal = 边际成本
costs-each-marginal-how = 只算电费
costs-each-standard = 标准成本
costs-each-standard-how = 加上损耗和维护
costs-each-loaded = 全部成本
costs-each-loaded-how = 当月全部支出 ÷ 图片数
costs-break-even = 盈亏平衡
costs-break-even-how = 按对比价格，每月需要的图片数
costs-example-hardware = 折旧用的是示例硬件（RTX 4090 工作站）。请把自己的硬件、电价和功率写入 `tintype.toml`；`config/tintype.toml` 列出了全部设置。
