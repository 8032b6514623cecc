"""Mines histories: the subject of a commit, and the code of its largest change as it was afterwards.

    python commits.py HISTORIES WORK

HISTORIES holds one git repository `owner+name` for each line of repositories.tsv, with the history of its
revision. WORK receives `commits.jsonl.gz`. Nothing of it belongs in version control.
"""
import csv
import gzip
import json
import os
import re
import subprocess
import sys

from mine import BY_EXTENSION, SKIP, TEST
from reference import BODY_CHARS

COMMITS, KEPT, FILES, LINES = 6000, 600, 4, 3000
DULL = re.compile(
    r"(?i)^(merge|bump|release|prepare|version|revert|wip|initial|update (dep|change|read|version|copyright|lic)|upgrade|changelog|typo|format|lint|style|nit)|"
    r"\b(typos?|changelog|dependabot|renovate|readme|clippy|rubocop|spelling|copyright|licen[sc]e|whitespace|warnings?|v?\d+\.\d+\.\d+)\b"
)


def subject_of(text):
    """The subject without issue numbers and kinds; "" if it is of no use."""
    text = re.sub(r"\s*[(\[]?(?:GH-|#|[A-Z]{2,8}-)\d+[)\]]?:?", " ", text)
    text = re.sub(r"^\s*\[[^\]]*\]\s*", "", text)
    text = re.sub(r"^(feat|fix|chore|refactor|perf|docs?|test|build|ci|style|minor|hotfix)(\([^)]*\))?!?:\s*", "", text.strip(), flags=re.IGNORECASE)
    text = re.sub(r"\s+", " ", text).strip()
    return text if 3 <= len(text.split()) <= 25 and len(text) <= 200 and not DULL.search(text) else ""


def largest(diff):
    """Path and new text of the hunk with the most changed lines; None if there are too many files or no code."""
    path, best, files = "", None, 0
    size, lines = 0, []

    def close():
        nonlocal best
        if size and (best is None or size > best[0]) and BY_EXTENSION.get(path.rsplit(".", 1)[-1]) and not SKIP.search(path) and not TEST.search(path):
            best = (size, path, "\n".join(lines)[:BODY_CHARS])

    for line in diff:
        if line.startswith("diff --git"):
            close()
            size, lines, files = 0, [], files + 1
        elif line.startswith("+++ "):
            path = line[6:] if line.startswith("+++ b/") else ""
        elif line.startswith("@@"):
            close()
            context = line.split("@@", 2)[2].strip()
            size, lines = 0, [context] if context else []
        elif line[:1] in ("+", "-", " ") and not line.startswith("---"):
            size += line[0] != " "
            if line[0] != "-":
                lines.append(line[1:])
    close()
    return best[1:] if best and best[0] >= 3 and files <= FILES and len(best[2]) >= 80 else None


def main(histories, work):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "repositories.tsv")) as file:
        rows = sorted(csv.DictReader(file, delimiter="\t"), key=lambda row: row["use"] == "train")  # validation first: its subjects win
    seen = set()
    with gzip.open(os.path.join(work, "commits.jsonl.gz"), "wt", compresslevel=3) as out:
        for row in rows:
            folder = os.path.join(histories, row["repository"].replace("/", "+", 1))
            command = ["git", "-C", folder, "log", "--no-merges", "-n", str(COMMITS), "-p", "--unified=10", "--no-color", "--no-ext-diff", "--no-renames"]
            command += ["--diff-filter=AM", "--format=%x01%s", row["revision"], "--", *(f"*.{e}" for e in BY_EXTENSION)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", errors="replace") as log:
                count, subject, diff = 0, "", []
                for line in log.stdout:
                    if not line.startswith("\x01"):
                        if subject and len(diff) < LINES:
                            diff.append(line.rstrip("\n"))
                        continue
                    count += keep(row["repository"], subject, diff, seen, out)
                    subject, diff = subject_of(line[1:]), []
                    if count >= KEPT:
                        log.kill()
                        break
                else:
                    count += keep(row["repository"], subject, diff, seen, out)
            # A folder that lacks a file of its history ends in the middle of it.
            broken = count < KEPT and log.returncode != 0
            print(row["repository"], count, "commits, and no more: git log failed" if broken else "commits", flush=True)


def keep(repository, subject, diff, seen, out):
    found = largest(diff) if subject and len(diff) < LINES and subject not in seen else None
    if not found:
        return 0
    seen.add(subject)
    out.write(json.dumps([repository, found[0], found[1], subject]) + "\n")
    return 1


if __name__ == "__main__":
    main(*sys.argv[1:])
