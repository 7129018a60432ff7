"""The time zone of the visitor whose request is answered. The page writes its browser's zone into a cookie."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, tzinfo

from gradio.context import LocalContext

COOKIE = "minilm-zone"
# In the head of the page, before its first request. In a frame of another site a cookie needs the second set of words.
SAY_ZONE = f"""<script>
document.cookie = "{COOKIE}=" + Intl.DateTimeFormat().resolvedOptions().timeZone + "; path=/; max-age=31536000; " +
  (location.protocol === "https:" ? "SameSite=None; Secure; Partitioned" : "SameSite=Lax");
</script>"""


def visitors_zone() -> tzinfo | None:
    """The zone of the current request, UTC if it names none that is known; None outside a request."""
    request = LocalContext.request.get(None)
    if request is None:
        return None
    try:
        return zoneinfo.ZoneInfo(request.cookies[COOKIE])
    except (AttributeError, KeyError, OSError, ValueError):  # no cookie, or no zone of this name
        return UTC
