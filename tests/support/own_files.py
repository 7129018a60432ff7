"""Small tables of one's own, written for the tests: texts in which a word says the class or the number of stars."""

import csv
from pathlib import Path

PLACES = ("in the morning", "near the old bridge", "after the long meeting", "on a rainy day", "with two friends")
SPAM = ("Win a free prize", "Claim your cash prize now", "Free entry, text to win")
HAM = ("See you at lunch", "Are you home already", "The meeting moved to three")
TOPICS = {
    "food": ("The soup tasted of garlic", "She baked fresh bread", "The cook fried an egg"),
    "sport": ("The team scored a goal", "He won the tennis match", "The runner broke a record"),
    "transport": ("The train was late", "The bus stopped at the station", "Cars queued on the motorway"),
}
STARS = ("Terrible and broken", "Rather poor", "Average, nothing special", "Good and solid", "Excellent, wonderful")


def write_own_table(folder: Path, name: str) -> Path:
    """A CSV of 60 or more rows: "spam" (two classes), "topics" (three), or "stars" (numbers from 1 to 5)."""
    rows = {
        "spam": [(text, label) for label, texts in (("spam", SPAM), ("ham", HAM)) for text in texts for _ in range(10)],
        "topics": [(text, label) for label, texts in TOPICS.items() for text in texts for _ in range(7)],
        "stars": [(text, str(number)) for number, text in enumerate(STARS, 1) for _ in range(12)],
    }[name]
    header = {"spam": ("message", "label"), "topics": ("text", "topic"), "stars": ("review", "stars")}[name]
    file = folder / f"{name}.csv"
    with file.open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerow(header)
        writer.writerows((f"{text} {PLACES[n % 5]}, {n}.", label) for n, (text, label) in enumerate(rows))
    return file


# Table -> a text, and its label or its least and highest score.
ASKED = {
    "spam": ("Free prize, claim your cash now", "spam"),
    "topics": ("The bus and the train were late", "transport"),
    "stars": ("Excellent, wonderful with two friends", (3.4, 5.5)),
}
