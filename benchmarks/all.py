"""Every figure of the README in one run: `make bench`."""

import shutil
import subprocess
import sys
from pathlib import Path

from shared.settings import load_settings


def main() -> None:
    """Run the benchmarks one after the other; those that need labelled micrographs say where they are missing."""
    data = Path(load_settings().shared_data)
    names = (
        "measurement",
        "intervals",
        "outputs",
        "overhead",
        "throughput",
        "fairness",
        "saving",
        "conveyor",
        "recalibration",
        "submission",
        "upload_memory",
        "dashboard",
        "inspection",
        "large",
        "report",
    )
    runs = [[name] for name in names]
    runs += [["browser_upload"]] if shutil.which("chromium") else []
    if (data / "emps" / "labels").is_dir():
        runs += [
            ["banner", str(data)],
            ["panels", str(data)],
            ["scale_bar", str(data)],
            ["segmentation", str(data)],
            ["segmentation", str(data), "--model", "particlenet"],
        ]
        runs += [["peer", str(data)]]
        runs += [["calibration", str(data)]] if (data / "vendor" / "manifest.csv").is_file() else []
    else:
        print("Segmentation and banner are not measured: SAEMI_SHARED_DATA names no folder of labelled micrographs.")
    for name, *arguments in runs:
        print(f"\n== {name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=True)


if __name__ == "__main__":
    main()
