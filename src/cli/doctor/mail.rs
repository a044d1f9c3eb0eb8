//! The mail server of the alerts.

use std::time::Duration;

use super::report::Check;
use crate::{
    config::Config,
    notify::{MailError, MailServer, Mailer},
};

/// How long the mail server has, from the look-up of its name to its last answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The mail server, if one is configured: whether it would take a mail. None is sent.
pub(super) fn server(config: &Config) -> Option<Check> {
    let server = config.mail.server.as_ref()?;
    Some(match config.mailer() {
        Ok(mailer) => tried(server, &mailer?),
        Err(error) => {
            Check::failure("mail", error.to_string(), "correct [mail] in tintype.toml, or its variables")
        }
    })
}

fn tried(server: &MailServer, mailer: &Mailer) -> Check {
    let sign_in = if server.signs_in() { "with a sign-in" } else { "without a sign-in" };
    let error = match mailer.try_server(PATIENCE) {
        Ok(()) if server.exposes_password() => {
            return Check::warning(
                "mail",
                format!("{server} answers, but the password is sent to it without TLS"),
                "write smtps://… or ?tls=required in mail.server",
            );
        }
        Ok(()) => return Check::ok("mail", format!("{server} answers {sign_in}; no mail was sent")),
        Err(error) => error,
    };
    let remedy = match &error {
        MailError::Certificate(_) => "until then no alert is sent by e-mail",
        MailError::SignIn(_) => "correct the user and the password in mail.server (or TINTYPE_MAIL__SERVER)",
        _ => "check the host, the port and the kind of TLS in mail.server, and the firewall",
    };
    Check::failure("mail", format!("{server}, tried {sign_in}: {error}"), remedy)
}
