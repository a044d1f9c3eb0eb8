# /admin/gallery
gallery-kept = 图片保存 { $days } 天（pictures.keep_days），提示词不保存。
gallery-none = 目前没有保存的图片。以链接方式返回的图片和带 Idempotency-Key 的请求的图片会保存。
gallery-none-found = 没有符合条件的图片。
gallery-download-all = 下载本页全部
gallery-download-chosen = 下载所选图片
gallery-download = 下载
gallery-receipt = 收据
gallery-delete = 删除
gallery-choose = 选择这张图片
gallery-seed = 种子
gallery-steps = 步数
gallery-previous = 上一张
gallery-next = 下一张
gallery-zoom = 原始大小
gallery-close = 关闭
