"""Medians, ratios, bars, and the table that shows them. Never measures."""

from statistics import median

YARDSTICK, OURS = "nginx", "ringway"


class Row:
    """One number of each round for each server."""

    def __init__(self, part, name, unit, rounds_by_server, is_compared=True):
        self.part, self.name, self.unit = part, name, unit
        self.rounds = rounds_by_server
        self.is_compared = is_compared

    def median(self, server):
        return median(self.rounds[server]) if self.rounds.get(server) else None

    def ratios(self):
        """Ours over the yardstick's, round by round: what a noisy machine did to a round, it did to both."""
        pairs = zip(self.rounds.get(OURS, []), self.rounds.get(YARDSTICK, []))
        return [ours / theirs for ours, theirs in pairs if theirs]

    def ratio(self):
        return median(self.ratios()) if self.is_compared and self.ratios() else None

    def cells(self):
        ratio = self.ratio()
        spread = f"{ratio:.2f} [{min(self.ratios()):.2f}-{max(self.ratios()):.2f}]" if ratio is not None else ""
        return [self.part, self.name, self.unit, number(self.median(YARDSTICK)), number(self.median(OURS)), spread]


class Bar:
    """A promise: `value` must be `sign` `limit`. `None` when there was nothing to judge."""

    def __init__(self, part, name, value, sign, limit):
        self.part, self.name, self.value, self.sign, self.limit = part, name, value, sign, limit

    def is_met(self):
        if self.value is None:
            return None
        return {"<=": self.value <= self.limit, ">=": self.value >= self.limit, "<": self.value < self.limit}[self.sign]

    def line(self):
        verdict = {None: "not judged", True: "met", False: "MISSED"}[self.is_met()]
        return f"  {self.part}  {verdict:<10}  {self.name:<58} {number(self.value):>8}  (bar {self.sign} {self.limit})"


def show(rows):
    head = ["", "measure", "unit", YARDSTICK, OURS, f"{OURS}/{YARDSTICK} [rounds]"]
    # What was not measured, by choice, has no row.
    lines = [head] + [row.cells() for row in rows if row.median(YARDSTICK) is not None or row.median(OURS) is not None]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        left = [cell.ljust(width) for cell, width in zip(line[:3], widths[:3])]
        right = [cell.rjust(width) for cell, width in zip(line[3:], widths[3:])]
        print("  ".join(left + right).rstrip())


def number(value):
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 20 else f"{value:.2f}"
