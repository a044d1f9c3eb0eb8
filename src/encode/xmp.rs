use xmp_writer::{CustomNamespace, Namespace, RdfCollectionType, XmpWriter};

use super::{PromptRecord, Provenance, ReceiptRecord, aigc};
use crate::domain::{Computation, LoraUse, WeightHashes};

/// Most bytes of a prompt in a file, as UTF-8 with XML's escapes (a quotation mark takes six). A longer one is cut and
/// ends in `…`. The packet holds the prompt twice, and a JPEG's has room for 65,504 bytes.
pub const PROMPT_BYTES_MAX: usize = 24_000;

/// IPTC's term for an image made by a model from a prompt: the machine-readable mark that article 50(2) of the EU's
/// AI Act asks for.
const MADE_BY_AI: &str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

/// A namespace that xmp-writer does not know: its name, prefix and URI.
type Custom = (&'static str, &'static str, &'static str);

/// IPTC Photo Metadata Standard 2025.1, extension schema.
const IPTC: Custom = ("IPTC Extension", "Iptc4xmpExt", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/");
/// TC260-PG-20259A.
const TC260: Custom = ("TC260", "TC260", "http://www.tc260.org.cn/ns/AIGC/1.0/");
/// Ours. A UUID, since no domain is ours to keep; another meaning of a property needs another UUID.
const TINTYPE: Custom = ("Tintype", "tintype", "urn:uuid:71ea806b-ccdd-4176-99fd-eb13ca667e43#");

/// The XMP packet of `provenance`, the same for every format.
pub(super) fn packet(provenance: &Provenance) -> String {
    let Provenance { prompt, seed, steps, guidance_scale, model, software, created, .. } = provenance;
    let mut packet = Packet(XmpWriter::new());
    packet.put(Namespace::Xmp, "CreatorTool", software);
    packet.put(Namespace::Xmp, "CreateDate", &created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    packet.put(custom(IPTC), "DigitalSourceType", MADE_BY_AI);
    packet.put(custom(IPTC), "AISystemUsed", model);
    packet.put(custom(TC260), "AIGC", &aigc::label(provenance));
    match prompt {
        PromptRecord::Text(prompt) => {
            let prompt = clipped(&legal(prompt));
            packet.put(custom(IPTC), "AIPromptInformation", &prompt);
            packet.put(custom(TINTYPE), "prompt", &prompt);
        }
        PromptRecord::Sha256(hash) => {
            packet.put(custom(TINTYPE), "prompt_sha256", &base16ct::lower::encode_string(hash));
        }
        PromptRecord::Omitted => {}
    }
    match &provenance.bought_from {
        Some(seller) => packet.put(custom(TINTYPE), "bought_from", seller),
        None => {
            packet.put(custom(TINTYPE), "seed", &seed.to_string());
            packet.put(custom(TINTYPE), "steps", &steps.to_string());
            packet.put(custom(TINTYPE), "guidance_scale", &guidance_scale.to_string());
        }
    }
    packet.put(custom(TINTYPE), "model", model);
    if !provenance.loras.is_empty() {
        packet.put_loras(&provenance.loras);
    }
    if let Some(computation) = &provenance.computation {
        packet.put_computation(computation);
    }
    if let Some(receipt) = &provenance.receipt {
        packet.put_receipt(receipt);
    }
    packet.0.finish(None)
}

struct Packet(XmpWriter<'static>);

impl Packet {
    fn put(&mut self, namespace: Namespace<'static>, name: &str, text: &str) {
        self.0.element(name, namespace).value(legal(text).as_str());
    }

    /// A list of structures, in the request's order.
    fn put_loras(&mut self, loras: &[LoraUse]) {
        let mut list = self.0.element("loras", custom(TINTYPE)).array(RdfCollectionType::Seq);
        for LoraUse { name, weight, sha256 } in loras {
            let mut fields = list.element().obj();
            fields.element("name", custom(TINTYPE)).value(legal(name).as_str());
            fields.element("weight", custom(TINTYPE)).value(weight.to_string().as_str());
            if let Some(sha256) = sha256 {
                fields.element("sha256", custom(TINTYPE)).value(sha256.as_str());
            }
        }
    }

    /// A structure with the fields of an answer's `computation`; the hashes stand beside the rest.
    fn put_computation(&mut self, computation: &Computation) {
        let Computation { weights, rng, schedule, precision, device } = computation;
        let WeightHashes { transformer, text_encoder, vae } = weights;
        let mut fields = self.0.element("computation", custom(TINTYPE)).obj();
        for (name, text) in [
            ("transformer_sha256", transformer.as_ref()),
            ("text_encoder_sha256", text_encoder.as_ref()),
            ("vae_sha256", vae.as_ref()),
            ("rng", Some(rng)),
            ("schedule", Some(schedule)),
            ("precision", Some(precision)),
            ("device", Some(device)),
        ] {
            if let Some(text) = text {
                fields.element(name, custom(TINTYPE)).value(text.as_str());
            }
        }
    }

    /// A structure whose fields are those of the receipt in an answer, by the same names and digit for digit.
    fn put_receipt(&mut self, receipt: &ReceiptRecord) {
        let mut fields = self.0.element("receipt", custom(TINTYPE)).obj();
        let texts = [
            ("request_id", receipt.request.to_text()),
            ("currency", receipt.currency.to_string()),
            ("electricity", receipt.cost.electricity.to_decimal_string()),
            ("depreciation", receipt.cost.depreciation.to_decimal_string()),
            ("upkeep", receipt.cost.upkeep.to_decimal_string()),
            ("total", receipt.total.to_decimal_string()),
            ("energy_kwh", receipt.energy.to_kwh_string()),
            ("wall_energy_kwh", receipt.wall_energy.to_kwh_string()),
            ("energy_source", receipt.energy_source.to_string()),
            ("duration_ms", receipt.duration.get().to_string()),
        ];
        for (name, text) in texts {
            fields.element(name, custom(TINTYPE)).value(text.as_str());
        }
    }
}

fn custom((name, prefix, uri): Custom) -> Namespace<'static> {
    Namespace::Custom(Box::new(CustomNamespace::new(name, prefix, uri)))
}

/// `text` with U+FFFD for every character that XML 1.0 cannot hold, escaped or not, and with the line ends that an XML
/// reader makes of any.
pub(super) fn legal(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| match c {
            '\r' => '\n',
            '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// The beginning of `prompt` that fits into [`PROMPT_BYTES_MAX`].
fn clipped(prompt: &str) -> String {
    const ELLIPSIS: char = '…';
    let (mut bytes, mut end) = (0, 0);
    for (start, c) in prompt.char_indices() {
        bytes += escaped_bytes(c);
        if bytes > PROMPT_BYTES_MAX {
            return format!("{}{ELLIPSIS}", &prompt[..end]);
        }
        if bytes + ELLIPSIS.len_utf8() <= PROMPT_BYTES_MAX {
            end = start + c.len_utf8();
        }
    }
    prompt.to_owned()
}

/// Bytes of a character as xmp-writer writes it.
const fn escaped_bytes(c: char) -> usize {
    match c {
        '<' | '>' => "&lt;".len(),
        '&' => "&amp;".len(),
        '"' | '\'' => "&quot;".len(),
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_cut_at_the_limit_and_not_before() {
        for c in ["a", "é", "画", "🎨", "<", "&", "\""] {
            let width = escaped_bytes(c.chars().next().expect("a character"));
            let most = PROMPT_BYTES_MAX / width;
            let whole = c.repeat(most);
            assert_eq!(clipped(&whole), whole, "{c}");

            let cut = clipped(&c.repeat(most + 1));
            assert!(cut.ends_with('…') && cut.starts_with(c), "{c}");
            let bytes: usize = cut.chars().map(escaped_bytes).sum();
            assert!((PROMPT_BYTES_MAX - width + 1..=PROMPT_BYTES_MAX).contains(&bytes), "{c}: {bytes}");
        }
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced_and_the_rest_is_kept() {
        assert_eq!(legal("a\0b\u{b}c\u{1f}\u{ffff}"), "a\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}");
        assert_eq!(legal("one\r\ntwo\rthree\n\r"), "one\ntwo\nthree\n\n");
        let fine = "\ttab\nline ]]> <?xpacket end=\"w\"?> & ' 🎨 \u{feff}\u{10ffff}";
        assert_eq!(legal(fine), fine);
    }
}
