"""The connection to an S3-compatible server: time limits everywhere, few attempts, and errors that say who must act."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ResponseStreamingError,
    SSLError,
)
from botocore.exceptions import ConnectionError as NotConnectedError

from shared.errors import OperatorError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_S = 5.0
# The longest silence of the server within one attempt. Three attempts and their pauses stay under a job's lease of a minute.
READ_TIMEOUT_S = 15.0
MAX_ATTEMPTS = 3
# As many as the portal has threads by default; more would open connections and throw them away.
MAX_CONNECTIONS = 32

_REFUSED_STATUS = (401, 403)
# A wrong region or address: the server says where the bucket is instead of answering.
_MISDIRECTED_CODES = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException")
_FULL_STATUS = 507
_BUSY_CODES = ("RequestTimeout", "SlowDown", "OperationAborted")
# What arrived is not what was sent.
_DAMAGED_CODES = ("BadDigest", "IncompleteBody")


@dataclass(frozen=True, slots=True)
class S3Access:
    """Where the server is and who we are to it; empty: as the libraries of AWS find it out."""

    endpoint_url: str = ""
    public_url: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    region: str = "us-east-1"


def s3_client(access: S3Access, endpoint_url: str, read_timeout_s: float = READ_TIMEOUT_S) -> "S3Client":
    """Create a client, which threads may share; it connects with the first request.

    Parameters
    ----------
    access
        Who we are.
    endpoint_url
        The server, which differs from the one of ``access`` for addresses that browsers use.
    read_timeout_s
        The longest silence of the server within one attempt.
    """
    config = Config(
        signature_version="s3v4",
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
        max_pool_connections=MAX_CONNECTIONS,
        tcp_keepalive=True,
        # Servers of a site's own seldom have a name for every bucket.
        s3={"addressing_style": "path" if endpoint_url else "auto"},
        # The newer checksums are not known to every server; the signature covers the body already, or TLS does.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint_url or None,
        aws_access_key_id=access.access_key_id or None,
        aws_secret_access_key=access.secret_access_key or None,
        region_name=access.region,
        config=config,
    )


@contextmanager
def s3_errors() -> Iterator[None]:
    """Turn what the client reports into an error that says who must act; an unknown refusal is a bug of ours."""
    try:
        yield
    except SSLError as error:
        raise OperatorError(f"The file store's certificate is not accepted: {error}", code="storage_refused") from error
    except (
        NotConnectedError,
        HTTPClientError,
        IncompleteReadError,
        ResponseStreamingError,
        urllib3.exceptions.HTTPError,
    ) as error:
        raise TransientError("The file store does not answer at the moment.", code="storage_unavailable") from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        message = "The file store needs SAEMI_S3_ACCESS_KEY_ID and SAEMI_S3_SECRET_ACCESS_KEY."
        raise OperatorError(message, code="storage_refused") from error
    except ClientError as error:
        raise _named(error) from error


def error_code(error: ClientError) -> str:
    """Return the code that the server gave; the bare status where an answer without a body has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


class ObjectContent(io.RawIOBase):
    """The bytes of an answer as a file, its errors named."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what fits; the client raises where the answer ends before its length."""
        with s3_errors():
            part = self._body.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """Give the connection back."""
        self._body.close()
        super().close()


def _named(error: ClientError) -> Exception:
    code = error_code(error)
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return OperatorError("The bucket of the file store does not exist (SAEMI_BLOB_URL).", code="storage_missing")
    if code in _MISDIRECTED_CODES:
        return OperatorError(f"The file store has the bucket elsewhere: {error}", code="storage_refused")
    if status in _REFUSED_STATUS:
        message = (
            f"The file store refuses SAEMI: {code} (SAEMI_S3_ACCESS_KEY_ID, SAEMI_S3_SECRET_ACCESS_KEY, the rights of both)."
        )
        return OperatorError(message, code="storage_refused")
    if status == _FULL_STATUS:
        return OperatorError("The file store is full.", code="storage_full")
    if status >= 500 or status == 429 or code in (*_BUSY_CODES, *_DAMAGED_CODES):
        return TransientError("The file store is busy or not well at the moment.", code="storage_unavailable")
    return error
