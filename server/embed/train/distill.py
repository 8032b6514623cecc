"""Plain distillation: each token's row is MiniLM's mean-pooled output for that token alone.

    python distill.py MINILM WORK OUT.bin     (the untrained model; train.py starts from the same rows)

MINILM is the folder with model.safetensors and vocab.txt of all-MiniLM-L6-v2.
"""
import os
import sys

import numpy as np
from safetensors.numpy import load_file
from scipy.special import erf

import reference
import vocabulary

DIM, SIF = 256, 1e-3
WORDS = 20_000
LAYERS, HEADS = 6, 12


def normed(x, weights, name):
    mean = x.mean(-1, keepdims=True)
    x = (x - mean) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return x * weights[name + ".weight"] + weights[name + ".bias"]


def minilm(weights, ids):
    """Mean-pooled output for a batch of token sequences of one length."""
    e = "embeddings."
    x = weights[e + "word_embeddings.weight"][ids] + weights[e + "position_embeddings.weight"][: ids.shape[1]]
    x = normed(x + weights[e + "token_type_embeddings.weight"][0], weights, e + "LayerNorm")
    batch, length, width = x.shape
    for layer in range(LAYERS):
        p = f"encoder.layer.{layer}."
        dense = lambda name, y: y @ weights[p + name + ".weight"].T + weights[p + name + ".bias"]
        split = lambda y: y.reshape(batch, length, HEADS, -1).transpose(0, 2, 1, 3)
        q, k, v = (split(dense(f"attention.self.{part}", x)) for part in ("query", "key", "value"))
        score = np.exp(q @ k.transpose(0, 1, 3, 2) / np.sqrt(width / HEADS))
        mixed = (score / score.sum(-1, keepdims=True)) @ v
        mixed = mixed.transpose(0, 2, 1, 3).reshape(batch, length, width)
        x = normed(x + dense("attention.output.dense", mixed), weights, p + "attention.output.LayerNorm")
        h = dense("intermediate.dense", x)
        h = h * 0.5 * (1 + erf(h / np.float32(np.sqrt(2))))
        x = normed(x + dense("output.dense", h), weights, p + "output.LayerNorm")
    return x.mean(1)


def rows_of(folder, tokens, known):
    weights = {k.removeprefix("bert."): v.astype(np.float32) for k, v in load_file(os.path.join(folder, "model.safetensors")).items() if v.dtype != np.int64}
    sequences = []
    for token in tokens:
        ids = [known[token]] if token in known else reference.pieces(token.removeprefix("##"), known)
        sequences.append([known["[CLS]"], *ids, known["[SEP]"]])
    out = np.zeros((len(tokens), 384), np.float32)
    for length in sorted({len(s) for s in sequences}):
        members = [i for i, s in enumerate(sequences) if len(s) == length]
        for at in range(0, len(members), 256):
            part = members[at : at + 256]
            out[part] = minilm(weights, np.array([sequences[i] for i in part]))
    return out


def build(folder, work):
    """Tokens, float rows of mean norm 1, and token weights."""
    with open(os.path.join(folder, "vocab.txt"), encoding="utf-8") as file:
        known = {line.rstrip("\n"): i for i, line in enumerate(file)}
    tokens, probability = vocabulary.build(work, known, WORDS)
    cache = os.path.join(work, "minilm.npz")
    stored = np.load(cache) if os.path.exists(cache) else None
    if stored is not None and list(stored["tokens"]) == tokens:
        x = stored["rows"]
    else:
        x = rows_of(folder, tokens, known)
        np.savez(cache, tokens=np.array(tokens), rows=x)
    x = x - x.mean(0)
    _, vectors = np.linalg.eigh(x.T @ x)
    vectors = vectors[:, ::-1][:, :DIM]
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(0), np.arange(DIM)])  # same signs on every machine
    x = x @ vectors
    x /= np.linalg.norm(x, axis=1).mean()
    return tokens, x, (SIF / (SIF + np.array(probability))).astype(np.float32)


if __name__ == "__main__":
    import evaluate

    minilm_folder, work, out = sys.argv[1:]
    tokens, rows, weight = build(minilm_folder, work)
    data = evaluate.load(work, tokens)
    best = max(((1.0, p, b) for p in (0.25, 0.5, 1.0) for b in (1.0, 2.0, 4.0)), key=lambda f: evaluate.score(data, rows, weight, weight, f)["all"])
    reference.write(out, tokens, rows, weight, weight, [*best, 1.0])
    model = reference.read(out)
    table = model.rows * model.scale[:, None]
    order = [model.index[t] for t in tokens]
    print(best, evaluate.score(data, table[order], model.document_weight[order], model.query_weight[order], best))
