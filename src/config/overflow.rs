//! `[[overflow]]`: who sells images while there is no room here, and up to which price.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::civil::Date;
use serde::Deserialize;
use url::Url;

use super::ConfigError;
use crate::{
    costs::CostModel,
    domain::{ImageSize, NamedHost, Operation, Product, Quality},
    outbound::Reach,
    overflow::{Caps, EditsSold, Seller, SellerKey, Wares},
    units::{Millis, Money},
};

/// Longest name of an `[[overflow]]`.
const NAME_MAX: usize = 32;
/// Longest wait for an answer, in seconds.
const TIMEOUT_MAX: u32 = 600;

/// One `[[overflow]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverflowConfig {
    /// What it is called, in the log, in answers and in the books.
    pub name: String,
    /// Where its API stands, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// The variable that has its key.
    pub key_env: Option<String>,
    /// The file that has its key.
    pub key_file: Option<PathBuf>,
    /// Its model.
    pub model: String,
    /// Its entry in the price book.
    pub sku: String,
    /// The sizes that it has.
    pub sizes: Vec<ImageSize>,
    /// Our qualities, each with its word for it; an empty word leaves `quality` out.
    pub qualities: BTreeMap<Quality, String>,
    /// Images of one request.
    #[serde(default = "one")]
    pub images_max: u32,
    /// Which edits are bought.
    #[serde(default)]
    pub edits: EditsSold,
    /// What an image may cost, in the ledger's currency.
    pub max_an_image: Money,
    /// What may be paid on one day, in the ledger's currency.
    pub max_a_day: Money,
    /// Seconds that a request must have to wait here before its images are bought; 0: whatever the wait.
    pub wait_over_seconds: u32,
    /// Seconds from asking to the last byte of the answer.
    #[serde(default = "two_minutes")]
    pub timeout_seconds: u32,
    /// Whether it remembers an Idempotency-Key.
    #[serde(default)]
    pub idempotency: bool,
    /// Hosts that may have any address, and may be reached by http.
    #[serde(default)]
    pub private_hosts: Vec<NamedHost>,
    /// Hosts beside its own that an image is fetched from, if an answer has its URL alone.
    #[serde(default)]
    pub image_hosts: Vec<NamedHost>,
    /// Fields that each request has beside those of every request.
    #[serde(default)]
    pub body: serde_json::Map<String, serde_json::Value>,
}

const fn one() -> u32 {
    1
}

const fn two_minutes() -> u32 {
    120
}

/// Those that sell, by `configured`. Prices are looked up for `today`, so that a missing rate is found at the start.
///
/// # Errors
/// [`ConfigError::Overflow`], which names the `[[overflow]]` and its key.
pub(super) fn sellers(
    configured: &[OverflowConfig],
    costs: &CostModel,
    today: Date,
) -> Result<Vec<Seller>, ConfigError> {
    let mut sellers: Vec<Seller> = Vec::new();
    for one in configured {
        let refused = |reason: String| ConfigError::Overflow { name: one.name.clone(), reason };
        if sellers.iter().any(|known| known.name == one.name) {
            return Err(refused("name: another [[overflow]] has it; write another".into()));
        }
        let seller = one.seller().map_err(refused)?;
        one.check_prices(costs, today).map_err(refused)?;
        sellers.push(seller);
    }
    Ok(sellers)
}

impl OverflowConfig {
    fn seller(&self) -> Result<Seller, String> {
        self.check_name()?;
        self.check_numbers()?;
        let base_url = self.base_url()?;
        let is_private = self.private_hosts.iter().any(|host| host.is_of(&base_url));
        Ok(Seller {
            name: self.name.clone(),
            base_url,
            reach: if is_private { Reach::Any } else { Reach::Public },
            image_hosts: self.image_hosts.clone(),
            key: self.key()?,
            model: self.model.clone(),
            sku: self.sku.clone(),
            wares: Wares {
                sizes: self.sizes.clone(),
                qualities: self.qualities.clone(),
                images_max: self.images_max,
                edits: self.edits,
            },
            caps: Caps { an_image: self.max_an_image, a_day: self.max_a_day },
            wait_over: seconds(self.wait_over_seconds),
            timeout: seconds(self.timeout_seconds),
            keeps_idempotency_keys: self.idempotency,
            body: self.body.clone(),
        })
    }

