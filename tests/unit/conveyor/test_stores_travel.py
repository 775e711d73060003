"""Every kind of store goes to the processes that encode, once, and is the same store there."""

import pickle
from pathlib import Path

from shared.s3_client import S3Access
from shared.s3_store import S3BlobStore
from shared.storage import FolderBlobStore, put_bytes


def test_a_folder_is_the_same_folder_on_the_other_side(tmp_path: Path) -> None:
    store = FolderBlobStore(tmp_path)
    there = pickle.loads(pickle.dumps(store))
    assert store.exists(put_bytes(there, b"content"))


def test_a_bucket_is_opened_once_on_the_other_side_however_often_it_comes() -> None:
    store = S3BlobStore(S3Access("http://127.0.0.1:1", access_key_id="a", secret_access_key="b"), "bucket", "prefix")
    there, again = (pickle.loads(pickle.dumps(store)) for _ in range(2))
    assert there is again
    assert there is not store
    assert pickle.dumps(there) == pickle.dumps(store)
    other = S3BlobStore(S3Access("http://127.0.0.1:1", access_key_id="a", secret_access_key="b"), "another", "prefix")
    assert pickle.loads(pickle.dumps(other)) is not there
