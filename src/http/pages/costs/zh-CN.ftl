costs-title = { $span }成本
costs-year = { $year }年
costs-months = 月份
costs-years = 年份
costs-other-dates = 其他日期
costs-dates-days = 日期
costs-this-month = 本月
costs-empty = 这段时间没有出图。

# 账目还会不会变
costs-to-come = 未开始
costs-running = 进行中
costs-open = 尚未封账
costs-closed = 已封账
costs-up-to = 截至{ $day }。
costs-books-begin = 从{ $day }开始记账。
costs-closed-on = { $rows ->
   *[other] { $day }封账，共 { $rows } 笔。
}
costs-seal = 封账校验码

# 概览
costs-images = 张数
costs-of-them-undelivered = 其中 { $count } 张未送达
costs-per-image = 单张成本（按正常利用率）
costs-total = 合计（按正常利用率）
costs-saved = 节省
costs-lost = 亏损
costs-by-standard-cost = 节省（按正常利用率）
costs-of-what = { $figure }（{ $what }）
costs-like-for-like = 同款模型
costs-premium = 高端服务
costs-unpriced = 价目表里没有这些图的外部价格。
costs-energy-plug = 整机用电（插座端）
costs-measured = 实测
costs-estimated = 估算
costs-partly-measured = { $part } 实测
costs-payback = 已回本
costs-paid-back = 硬件已回本
costs-pays-back-on = 照此速度，{ $day }全部回本
costs-pays-back-too-late = 无法回本：按此速度要到{ $day }，届时硬件早已报废
costs-pays-back-early = 才 { $days } 天，还看不出何时回本
costs-pays-back-not-in-ten-years = 照此速度十年内无法回本
costs-pays-back-never = 照此速度无法回本

# 图表
costs-by-day = 每日成本
costs-by-month = 每月成本
costs-every-day = 每日明细
costs-every-month = 每月明细
costs-dearest = 最高：{ $step }，{ $total }。
costs-day = 日期
costs-month = 月份
costs-electricity = 电费
costs-depreciation = 折旧
costs-upkeep = 维护
costs-idle-and-failed = 空闲与失败
costs-elsewhere = 外部价格
costs-savings = 累计节省与硬件投入
costs-savings-how = 这些图的外部价格，减去电费和维护费。曲线碰到虚线时，硬件就回本了。
costs-savings-none = 当时还没有购入硬件，或者没有外部价格。
costs-savings-table = 累计明细
costs-up-to-day = 截至
costs-paid-for-hardware = 硬件投入：{ $amount }
costs-by-key = 按密钥
costs-by-tag = 按标签
costs-by-size = 按尺寸
costs-by-quality = 按质量
costs-by-model = 按模型
costs-by-lora = 按 LoRA
costs-no-lora = 未用 LoRA
costs-group = 名称
costs-every-group = 全部明细
costs-others = { $count ->
   *[other] 其余 { $count } 项
}
costs-no-tag = 无标签
costs-not-noted = 未记录
costs-tag-how = 客户端可以用请求头 X-Cost-Tag 或字段 user 给请求打标签。

# 整月账
costs-whole-month = 从出图成本到整月成本
costs-whole-year = 从出图成本到全年成本
costs-whole-days = 从出图成本到这几天的全部成本
costs-standard = 出图成本（按正常利用率）
costs-failed = 失败的任务
costs-idle = 空闲、预热与停服期间
costs-unused-wear = 未分摊折旧
costs-unused-upkeep = 未分摊维护
costs-loaded = 完全成本
costs-disposal = 出售部件收益
costs-disposal-loss = 出售部件亏损
costs-overflow = 外部购买
costs-overflow-images = { $count } 张图片
costs-overflow-doubtful = { $count } 张待确认
costs-overflow-lost = { $count } 张已付费但未收到
costs-overflow-all = 全部购买
costs-overflow-group = 外部购买：{ $count } 张，{ $paid }
costs-overflow-paid = 完全成本加外部购买
costs-overflow-another = 再加一台同样的设备本可节省
costs-overflow-how = 排队太久或没有可用设备时，向外部服务购买的图片。以上各项均不包含这些费用：既不计入完全成本，也不计入节省。待确认：可能已付费，但没有收到可用的图片。本可节省的金额 = 购买价 − 按实测速度在本机生成同样图片的电费，不含设备本身的价格。
costs-adjustments = 已封账月份的调整
costs-adjustment-of = { $first } 至 { $last }，由 { $actor } 录入
costs-how-adjustments = 封账之后才录入的部件、费用或出售。已封账的月份保持原样，差额计入录入时所在的月份。
costs-each = 每张
costs-energy-short = 耗电
costs-per-image-title = 每张图的成本
costs-marginal = 边际成本
costs-everything = 这段时间的全部支出
costs-break-even = 保本张数
costs-break-even-never = 无法保本
costs-energy = 耗电
costs-energy-device = 设备：出图
costs-energy-idle = 设备：空闲
costs-energy-warm-up = 设备：预热
costs-carbon = CO₂e，全部用电
costs-how-carbon = 图片及其余全部插座端用电，乘以入账时所设的每千瓦时克数。
costs-energy-gaps = 设备：服务未运行期间
costs-services = 与其他服务对比
costs-services-how = 同样的图，按当日标价计算；亏损如实列出。
costs-service = 服务
costs-saved-part = 节省比例
costs-price-read = 查价日期
costs-price-ends = 该价格{ $day }到期。请在价目表里补上新价格，或换一家服务作比较。
costs-price-ended = { $day }起没有价格。请在价目表里补上新价格，或换一家服务作比较。
costs-price-not-begun = { $day }之前没有价格。
costs-price-no-rate = 今天没有 { $currency } 的汇率。请在配置里添加 exchange_rate。
costs-price-out-of-range = 折算成账本币种后价格超出范围，请检查价格和汇率。
costs-unpriced-days = { $first }至{ $last }有 { $images } 张图没有外部价格，未计入。
costs-whole-plans = { $plans ->
   *[other] 按整月套餐买 { $plans } 份：{ $price }；节省 { $saving }。
}

