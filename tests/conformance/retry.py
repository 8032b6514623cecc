"""Requests that are sent again."""
import time


def retry_request(send, attempts):
    """Sends a request again after it failed, with pauses that grow."""
    for attempt in range(attempts):
        if send():
            return True
        time.sleep(2 ** attempt)
    return False
