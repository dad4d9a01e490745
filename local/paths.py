from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools" / "bin"
STATE = ROOT / ".local"
BUILD = STATE / "build"
EVENTS = ROOT / "events"
