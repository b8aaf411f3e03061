"""Real listeners on loopback: an HTTP server and an SMTP server (plain, STARTTLS, TLS, login), and a shop to be alarmed about."""

import atexit
import base64
import http.server
import ipaddress
import json
import os
import shutil
import socketserver
import ssl
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from retain import alerts, loads, warehouse
from retain.config import load_settings
from retain.config.alerting import Alerts, WebhookChannel

if "AIRFLOW_HOME" not in os.environ:  # importing Airflow makes a folder
    os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="retain-airflow-tests-")
    atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """Loopback is reached directly, whatever this machine's surroundings say."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class Post:
    path: str
    headers: dict
    body: bytes

    @property
    def document(self):
        return json.loads(self.body)


@dataclass
class Listener:
    """What was posted; `answers` are the next status codes (200 when there are none left)."""

    port: int = 0
    posts: list[Post] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    headers: dict = field(default_factory=dict)
    wait: threading.Event | None = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/services/T000/B000/a-secret-token"


@contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def http_listener(port=0):
    listener = Listener()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if listener.wait is not None:
                listener.wait.wait(20)
            listener.posts.append(Post(self.path, dict(self.headers), body))
            self.send_response(listener.answers.pop(0) if listener.answers else 200)
            for name, value in listener.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    listener.port = server.server_address[1]
    with serving(server):
        yield listener


@pytest.fixture
def serve_http():
    """`with serve_http() as listener`, for tests that need one more, or one that goes away."""
    return http_listener


@pytest.fixture
def serve_smtp():
    return smtp_server


@pytest.fixture
def listener():
    with http_listener() as one:
        yield one


@dataclass
class MailServer:
    """What arrived. `refuse` maps a command to the answer it gets instead; `log` is every line a client sent in the clear."""

    port: int = 0
    mails: list = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    offers: tuple[str, ...] = ()
    login: tuple[str, str] | None = None
    in_the_clear: list[str] = field(default_factory=list)

    def texts(self):
        return [mail.get_content() for mail in self.mails]

    def subjects(self):
        return [mail["Subject"] for mail in self.mails]


class SmtpHandler(socketserver.StreamRequestHandler):
    """As much of RFC 5321, 3207 and 4954 as a client of ours needs."""

    def handle(self):
        self.is_secure = isinstance(self.request, ssl.SSLSocket)
        self.is_in = self.server.state.login is None
        self.say("220 loopback")
        while line := self.rfile.readline():
            text = line.decode().rstrip("\r\n")
            if not self.is_secure:
                self.server.state.in_the_clear.append(text)
            verb = text.split(" ")[0].split(":")[0].upper()
            if verb in self.server.state.refuse:
                self.say(self.server.state.refuse[verb])
                continue
            if getattr(self, f"do_{verb.lower()}", self.unknown)(text) is False:
                return

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def unknown(self, text):
        self.say("502 not here")

    def do_ehlo(self, text):
        offers = [offer for offer in self.server.state.offers if offer != "STARTTLS" or not self.is_secure]
        lines = ["loopback", *offers]
        for line in lines[:-1]:
            self.say(f"250-{line}")
        self.say(f"250 {lines[-1]}")

    def do_starttls(self, text):
        self.say("220 go ahead")
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.setup()
        self.is_secure = True

    def do_auth(self, text):
        user, password = base64.b64decode(text.split(" ")[2]).decode().split("\0")[1:]
        self.is_in = (user, password) == self.server.state.login
        self.say("235 2.7.0 welcome" if self.is_in else f"535 5.7.8 no {user} with password {password}")

    def do_mail(self, text):
        self.say("250 2.1.0 fine" if self.is_in else "530 5.7.0 log in first")

    def do_rcpt(self, text):
        recipient = text.split("<")[1].split(">")[0]
        if recipient.startswith("nobody@"):
            self.say(f"550 5.1.1 {recipient} is unknown")
            return
        self.server.state.recipients.append(recipient)
        self.say("250 2.1.5 fine")

    def do_data(self, text):
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        self.server.state.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
        self.say("250 2.0.0 queued")

    def do_rset(self, text):
        self.say("250 2.0.0 fine")

    def do_quit(self, text):
        self.say("221 2.0.0 bye")
        return False


class SmtpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that does not trust us hangs up: what it says of that is tested, not printed."""


@contextmanager
def smtp_server(certificate=None, *, tls=False, **state):
    server = SmtpServer(("127.0.0.1", 0), SmtpHandler)
    server.state = MailServer(server.server_address[1], **state)
    if certificate is not None:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(certificate)
        if tls:
            server.socket = server.context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield server.state


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 with its key, in one file, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "loopback.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


SOURCES = """\
  - name: shop
    type: files
    folder: files
    timezone: UTC
    entities:
      customers:
        files: "customers*.csv"
        fields: {customer_id: id, email: email, phone: phone}
      orders:
        files: "orders*.csv"
        fields: {order_id: id, customer_id: customer, ordered_at: at, gross_amount: amount, currency: currency}
        defaults: {status: paid}
"""
EXTRA = "gate: {quarantine_allowance: 10, max_quarantined_share: 0.1}\n"
HEADER = "id,customer,at,amount,currency\n"


@dataclass
class Shop:
    """A shop of two entities in CSV files, and its settings: among them, whom its alerts go to."""

    settings: object

    def write(self, name, text):
        (self.settings.source("shop").folder / name).write_text(text)

    def orders(self, name, *, good=0, bad=0, customer="c1"):
        rows = [f"{name}-g{number},{customer},2025-01-01 10:00,10,EUR" for number in range(good)]
        rows += [f"{name}-b{number},{customer},2025-01-01 10:00,ten,EUR" for number in range(bad)]
        self.write(f"orders-{name}.csv", HEADER + "\n".join(rows) + "\n")

    def load(self, *, now=None, full=False):
        """Load everything and look at what came of it, as the command line does."""
        outcomes = loads.load_sources(self.settings, ["shop"], full=full)
        alerts.observe(self.settings, outcomes, now=now)
        return {(one.entity, one.status) for one in outcomes}

    def ask(self, statement):
        with warehouse.connect(self.settings) as connection:
            return connection.execute(statement).fetchall()

    def everything_written(self):
        """Every row of the tables of the alerts, as text."""
        rows = self.ask("select alerts::text from ops.alerts") + self.ask("select d::text from ops.alert_deliveries d")
        return "\n".join(row[0] for row in rows)


@pytest.fixture
def make_shop(write_config, tmp_path):
    def make(*channels, **rules):
        (tmp_path / "files").mkdir()
        settings = load_settings(write_config(SOURCES, extra=EXTRA, timezone="Asia/Yerevan"))
        warehouse.prepare(settings)
        shop = Shop(settings.model_copy(update={"alerts": Alerts(to=channels, **rules)}))
        shop.write("customers-1.csv", "id,email,phone\nc1,a@x.am,\n")
        return shop

    return make


@pytest.fixture
def shop(make_shop, listener):
    """It tells a webhook: `listener.posts` are the messages."""
    return make_shop(WebhookChannel(url=listener.url))


@pytest.fixture
def write_shop(write_config):
    """Write the shop's retain.yml, with `extra` lines of YAML; returns its path."""
    return lambda extra: write_config(SOURCES, extra=EXTRA + extra, timezone="Asia/Yerevan")
