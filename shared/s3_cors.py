"""Whether browsers may store files on the S3 server from pages of the portal (CORS), and the bucket's rule that lets them."""

from typing import TYPE_CHECKING

import httpx
from botocore.exceptions import ClientError

from shared.errors import OperatorError, TransientError
from shared.s3_client import error_code, s3_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CORSRuleTypeDef

RULE_ID = "saemi"
METHOD = "PUT"
HEADER = "content-type"
MAX_AGE_S = 3600
NO_RULES = "NoSuchCORSConfiguration"
TIMEOUT_S = 10.0


def let_pages_send(client: "S3Client", bucket: str, origin: str) -> None:
    """Let pages of one origin, such as ``https://saemi.example.org``, store objects in a bucket; its other rules stay."""
    rule: CORSRuleTypeDef = {
        "ID": RULE_ID,
        "AllowedOrigins": [origin],
        "AllowedMethods": [METHOD],
        "AllowedHeaders": [HEADER],
        "MaxAgeSeconds": MAX_AGE_S,
    }
    with s3_errors():
        try:
            rules = client.get_bucket_cors(Bucket=bucket)["CORSRules"]
        except ClientError as error:
            if error_code(error) != NO_RULES:
                raise
            rules = []
        others = [found for found in rules if found.get("ID") != RULE_ID]
        client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [*others, rule]})


def require_pages_may_send(url: str, origin: str) -> None:
    """Ask the server what a browser asks before it sends to an address.

    Raises
    ------
    OperatorError
        ``pages_may_not_send`` where the answer would keep a browser from it.
    TransientError
        Where the server does not answer.
    """
    question = {"Origin": origin, "Access-Control-Request-Method": METHOD, "Access-Control-Request-Headers": HEADER}
    try:
        response = httpx.options(url, headers=question, timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        message = f"The file store does not answer at the address that browsers use: {error}"
        raise TransientError(message, code="storage_unavailable") from error
    origins, methods, headers = (_listed(response, name) for name in ("origin", "methods", "headers"))
    if not response.is_success or not {origin, "*"} & origins or METHOD.lower() not in methods or not {HEADER, "*"} & headers:
        message = f"The file store takes nothing from pages of {origin}: its CORS rules do not allow {METHOD} with {HEADER}."
        raise OperatorError(message, code="pages_may_not_send")


def _listed(response: httpx.Response, name: str) -> set[str]:
    text = response.headers.get(f"Access-Control-Allow-{name}", "")
    return {part.strip().lower() for part in text.split(",")}
