# Copyright: steel.fleet maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """The option of `module_utils.calendar_options`."""

    DOCUMENTATION = r"""
options:
  calendar:
    description: When work is allowed, in UTC. Without windows it is the first Sunday of each month at 02:00.
    type: dict
    default: {}
    suboptions:
      windows:
        description: The windows that come again and again.
        type: list
        elements: dict
        suboptions:
          name: {description: Letters and digits., type: str, required: true}
          rule:
            description: A recurrence rule (RFC 5545), such as V(FREQ=MONTHLY;BYDAY=1SU).
            type: str
            required: true
          start: {description: "Its first minute, in quotes, such as V(02:00).", type: raw, required: true}
          minutes: {description: How long it is open., type: int, required: true}
          replaces: {description: Windows that fall out when this one is., type: list, elements: str}
          starts: {description: The day from which an INTERVAL counts., type: str}
      freezes:
        description: Times in which nothing is changed. A window that a freeze touches is not used.
        type: list
        elements: dict
        suboptions:
          from: {description: A day or a time., type: str, required: true}
          until: {description: "A time, or a day, which is frozen too.", type: str, required: true}
          reason: {description: Why., type: str}
      exceptions:
        description: Windows that do not take place, or at another time.
        type: list
        elements: dict
        suboptions:
          window: {description: Its name., type: str, required: true}
          day: {description: The day on which the rule has it., type: str, required: true}
          to: {description: When it takes place instead. Without it the window falls out., type: str}
          minutes: {description: How long it is then., type: int}
          reason: {description: Why., type: str}
"""
