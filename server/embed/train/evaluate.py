"""Validation: the first sentence of a function's documentation must find it among its repository's functions.

    python evaluate.py MODEL.bin WORK     prints NDCG@10 by language; functions are indexed without documentation

`matrices` is also what training uses: a document is one row of a sparse matrix for each field.
"""
import collections
import gzip
import json
import os
import sys

import numpy as np
from scipy.sparse import csr_matrix

import reference

QUERIES = 250  # of one repository at most


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


def load(work, tokens):
    """Per validation repository: language of each query, field matrices, query matrix, target of each query."""
    chosen, of = repositories("validation"), collections.defaultdict(list)
    for record in records(work, "functions.jsonl.gz"):
        if record[0] in chosen:
            of[record[0]].append(record)
    tokenize, out = Tokenizer(tokens), []
    for _, functions in sorted(of.items()):
        targets = [i for i, f in enumerate(functions) if f[6]]
        targets = sorted(np.random.default_rng(1).permutation(targets)[:QUERIES])
        fields = matrices([f[2:6] for f in functions], tokenize, len(tokens))
        queries = query_matrix([functions[i][6] for i in targets], tokenize, len(tokens))
        out.append(([functions[i][1] for i in targets], fields, queries, np.array(targets)))
    return out


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)


def score(data, rows, document_weight, query_weight, field_weight):
    """NDCG@10 by language and over all queries."""
    documents, queries = rows * document_weight[:, None], rows * query_weight[:, None]
    gains = collections.defaultdict(list)
    for languages, fields, query, targets in data:
        index = unit(sum(w * (f @ documents) for w, f in zip(field_weight, fields)))
        cosine = unit(query @ queries) @ index.T
        own = cosine[np.arange(len(targets)), targets]
        rank = (cosine > own[:, None]).sum(1) + ((cosine == own[:, None]).sum(1) - 1) / 2
        gain = np.where(rank < 10, 1 / np.log2(rank + 2), 0)
        for language, one in zip(languages, gain):
            gains[language].append(one)
            gains["all"].append(one)
    return {k: round(float(np.mean(v)), 4) for k, v in gains.items()} | {"queries": len(gains["all"])}


def score_file(path, work):
    model = reference.read(path)
    table = model.rows * model.scale[:, None]
    return score(load(work, model.tokens), table, model.document_weight, model.query_weight, model.field_weight[:3])


if __name__ == "__main__":
    print(score_file(*sys.argv[1:]))