# 每个数字怎么来的
costs-how-images = 已完成并入账的图，减去冲回的往月图片。其中 { $undelivered } 张完成时客户端已断开，成本照算。
costs-how-each = { $what }：{ $sum } ÷ { $images } 张 = { $each }，向上取整。
costs-how-total = 电费 { $electricity } + 折旧 { $depreciation } + 维护 { $upkeep } = { $total }。
costs-how-loaded = 出图 { $standard } + 失败的任务 { $failed } + 空闲、预热与停服期间 { $idle } + 未分摊折旧 { $wear } + 未分摊维护 { $upkeep } − 出售部件收益 { $disposal } + 已封账月份的调整 { $adjustments } = { $total }。
costs-how-electricity = 插座端用电 { $plug }（其中设备 { $device }），每张图按当时的电价计费，共 { $total }。
costs-how-depreciation = 分摊到图片上的硬件损耗为 { $charged }。这段时间硬件一共折旧 { $whole }，不论用没用上。
costs-how-upkeep = 分摊到图片上的维修、网络、场地费用为 { $charged }。这段时间一共 { $whole }。
costs-how-unused = 这段时间的{ $what } { $whole } − 已分摊 { $charged } = { $unused }。出图比平常多时为负数。
costs-how-energy = 设备 { $device }；加上主机和电源损耗，插座端 { $plug }。设备用电中：设备电能计数器实测 { $metered }，按功率采样 { $integrated }，按设定功率估算 { $estimated }。
costs-how-saved = { $images } 张图的外部价格 { $price } − 出图成本 { $total } = { $saving }。
costs-how-saved-all-in = { $images } 张图的外部价格 { $price } − 这些图的完全成本 { $total } = { $saving }。
costs-how-price-read = 价格查于{ $day }：{ $source }。
costs-how-payback = （外部价格 { $price } − 电费 { $electricity } − 维护 { $upkeep }）= { $saved }，占硬件投入 { $investment } 的 { $part }。从{ $since }起按实际支付计算，因此不含折旧。
costs-how-pace = 速度：最近 { $days } 天节省 { $saved }。
costs-how-failed = 没有产出图片的任务和被冲回的图所用的电费，不计入出图成本。
costs-how-idle = 设备等待、预热以及服务未运行时，插座端的电费。
costs-how-idle-energy = 设备开机但未出图时的用电。
costs-how-warm-up = 设备预热出图的用电。
costs-how-gaps = 服务未运行时，设备计数器累计的用电。
costs-how-break-even = 按目前进度推算的整月（或全年）固定成本 ÷（外部单价 − 边际成本）。外部单价为 { $there }。
costs-how-break-even-never = 每张图的边际成本高于外部单价，出多少张都无法保本。
costs-at-pace = 照目前进度为 { $images } 张（已过 { $days } 天，共 { $of } 天）

