"""Every benchmark, one after the other; the first line is the ratio that the product promises."""

import subprocess
import sys
from pathlib import Path

PROGRAMS = ("fanout.py", "walk.py", "exposure.py")

for program in PROGRAMS:
    subprocess.run([sys.executable, str(Path(__file__).parent / program)], check=True)
