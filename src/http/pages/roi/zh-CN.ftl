roi-title = 回本测算
roi-lead = 自己买卡是否划算？每月出多少张起划算，多久回本？修改任意数字即可看到。
roi-begins = 初始值取自“{ $scenario }”，金额单位为 { $currency }。
roi-presets = 初始方案
roi-preset-own = 我的硬件
roi-preset-article = 示例：RTX 4090（2026 年 1 月）
roi-group-use = 需求
roi-group-hardware = 硬件
roi-group-running = 运行
roi-price = 硬件价格
roi-residual = 预计残值
roi-share = 用于出图的比例（%）
roi-lifetime = 预计总出图量
roi-watts = 出图功率（瓦）
roi-seconds = 每张秒数
roi-price-per-kwh = 电价（每 kWh）
roi-upkeep-per-image = 每张维护费
roi-running-costs = 全年实际费用（选填）
roi-images = 每月张数
roi-compared-price = 外部每张价格
roi-years = 年数
roi-work-out = 计算

roi-standard-each = 单张成本（按正常利用率）
roi-fully-loaded = 每张完全成本
roi-capacity = 每月最多张数
roi-hardware = 硬件
roi-no-like-for-like = 没有同款模型可比：所设的服务今天没有价格或汇率。
roi-what-you-pay = 现在付的价格
roi-against = 与 { $name } 相比：
roi-against-like-for-like = 与 { $name }（同款模型托管）相比：
roi-like-for-like = 同款模型托管
roi-prices = 逐个价格比较
roi-where = 服务
roi-price-there = 外部单价
roi-saved = 每张节省
roi-saved-part = 节省比例
roi-saved-loaded = 按完全成本节省
roi-lost = 亏损
roi-months = { $count } 个月
roi-years-long = { $count } 年
roi-pays-back = { $span }回本。
roi-pays-back-not-in-ten-years = 十年内无法回本：需要 { $span }。
roi-pays-back-too-late = 无法回本：需要 { $span }，而硬件寿命只有 { $life }。
roi-never-pays-back = 按这个用量无法回本。
roi-worth-from = { $count ->
   *[other] 每月 { $count } 张起划算。
}
roi-worth-beyond = { $count ->
   *[other] 不划算：即使每月满负荷 { $count } 张也不行。
}
roi-worth-never = 出多少张都不划算。

roi-overflow = 外部购买（最近 { $days } 天）
roi-overflow-images = 购买的图片
roi-overflow-paid = 已付
roi-overflow-paid-how = 含待确认和未收到的
roi-overflow-here = 同样图片在本机的成本
roi-overflow-here-how = 按实测，每张的边际成本
roi-overflow-card = 再加一块显卡
roi-overflow-of-card = 再加一块 { $card } 在此期间的折旧
roi-overflow-cheaper = 购买更便宜，少花
roi-overflow-another-saves = 再加一块显卡本可节省
roi-rentals = 改为按小时租用
roi-rental = 设备
roi-rental-hour = 每小时
roi-rental-image = 每张
roi-rental-month = 租用，每月
roi-owned-month = 自有，每月
roi-renting-cheaper = 租用每月便宜 { $amount }。
roi-owning-cheaper = 自有每月便宜 { $amount }。
roi-owning-from = { $count ->
   *[other] 每月 { $count } 张起，自有更划算。
}
roi-owning-never = 出多少张都是租用更划算。
roi-rental-least = { $count ->
   *[other] 每月至少按 { $count } 小时付费。
}

roi-curve = 出图越多，每张越便宜
roi-curve-how = 全年账单与损耗都算在内；用得再少，硬件也按所选年数折旧完毕。曲线低于某条价格线，自有硬件就开始划算。圆点是当前用量。
roi-curve-here = 自有硬件
roi-curve-present = 每月 { $images } 张时，每张 { $cost }。
roi-curve-table = 曲线明细

roi-one-image = 每张图
roi-electricity = 电费
roi-depreciation = 折旧
roi-without-residual = 折旧（残值为零）
roi-upkeep = 维护
roi-standard = 单张成本（按正常利用率）

roi-one-year = { $count ->
   *[other] 一年：{ $count } 张
}
roi-idle = 空闲
roi-other = 其他费用
roi-total = 合计

roi-years-against = 与 { $name } 逐年对比
roi-year = 年
roi-running = 运行
roi-elsewhere = 外部费用
roi-saved-in-all = 累计节省

roi-how = 怎么算的
roi-how-standard = 电费 { $electricity } + 折旧 { $depreciation } + 维护 { $upkeep } = { $standard }。
roi-how-loaded = 全年支出 { $total } ÷ { $images } 张 = { $each }，向上取整。
roi-how-capacity = 一个月的秒数 ÷ 每张秒数。
roi-how-hardware = 用于出图的部分：买价 { $price }，预计残值 { $residual }。折旧按差额计，回本按买价计。
roi-how-saved = 外部单价 { $price } − 自有成本 { $here } = 每张 { $saving }。
roi-how-payback = 硬件 { $hardware } ÷ 一年节省（外部费用 { $elsewhere } − 运行费用 { $running } = { $saved }）× 12 个月。
roi-how-electricity = （设备 + 主机）× 秒数 × 电源损耗 = 插座端 { $energy }，再乘以电价。
roi-how-depreciation = （买价 − 残值）× 比例 ÷ 预计总出图量。
roi-how-without-residual = 买价 × 比例 ÷ 预计总出图量。
roi-how-upkeep = 按所填：维修、网络、场地。
roi-how-times = { $each } × { $images } 张。
roi-how-idle = 开机但不出图时的电费。
roi-how-other = 全年费用中超出电费和维护的部分。
roi-how-year-depreciation = 一年的损耗。

# 各项可以填什么
roi-refused = “{ $field }”的值无法使用：{ $rule }
roi-rule-amount = 请填写不小于 0 的金额，如 0.5。
roi-rule-residual = 请填写 0 到硬件价格之间的金额。
roi-rule-price-there = 请填写大于 0 的金额，或留空。
roi-rule-percent = 请填写 1 到 100 的整数。
roi-rule-years = 请填写 1 到 50 的整数。
roi-rule-count = 请填写大于 0 的整数。
roi-rule-images = 请填写大于 0 的整数，且不超过硬件每月能出的张数。
roi-rule-watts = 请填写 0 到 100,000 的整数。
roi-rule-seconds = 请填写大于 0、不超过 86,400 的秒数，如 1.5。
