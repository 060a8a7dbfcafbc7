"""Certificates for servers on this machine, made by the `openssl` command."""

import shutil
import ssl
import subprocess
from pathlib import Path

HERE = ("DNS:localhost", "IP:127.0.0.1")
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """One that issues certificates; `ca_file` is its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        self._key = folder / "ca.key"
        usage = ("-addext", "basicConstraints=critical,CA:TRUE")
        _openssl("req", "-x509", *KEY, *self._out("ca"), "-subj", "/CN=Tests", "-days", "2", *usage)

    def _out(self, name: str) -> tuple[str, ...]:
        return ("-keyout", str(self._folder / f"{name}.key"), "-out", str(self._folder / f"{name}.pem"))

    def issue(self, *names: str, days: int = 2) -> ssl.SSLContext:
        """A server's side of TLS with a certificate for these names; with days below 0 it has expired."""
        stem = f"server{len(list(self._folder.iterdir()))}"
        request, extensions = self._folder / f"{stem}.csr", self._folder / f"{stem}.ext"
        extensions.write_text(f"subjectAltName={','.join(names)}\n")
        _openssl("req", "-new", *KEY, "-subj", "/CN=server", *self._out(stem)[:2], "-out", str(request))
        signed = ("-in", str(request), "-CA", str(self.ca_file), "-CAkey", str(self._key), "-CAcreateserial")
        validity = ("-days", str(days), "-extfile", str(extensions))
        _openssl("x509", "-req", *signed, *validity, *self._out(stem)[2:])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{stem}.pem", self._folder / f"{stem}.key")
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context


def _openssl(*arguments: str) -> None:
    assert shutil.which("openssl"), "these tests need the openssl command (Debian: apt install openssl)"
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
