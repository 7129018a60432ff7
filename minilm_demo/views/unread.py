"""What a model did not read of a text, in sentences that stand beside its answer."""

from __future__ import annotations

from collections.abc import Sequence

from . import words

NAMED = 5  # unknown words in a sentence; JSON has all
LENGTH = 24  # characters of each


def unread_notes(read: int, total: int, unknown_words: Sequence[str]) -> list[str]:
    """Sentences on the tokens that were cut off (`read` of `total`), and on words that the vocabulary does not have."""
    notes = []
    if read < total:
        number, of = words.thousands(read), words.thousands(total)
        notes.append(f"Only the first {number} of {of} tokens were read: the rest was cut off.")
    if unknown_words:
        named = ", ".join(f"“{words.shorten(word, LENGTH)}”" for word in unknown_words[:NAMED])
        more = len(unknown_words) - NAMED
        listed = f"{named} and {words.counted(more, 'more word')}" if more > 0 else named
        notes.append(f"The model cannot read {listed}: not in its vocabulary, so only “unknown word” reaches it.")
    return notes
