"""Opens a report in headless Chromium: it must draw something and write nothing to the console."""

import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

report, picture = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
text = report.read_text()
assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text, "the report loads something"

browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if browser is None:
    sys.exit("no Chromium: install the package chromium")
with tempfile.TemporaryDirectory() as profile:
    run = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         f"--user-data-dir={profile}", "--enable-logging=stderr", "--window-size=1200,6000",
         f"--screenshot={picture}", report.as_uri()],
        capture_output=True, text=True, timeout=180)
assert run.returncode == 0, run.stderr[-2000:]
console = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
assert not console, console


def colours(path):
    """The number of distinct pixels in a PNG of 8-bit RGB or RGBA."""
    data = path.read_bytes()
    position, packed, channels, width = 8, b"", 0, 0
    while position < len(data):
        length, kind = struct.unpack(">I4s", data[position:position + 8])
        body = data[position + 8:position + 8 + length]
        if kind == b"IHDR":
            width, _, _, colour = struct.unpack(">IIBB", body[:10])
            channels = {2: 3, 6: 4}[colour]
        if kind == b"IDAT":
            packed += body
        position += 12 + length
    rows = zlib.decompress(packed)
    stride = width * channels + 1
    # Filtered rows: a blank page has only zero differences after its first row.
    return len({bytes(rows[i:i + stride]) for i in range(0, len(rows), stride)})


distinct = colours(picture)
assert distinct > 200, f"the screenshot looks blank: {distinct} different rows"
print(f"the report draws {distinct} different rows of pixels and the console is silent")
