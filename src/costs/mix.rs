//! A mix of services as the comparison: what would have been bought for which images.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{ImageSize, Product, Quality};

/// A `[[costs.mix]]` of the configuration: the service that some images are compared with instead of `costs.compare_with`. The
/// first rule that an image meets counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixRule {
    /// The service, a sku of the price book.
    pub sku: String,
    /// Tags of its images; none: any, and images without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Public ids of its images' keys; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
    /// Sizes of its images; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<Vec<ImageSize>>,
    /// Qualities of its images; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualities: Option<Vec<Quality>>,
    /// What the service takes off its list price, in percent.
    #[serde(default)]
    pub discount_percent: u32,
}

/// Whose image it is: what rules of a mix look at beside the image itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filed<'a> {
    /// The key's public id.
    pub key: &'a str,
    /// The tag.
    pub tag: Option<&'a str>,
}

impl MixRule {
    /// Whether an image meets it.
    pub(super) fn is_for(&self, product: Product, filed: Filed<'_>) -> bool {
        fn names<T: PartialEq>(list: Option<&Vec<T>>, is_it: impl Fn(&T) -> bool) -> bool {
            list.is_none_or(|list| list.iter().any(is_it))
        }
        names(self.tags.as_ref(), |tag| filed.tag == Some(tag.as_str()))
            && names(self.keys.as_ref(), |key| key == filed.key)
            && names(self.sizes.as_ref(), |size| *size == product.size)
            && names(self.qualities.as_ref(), |quality| *quality == product.quality)
    }
}

/// `openai/gpt-image-2 less 10 % (tag ads, quality high)`
impl fmt::Display for MixRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn listed<T>(name: &str, list: Option<&Vec<T>>, word: impl Fn(&T) -> String) -> Option<String> {
            Some(format!("{name} {}", list?.iter().map(word).collect::<Vec<_>>().join(" ")))
        }
        f.write_str(&self.sku)?;
        if self.discount_percent > 0 {
            write!(f, " less {} %", self.discount_percent)?;
        }
        let conditions = [
            listed("tag", self.tags.as_ref(), String::clone),
            listed("key", self.keys.as_ref(), String::clone),
            listed("size", self.sizes.as_ref(), ToString::to_string),
            listed("quality", self.qualities.as_ref(), |quality| quality.as_str().to_owned()),
        ];
        let conditions: Vec<_> = conditions.into_iter().flatten().collect();
        if conditions.is_empty() { Ok(()) } else { write!(f, " ({})", conditions.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(change: impl FnOnce(&mut MixRule)) -> MixRule {
        let sku = "openai/gpt-image-2".into();
        let mut rule =
            MixRule { sku, tags: None, keys: None, sizes: None, qualities: None, discount_percent: 0 };
        change(&mut rule);
        rule
    }

    #[test]
    fn an_image_meets_a_rule_if_it_meets_each_condition() {
        let product = Product::generated(ImageSize::square(1024), Quality::High);
        let is_for = |rule: &MixRule, tag| rule.is_for(product, Filed { key: "abc", tag });
        assert!(is_for(&rule(|_| ()), None));
        let ads = rule(|rule| rule.tags = Some(vec!["ads".into(), "web".into()]));
        assert!(is_for(&ads, Some("web")) && !is_for(&ads, Some("print")) && !is_for(&ads, None));
        assert!(!is_for(&rule(|rule| rule.keys = Some(vec!["xyz".into()])), None));
        assert!(is_for(&rule(|rule| rule.sizes = Some(vec![ImageSize::square(1024)])), None));
        let low = rule(|rule| {
            rule.sizes = Some(vec![ImageSize::square(1024)]);
            rule.qualities = Some(vec![Quality::Low]);
        });
        assert!(!is_for(&low, None), "all of its conditions");
        let said = rule(|rule| {
            rule.tags = Some(vec!["ads".into()]);
            rule.qualities = Some(vec![Quality::High]);
            rule.discount_percent = 10;
        });
        assert_eq!(said.to_string(), "openai/gpt-image-2 less 10 % (tag ads, quality high)");
        let json = serde_json::to_string(&said).expect("JSON");
        assert_eq!(serde_json::from_str::<MixRule>(&json).expect("a rule"), said);
    }
}
