"""An app as anybody would write it with Flask: nothing in it knows of lbsls."""

from __future__ import annotations

import os

from flask import Flask, Response, request

app = Flask(__name__)


@app.get("/ping")
def ping() -> str:
    """Be well."""
    return "ok"


@app.route("/upper", methods=["POST"])
def upper() -> str:
    """Answer a form."""
    return request.form["text"].upper()


@app.get("/pid")
def pid() -> str:
    """Say which of the server's processes answers."""
    return str(os.getpid())


@app.get("/go")
def go() -> Response:
    """Send the caller elsewhere, with an absolute link."""
    return Response(status=302, headers={"Location": f"{request.host_url}ping"})