    /// Names stand in headers and in the books.
    fn check_name(&self) -> Result<(), String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if (1..=NAME_MAX).contains(&self.name.len()) && self.name.chars().all(is_plain) {
            Ok(())
        } else {
            Err(format!("name: write 1 to {NAME_MAX} letters, digits, `-`, `_` or `.`"))
        }
    }

    fn check_numbers(&self) -> Result<(), String> {
        if self.sizes.is_empty() {
            return Err("sizes is empty; write those that it has, such as [\"1024x1024\"]".into());
        }
        if self.qualities.is_empty() {
            return Err(
                "qualities is empty; write ours with its words, such as { medium = \"medium\" }".into()
            );
        }
        if self.max_an_image <= Money::ZERO || self.max_a_day < self.max_an_image {
            return Err("max_an_image must be above 0, and max_a_day at least as much".into());
        }
        if !(1..=10).contains(&self.images_max) {
            return Err(format!("images_max must be 1 to 10; got {}", self.images_max));
        }
        if !(1..=TIMEOUT_MAX).contains(&self.timeout_seconds) {
            return Err(format!("timeout_seconds must be 1 to {TIMEOUT_MAX}; got {}", self.timeout_seconds));
        }
        Ok(())
    }

    fn base_url(&self) -> Result<Url, String> {
        let text = &self.base_url;
        let malformed =
            || format!("base_url is `{text}`; write a URL such as https://api.openai.com/v1, without a key");
        let mut url = Url::parse(text).map_err(|_| malformed())?;
        let has_more = !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some();
        if url.host().is_none() || has_more {
            return Err(malformed());
        }
        match url.scheme() {
            "https" => {}
            "http" if self.private_hosts.iter().any(|host| host.is_of(&url)) => {}
            "http" => {
                return Err(format!(
                    "base_url is `{text}`; write it with https://, or list its host in private_hosts"
                ));
            }
            _ => return Err(malformed()),
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(url)
    }

    fn key(&self) -> Result<SellerKey, String> {
        let (place, text) = match (&self.key_env, &self.key_file) {
            (Some(name), None) => {
                let unset = || format!("key_env: the variable {name} is not set; set it to the key");
                (format!("the variable {name}"), std::env::var(name).map_err(|_| unset())?)
            }
            (None, Some(file)) => {
                let unread = |cause| format!("key_file: {}: {cause}", file.display());
                (file.display().to_string(), std::fs::read_to_string(file).map_err(unread)?)
            }
            _ => return Err("write its key's place as either key_env or key_file".into()),
        };
        SellerKey::new(&text).ok_or_else(|| format!("{place} holds no key; write the key alone into it"))
    }

    /// Looks every price up that may be asked for.
    fn check_prices(&self, costs: &CostModel, today: Date) -> Result<(), String> {
        costs.prices().check_sku(&self.sku).map_err(|error| format!("sku: {error}"))?;
        let edit = (self.edits != EditsSold::None).then_some(Operation::Edit);
        for operation in std::iter::once(Operation::Generate).chain(edit) {
            for size in &self.sizes {
                for quality in self.qualities.keys() {
                    let product = Product { operation, size: *size, quality: *quality };
                    let price = costs.bought_price(&self.sku, product, today);
                    price.map_err(|error| format!("sku: {error}"))?;
                }
            }
        }
        Ok(())
    }
}

