"""The mail server of tests and demos."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

from localcloud.testing import MailSink


def test_it_keeps_what_any_client_sends() -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Größe"
    message.set_content("one line\n.\n.two dots\n")

    with MailSink() as sink:
        with smtplib.SMTP(*sink.address, timeout=60) as client:
            client.send_message(message)
            client.send_message(message)
        kept = sink.messages

    assert [one["Subject"] for one in kept] == ["Größe", "Größe"]
    assert kept[0].get_content().splitlines() == ["one line", ".", ".two dots"]
