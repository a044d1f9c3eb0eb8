use serde_json::Value;

use super::Provenance;

/// The implicit label of GB 45438-2025, appendix E b): a JSON object of seven texts, in this order.
///
/// Its place in an image is `TC260:AIGC` of the XMP packet, by the practice guide TC260-PG-20259A (August 2025),
/// clause 6: <https://www.tc260.org.cn/tc260/tzgg/202508/49b6d19ee5374bc4962e1ac427a5b390.shtml>. `Label` 1 says that
/// the image was made by AI (2 perhaps, 3 suspected). `ReservedCode1` would be the producer's seal against changes.
/// The last three belong to platforms that pass the image on.
pub(super) fn label(provenance: &Provenance) -> String {
    let fields = [
        ("Label", "1"),
        ("ContentProducer", &provenance.producer),
        ("ProduceID", &provenance.produced_id),
        ("ReservedCode1", ""),
        ("ContentPropagator", ""),
        ("PropagateID", ""),
        ("ReservedCode2", ""),
    ];
    let fields = fields.map(|(name, text)| format!("\"{name}\":{}", Value::from(text)));
    format!("{{{}}}", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::tests::provenance;

    #[test]
    fn the_label_is_the_standards_json() {
        let label = label(&provenance());
        assert_eq!(
            label,
            concat!(
                r#"{"Label":"1","ContentProducer":"Example Studio","#,
                r#""ProduceID":"0198c0de-0000-7000-8000-000000000001-0","ReservedCode1":"","#,
                r#""ContentPropagator":"","PropagateID":"","ReservedCode2":""}"#,
            )
        );
    }

    #[test]
    fn a_producer_with_quotes_stays_one_text() {
        let producer = "\"Studio\" \\ 画\n";
        let label = label(&Provenance { producer: producer.to_owned(), ..provenance() });
        let read: Value = serde_json::from_str(&label).expect("JSON");
        assert_eq!(read["ContentProducer"], producer);
        assert_eq!(read.as_object().expect("an object").len(), 7);
    }
}
