use std::error::Error;

use super::error::BucketFault;

/// Letters of a reason that are passed on.
const REASON_CHARS_MAX: usize = 200;
/// Where machines of clouds are given credentials.
const METADATA_ADDRESSES: [&str; 3] = ["169.254.169.254", "169.254.170.2", "fd00:ec2::254"];
/// What servers call a bucket that takes no more: S3's own names, MinIO's, and those of Ceph and Garage.
const FULL: [&str; 5] =
    ["QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage", "507 "];

impl BucketFault {
    /// What `error` means for whoever keeps images. Of a server's answer only its code is passed on: the rest has keys in it.
    pub(super) fn of(error: &object_store::Error) -> Self {
        let text = error.to_string();
        let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        let reason = code.map_or_else(|| innermost(error), |(code, _)| code.to_owned());
        let is_refusal = matches!(
            error,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }
        );
        if METADATA_ADDRESSES.iter().any(|address| text.contains(address)) {
            Self::Refused("there are none".into())
        } else if reason == "NoSuchBucket" {
            Self::Missing
        } else if FULL.iter().any(|full| text.contains(full)) {
            Self::Full(reason)
        } else if is_refusal || text.contains("status code: 403") || text.contains("status code: 401") {
            Self::Refused(reason)
        } else {
            Self::Away(reason)
        }
    }
}

/// The first cause of an error, in one line.
fn innermost(error: &object_store::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let line = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(REASON_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> BucketFault {
        BucketFault::of(&object_store::Error::Generic { store: "S3", source: text.into() })
    }

    #[test]
    fn an_answer_is_understood_by_its_code_and_the_rest_of_it_is_not_passed_on() {
        let answer = |status: &str, code: &str| {
            format!(
                "Server returned non-2xx status code: {status}: <Error><Code>{code}</Code><StringToSign>secret</StringToSign>"
            )
        };
        let refused = fault(&answer("403 Forbidden", "SignatureDoesNotMatch"));
        assert!(matches!(&refused, BucketFault::Refused(reason) if reason == "SignatureDoesNotMatch"));
        assert!(!refused.to_string().contains("secret"));
        assert!(matches!(fault(&answer("404 Not Found", "NoSuchBucket")), BucketFault::Missing));
        let full = fault(&answer("507 Insufficient Storage", "XMinioStorageFull"));
        assert!(matches!(full, BucketFault::Full(_)));
        assert!(matches!(fault(&answer("503 Slow", "SlowDown")), BucketFault::Away(_)));
        let nowhere = fault("error sending request for http://169.254.169.254/latest/api/token");
        assert!(matches!(nowhere, BucketFault::Refused(_)));
        let BucketFault::Away(reason) = fault("Connection\n refused") else { panic!("it may pass") };
        assert_eq!(reason, "Connection refused");
    }
}
