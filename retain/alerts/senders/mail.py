"""E-mail by SMTP: plain text, one thread a problem; nothing goes over a connection that should be secure and is not."""

import re
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime

from retain.alerts.message import Message
from retain.alerts.senders.failure import NotSent
from retain.alerts.senders.posting import SECONDS, words_of
from retain.config.alerting import EmailChannel

# Text that is not ASCII is encoded, so that it passes through any server.
POLICY = SMTP.clone(cte_type="7bit")


def send(channel: EmailChannel, message: Message, attempt: str) -> str | None:
    """Raises NotSent. A recipient whom the server refuses does not keep the message from the others: they are counted."""
    mail = mail_of(channel, message, attempt)
    try:
        with _connection(channel) as server:
            if channel.username is not None and channel.password is not None:
                server.login(channel.username, channel.password.get_secret_value())
            refused = server.send_message(mail)
    except smtplib.SMTPNotSupportedError:
        raise NotSent(_unsupported(channel)) from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({_code(*answer) for answer in error.recipients.values()})
        raise NotSent(f"the mail server refused every recipient ({', '.join(codes)})") from None
    except smtplib.SMTPAuthenticationError as error:
        code = _code(error.smtp_code, error.smtp_error)
        raise NotSent(f"the mail server does not accept the user name or the password ({code})") from None
    except smtplib.SMTPConnectError as error:
        raise NotSent(
            f"the mail server refused the connection ({_code(error.smtp_code, error.smtp_error)})", is_unreachable=True
        ) from None
    except smtplib.SMTPResponseException as error:
        raise NotSent(f"the mail server answered {_code(error.smtp_code, error.smtp_error)}") from None
    except smtplib.SMTPServerDisconnected as error:
        # smtplib reports a time-out while it waits for an answer as a lost connection
        reason = error.__context__ if isinstance(error.__context__, TimeoutError) else ConnectionError()
        raise NotSent(words_of(reason), is_unreachable=True) from None
    except OSError as error:  # SMTPException is one too, and by now means that no way to log in suits both sides
        is_protocol = isinstance(error, smtplib.SMTPException)
        raise NotSent(
            "no way to log in suits the mail server and us" if is_protocol else words_of(error), is_unreachable=True
        ) from None
    if not refused:
        return None
    codes = sorted({_code(*answer) for answer in refused.values()})
    return f"{len(refused)} of {len(channel.recipients)} recipients were refused ({', '.join(codes)})"


def mail_of(channel: EmailChannel, message: Message, attempt: str) -> EmailMessage:
    mail = EmailMessage(policy=POLICY)
    domain = channel.sender.rpartition("@")[2]
    mail["From"] = channel.sender
    mail["To"] = ", ".join(channel.recipients)
    mail["Subject"] = " ".join(f"[Retain · {message.shop}] {message.title}".split())
    mail["Date"] = format_datetime(localtime())
    mail["Message-ID"] = f"<{message.thread}.{attempt}@{domain}>"
    mail["References"] = f"<{message.thread}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # nobody's out-of-office note answers
    mail.set_content(f"{message.text}\n\n-- \nRetain · {message.shop}\n")
    return mail


def _connection(channel: EmailChannel) -> smtplib.SMTP:
    if channel.security == "tls":
        return smtplib.SMTP_SSL(
            channel.host, channel.server_port, timeout=SECONDS, context=ssl.create_default_context()
        )
    server = smtplib.SMTP(channel.host, channel.server_port, timeout=SECONDS)
    if channel.security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def _unsupported(channel: EmailChannel) -> str:
    if channel.security == "starttls":
        return "the mail server offers no STARTTLS, or no way to log in: nothing was sent to it"
    return "the mail server offers no way to log in"


def _code(code: int, text: bytes | str) -> str:
    """The server's code, and its enhanced one; never its words, which may quote what we sent."""
    words = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    enhanced = re.match(r"\d\.\d{1,3}\.\d{1,3}\b", words)
    return f"{code} {enhanced[0]}" if enhanced else str(code)
