"""Does a server answer at an address: asked before something is promised that depends on it."""

from __future__ import annotations

import requests

#: Seconds for a connection and for an answer.
TIMEOUT = (3.0, 5.0)


def fault(address: str) -> str:
    """The fault, in a few words; empty for any answer that is not a server error."""
    try:
        response = requests.head(address, timeout=TIMEOUT, allow_redirects=False)
    except requests.exceptions.SSLError:
        return "its certificate is not trusted (a proxy's own CA? see ca_bundle)"
    except requests.exceptions.ProxyError:
        return "the proxy does not pass it on"
    except requests.exceptions.Timeout:
        return "no answer in time"
    except requests.RequestException:
        return "not in reach"
    return f"answers {response.status_code}" if response.status_code >= 500 else ""
