"""Decides under which name an uploaded picture's thumbnail will stand."""

import hashlib
from pathlib import PurePosixPath
from urllib.parse import unquote_plus

KINDS = {".jpg", ".jpeg", ".png", ".webp"}


class UnsupportedType(Exception):
    """The upload is no picture."""


def handler(event, context):
    """Name the thumbnail of each uploaded object."""
    named = {}
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = PurePosixPath(unquote_plus(record["s3"]["object"]["key"]))
        if key.suffix.lower() not in KINDS:
            raise UnsupportedType(f"{bucket}/{key}: no thumbnail for {key.suffix or 'a file without ending'}")
        digest = hashlib.sha256(str(key).encode()).hexdigest()[:8]
        named[str(key)] = f"thumbnails/{key.stem}-{digest}.webp"
    return named
