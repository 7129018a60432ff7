"""Numbers as text: how this app writes shares, times, scores and intervals."""

from __future__ import annotations

from collections.abc import Mapping

from ..results import Planned, Started

METRIC_NAMES: Mapping[str, str] = {
    "accuracy": "Accuracy",
    "f1": "F1",
    "exact_match": "Exact match",
    "matthews": "Matthews correlation",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
}
GROUP_NAMES: Mapping[str, str] = {
    "has_answer_": ", questions with an answer",
    "no_answer_": ", questions without an answer",
}
MANY_ROUNDS = 10  # over the same rows; below that nobody needs to be told
PERCENT_METRICS = ("accuracy", "f1", "exact_match")  # the others are correlations, written as plain numbers


def thousands(number: int) -> str:
    """12925 -> "12,925"."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """(1, "row") -> "1 row", (2000, "row") -> "2,000 rows"."""
    return f"{thousands(number)} {noun}{'' if number == 1 else 's'}"


def millions(number: int) -> str:
    """22713986 -> "22.7 million"; small numbers in full."""
    return f"{number / 1e6:.1f} million" if number >= 1e6 else thousands(number)


def percent(share: float, digits: int = 1) -> str:
    """0.8321 -> "83.2 %"."""
    return f"{100 * share:.{digits}f} %"


def number(value: float, digits: int = 2) -> str:
    """0.8321 -> "0.83", with a real minus sign, and never "−0.00"."""
    return signless_zero(f"{value:.{digits}f}").replace("-", "−")


def signless_zero(text: str) -> str:
    """ "-0.00" -> "0.00"."""
    return text.lstrip("-") if float(text) == 0 else text


def duration(seconds: float) -> str:
    """0.4 -> "under 1 s", 12.3 -> "12 s", 125 -> "2 min 5 s", 3720 -> "1 h 2 min"."""
    if seconds < 1:
        return "under 1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two_units(whole, 60, "min", "s")
    return _two_units(round(seconds / 60), 60, "h", "min")


def _two_units(amount: int, size: int, large: str, small: str) -> str:
    whole, rest = divmod(amount, size)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"


def smaller_batches(planned: Planned, of: str = "row") -> str:
    """Why the batches of a plan are smaller than asked for, and how large they became; "" if they are not."""
    if planned.slow_update is None:
        return ""
    size, asked = planned.batch_size, planned.asked_batch_size
    one_update = f"one update takes {planned.slow_update:.2g} s here"
    return f"{one_update}, so each step reads {counted(size, of)} in place of {asked}"


def rereading(rounds: float, rows: int) -> str:
    """How often a run reads the same rows: "each of the 440 rows is read about 160 times"; "" if not often."""
    return f"each of the {counted(rows, 'row')} is read about {rounds:,.0f} times" if rounds >= MANY_ROUNDS else ""


def curve_rows(started: Started | None) -> str:
    """The rows that a fine-tune is scored on along the way: "held-back rows" or "validation rows"."""
    return "validation rows" if started and started.curve_split else "held-back rows"


def milliseconds(value: float) -> str:
    """0.2 -> "under 1 ms", 23.4 -> "23 ms", 1234 -> "1.2 s"."""
    if value < 1:
        return "under 1 ms"
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def epochs(value: float) -> str:
    """3.0 -> "3", 1.34 -> "1.3", 0.04 -> "0.04", 0.004 -> "under 0.01"."""
    if 0 < value < 0.01:
        return "under 0.01"
    return f"{value:.2f}".rstrip("0").rstrip(".") if value < 0.1 else f"{value:.1f}".removesuffix(".0")


def seen(different: int, of: int, in_all: int, times: float | None, noun: str = "row") -> str:
    """ "3,264 of 66,349 rows, 0.05 epochs", "440 of 440 rows, 6.5 epochs: 2,848 in all". `times` are the epochs, None:
    not known."""
    shares = f"{thousands(different)} of {counted(of, noun)}"
    if times is None:
        return shares if in_all <= different else f"{shares}, {thousands(in_all)} in all"
    shares = f"{shares}, {epochs(times)} epoch{'' if epochs(times) == '1' else 's'}"
    return shares if times <= 1 else f"{shares}: {thousands(in_all)} in all"


def speed(per_second: float, noun: str = "example") -> str:
    """148.3 -> "148 examples/s", 4.21 -> "4.2 examples/s"."""
    digits = 0 if per_second >= 10 else 1
    return f"{per_second:,.{digits}f} {noun}s/s"


def is_percent(metric: str) -> bool:
    """Whether a metric is written in percent; "has_answer_f1" is like "f1"."""
    return _split_group(metric)[1] in PERCENT_METRICS


def metric_name(metric: str) -> str:
    """ "has_answer_f1" -> "F1, questions with an answer"."""
    group, plain = _split_group(metric)
    return METRIC_NAMES.get(plain, plain.replace("_", " ")) + GROUP_NAMES.get(group, "")


def _split_group(metric: str) -> tuple[str, str]:
    group = next((prefix for prefix in GROUP_NAMES if metric.startswith(prefix)), "")
    return group, metric.removeprefix(group)


def split_name(split: str) -> str:
    """ "validation_matched" -> "validation matched"."""
    return split.replace("_", " ")


def capital(text: str) -> str:
    """ "first sentence" -> "First sentence"; the other letters stay."""
    return text[:1].upper() + text[1:]


def score(metric: str, value: float, digits: int = 2) -> str:
    """A metric's value as text: "83.2 %" or "0.48"; `digits` is for the plain numbers."""
    return percent(value) if is_percent(metric) else number(value, digits)


def score_and_range(metric: str, value: float, interval: tuple[float, float]) -> str:
    """A score with its 95 % interval: "83.2 % (80.6 to 85.6 %)" or "0.48 (0.43 to 0.53)"."""
    return f"{score(metric, value, _digits(interval))} ({between(metric, interval)})"


def between(metric: str, interval: tuple[float, float]) -> str:
    """An interval: "80.6 to 85.6 %" or "0.43 to 0.53". That of a mean may leave 0 to 100 %; its text does not."""
    low, high = interval
    if is_percent(metric):
        return f"{100 * max(low, 0):.1f} to {100 * min(high, 1):.1f} %"
    digits = _digits(interval)
    return f"{number(low, digits)} to {number(high, digits)}"


def _digits(interval: tuple[float, float]) -> int:
    """Digits of a correlation that tell the ends of its interval apart."""
    return 2 if interval[1] - interval[0] >= 0.019 else 3


def shorten(text: str, limit: int = 280) -> str:
    """At most `limit` characters, cut at a space where there is one near the end."""
    if len(text) <= limit:
        return text
    start = text[: limit - 1]
    cut = start.rfind(" ", limit - 40)
    return (start[:cut] if cut > 0 else start).rstrip() + "…"


def join(parts, separator: str = " · ") -> str:
    """The parts that are not empty, with a dot between them."""
    return separator.join(part for part in parts if part)
