"""A mail server on loopback that stores messages and forwards none."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import cast


class MailSink:
    """
    Accept mail while the context is active.

    .. seealso::
        https://www.rfc-editor.org/rfc/rfc5321#section-4.1

    :param port: TCP port on loopback; any free one by default.
    """

    def __init__(self, port: int = 0) -> None:
        self._server = _Server(("127.0.0.1", port), _Session)

    @property
    def address(self) -> tuple[str, int]:
        """Return the host and port of the server."""
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    @property
    def messages(self) -> list[EmailMessage]:
        """Return the messages received so far, the oldest first."""
        return list(self._server.messages)

    def __enter__(self) -> MailSink:
        threading.Thread(target=self._server.serve_forever, name="mail-sink", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], session: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(address, session)
        self.messages: list[EmailMessage] = []


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Answer one client's commands until it quits."""
        self._say("220 mail sink")
        while line := self.rfile.readline():
            command = line.strip().upper()
            if command == b"DATA":
                self._say("354 go on, end with a dot")
                self._keep()
                self._say("250 kept")
            elif command == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _keep(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        self.server.messages.append(cast(EmailMessage, message))

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
