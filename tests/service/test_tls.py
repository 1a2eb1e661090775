"""TLS of the service as its operators have it: a certificate that is renewed while it runs, one that is broken, and clients that have to show one."""

import pathlib
import socket
import ssl
import subprocess
import time

import pytest

from running import Service

SUBJECT = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]


def openssl(*arguments) -> None:
    """Runs it."""
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)


def made(folder: pathlib.Path, name: str) -> tuple[pathlib.Path, pathlib.Path]:
    """A certificate that is signed by itself, and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate, "-days", "1", *SUBJECT)
    return certificate, key


def signed_by(authority: tuple[pathlib.Path, pathlib.Path], folder: pathlib.Path, name: str) -> tuple[pathlib.Path, pathlib.Path]:
    """A certificate for a client that an authority signed, and its key."""
    certificate, key, asked, extension = (folder / f"{name}.{kind}" for kind in ("pem", "key", "csr", "ext"))
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", asked, "-subj", "/CN=client")
    extension.write_text("extendedKeyUsage=clientAuth\n")
    signer = ("-CA", authority[0], "-CAkey", authority[1], "-CAcreateserial")
    openssl("x509", "-req", "-in", asked, *signer, "-days", "1", "-extfile", extension, "-out", certificate)
    return certificate, key


def shown(service: Service, mine: tuple | None = None) -> bytes:
    """The certificate that the service shows, after an answer of it over this connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if mine:
        context.load_cert_chain(*mine)
    host, port = service.url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain, context.wrap_socket(plain) as secure:
        secure.sendall(b"GET /api/v2/health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert secure.recv(64).startswith(b"HTTP/1.1 200")
        return ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True)).encode()


def same(one: bytes, file: pathlib.Path) -> bool:
    """Whether it is the certificate of a file."""
    return ssl.PEM_cert_to_DER_cert(one.decode()) == ssl.PEM_cert_to_DER_cert(file.read_text())


@pytest.fixture
def over_tls(program, tmp_path):
    """Starts a service whose certificate lies at `live.pem`."""
    started = []

    def start(more: str = "") -> Service:
        first, key = made(tmp_path, "first")
        (tmp_path / "live.pem").write_bytes(first.read_bytes())
        (tmp_path / "live.key").write_bytes(key.read_bytes())
        settings = f'[service]\ntls-certificate = "{tmp_path}/live.pem"\ntls-key = "{tmp_path}/live.key"\n{more}'
        started.append(Service(program, tmp_path, settings=settings))
        return started[-1]

    yield start
    for service in started:
        assert service.stop() == 0


def test_a_renewed_certificate_is_shown_without_a_restart_and_a_broken_one_is_not(over_tls, tmp_path):
    service = over_tls()
    assert same(shown(service), tmp_path / "first.pem")
    second, key = made(tmp_path, "second")
    (tmp_path / "live.key").write_bytes(key.read_bytes())
    (tmp_path / "live.pem").write_bytes(second.read_bytes())
    until = time.monotonic() + 20
    while not same(shown(service), second):
        assert time.monotonic() < until, "the new certificate was not taken"
        time.sleep(0.2)
    (tmp_path / "live.pem").write_text("no certificate at all")
    time.sleep(5)
    assert same(shown(service), second), "what cannot be used is not used"


def test_only_clients_with_a_certificate_are_let_in_where_that_is_wanted(over_tls, tmp_path):
    authority = made(tmp_path, "authority")
    mine = signed_by(authority, tmp_path, "mine")
    service = over_tls(f'tls-client-authority = "{authority[0]}"\n')
    assert same(shown(service, mine), tmp_path / "first.pem"), "who has one is let in"
    for wrong in (None, made(tmp_path, "stranger")):
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            shown(service, wrong)
    assert same(shown(service, mine), tmp_path / "first.pem"), "and still is"


def test_who_signs_certificates_of_clients_is_replaced_without_a_restart(over_tls, tmp_path):
    live, (old, new) = tmp_path / "authority.pem", (made(tmp_path, name) for name in ("old", "new"))
    of_old, of_new = signed_by(old, tmp_path, "of-old"), signed_by(new, tmp_path, "of-new")
    live.write_bytes(old[0].read_bytes())
    service = over_tls(f'tls-client-authority = "{live}"\n')

    def is_let_in(mine: tuple) -> bool:
        # Who is refused learns it after his side of the handshake: by an alert, or by a connection that ends without an answer.
        try:
            return same(shown(service, mine), tmp_path / "first.pem")
        except (ssl.SSLError, ConnectionError, AssertionError):
            return False

    assert (is_let_in(of_old), is_let_in(of_new)) == (True, False), "the control: it is the other way round before"
    live.write_bytes(new[0].read_bytes())
    until = time.monotonic() + 20
    while (is_let_in(of_old), is_let_in(of_new)) != (False, True):
        assert time.monotonic() < until, "the new authority was not taken"
        time.sleep(0.2)


def test_clients_that_have_asked_for_nothing_do_not_hold_up_the_end(over_tls):
    service = over_tls("grace-seconds = 30\n")
    host, port = service.url.removeprefix("https://").split(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    silent, amid, after = (socket.create_connection((host, int(port)), timeout=10) for _ in range(3))
    with silent, amid, context.wrap_socket(after):
        # The first byte of a handshake, and no more of it.
        amid.sendall(b"\x16")
        time.sleep(0.5)
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 5