# 封账。
costs-close = 封账
costs-close-title = { $month }封账
costs-close-how = 封账后，本月将永远按此显示。之后才录入的部件、租金和处置，会作为调整计入未封账的月份。请把封账校验码存放在本机用户碰不到的地方，例如打印或寄送。
costs-close-sealed = 将被封存的数字
costs-close-controls = 账目核对
costs-close-sure = 我已核对以上数字，封账后不能撤销。
costs-close-now = 确认封账
costs-close-not-now = 暂不封账
costs-close-settling = { $month }刚刚结束，共用账本的机器可能还会记账，请在 { $day } { $time } 之后封账。
costs-close-running = { $month }尚未结束，请在 { $day } 之后封账。
costs-close-open = { $count ->
   *[other] 本月还有 { $count } 个请求未完成，请等待完成或重启服务。
}
costs-close-closed = { $month }已经封账，更早的月份不能再封账。
costs-close-earlier = { $month }有账目但尚未封账，请先为它封账。
costs-close-shifted = 由于时区变更，本月的起点与{ $month }的终点不一致。
costs-control-holds = 相符
costs-control-breaks = 有 { $count } 处不符，详见 tintype audit
costs-control-closed = 已封账月份保持原样
costs-control-statements = 已封账月份的报表等于其账目之和
costs-control-entries = 账目与所存单价相符
costs-control-idle = 空闲耗电与所存单价相符
costs-control-requests = 已完成的请求与要求的张数相符
costs-control-kept-images = 保存的图片都有对应的请求
costs-control-answers = 已交付的答复都属于已完成的请求
costs-control-parts = 部件折旧与各月之和相符
costs-control-meters = 入账耗电与电能计数器读数相近

# 本月的计价依据。
costs-terms = 本月的计价依据
costs-terms-how = 每项自其日期起生效。可在“设置”页或 tintype.toml 中修改，或用 tintype terms set 设定；此前的日子不受影响。
costs-term-electricity = 电价（每千瓦时）
costs-term-spot = 逐时电价（每千瓦时）
costs-term-spot-prices = { $count ->
   *[other] { $count } 个价格，至 { $until }
}
costs-term-exchange-rate = 1 { $currency }
costs-term-host-watts = 主机其余部分，出图时
costs-term-wall-factor = 电源损耗系数
costs-term-device-watts = 设备，出图时
costs-term-idle-watts = 设备，空闲时
costs-term-compare-with = 比较对象
costs-term-compare-mix = 部分图片的比较对象
costs-term-no-mix = 无
costs-term-carbon = 每千瓦时 CO₂e（按所在地）
costs-term-time-zone = 时区
costs-term-shared-by = 空闲电费与闲置产能的分摊依据
costs-term-mark-up = 加价
costs-share-device-time = 设备用时
costs-share-standard-cost = 单张成本（按正常利用率）
costs-share-images = 图片张数
costs-share-equally = 各成本中心均摊
costs-share-nobody = 不分摊，由运营方承担
costs-term-usual = 同类设备的常见值
costs-term-not-booked = 不计
costs-term-always = 一直有效
costs-term-from = { $moment } 起
costs-term-by = 由 { $actor } 录入
costs-term-by-configuration = 来自配置文件
costs-term-by-command-line = 由命令行录入

costs-files = 下载
costs-csv = CSV
costs-centres = 成本中心
costs-focus = FOCUS 1.4
costs-print-note = 可直接打印本页作为成本月报。

# 摘要与标签页
costs-all-in-month = 全月完全成本
costs-all-in-year = 全年完全成本
costs-all-in-days = 这几天的完全成本
costs-all-in-each = 当前单张完全成本
costs-images-count = 共 { $count } 张
costs-used-title = 其中用于出图的部分
costs-used = 用于出图
costs-unused = 未分摊的折旧与维护
costs-part-of = { $name } { $amount }（{ $part }）
costs-tabs = 页面内容
costs-tab-overview = 概览
costs-tab-breakdown = 明细
costs-tab-comparison = 比较
costs-tab-books = 账务
costs-step-mark = { $step }：{ $total }，{ $images } 张
costs-span = { $from }至{ $to }
costs-from = 起始月份
costs-to = 结束月份
costs-show = 查看
costs-days = 其他日期
costs-earlier = 更早
costs-later = 更晚
costs-from-day = 起始日期
costs-to-day = 结束日期
costs-show-days = 查看
costs-jobs-of-day = 当天的任务
costs-only = 仅统计
costs-only-not = 显示全部
costs-only-how = 仅统计这些图片的单张成本之和；其余开支不属于任何一张图片。
costs-issued = 由 { $operator } 于 { $day } 出具，金额单位均为 { $currency }。
costs-budgets = 预算
costs-budgets-how = 当前的使用情况，与上方所选月份无关。
costs-budgets-all = 所有密钥合计
costs-no-budgets = 尚未设置预算。单个密钥的预算在其页面上设置；所有密钥合计的预算写在 tintype.toml 的 budgets 中。