fn seconds(seconds: u32) -> Millis {
    Millis::new(u64::from(seconds) * 1000)
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use jiff::civil::date;

    use super::*;
    use crate::{config::Config, toml_text::TomlText};

    const TODAY: Date = date(2026, 11, 23);

    /// A configuration with one `[[overflow]]`, whose line `key` is replaced by `line`.
    fn configured(key: &str, line: &str) -> Result<Vec<Seller>, String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "sk-secret\n").expect("written");
        let all = [
            ("name", "name = \"acme\"".to_owned()),
            ("base_url", "base_url = \"https://api.acme.test/v1\"".to_owned()),
            ("key_file", format!("key_file = {:?}", file.path())),
            ("model", "model = \"gpt-image-2\"".to_owned()),
            ("sku", "sku = \"openai/gpt-image-2\"".to_owned()),
            ("sizes", "sizes = [\"1024x1024\"]".to_owned()),
            ("qualities", "qualities = { medium = \"medium\", auto = \"medium\" }".to_owned()),
            ("max_an_image", "max_an_image = 0.5".to_owned()),
            ("max_a_day", "max_a_day = 20".to_owned()),
            ("wait_over_seconds", "wait_over_seconds = 30".to_owned()),
        ];
        let is_known = all.iter().any(|(name, _)| *name == key);
        let mut lines: Vec<_> =
            all.iter().map(|(name, kept)| if *name == key { line } else { kept.as_str() }).collect();
        if !is_known {
            lines.push(line);
        }
        let toml = format!("[[overflow]]\n{}", lines.join("\n"));
        let config = Config::extract(&Figment::from(TomlText::string(&toml)));
        let config = config.map_err(|error| error.to_string())?;
        let costs = config.cost_model(TODAY).map_err(|error| error.to_string())?;
        config.sellers(&costs, TODAY).map_err(|error| error.to_string())
    }

    #[test]
    fn an_overflow_is_read_with_its_key_and_usual_values() {
        let sellers = configured("body", "body = { moderation = \"low\" }").expect("a seller");
        let acme = &sellers[0];
        assert_eq!(acme.base_url.as_str(), "https://api.acme.test/v1/");
        assert_eq!((acme.reach, acme.timeout, acme.wait_over), (Reach::Public, seconds(120), seconds(30)));
        assert_eq!((acme.wares.images_max, acme.wares.edits), (1, EditsSold::None));
        assert_eq!(acme.wares.qualities.len(), 1, "auto is medium");
        assert_eq!(acme.body["moderation"], "low");
        let listed = configured("image_hosts", "image_hosts = [\"cdn.acme.test\"]").expect("a seller");
        assert_eq!(listed[0].image_hosts[0].to_string(), "cdn.acme.test");
        let private = configured(
            "base_url",
            "base_url = \"http://127.0.0.1:9000/v1/\"\nprivate_hosts = [\"127.0.0.1:9000\"]",
        );
        assert_eq!(private.expect("a seller")[0].reach, Reach::Any);
    }

    #[test]
    fn what_is_wrong_is_one_line_with_the_name_and_the_key() {
        for (key, line, said) in [
            ("name", "name = \"a b\"", "name"),
            ("base_url", "base_url = \"http://api.acme.test/v1\"", "https://"),
            ("base_url", "base_url = \"api.acme.test\"", "base_url"),
            ("base_url", "base_url = \"https://key@api.acme.test/v1\"", "base_url"),
            ("key_file", "", "either key_env or key_file"),
            ("key_file", "key_file = \"/nowhere/key\"", "/nowhere/key"),
            ("key_file", "key_env = \"TINTYPE_NO_SUCH_VARIABLE\"", "TINTYPE_NO_SUCH_VARIABLE is not set"),
            ("sku", "sku = \"openai/gpt-image-9\"", "sku"),
            ("sku", "sku = \"openai/dall-e-3\"", "openai/dall-e-3"),
            ("sizes", "sizes = []", "sizes"),
            ("qualities", "qualities = {}", "qualities"),
            ("qualities", "qualities = { best = \"high\" }", "best"),
            ("max_an_image", "max_an_image = 0", "max_an_image"),
            ("max_a_day", "max_a_day = 0.1", "max_a_day"),
            ("images_max", "images_max = 11", "images_max"),
            ("timeout_seconds", "timeout_seconds = 0", "timeout_seconds"),
            ("model", "", "model"),
            ("image_hosts", "image_hosts = [\"https://cdn.acme.test\"]", "is not a host"),
            ("colour", "colour = 1", "colour"),
        ] {
            let error = configured(key, line).expect_err(line);
            assert!(error.contains(said) && !error.contains('\n'), "{line}: {error}");
            assert!(error.contains("overflow"), "{line}: {error}");
        }
    }

    #[test]
    fn two_of_one_name_are_refused() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "sk-secret").expect("written");
        let one = format!(
            "[[overflow]]\nname = \"acme\"\nbase_url = \"https://api.acme.test/v1\"\nkey_file = {:?}\nmodel = \"m\"\n\
             sku = \"openai/gpt-image-2\"\nsizes = [\"1024x1024\"]\nqualities = {{ medium = \"medium\" }}\n\
             max_an_image = 1\nmax_a_day = 1\nwait_over_seconds = 0\n",
            file.path()
        );
        let config = Config::extract(&Figment::from(TomlText::string(&format!("{one}{one}"))));
        let config = config.expect("a configuration");
        let costs = config.cost_model(TODAY).expect("costs");
        let error = config.sellers(&costs, TODAY).expect_err("refused").to_string();
        assert!(error.contains("acme") && error.contains("another"), "{error}");
    }
}
