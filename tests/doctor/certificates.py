"""This module has certificates for this machine, each signed by itself."""

import subprocess
from functools import partial
from pathlib import Path

from tests.live.processes import program


def make_certificate(folder: Path, *options: str) -> Path:
    """Return a certificate for localhost with its key, signed by itself."""
    key, request, certificate = folder / "key.pem", folder / "request.pem", folder / "certificate.pem"
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    common = ["-subj", "/CN=localhost", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    openssl = partial(subprocess.run, check=True, capture_output=True)
    openssl([program("openssl"), "req", "-new", *common, "-keyout", key, "-out", request])
    signing = ["-req", "-in", request, "-signkey", key, "-extfile", folder / "names", "-out", certificate]
    openssl([program("openssl"), "x509", *signing, *options])
    certificate.write_text(certificate.read_text() + key.read_text())
    return certificate
