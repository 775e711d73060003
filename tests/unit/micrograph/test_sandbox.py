"""The sandbox decodes as the decoder does, survives what kills the decoder, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from shared.errors import InputError, NotFoundError, TransientError
from tests.unit.micrograph.files import noise, png_bytes, raw_png, sparse_tiff, tiff_bytes, write
from worker.micrograph.decode import decode
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.sandbox import Decoder

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 30.0
MEBIBYTE = 1024**2


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.005)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def good(tmp_path):
    return write(tmp_path, png_bytes(noise()), "good.png")


@pytest.fixture(scope="module")
def decoder():
    with Decoder() as shared:
        yield shared


def die_while_decoding(decoder, path, killing_signal):
    """The error of a decoding whose process gets a signal before it can answer."""
    decoder.decode(path)
    pid = decoder.process_id
    os.kill(pid, signal.SIGSTOP)
    caught = []

    def run():
        try:
            decoder.decode(path)
        except (InputError, TransientError) as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: not decoder._child.is_idle)
    os.kill(pid, killing_signal)
    os.kill(pid, signal.SIGCONT)
    thread.join(PATIENCE_S)
    return caught[0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_sandbox_returns_what_the_decoder_returns(decoder, tmp_path, dtype):
    path = write(tmp_path, tiff_bytes(noise(dtype, (3, 37, 53)), photometric="minisblack"))
    expected, found = decode(path), decoder.decode(path)
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert found.pixels.dtype == expected.pixels.dtype
    assert (found.format, found.warnings) == (expected.format, expected.warnings)
    assert found.pixels.flags.writeable


def test_a_refusal_arrives_with_code_message_and_details(decoder, tmp_path):
    path = write(tmp_path, raw_png(40_000, 40_000, bytes(100)))
    with pytest.raises(InputError) as expected:
        decode(path)
    with pytest.raises(InputError) as found:
        decoder.decode(path)
    assert found.value.code == "too_many_pixels"
    assert (found.value.message, found.value.details) == (expected.value.message, expected.value.details)


def test_a_missing_file_is_said_to_be_missing(decoder, tmp_path):
    with pytest.raises(NotFoundError):
        decoder.decode(tmp_path / "gone.tif")


def test_one_process_serves_many_files_and_refusals(decoder, good, tmp_path):
    decoder.decode(good)
    pid = decoder.process_id
    with pytest.raises(InputError):
        decoder.decode(write(tmp_path, b"%PDF-1.4"))
    decoder.decode(good)
    assert decoder.process_id == pid


def test_a_name_that_is_not_text_is_decoded(decoder, tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/gr\xfcn.tif"))
    path.write_bytes(png_bytes(noise()))
    assert decoder.decode(path).pixels.shape == (37, 53)


def test_a_decoding_that_takes_too_long_is_stopped_and_the_next_one_works(good):
    with Decoder(DecodeLimits(timeout_s=1.0)) as decoder:
        decoder.decode(good)
        pid = decoder.process_id
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(InputError, match="longer than 1 s") as caught:
            decoder.decode(good)
        assert caught.value.code == "decoding_timed_out"
        assert not is_running(pid)
        np.testing.assert_array_equal(decoder.decode(good).pixels, noise())


def test_a_decoding_that_needs_too_much_memory_is_refused_and_the_next_one_works(good, tmp_path):
    # 400 MB of pixels in 300 MiB; the process itself takes about 200 MiB of address space.
    with Decoder(DecodeLimits(memory_bytes=300 * MEBIBYTE)) as decoder:
        with pytest.raises(InputError, match="300 MiB") as caught:
            decoder.decode(sparse_tiff(tmp_path / "large.tif", 20_000, 20_000))
        assert caught.value.code == "decoding_out_of_memory"
        np.testing.assert_array_equal(decoder.decode(good).pixels, noise())


def test_a_crash_of_the_decoder_is_an_input_error_and_the_next_one_works(good):
    with Decoder() as decoder:
        assert die_while_decoding(decoder, good, signal.SIGSEGV).code == "decoder_crashed"
        np.testing.assert_array_equal(decoder.decode(good).pixels, noise())


def test_a_decoder_killed_from_outside_is_tried_again_later(good):
    with Decoder() as decoder:
        error = die_while_decoding(decoder, good, signal.SIGKILL)
        assert isinstance(error, TransientError)
        assert error.code == "decoder_killed"
        decoder.decode(good)


def test_a_process_that_died_between_two_files_is_replaced_unnoticed(good):
    with Decoder() as decoder:
        decoder.decode(good)
        os.kill(decoder.process_id, signal.SIGKILL)
        wait_until(lambda: not decoder._child.is_alive)
        np.testing.assert_array_equal(decoder.decode(good).pixels, noise())


def test_closing_ends_the_process_and_may_be_repeated(good):
    decoder = Decoder()
    decoder.close()
    decoder.decode(good)
    pid = decoder.process_id
    decoder.close()
    decoder.close()
    assert not is_running(pid)
    assert decoder.process_id is None


def test_threads_can_share_a_decoder(decoder, good):
    found = []
    threads = [threading.Thread(target=lambda: found.append(decoder.decode(good).pixels)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(found) == 8
    assert all((pixels == noise()).all() for pixels in found)


def start_script(body, *arguments):
    program = f"import os, sys\nfrom pathlib import Path\nfrom worker.micrograph.sandbox import Decoder\n{body}"
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_the_process_ends_with_a_parent_that_is_killed(good):
    body = "import signal; d = Decoder(); d.decode(Path(sys.argv[1])); print(d.process_id, flush=True); signal.pause()"
    with start_script(body, good) as parent:
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
        wait_until(lambda: not is_running(pid))


def test_the_process_ends_in_the_middle_of_an_image_with_a_parent_that_is_killed(good, tmp_path):
    large = sparse_tiff(tmp_path / "large.tif", 19_000, 19_000)
    body = (
        "d = Decoder(); d.decode(Path(sys.argv[1])); print(d.process_id, flush=True)\n"
        "while True:\n"
        "    try:\n        d.decode(Path(sys.argv[2]))\n    except Exception:\n        pass\n"
    )
    with start_script(body, good, large) as parent:
        pid = int(parent.stdout.readline())
        open_files = Path(f"/proc/{pid}/fd")
        wait_until(lambda: str(large) in {str(link.readlink()) for link in open_files.iterdir() if link.is_symlink()})
        parent.kill()
        wait_until(lambda: not is_running(pid))


def test_after_a_fork_each_process_has_its_own_decoding_process(good):
    body = (
        "d = Decoder(); path = Path(sys.argv[1]); d.decode(path); first = d.process_id\n"
        "if os.fork() == 0:\n    d.decode(path); print(d.process_id != first, flush=True); d.close(); os._exit(0)\n"
        "os.wait(); d.decode(path); print(d.process_id == first, flush=True); d.close()\n"
    )
    with start_script(body, good) as parent:
        assert parent.communicate(timeout=PATIENCE_S)[0].split() == ["True", "True"]


def test_the_waiting_process_does_not_load_the_decoders():
    script = "import sys, worker.micrograph.sandbox; print(bool({'imagecodecs', 'PIL', 'tifffile'} & set(sys.modules)))"
    outcome = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "False"


def test_the_settings_of_the_parent_do_not_reach_the_decoding_process(good, monkeypatch):
    monkeypatch.setenv("SAEMI_SECRET", "hidden")
    with Decoder() as decoder:
        decoder.decode(good)
        assert b"SAEMI_SECRET" not in Path(f"/proc/{decoder.process_id}/environ").read_bytes()
