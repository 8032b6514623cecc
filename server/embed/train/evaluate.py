"""Validation: the first sentence of a documentation must find what it documents, in its repository.

    python evaluate.py MODEL.bin WORK [BEFORE.bin]

Prints NDCG@10 by language and, beside another model, the mean change with its 95 % interval over repositories.

`functions`: a function among its repository's functions, all without documentation. `files`: a type or a file (its head
comment); any function or type of that file will do, and all keep their documentation but its first sentence. `commits`:
the same among the same, for the subject of a commit and the file it changed most.
Each by cosine, by BM25F, and by both. `matrices` is also what training uses: a document is one row of a sparse matrix for each field.
"""
import collections
import gzip
import json
import os
import sys

import numpy as np
from scipy.sparse import csr_matrix, diags

import reference

KINDS = ("functions", "files", "commits")
QUERIES = 250  # of one repository at most
STOP = set(
    "a an and any are as at be been being but by can do does for from given has have how if in into is it its may not of on onto or "
    "our should so such than that the their them then there these they this to was we were what when where which while whose will with you your".split()
)
BM25F_FIELDS, BM25F_B, BM25F_K, COSINE = (10, 2, 1), 0.9, 4, 4.0  # and the weight of the cosine beside it


def records(work, name):
    with gzip.open(os.path.join(work, name), "rt") as file:
        return [json.loads(line) for line in file]


def repositories(use):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "repositories.tsv")) as file:
        return {line.split("\t")[0] for line in file if line.rstrip().endswith("\t" + use)}


class Tokenizer:
    def __init__(self, tokens):
        self.index, self.cache = {t: i for i, t in enumerate(tokens)}, {}

    def __call__(self, text):
        out = []
        for word in reference.words(text):
            if word not in self.cache:
                self.cache[word] = reference.pieces(word, self.index)
            out.extend(self.cache[word])
        return out


def sparse(lists, width):
    """Rows of (token, weight) pairs as a sparse matrix."""
    ends = np.cumsum([0] + [len(l) for l in lists])
    tokens = np.fromiter((t for l in lists for t, _ in l), np.int32, ends[-1])
    weights = np.fromiter((w for l in lists for _, w in l), np.float32, ends[-1])
    return csr_matrix((weights, tokens, ends), (len(lists), width))


def matrices(functions, tokenize, width):
    """One matrix per field; each row is the field's mean, that is its weights divided by their sum."""
    fields = [[], [], []]
    for path, container, name, body in functions:
        text = {"name": name, "path_container": reference.path_container(path, container), "body": body}
        for out, terms in zip(fields, reference.document_terms(text, tokenize)):
            total = sum(u for _, u in terms)
            out.append([(t, u / total) for t, u in terms])
    return [sparse(f, width) for f in fields]


def query_matrix(texts, tokenize, width):
    return sparse([list(collections.Counter(tokenize(t)).items()) for t in texts], width)


def load(work, tokens, what="functions", lexical=False):
    """Per validation repository: language of each query, field matrices, query matrix, the group of each document,
    the group each query looks for, and lexical scores or None."""
    of = {r: [] for r in sorted(repositories("validation"))}
    asked = {r: [] for r in of}
    for name in ["functions.jsonl.gz"] + ["heads.jsonl.gz"] * (what != "functions"):
        for record in records(work, name):
            if record[0] in of:
                if record[6] and (what == "functions" or what == "files" and name[0] == "h"):
                    asked[record[0]].append((record[6], len(of[record[0]])))
                of[record[0]].append(record[1:])
    if what == "commits":
        first = {r: {d[1]: i for i, d in reversed(list(enumerate(found)))} for r, found in of.items()}
        for repository, path, _, subject in records(work, "commits.jsonl.gz"):
            if path in first.get(repository, ()):
                asked[repository].append((subject, first[repository][path]))
    tokenize, out = Tokenizer(tokens), []
    for repository, found in of.items():
        chosen = [asked[repository][i] for i in sorted(np.random.default_rng(1).permutation(len(asked[repository]))[:QUERIES])]
        queries, targets = [text for text, _ in chosen], np.array([i for _, i in chosen], int)
        documents = [(d[1], d[2], d[3], d[4] if what == "functions" else d[6] + "\n" + d[4]) for d in found]
        paths = {path: i for i, path in enumerate(dict.fromkeys(d[1] for d in found))}
        group = np.arange(len(found)) if what == "functions" else np.array([paths[d[1]] for d in found])
        sides = (matrices(documents, tokenize, len(tokens)), query_matrix(queries, tokenize, len(tokens)))
        out.append(([found[i][0] for i in targets], *sides, group, group[targets], bm25f(documents, queries, tokenize, len(tokens)) if lexical else None))
    return out


