"""The data that a browser sends for a form on a page."""

from __future__ import annotations

import re
from html import unescape


def fields_of_form(page: str, action: str) -> dict[str, str]:
    """The fields of the form with this action, as they are filled in. Unticked boxes are not sent."""
    form = page[page.index(f'action="{action}"') :].partition("</form>")[0]
    found = dict[str, str]()
    for tag in re.findall(r"<input[^>]*>", form):
        about = {"value": "", **dict(re.findall(r'([\w-]+)="([^"]*)"', tag))}
        if about.get("name") and (about.get("type") != "checkbox" or tag.endswith(" checked>")):
            found[about["name"]] = unescape(about.get("value", ""))
    found |= {name: unescape(text) for name, text in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>([^<]*)</textarea>', form)}
    for name, options in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', form):
        (found[name],) = re.findall(r'value="([^"]+)" selected', options)
    return found
