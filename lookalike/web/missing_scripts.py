"""What a page does whose scripts did not all come: it starts anew once the server can be reached."""

from pathlib import Path

SCRIPT = Path(__file__).with_name("missing_scripts.js").read_text(encoding="utf-8")
# Until then, what Streamlit says of the scripts is hidden.
STYLE = "[data-restarts] [data-testid=stAlertContainer]:has([data-testid=stErrorElementStack]) { visibility: hidden; }"
