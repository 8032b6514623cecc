"""The static model in plain Python: words, tokens, vectors, and the file that holds them.

This is the definition. The Rust embedder must agree with it on `../model/golden.tsv`.
The file format is described in `../model/README.md`.
"""
import hashlib
import math
import re
import struct

import numpy as np

MAGIC, VERSION, HEADER, ALIGN = b"CNXEMB01", 1, 128, 64
FIELDS = ["name", "path_container", "body", "query"]
NAME_TOKENS, PATH_TOKENS, BODY_CHARS, BODY_DISTINCT = 12, 20, 1800, 96
WORD_LETTERS, NUMBER_DIGITS = 24, 3
WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def words(text):
    """Lower-case words of a text; ASCII letters and digits only, the rest separates."""
    out = []
    for word in WORD.findall(text):
        out.append(word[:NUMBER_DIGITS] if word[0].isdigit() else word[:WORD_LETTERS].lower())
    return out


def pieces(word, index):
    """Token numbers of one word: itself, or the longest known prefix and then `##` pieces."""
    if word in index:
        return [index[word]]
    out, at = [], 0
    while at < len(word):
        for end in range(len(word), at, -1):
            key = word[at:end] if at == 0 else "##" + word[at:end]
            if key in index:
                out.append(index[key])
                at = end
                break
        else:
            at += 1  # a letter that no piece starts with is left out
    return out


def path_container(path, container):
    """Text of the second field: the last three parts of the path, then the container."""
    return "/".join(path.split("/")[-3:]) + " " + container


def term_weights(tokens, limit):
    """Distinct tokens in order of first appearance, at most `limit`, each with 1 + ln(count)."""
    count = {}
    for token in tokens:
        if token in count:
            count[token] += 1
        elif len(count) < limit:
            count[token] = 1
    return [(token, 1 + math.log(n)) for token, n in count.items()]


def document_terms(text_of, tokenize):
    """(token, weight) lists of the three fields of a document; `tokenize` maps text to tokens."""
    name = tokenize(text_of["name"])[:NAME_TOKENS]
    path = tokenize(text_of["path_container"])[:PATH_TOKENS]
    body = tokenize(text_of["body"][:BODY_CHARS])
    return [term_weights(name, NAME_TOKENS), term_weights(path, PATH_TOKENS), term_weights(body, BODY_DISTINCT)]


def normalise(vector):
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector


class Model:
    def __init__(self, tokens, rows, scale, document_weight, query_weight, field_weight):
        self.tokens, self.rows, self.scale = tokens, rows, scale
        self.document_weight, self.query_weight, self.field_weight = document_weight, query_weight, field_weight
        self.index = {token: i for i, token in enumerate(tokens)}
        self.cache = {}

    def tokenize(self, text):
        out = []
        for word in words(text):
            if word not in self.cache:
                self.cache[word] = pieces(word, self.index)
            out.extend(self.cache[word])
        return out

    def row(self, token):
        return self.rows[token].astype(np.float32) * self.scale[token]

    def document(self, name, path_container, body):
        fields = {"name": name, "path_container": path_container, "body": body}
        vector = np.zeros(self.rows.shape[1], np.float32)
        for weight, terms in zip(self.field_weight, document_terms(fields, self.tokenize)):
            total = sum(u for _, u in terms)
            for token, u in terms:
                vector += weight * u / total * self.document_weight[token] * self.row(token)
        return normalise(vector)

    def query(self, text):
        vector = np.zeros(self.rows.shape[1], np.float32)
        for token in self.tokenize(text):
            vector += self.field_weight[3] * self.query_weight[token] * self.row(token)
        return normalise(vector)


def quantise(rows):
    """Each row as int8 with its own scale, so that its largest component is 127."""
    scale = np.maximum(np.abs(rows).max(axis=1), 1e-12).astype(np.float32) / 127
    return np.rint(rows / scale[:, None]).astype(np.int8), scale


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def write(path, tokens, rows, document_weight, query_weight, field_weight):
    """Sorts the tokens, quantises the rows and writes the model file."""
    names = [token.encode() for token in tokens]
    order = sorted(range(len(names)), key=lambda i: names[i])
    names = [names[i] for i in order]
    assert len(set(names)) == len(names)
    table, scale = quantise(np.asarray(rows, np.float32)[order])
    offsets = np.cumsum([0] + [len(name) for name in names]).astype("<u4")
    bits = math.ceil(math.log2(2 * len(names)))
    slots = np.full(1 << bits, 0xFFFFFFFF, "<u4")
    for i, name in enumerate(names):
        slot = fnv1a(name) >> (64 - bits)
        while slots[slot] != 0xFFFFFFFF:
            slot = (slot + 1) % len(slots)
        slots[slot] = i
    sections = [
        np.asarray(field_weight, "<f4").tobytes(),
        np.asarray(document_weight, "<f4")[order].tobytes(),
        np.asarray(query_weight, "<f4")[order].tobytes(),
        scale.astype("<f4").tobytes(),
        offsets.tobytes() + b"".join(names),
        slots.tobytes(),
        table.tobytes(),
    ]
    payload = b"".join(section + bytes(-len(section) % ALIGN) for section in sections)
    head = MAGIC + struct.pack("<8I", VERSION, table.shape[1], len(names), len(FIELDS), 0, int(offsets[-1]), bits, 0)
    head += hashlib.sha256(payload).digest()
    with open(path, "wb") as file:
        file.write(head + bytes(HEADER - len(head)) + payload)


def read(path):
    data = open(path, "rb").read()
    version, dim, count, fields, _, vocabulary, bits, _ = struct.unpack_from("<8I", data, 8)
    assert data[:8] == MAGIC and version == VERSION and fields == len(FIELDS)
    assert hashlib.sha256(data[HEADER:]).digest() == data[40:72]
    at = HEADER

    def take(kind, length):
        nonlocal at
        array = np.frombuffer(data, kind, length, at)
        at += -(-array.nbytes // ALIGN) * ALIGN
        return array

    field_weight, document_weight, query_weight, scale = (take("<f4", n) for n in (fields, count, count, count))
    start = at
    take("u1", 4 * (count + 1) + vocabulary)
    offsets = np.frombuffer(data, "<u4", count + 1, start)
    text = data[start + offsets.nbytes : start + offsets.nbytes + vocabulary]
    tokens = [text[a:b].decode() for a, b in zip(offsets, offsets[1:])]
    take("<u4", 1 << bits)
    rows = take("i1", count * dim).reshape(count, dim)
    assert at == len(data)
    return Model(tokens, rows, scale, document_weight, query_weight, field_weight)
