# /admin/settings
settings-lead = 成本按这里的数值计算。每个数值都带生效日期存入账本，此前的日子仍按原来的数值计算。`tintype.toml` 或环境变量中写明的设置优先，页面会逐项注明。
settings-saved = 已保存
settings-example-tag = 示例数值
settings-save = 保存
settings-stated = 由配置中的 `{ $key }` 设定。请在配置中修改；删去该项后可在这里设置。
settings-stated-until = 在购入下面第一个部件之前，按配置中的 `{ $key }` 计算。
settings-by-key = 由配置中的 { $key } 设定
settings-by-default = 示例数值
settings-by = 由 { $actor } 记录
settings-from = 自 { $day } 起
settings-document = 凭证（选填）
settings-valid-from = 生效日期

# 示例月
settings-example = 以一个月为例
settings-images-measured = 共 { $images } 张，与最近 30 天相同。
settings-images-example = 共 { $images } 张，为示例；实测满两周后改用实测值。
settings-each-measured = 每张占用设备 { $time }、耗电 { $energy }，为最近 30 天的平均值。
settings-each-example = 每张占用设备 { $time }、耗电 { $energy }，尚无实测数据。
settings-now = 当前
settings-then = 修改后
settings-month-total = 全月完全成本
settings-all-in-each = 单张完全成本
settings-standard-each = 单张成本（按正常利用率）
settings-elsewhere-each = 外部标价
settings-saving-each = 每张节省（按完全成本）
settings-compared-note = 与 { $sku } 的 1024×1024 图片比较。
settings-without-idle = 不含空闲时段的电费。
settings-holds-from = “修改后”为 { $day } 起的 30 天。

# 机器
settings-machine = 机器
settings-hardware-configured = { $name }，{ $price }。购入第一个部件之前按此计算。
settings-part = 部件
settings-bought = 购入日期
settings-price = 价格
settings-residual = 残值
settings-residual-hint = 预计日后能卖多少钱。
settings-sold-for = 残值 { $residual }
settings-life = 折旧方式
settings-by-years = 按年限
settings-by-images = 按张数
settings-life-images = { $images } 张
settings-life-years = { $years } 年，利用率 { $percent }%
settings-years = 年限
settings-years-hint = 预计使用几年。
settings-utilisation = 正常利用率，%
settings-utilisation-hint = 全部时间中用于出图的比例。
settings-images = 预计总出图量
settings-images-hint = 生成这么多张之后，只剩残值。
settings-share = 用于 Tintype 的比例，%
settings-add-part = 添加部件
settings-undo = 撤销
settings-retired = { $day } 起停用
settings-preset = 填入示例：{ $name }
settings-cards = 常见显卡的功率和首发价
settings-cards-how = 各显卡的最大功率。能实测的显卡按实测计；无法实测时，请在 tintype.toml 的 `energy.device_watts` 中填写。点击名称填入表单；账本以首发价的币种记账时，首发价（NVIDIA 公布的不含税价格）一并填入，请改成你实际支付的金额。
settings-card-launch = 首发价 { $price }
settings-card-read = 于 { $day } 查阅
settings-preset-source = 数值取自 config/scenarios/rtx4090-2026.toml，即 2026 年 1 月的一篇文章：一块 { $watts } W 的显卡及整机。请改成你实际支付的金额。

# 电费
settings-electricity = 电费
settings-per-kwh = 每千瓦时价格
settings-per-kwh-hint = 含全部税费。
settings-by-hours = 分时电价
settings-hours = 时段
settings-hours-hint = 例如 22:00-06:00。
settings-price-then = 该时段每千瓦时价格
settings-spot = 逐时电价 { $count } 个，至 { $until }
settings-csv-title = 从 CSV 文件导入逐时电价
settings-csv = 文件内容
settings-csv-hint = 第一行为列名，之后每行一个时间和一个价格。
settings-csv-file = 选择文件
settings-csv-per = 价格单位
settings-csv-add = 每千瓦时另付
settings-csv-add-hint = 输配电费、附加费和税。

# 功率
settings-power = 功率
settings-device = 设备出图时按 { $watts } W 计算；能读取电能计数器时以计数器为准。可用 `energy.device_watts` 设定，用 `tintype calibrate` 测量。
settings-host-watts = 整机其余部分，W
settings-host-watts-hint = 出图时的功率；设备功率已包含时填 0。
settings-wall-factor = 电源损耗系数，%
settings-wall-factor-hint = 110 表示用电 100 W 时插座供电 110 W。

# 其他费用
settings-upkeep = 房租、网络、维修
settings-add-line = 添加费用
settings-line-name = 名目
settings-line-hint = 例如房租、网络、保险。
settings-amount = 金额
settings-per = 支付方式
settings-per-month = 每月
settings-per-year = 每年
settings-per-image = 每张
settings-per-hour = 每小时
settings-once = 一次性
settings-end = 今天起停止

# 比较对象
settings-comparison = 比较对象
settings-compared-with = 图片成本与此服务比较：
settings-service = 服务及其今日 1024×1024 图片标价
settings-mix = 配置中的 `costs.mix` 为部分图片指定了其他比较对象，共 { $count } 条规则。

# 汇率
settings-rates = 汇率
settings-currency = 币种
settings-rate = 一个单位折合
settings-rate-hint = 以账本币种计。
settings-ledger-currency = 账本以 { $currency } 记账。

# 仅由配置设定
settings-configured = 由配置文件设定
settings-configured-how = 服务器启动时从 `tintype.toml` 读取以下各项。`tintype setup` 可生成该文件，`config/tintype.toml` 列出了全部设置。
settings-zone = 时区
settings-address = 对外地址
settings-device-watts = 设备功率（出图时）

# 无法保存
settings-problem-part = 没有名为“{ $detail }”的表单。
settings-problem-id = 没有这一行，请刷新页面。
settings-problem-name = 请填写名称。
settings-problem-text = 最多 500 个字符，不能有换行或控制字符。
settings-problem-amount = 请填写金额，例如 0.28。
settings-problem-whole = 请填写整数。
settings-problem-percent = 请填写 1 到 100 之间的百分数。
settings-problem-years = 请填写 1 到 100 之间的年数。
settings-problem-residual = 残值不能高于价格。
settings-problem-day = 日期写法如 2027-01-15。
settings-problem-past = 这一天已经过去，仍按原来的数值计算。请填写今天或以后的日期。
settings-problem-closed = 这一天所在的月份已经封账。
settings-problem-hours = 时段写法如 22:00-06:00。
settings-problem-overlap = 两行的时段重叠，请错开。
settings-problem-csv = 文件内容无法读取。（{ $detail }）
settings-problem-wall-factor = 请填写 100 到 1000 之间的百分数。
settings-problem-currency = 请填写另一币种的代码，例如 USD。
settings-problem-sku = 价目表中没有这项服务。
settings-problem-stated = 由配置中的 { $detail } 设定。请在配置中修改或删去该项。
