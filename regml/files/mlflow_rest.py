"""What an MLflow server says of a run, asked over HTTP without MLflow.

Addresses and what they answer are those of MLflow's documented REST API 2.0.
"""

import base64
import json
import math
import os
from collections.abc import Iterable, Iterator
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, unquote, urlencode, urlsplit

from regml.files.mlflow_store import (
    RELEASED,
    Point,
    RegisteredVersion,
    TrackedRun,
    UnseenStoreError,
    stored_value,
)

if TYPE_CHECKING:
    from urllib.error import HTTPError
    from urllib.request import HTTPSHandler, OpenerDirector

SECONDS: Final = 20
"""How long a server may take for one answer."""

LARGEST: Final = 64 << 20
"""Bytes of an answer that are read."""

_NOT_MLFLOW: Final = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
)
"""What an answer of another shape leads to."""

_GONE: Final = "RESOURCE_DOES_NOT_EXIST"


class Server:
    """An MLflow server that is asked for runs.

    Credentials come from the variables that MLflow itself reads, or stand in the
    address; they go to that host alone, and no message shows them.

    Args:
        uri: Of the server, ``http`` or ``https``.

    Raises:
        UnseenStoreError: The address cannot be used.
    """

    def __init__(self, uri: str) -> None:
        try:
            parts = urlsplit(uri)
            host = parts.hostname or ""
            place = f"{host}:{parts.port}" if parts.port else host
        except ValueError as error:
            raise UnseenStoreError("its address is none") from error
        if not host:
            raise UnseenStoreError("its address names no host")
        self._base = f"{parts.scheme}://{place}{parts.path.rstrip('/')}"
        self._headers = dict(_headers(parts))
        self._opener = _opener(secure=parts.scheme.lower() == "https")

    def read(self, run: str, metrics: Iterable[str]) -> TrackedRun | None:
        """Return a run; ``None`` where the server has no such run.

        Args:
            run: MLflow's id.
            metrics: Names whose points are asked for, besides those it shows.

        Raises:
            UnseenStoreError: The server cannot be reached or understood.
        """
        answer = self._ask("runs/get", run_id=run)
        if answer is None:
            return None
        try:
            told = answer["run"]
            latest = _values(told["data"].get("metrics", []))
            return TrackedRun(
                deleted=told["info"]["lifecycle_stage"] != "active",
                metrics={
                    name: points
                    for name in sorted({*latest, *metrics})
                    if (points := tuple(self._points(run, name)))
                },
                latest=latest,
                params=_texts(told["data"].get("params", [])),
                tags=_texts(told["data"].get("tags", [])),
            )
        except _NOT_MLFLOW as error:
            raise UnseenStoreError("it does not answer as MLflow does") from error

    def registered(self) -> tuple[RegisteredVersion, ...]:
        """Return every version in the registry of the server.

        Raises:
            UnseenStoreError: The server cannot be reached or understood.
        """
        try:
            shown = {
                (row["name"], int(alias["version"]))
                for row in self._pages("registered-models/search", "registered_models")
                for alias in row.get("aliases", ())
                if alias["alias"] == RELEASED
            }
            return tuple(
                RegisteredVersion(
                    row["name"],
                    number := int(row["version"]),
                    str(row.get("source", "")),
                    _texts(row.get("tags", [])),
                    (row["name"], number) in shown,
                )
                for row in self._pages("model-versions/search", "model_versions")
            )
        except _NOT_MLFLOW as error:
            raise UnseenStoreError("it does not answer as MLflow does") from error

    def _pages(self, method: str, rows: str) -> Iterator[Any]:
        """Give the rows of all pages of an answer."""
        token, seen = "", set[str]()
        while token not in seen:
            seen.add(token)
            answer = self._ask(method, **({"page_token": token} if token else {})) or {}
            yield from answer.get(rows, [])
            token = str(answer.get("next_page_token") or "")

    def _points(self, run: str, name: str) -> Iterator[Point]:
        token, seen = "", set[str]()
        while token not in seen:
            seen.add(token)
            page = {"page_token": token} if token else {}
            asked = {"run_id": run, "metric_key": name, **page}
            answer = self._ask("metrics/get-history", **asked) or {}
            for row in answer.get("metrics", []):
                yield int(row.get("step", 0)), _number(row.get("value", 0.0))
            token = str(answer.get("next_page_token") or "")

    def _ask(self, method: str, **asked: str) -> dict[str, Any] | None:
        """Return an answer; ``None`` where the server says there is no such thing."""
        from urllib.error import HTTPError
        from urllib.request import Request

        address = f"{self._base}/api/2.0/mlflow/{method}?{urlencode(asked)}"
        request = Request(address, headers=self._headers)  # noqa: S310 - http(s) only
        try:
            with self._opener.open(request, timeout=SECONDS) as stream:
                raw = stream.read(LARGEST + 1)
        except HTTPError as error:
            with error:
                if error.code == 404 and _code(error) == _GONE:
                    return None
            raise UnseenStoreError(_refused(error.code)) from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            told = getattr(reason, "strerror", None) or str(reason)
            said = told if isinstance(reason, OSError) else type(reason).__name__
            raise UnseenStoreError(f"it cannot be reached ({said})") from error
        try:
            answer = json.loads(raw) if len(raw) <= LARGEST else None
        except (ValueError, RecursionError) as error:
            raise UnseenStoreError("it does not answer as MLflow does") from error
        if not isinstance(answer, dict):
            raise UnseenStoreError("it does not answer as MLflow does")
        return answer


