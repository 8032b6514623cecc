"""Contrastive training: a documentation sentence must find its function among others of the same repositories.

    python train.py MINILM WORK OUT.bin [setting=value ...]

Starts from the rows of distill.py. Everything that the file stores is learnt: rows, token weights of documents and
of queries, field weights. A step takes pairs of a few repositories and applies InfoNCE both ways. The checkpoint that
scores best on the validation repositories is written. The settings below can be changed on the command line.
"""
import collections
import sys
import time

import numpy as np
from scipy.sparse import csr_matrix, diags, vstack

import distill
import evaluate
import reference

SETTINGS = {
    "seed": 1,
    "steps": 250,
    "batch": 4096,
    "repositories": 3,  # of a batch, at least
    "rate": 1.5e-3,
    "weight_rate": 10.0,  # token weights, field weights and scale learn so much faster than rows
    "warm_up": 30,
    "last_rate": 0.05,
    "drop": 0.38,  # of a document's tokens
    "drop_query": 0.15,
    "drop_name": 0.3,  # positives without their name
    "drop_path": 0.1,
    "scale": 20.0,
    "query_to_code": 0.7,
    "inline": 0.15,  # of a batch
    "head": 0.15,  # of a batch
    "commit": 0.12,  # of a batch
    "asked": 0.2,  # queries with the words of a question before them
    "every": 50,  # steps between validations
}


def pairs(work, tokens):
    """Field matrices and query matrix of all training pairs, and the rows of each kind and repository."""
    tokenize, chosen = evaluate.Tokenizer(tokens), evaluate.repositories("train")
    documents, queries, members = [], [], collections.defaultdict(list)

    def add(kind, repository, document, query):
        if repository in chosen and query:
            members[kind, repository].append(len(queries))
            documents.append(document)
            queries.append(query)

    for kind in ("function", "head"):
        for repository, _, path, container, name, body, sentence, rest in evaluate.records(work, kind + "s.jsonl.gz"):
            add(kind, repository, (path, container, name, rest + "\n" + body if len(queries) % 2 else body), sentence)
    for kind, name in (("inline", "inline.jsonl.gz"), ("commit", "commits.jsonl.gz")):
        for repository, path, code, sentence in evaluate.records(work, name):
            add(kind, repository, (path, "", "", code), sentence)
    fields = evaluate.matrices(documents, tokenize, len(tokens))
    return fields, evaluate.query_matrix(queries, tokenize, len(tokens)), {k: np.array(v) for k, v in members.items()}


# Documentation does not ask: without these the words of a question would keep the weight they started with.
QUESTIONS = [
    "how", "how does", "how is", "how are", "how do", "how to", "how can", "where", "where is", "where are", "where do we", "where does", "what", "what is", "what does",
    "which", "when", "when does", "why", "why does", "find", "show", "the code that", "the function that", "the class that", "the file that", "implementation of",
    "logic for", "handling of", "definition of", "mechanism for", "code for", "support for", "way to", "function to", "class for", "method that", "module for",
]


