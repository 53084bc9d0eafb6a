"""Slugs for titles."""

import re


def slug(title: str) -> str:
    """A title as the last part of a URL.

    >>> slug("Hello, World!")
    'hello-world'
    """
    return "-".join(re.findall("[a-z]+", title.lower()))