def _opener(*, secure: bool) -> "OpenerDirector":
    from urllib.request import HTTPRedirectHandler, build_opener

    class Stay(HTTPRedirectHandler):
        """Follows nothing: whoever is asked has to answer."""

        def redirect_request(self, *_: Any) -> None:
            return None

    return build_opener(Stay, *([_certified()] if secure else []))


def _certified() -> "HTTPSHandler":
    import ssl
    from urllib.request import HTTPSHandler

    try:
        context = ssl.create_default_context(
            cafile=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None
        )
        if client := os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH"):
            context.load_cert_chain(client)
    except OSError as error:
        raise UnseenStoreError(
            "the certificate that MLFLOW_TRACKING_SERVER_CERT_PATH or "
            "MLFLOW_TRACKING_CLIENT_CERT_PATH names cannot be read"
        ) from error
    return HTTPSHandler(context=context)


def _headers(parts: SplitResult) -> Iterator[tuple[str, str]]:
    """Give what MLflow itself would send."""
    user = os.environ.get("MLFLOW_TRACKING_USERNAME") or unquote(parts.username or "")
    secret = os.environ.get("MLFLOW_TRACKING_PASSWORD") or unquote(parts.password or "")
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    if user and secret:
        plain = base64.b64encode(f"{user}:{secret}".encode()).decode()
        yield "Authorization", f"Basic {plain}"
    elif token:
        yield "Authorization", f"Bearer {token}"
    if workspace := os.environ.get("MLFLOW_WORKSPACE"):
        yield "X-MLFLOW-WORKSPACE", workspace
    yield "Accept", "application/json"


def _refused(code: int) -> str:
    if code in (401, 403):
        return (
            f"it refuses to answer (status {code}); see MLFLOW_TRACKING_USERNAME, "
            "MLFLOW_TRACKING_PASSWORD and MLFLOW_TRACKING_TOKEN"
        )
    if 300 <= code < 400:
        return f"it sends elsewhere (status {code}), and its word is wanted"
    return f"it answers with status {code}"


def _code(error: "HTTPError") -> object:
    try:
        answer = json.loads(error.read(LARGEST))
    except (OSError, HTTPException, ValueError, RecursionError):
        return None
    return answer.get("error_code") if isinstance(answer, dict) else None


def _values(rows: Iterable[dict[str, Any]]) -> dict[str, float | None]:
    return {str(row["key"]): _number(row.get("value", 0.0)) for row in rows}


def _texts(rows: Iterable[dict[str, Any]]) -> dict[str, str]:
    return {str(row["key"]): str(row.get("value", "")) for row in rows}


def _number(value: object) -> float | None:
    """Return a value as MLflow's tables have it; ``NaN`` comes as text."""
    number = float(str(value))
    return None if math.isnan(number) else stored_value(number)
