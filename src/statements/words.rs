use std::str::FromStr;

use crate::{costs::ShareRule, domain::Quality};

/// A language of statements.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StatementLanguage {
    /// `en`.
    #[default]
    English,
    /// `zh-CN`.
    Chinese,
}

/// A tag of no language that statements have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a language of statements; write en or zh-CN")]
pub struct StatementLanguageError(String);

/// What a statement says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    Title,
    From,
    To,
    Month,
    Days,
    Currency,
    State,
    Closed,
    Preliminary,
    Item,
    Images,
    Amount,
    OtherImages,
    Failed,
    IdleShare,
    UnusedShare,
    Subtotal,
    MarkUp,
    Total,
    BoughtElsewhere,
    Breakdown,
    Electricity,
    Depreciation,
    Upkeep,
}

impl StatementLanguage {
    pub(super) const fn say(self, word: Word) -> &'static str {
        self.of(match word {
            Word::Title => ["Statement of costs", "费用结算单"],
            Word::From => ["From", "出具方"],
            Word::To => ["Cost centre", "成本中心"],
            Word::Month => ["Month", "账期"],
            Word::Days => ["Days", "起止日期"],
            Word::Currency => ["Currency", "币种"],
            Word::State => ["State", "状态"],
            Word::Closed => ["closed, seal", "已封账，校验码"],
            Word::Preliminary => ["preliminary: the month is not closed", "暂估：本月尚未封账"],
            Word::Item => ["Item", "项目"],
            Word::Images => ["Images", "图片"],
            Word::Amount => ["Amount", "金额"],
            Word::OtherImages => ["Images, other sizes", "图片，其他尺寸"],
            Word::Failed => ["Jobs without an image, electricity", "未出图任务的电费"],
            Word::IdleShare => ["Share of idle time", "空闲时间分摊"],
            Word::UnusedShare => ["Share of unused capacity", "闲置产能分摊"],
            Word::Subtotal => ["Subtotal", "小计"],
            Word::MarkUp => ["Mark-up", "加价"],
            Word::Total => ["Total", "合计"],
            Word::BoughtElsewhere => ["Bought elsewhere, not in the total", "外部购买，不含在合计内"],
            Word::Breakdown => ["Of the images", "图片成本构成"],
            Word::Electricity => ["electricity", "电费"],
            Word::Depreciation => ["depreciation", "折旧"],
            Word::Upkeep => ["upkeep", "运维"],
        })
    }

    /// By what something is shared.
    pub(super) const fn shared_by(self, rule: ShareRule) -> &'static str {
        self.of(match rule {
            ShareRule::DeviceTime => ["by device time", "按设备用时"],
            ShareRule::StandardCost => ["by standard cost", "按标准成本"],
            ShareRule::Images => ["by images", "按图片张数"],
            ShareRule::Equally => ["equally", "均摊"],
            ShareRule::Nobody => ["not shared", "不分摊"],
        })
    }

    pub(super) const fn quality(self, quality: Quality) -> &'static str {
        self.of(match quality {
            Quality::Low => ["low", "低"],
            Quality::Medium => ["medium", "中"],
            Quality::High => ["high", "高"],
            Quality::Xhigh => ["xhigh", "超高"],
            Quality::Max => ["max", "最高"],
        })
    }

    const fn of(self, [english, chinese]: [&'static str; 2]) -> &'static str {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }

    /// The tag of BCP 47.
    pub const fn tag(self) -> &'static str {
        self.of(["en", "zh-CN"])
    }
}

impl FromStr for StatementLanguage {
    type Err = StatementLanguageError;

    fn from_str(text: &str) -> Result<Self, StatementLanguageError> {
        match text {
            "en" => Ok(Self::English),
            "zh-CN" | "zh" => Ok(Self::Chinese),
            other => Err(StatementLanguageError(other.to_owned())),
        }
    }
}