def bm25f(documents, queries, tokenize, width):
    total = 0
    for field, weight in enumerate(BM25F_FIELDS):
        texts = [(d[2], reference.path_container(d[0], d[1]), d[3])[field] for d in documents]
        counts = query_matrix(texts, tokenize, width)
        length = np.asarray(counts.sum(1)).ravel()
        total = total + diags(weight / (1 - BM25F_B + BM25F_B * length / max(length.mean(), 1e-9))) @ counts
    total = csr_matrix(total)
    frequency = np.bincount(total.indices, minlength=width)
    idf = np.log(1 + (len(documents) - frequency + 0.5) / (frequency + 0.5))
    total.data = total.data * (BM25F_K + 1) / (total.data + BM25F_K) * idf[total.indices]
    asked = query_matrix([" ".join(w for w in reference.words(q) if w not in STOP) for q in queries], tokenize, width)
    return (asked @ total.T).toarray().astype(np.float32)


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)


def gain(scores, group, targets):
    """NDCG@10 of each query: its group's best document, ties in the middle."""
    own = np.array([row[group == target].max() for row, target in zip(scores, targets)])
    rank = (scores > own[:, None]).sum(1) + ((scores == own[:, None]).sum(1) - 1) / 2
    return np.where(rank < 10, 1 / np.log2(rank + 2), 0)


def gains(data, rows, document_weight, query_weight, field_weight, how="cosine"):
    """By repository the language and the NDCG@10 of each query; `how` is cosine, bm25f or both."""
    documents, asked, out = rows * document_weight[:, None], rows * query_weight[:, None], []
    for languages, fields, queries, group, targets, lexical in data:
        if not languages:
            continue
        scores = lexical / np.maximum(lexical.max(1, keepdims=True), 1e-9) if how != "cosine" else 0
        if how != "bm25f":
            index = unit(sum(w * (f @ documents) for w, f in zip(field_weight, fields)))
            scores = scores + (COSINE if how == "both" else 1) * (unit(queries @ asked) @ index.T)
        out.append((languages, gain(scores, group, targets)))
    return out


def by_language(found):
    """Means by language and over all queries."""
    of = collections.defaultdict(list)
    for languages, values in found:
        for language, one in zip(languages, values):
            of[language].append(one)
            of["all"].append(one)
    return {k: round(float(np.mean(v)), 4) for k, v in sorted(of.items())} | {"queries": len(of["all"])}


def score(data, *model):
    return by_language(gains(data, *model))


def change(before, after, samples=2_000):
    """Mean change of a query and its 95 % interval, a bootstrap that draws whole repositories."""
    sums = np.array([(new - old).sum() for (_, old), (_, new) in zip(before, after)])
    counts = np.array([len(values) for _, values in after])
    drawn = np.random.default_rng(1).integers(len(sums), size=(samples, len(sums)))
    low, high = np.quantile(sums[drawn].sum(1) / counts[drawn].sum(1), (0.025, 0.975))
    return f"{sums.sum() / counts.sum():+.4f} ({low:+.4f} to {high:+.4f})"


def gains_of(path, work, what):
    """The same of a file, for each way of scoring."""
    model = reference.read(path)
    p = (model.rows * model.scale[:, None], model.document_weight, model.query_weight, model.field_weight[:3])
    data = load(work, model.tokens, what, lexical=True)
    return {how: gains(data, *p, how) for how in ("cosine", "bm25f", "both")}


def score_file(path, work, before=None):
    for what in KINDS:
        earlier = before and gains_of(before, work, what)
        for how, found in gains_of(path, work, what).items():
            print(what, how, by_language(found), *([change(earlier[how], found)] if earlier else []), flush=True)


if __name__ == "__main__":
    score_file(*sys.argv[1:])
