"""The vocabulary: words of code that repositories share, and MiniLM's pieces for everything else."""
import os
import string

from reference import NUMBER_DIGITS, WORD_LETTERS

COUNT, REPOSITORIES = 6, 2
ALPHABET = string.ascii_lowercase + string.digits


def build(work, wordpieces, most):
    """Tokens and their probabilities: at most `most` mined words, then the `##` pieces (probability 0)."""
    counts, total = {}, 0
    with open(os.path.join(work, "words.tsv")) as file:
        for line in file:
            word, count, repositories = line.split("\t")
            total += int(count)
            keep = int(count) >= COUNT and int(repositories) >= REPOSITORIES and len(counts) < most
            if keep and len(word) <= (NUMBER_DIGITS if word.isdigit() else WORD_LETTERS):
                counts[word] = int(count)
    for letter in ALPHABET:  # so that every word has pieces
        counts.setdefault(letter, 0)
    pieces = {p for p in wordpieces if p.startswith("##") and p[2:].isascii() and p[2:].isalnum() and p.islower() | p[2:].isdigit()}
    pieces |= {"##" + letter for letter in ALPHABET}
    tokens = list(counts) + sorted(pieces)
    print(len(counts), "words cover", round(sum(counts.values()) / total, 4), "and", len(pieces), "pieces")
    return tokens, [counts.get(token, 0) / total for token in tokens]
