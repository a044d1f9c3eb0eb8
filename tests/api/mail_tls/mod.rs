//! Alerts by e-mail over TLS, from the first byte and after STARTTLS, and certificates that are refused in one line.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tintype::{
    notify::{MailServer, Mailer},
    units::Millis,
};

use crate::{
    client::eventually,
    mail_receiver::{MailReceiver, MailTls},
    server::TestServer,
    tls::{certificate, encryption, file},
};

const EVENT: &str =
    r#"{"id":"evt_1","object":"event","created_at":1795442399,"type":"webhook.test","data":{}}"#;

/// A mail sent to `receiver`, or why it was not.
fn send(
    receiver: &MailReceiver,
    scheme: &str,
    query: &str,
    authorities: Option<&Path>,
) -> Result<(), String> {
    let server = MailServer::new(&format!("{scheme}://{}{query}", receiver.address));
    let authorities = authorities.map(|file| std::fs::read(file).expect("a file"));
    let mailer = Mailer::new(&server, "tintype@studio.example", authorities.as_deref());
    let to = "mailto:ops@studio.example".parse().expect("a URL");
    mailer.and_then(|mailer| mailer.send(&to, "evt_1", EVENT)).map_err(|error| error.to_string())
}

#[test]
fn mail_is_encrypted_from_the_first_byte_or_after_starttls() {
    let trusted = certificate();
    let implicit = MailReceiver::start_with(MailTls::Implicit(encryption(&trusted)));
    assert_eq!(send(&implicit, "smtps", "", Some(&trusted)), Ok(()));
    assert_eq!(implicit.received()[0].to, ["ops@studio.example"]);
    let later = MailReceiver::start_with(MailTls::StartTls(encryption(&trusted)));
    for tls in ["required", "opportunistic"] {
        assert_eq!(send(&later, "smtp", &format!("?tls={tls}"), Some(&trusted)), Ok(()));
    }
    assert_eq!(later.received().len(), 2);
    // A server that offers no STARTTLS gets no mail that requires it.
    let open = MailReceiver::start();
    let refused = send(&open, "smtp", "?tls=required", Some(&trusted)).expect_err("no TLS");
    assert!(refused.contains("STARTTLS"), "{refused}");
    assert!(open.received().is_empty());
    let refused = send(&open, "smtp", "", Some(&trusted)).expect_err("nothing to trust");
    assert!(refused.starts_with("mail.authorities: mail.server is reached without TLS"), "{refused}");
}

#[test]
fn a_certificate_that_cannot_be_trusted_gets_no_mail_and_one_line_with_the_remedy() {
    let trusted = certificate();
    for (presented, authorities, said) in [
        (
            certificate(),
            None,
            "no known authority has signed it; name a PEM file with its authority as mail.authorities",
        ),
        (file("mail_tls/expired.pem"), Some(&trusted), "it has expired; renew it on the mail server"),
        (
            file("mail_tls/elsewhere.pem"),
            Some(&trusted),
            "it is for another name; write the name that it is for in mail.server",
        ),
    ] {
        let config = encryption(&presented);
        let ways = [
            (MailTls::Implicit(Arc::clone(&config)), "smtps", ""),
            (MailTls::StartTls(config), "smtp", "?tls=required"),
        ];
        for (tls, scheme, query) in ways {
            let receiver = MailReceiver::start_with(tls);
            let refused = send(&receiver, scheme, query, authorities.map(PathBuf::as_path)).expect_err(said);
            assert!(refused.starts_with("the mail server's certificate was refused: "), "{refused}");
            assert!(refused.contains(said) && refused.lines().count() == 1, "{said} in {refused}");
            assert!(receiver.received().is_empty(), "nothing was sent");
        }
    }
}

#[test]
fn a_server_with_authorities_of_its_own_sends_its_alerts_over_tls() {
    let mail = MailReceiver::start_with(MailTls::Implicit(encryption(&certificate())));
    let smtps = format!("smtps://{}", mail.address);
    let clock = Arc::new(tintype::clock::ManualClock::at(jiff::Timestamp::constant(1_795_000_000, 0)));
    let server = TestServer::start_at(clock.clone(), |config| {
        config.mail.server = Some(MailServer::new(&smtps));
        config.mail.authorities = Some(certificate());
        // More than any disk has.
        config.pictures.free_disk_min_mib = 1 << 40;
    });
    let form = "url=mailto%3Aops%40studio.example&key=&events=disk.full";
    let added = server.post("/admin/webhooks").bearer(&server.key);
    let added = added.header("content-type", "application/x-www-form-urlencoded").send(form);
    assert_eq!(added.status, 200, "{}", added.text);
    eventually("the mail arrives", || {
        clock.advance(Millis::new(10_000));
        mail.about("no room for images").len() == 1
    });
}