class Sampler:
    """Batches of a few repositories each, so that most wrong answers are of the right repository."""

    def __init__(self, members, settings, random):
        self.members, self.s, self.random = members, settings, random
        share = {kind: settings[kind] for kind in ("inline", "head", "commit")}
        share["function"] = 1 - sum(share.values())
        self.quota = {kind: int(part * settings["batch"]) for kind, part in share.items() if part > 0}
        self.repositories = sorted({repository for _, repository in members})
        size = [sum(len(members.get((kind, r), ())) for kind in self.quota) for r in self.repositories]
        self.weight = np.log(np.array(size) ** 0.75)

    def batch(self):
        order = np.argsort(-(self.weight + self.random.gumbel(size=len(self.weight))))
        left, out = dict(self.quota), []
        for i in order:
            for kind, quota in self.quota.items():
                pool = self.members.get((kind, self.repositories[i]), ())
                count = min(left[kind], len(pool), -(-quota // self.s["repositories"]))
                if count > 0:
                    out.append(self.random.choice(pool, count, replace=False))
                    left[kind] -= count
            if not any(left.values()):
                break
        return np.concatenate(out)


class Adam:
    def __init__(self, parameters):
        self.first = {k: np.zeros_like(v) for k, v in parameters.items()}
        self.second = {k: np.zeros_like(v) for k, v in parameters.items()}
        self.step = 0

    def update(self, parameters, gradients, rates):
        self.step += 1
        for k, g in gradients.items():
            m, v = self.first[k], self.second[k]
            m += (1 - 0.9) * (g - m)
            v += (1 - 0.98) * (np.square(g) - v)
            scale = rates[k] * np.sqrt(1 - 0.98**self.step) / (1 - 0.9**self.step)
            parameters[k] -= np.float32(scale) * m / (np.sqrt(v) + np.float32(1e-8))


def thinned(matrix, drop, random, rows=0.0):
    """The matrix with a share of its entries zero, and a share of its rows."""
    kept = random.random(matrix.nnz, np.float32) >= drop
    data = matrix.data * kept / np.float32(1 - drop)
    if rows:
        data *= np.repeat(random.random(matrix.shape[0]) >= rows, np.diff(matrix.indptr))
    return csr_matrix((data.astype(np.float32), matrix.indices, matrix.indptr), matrix.shape)


def asked(matrix, questions, share, random):
    """The query matrix with the words of a question added to a share of its rows."""
    chosen = random.random(matrix.shape[0]) < share
    which = random.integers(questions.shape[0], size=matrix.shape[0])
    return (matrix + diags(chosen.astype(np.float32)) @ questions[which]).tocsr()


def unit(x):
    length = np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.float32(1e-6))
    return x / length, length


def through_unit(gradient, y, length):
    return (gradient - y * (gradient * y).sum(1, keepdims=True)) / length


def softmax(x):
    x = np.exp(x - x.max(1, keepdims=True))
    return x / x.sum(1, keepdims=True)


def gradients(p, fields, queries, to_code):
    """Loss and gradients of one batch."""
    document_rows = np.exp(p["document"])[:, None] * p["rows"]
    query_rows = np.exp(p["query"])[:, None] * p["rows"]
    weight = np.exp(p["field"])
    means = [f @ document_rows for f in fields]
    d, d_length = unit(sum(w * m for w, m in zip(weight, means)))
    q, q_length = unit(queries @ query_rows)
    scale = np.exp(p["scale"][0])
    cosine = q @ d.T
    forward, back = softmax(scale * cosine), softmax(scale * cosine.T).T
    n = len(cosine)
    at = np.arange(n)
    loss = -to_code * np.log(forward[at, at] + 1e-9).mean() - (1 - to_code) * np.log(back[at, at] + 1e-9).mean()
    g = np.float32(to_code) * forward + np.float32(1 - to_code) * back
    g[at, at] -= 1
    g /= n
    g_scale = scale * (g * cosine).sum()
    g_d = through_unit(scale * (g.T @ q), d, d_length)
    g_q = through_unit(scale * (g @ d), q, q_length)
    stacked = vstack([w * f for w, f in zip(weight, fields)], "csr")
    g_document_rows = stacked.T @ np.concatenate([g_d] * len(fields))
    g_query_rows = queries.T @ g_q
    return loss, {
        "rows": np.exp(p["document"])[:, None] * g_document_rows + np.exp(p["query"])[:, None] * g_query_rows,
        "document": (g_document_rows * document_rows).sum(1),
        "query": (g_query_rows * query_rows).sum(1),
        "field": np.array([w * (g_d * m).sum() for w, m in zip(weight, means)], np.float32),
        "scale": np.array([g_scale], np.float32),
    }


def train(minilm, work, out, s):
    random = np.random.default_rng(s["seed"])
    tokens, rows, weight = distill.build(minilm, work)
    fields, queries, members = pairs(work, tokens)
    questions = evaluate.query_matrix(QUESTIONS, evaluate.Tokenizer(tokens), len(tokens))
    validation = [evaluate.load(work, tokens, what) for what in evaluate.KINDS]
    log = np.log(weight)
    p = {
        "rows": rows.astype(np.float32),
        "document": log.copy(),
        "query": log.copy(),
        "field": np.log(np.array([1, 1, 4], np.float32)),
        "scale": np.log(np.array([s["scale"]], np.float32)),
    }
    sampler, adam, best = Sampler(members, s, random), Adam(p), (-1.0, None)
    print({k: sum(len(v) for (kind, _), v in members.items() if kind == k) for k in sampler.quota}, "pairs", flush=True)
    start = time.time()
    for step in range(1, s["steps"] + 1):
        chosen = sampler.batch()
        parts = [
            thinned(fields[0][chosen], s["drop"], random, s["drop_name"]),
            thinned(fields[1][chosen], s["drop"], random, s["drop_path"]),
            thinned(fields[2][chosen], s["drop"], random),
        ]
        loss, g = gradients(p, parts, thinned(asked(queries[chosen], questions, s["asked"], random), s["drop_query"], random), s["query_to_code"])
        done = max(0, step - s["warm_up"]) / max(1, s["steps"] - s["warm_up"])
        rate = s["rate"] * min(1, step / s["warm_up"]) * (s["last_rate"] + (1 - s["last_rate"]) * (1 + np.cos(np.pi * done)) / 2)
        adam.update(p, g, {k: rate if k == "rows" else rate * s["weight_rate"] for k in p})
        if step % s["every"] == 0 or step == s["steps"]:
            now = (p["rows"], np.exp(p["document"]), np.exp(p["query"]), np.exp(p["field"]))
            results = [evaluate.score(data, *now)["all"] for data in validation]
            result = sum(results) / len(results)
            print(step, round(float(loss), 3), results, np.exp(p["field"]).round(2), np.exp(p["scale"]).round(1), f"{time.time() - start:.0f} s", flush=True)
            if result > best[0]:
                best = (result, {k: v.copy() for k, v in p.items()})
    p = best[1]
    reference.write(out, tokens, p["rows"], np.exp(p["document"]), np.exp(p["query"]), [*np.exp(p["field"]), 1.0])
    evaluate.score_file(out, work)


if __name__ == "__main__":
    changed = dict(argument.split("=") for argument in sys.argv[4:])
    train(*sys.argv[1:4], SETTINGS | {k: type(SETTINGS[k])(v) for k, v in changed.items()})
