#!/usr/bin/env python3
"""Compare `quern tokenize` with the packages `tokenizers` and `sentencepiece`, id by id.

usage: compare_tokenizers.py [--quern PATH] [--mb N] [--save FILE] [--speed] VOCABULARY...

A VOCABULARY is a GGUF file of kind `llama` or `gpt2`, or a folder with tokenizer.json or tokenizer.model. A folder is
converted by `quern convert` first (with an empty model around it), so that reading it is compared too, and the package
reads the same file. For a GGUF file the package's tokenizer is built from the file's tokens, scores and merges, with the
pre-tokenizer that its publisher wrote (PRE below). The words `wordpiece` and `unigram` stand for vocabularies of 8,000
pieces that the packages train on WikiText-2 first; the first is written into a GGUF file, the second converted.

The text is made anew with a fixed seed: WikiText-2, the sources of this repository, C headers, multilingual texts where
they are found, random words of every script, random code points of Unicode 15.1, emoji sequences, runs of blanks, digits
and contractions. Special tokens written in the text are plain text on both sides; user-defined tokens count on both.
Falcon's text lacks 129 characters that the package's `Punctuation` (Unicode 8) takes otherwise than Unicode 15.1.
Texts for folders lack U+FF5C, of which DeepSeek's control tokens are made, and `~` where GGUF readers cut it otherwise.

Prints a row for each vocabulary: MB of text, ids, blocks of 100,000 characters that differ (the first five are made
small and printed with both lists); with --speed also MB a second and core, of the text and of WikiText-2: CPU time of
`quern tokenize` less that for a text of one letter, median of three. Exit code 1 if any differ.

Needs: pip install tokenizers sentencepiece. Not run by ./check: it needs minutes and vocabularies from elsewhere.
"""
import argparse
import json
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
WIKITEXT = SHARED / "data/text/wiki.test.raw"
CONTROL, USER_DEFINED = 3, 4  # token types of GGUF

# --- the text ------------------------------------------------------------------------------------


def read_valid(path):
    return Path(path).read_bytes().decode("utf-8", "ignore").replace("\0", "")


def gather(paths, limit):
    """Text of files in order of their names, up to `limit` bytes."""
    parts, size = [], 0
    for path in sorted(map(str, paths)):
        if size >= limit:
            break
        try:
            parts.append(read_valid(path))
        except OSError:
            continue
        size += len(parts[-1].encode())
    return "".join(parts)


def assigned_code_points():
    """Code points that Unicode 15.1 knows, without surrogates, as ranges [first, end, flags]."""
    rows = []
    for line in (ROOT / "docs/spec/tables/unicode_category_ranges.txt").read_text().splitlines():
        if not line.startswith("#"):
            first, flags = line.split()
            rows.append((int(first, 16), int(flags, 16)))
    return [(a, b, flags) for (a, flags), (b, _) in zip(rows, rows[1:])
            if not flags & 0x01 and not 0xD800 <= a < 0xE000]


def random_unicode(rng, ranges, size):
    out, length = [], 0
    while length < size:
        first, end, _ = rng.choice(ranges)
        out.append(chr(rng.randrange(max(first, 1), end)))
        length += len(out[-1].encode())
    return "".join(out)


def random_words(rng, ranges, size):
    """Words of letters and marks of one neighbourhood, with marks between as people set them."""
    letters = [r for r in ranges if r[2] & 0x14 and r[0] > 0xA0]
    breaks = [" ", " ", " ", " ", ", ", ". ", "\n", "  ", "? ", " - ", "\u3000", "\u3002", "\uFF0C", " \u00AB", "\u00BB "]
    out, length = [], 0
    while length < size:
        at = rng.randrange(len(letters))
        near = letters[at:at + 20]
        for _ in range(rng.randrange(1, 12)):
            word = "".join(chr(rng.randrange(max(a, b - 200), b)) for a, b, _ in rng.choices(near, k=rng.randrange(1, 9)))
            if rng.random() < 0.1:
                word += str(rng.randrange(100000))
            out.append(word + rng.choice(breaks))
            length += len(out[-1].encode())
    return "".join(out)


def random_emoji(rng, size):
    faces = [chr(c) for c in [*range(0x1F300, 0x1F650), *range(0x1F680, 0x1F6D8), *range(0x1F900, 0x1FA00), *range(0x2600, 0x2700)]]
    joiners = ["", "", "", " ", "\u200D", "\uFE0F", "\u200D\u2642\uFE0F", "\U0001F3FB", "\U0001F3FF", "\u20E3", " ok ", "!", "\n"]
    out, length = [], 0
    while length < size:
        if rng.random() < 0.1:
            out.append("".join(chr(0x1F1E6 + rng.randrange(26)) for _ in range(2)))
        else:
            out.append(rng.choice(faces) + rng.choice(joiners))
        length += len(out[-1].encode())
    return "".join(out)


def random_ascii(rng, size):
    """What pre-tokenizers cut in different ways: blanks, digits, contractions, punctuation."""
    kinds = [
        lambda: " " * rng.randrange(1, 40),
        lambda: "\n" * rng.randrange(1, 6),
        lambda: rng.choice(["\t", "\r\n", "\r", " \n", "\n ", "\t\t ", "\v", "\f"]),
        lambda: "".join(rng.choice("0123456789") for _ in range(rng.randrange(1, 14))),
        lambda: rng.choice(["'s", "'S", "'t", "'re", "'RE", "'ve", "'m", "'ll", "'Ll", "'d", "'x", "don't", "I'M", "we'd"]),
        lambda: "".join(rng.choice("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") for _ in range(rng.randrange(1, 6))),
        lambda: "".join(rng.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(rng.randrange(1, 12))),
        lambda: rng.choice("aeiou ") * rng.randrange(1, 300),
        lambda: "".join(chr(rng.randrange(1, 128)) for _ in range(8)),
    ]
    out, length = [], 0
    while length < size:
        out.append(rng.choice(kinds)())
        length += len(out[-1])
    return "".join(out)


def mixed_text(megabytes):
    rng = random.Random(20260101)
    unit = int(megabytes * 1e5)
    ranges = assigned_code_points()
    sources = [p for p in ROOT.glob("src/**/*") if p.suffix in (".h", ".cpp")]
    languages = [*SHARED.glob("data/text/mixed/multilingual*"), *Path("/var/lib/dpkg/info").glob("*.templates")]
    parts = [
        gather([WIKITEXT], 13 * unit),
        gather(sources + list(ROOT.glob("docs/**/*.md")), 15 * unit),
        gather(languages, 15 * unit),
        random_words(rng, ranges, 12 * unit),
        random_unicode(rng, ranges, 8 * unit),
        random_emoji(rng, 5 * unit),
        random_ascii(rng, 8 * unit),
    ]
    missing = int(megabytes * 1e6) - sum(len(p.encode()) for p in parts)
    parts.append(gather(Path("/usr/include").rglob("*.h"), missing))
    text = "".join(parts).encode()[:int(megabytes * 1e6)].decode("utf-8", "ignore")
    return text


# --- vocabularies --------------------------------------------------------------------------------


def read_metadata(path):
    """Metadata of a GGUF file; no tensors."""
    data = Path(path).read_bytes()
    at = 8
    formats = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

    def number(form):
        nonlocal at
        value, = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return value

    def value(kind):
        nonlocal at
        if kind == 8:
            size = number("Q")
            at += size
            return data[at - size:at].decode("utf-8", "surrogateescape")
        if kind == 9:
            inner, count = number("I"), number("Q")
            return [value(inner) for _ in range(count)]
        return number(formats[kind])

    number("Q")  # tensors
    pairs = {}
    for _ in range(number("Q")):
        key = value(8)
        pairs[key] = value(number("I"))
    return pairs


def protobuf(number, wire, value):
    """One field: wire type 0 (integer), 2 (bytes) or 5 (float)."""
    def varint(n):
        out = b""
        while n > 0x7F:
            out += bytes([n & 0x7F | 0x80])
            n >>= 7
        return out + bytes([n])
    body = varint(value) if wire == 0 else struct.pack("<f", value) if wire == 5 else varint(len(value)) + value
    return varint(number << 3 | wire) + body


def sentencepiece_of(metadata):
    """The SentencePiece model that GGUF metadata of kind `llama` stand for."""
    import sentencepiece
    tokens, types = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    model = b""
    for text, score, kind in zip(tokens, metadata["tokenizer.ggml.scores"], types):
        stored = text.replace(" ", "\u2581") if kind == USER_DEFINED else text
        # An end of sequence is a control token whatever the file says (docs/spec/tokenizers.md 1.5).
        kind = CONTROL if text == "</s>" else kind
        # A model has one unknown token; others of that type never come out of plain text either.
        kind = CONTROL if kind == 2 and text != "<unk>" else kind
        model += protobuf(1, 2, protobuf(1, 2, stored.encode()) + protobuf(2, 5, score) + protobuf(3, 0, kind))
    prefix = metadata.get("tokenizer.ggml.add_space_prefix", True)
    model += protobuf(2, 2, protobuf(3, 0, 2) + protobuf(35, 0, 1))  # BPE, bytes as last resort
    model += protobuf(3, 2, protobuf(1, 2, b"identity") + protobuf(3, 0, int(prefix)) + protobuf(4, 0, 0) + protobuf(5, 0, 1))
    return sentencepiece.SentencePieceProcessor(model_proto=model)


def own_expressions(name):
    families = json.loads((ROOT / "src/text/data/pretokenizers.json.embed").read_text())
    return next(f["regex"] for f in families if name in f["pre"])


def punctuation_of_another_unicode():
    """Characters whose punctuation differs in the package's `Punctuation`, which has Unicode 8 (the families: 15.1)."""
    from tokenizers import pre_tokenizers as pt
    package, symbols = pt.Punctuation("contiguous"), "$+<=>^`|~"
    return {chr(code) for first, end, flags in assigned_code_points() for code in range(max(first, 1), end)
            if (len(package.pre_tokenize_str(f"a{chr(code)}a")) == 3) != (bool(flags & 0x20) or chr(code) in symbols)}


def byte_bpe_of(metadata):
    """A tokenizer of kind `gpt2` with its publisher's pre-tokenizer."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers as pt
    byte_level = pt.ByteLevel(add_prefix_space=False, use_regex=True)
    only_bytes = pt.ByteLevel(add_prefix_space=False, use_regex=False)
    pre = {
        "gpt-2": lambda: byte_level,
        "starcoder": lambda: pt.Sequence([pt.Digits(individual_digits=True), byte_level]),
        "smollm": lambda: pt.Sequence([pt.Digits(individual_digits=True), byte_level]),
        "falcon": lambda: pt.Sequence([pt.Punctuation("contiguous"), byte_level, pt.Digits(individual_digits=False),
                                       pt.Split(Regex("[0-9][0-9][0-9]"), "isolated")]),
        "deepseek-llm": lambda: pt.Sequence([pt.Split(Regex(e), "isolated") for e in own_expressions("deepseek-llm")[:-1]]
                                            + [pt.Digits(individual_digits=True), only_bytes]),
    }
    name = metadata["tokenizer.ggml.pre"]
    if name not in pre:
        raise SystemExit(f"no original pre-tokenizer is written down here for pre {name}; known: {', '.join(pre)}")
    tokens, types = metadata["tokenizer.ggml.tokens"], metadata.get("tokenizer.ggml.token_type", [])
    merges = [tuple(m.split(" ")) for m in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre[name]()
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t, kind in zip(tokens, types) if kind == USER_DEFINED])
    return tokenizer


def write_gguf(path, pairs):
    """A GGUF file without tensors; texts, whole numbers, and lists of both."""
    def text(value):
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def value(v):
        if isinstance(v, str):
            return struct.pack("<I", 8) + text(v)
        if isinstance(v, int):
            return struct.pack("<II", 4, v)
        kind, items = (8, map(text, v)) if isinstance(v[0], str) else (5, (struct.pack("<i", i) for i in v))
        return struct.pack("<IIQ", 9, kind, len(v)) + b"".join(items)

    body = b"".join(text(key) + value(v) for key, v in pairs.items())
    Path(path).write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + body)


def train_wordpiece(path):
    """A tokenizer of BERT's form, and the GGUF file of its vocabulary (docs/spec/tokenizers.md 6)."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers as pt, trainers
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pt.BertPreTokenizer()
    tokenizer.train([str(WIKITEXT)], trainers.WordPieceTrainer(vocab_size=8000, special_tokens=special, show_progress=False))
    pieces = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)
    write_gguf(path, {
        "general.architecture": "bert", "tokenizer.ggml.model": "bert", "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": [p if p in special else p[2:] if p.startswith("##") else "\u2581" + p for p in pieces],
        "tokenizer.ggml.token_type": [CONTROL if p in special else 1 for p in pieces],
        "tokenizer.ggml.unknown_token_id": 1, "tokenizer.ggml.bos_token_id": 2, "tokenizer.ggml.seperator_token_id": 3})
    return tokenizer


def train_unigram(folder):
    """A folder with a tokenizer.model of kind unigram; the text is normalized as nmt_nfkc says."""
    import sentencepiece
    folder.mkdir()
    sentencepiece.SentencePieceTrainer.train(input=str(WIKITEXT), model_prefix=str(folder / "tokenizer"), vocab_size=8000,
                                             model_type="unigram", max_sentence_length=100000, minloglevel=2)
    return folder


def normal_of_another_unicode():
    """Characters that the package's categories (Unicode 8) make BERT's normalizer or pre-tokenizer take otherwise."""
    import unicodedata
    from tokenizers import normalizers, pre_tokenizers as pt
    bert, cut, out = normalizers.BertNormalizer(), pt.BertPreTokenizer(), set()
    for first, end, flags in assigned_code_points():
        for code in range(max(first, 1), end):
            c = chr(code)
            alone = bool(flags & 0x20) and len(cut.pre_tokenize_str(f"a{c}a")) != 3
            mark = unicodedata.category(c)
            kept = c in bert.normalize_str(f"a{c}a")
            if alone or (flags & 0x10 and mark == "Cn") or (mark == "Mn") == kept and flags & 0x10 or (flags & 0x80 and kept):
                out.add(c)
    return out


class Package:
    """A tokenizer of the packages: ids of a text, nothing added."""

    def __init__(self, source, folder):
        self.gguf = source
        self.leave_out = set()
        if source == Path("wordpiece"):
            self.gguf, self.kind, self.convert = folder / "wordpiece.gguf", "tokenizers", None
            self.engine = train_wordpiece(self.gguf)
            self.engine.encode_special_tokens = True
            self.leave_out = normal_of_another_unicode()
            return
        if source == Path("unigram"):
            source = train_unigram(folder / "unigram")
        if source.is_dir():
            self.gguf = folder / "converted.gguf"
            if (source / "tokenizer.json").exists():
                from tokenizers import Tokenizer
                self.engine, self.kind = Tokenizer.from_file(str(source / "tokenizer.json")), "tokenizers"
                size = self.engine.get_vocab_size(with_added_tokens=True)
            else:
                import sentencepiece
                self.engine = sentencepiece.SentencePieceProcessor(model_file=str(source / "tokenizer.model"))
                self.kind, size = "sentencepiece", self.engine.vocab_size()
            self.convert = (source, size)
        else:
            self.convert = None
            metadata = read_metadata(source)
            spm = metadata["tokenizer.ggml.model"] == "llama"
            self.engine = sentencepiece_of(metadata) if spm else byte_bpe_of(metadata)
            self.kind = "sentencepiece" if spm else "tokenizers"
            if metadata.get("tokenizer.ggml.pre") == "falcon":
                self.leave_out = punctuation_of_another_unicode()
        if self.kind == "tokenizers":
            self.engine.encode_special_tokens = True

    def make_gguf(self, quern, folder):
        if self.convert:
            source, size = self.convert
            convert_around(quern, source, size, folder, self.gguf)
            self.leave_out = {"\uFF5C"}  # what looks like a control token becomes one (docs/spec/models.md 5.6)
            pre = read_metadata(self.gguf).get("tokenizer.ggml.pre")
            if self.kind == "tokenizers" and any(r"\p{S}" in e for e in own_expressions(pre)):
                self.leave_out.add("~")  # no symbol in the public programs (docs/spec/tokenizers.md 5.2)

    def ids(self, text):
        if self.kind == "sentencepiece":
            return self.engine.encode(text)
        return self.engine.encode(text, add_special_tokens=False).ids


def convert_around(quern, source, n_tokens, folder, out):
    """Puts an empty model of one layer around a vocabulary and converts both."""
    model = folder / "model"
    model.mkdir()
    for file in source.iterdir():
        if file.name.startswith(("tokenizer", "added_tokens", "special_tokens", "tokenization")):
            (model / file.name).symlink_to(file.resolve())
    width = 32
    (model / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": n_tokens, "hidden_size": width,
        "intermediate_size": width, "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1,
        "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 1e4, "tie_word_embeddings": True}))
    layer = "model.layers.0."
    shapes = {"model.embed_tokens.weight": [n_tokens, width], "model.norm.weight": [width]}
    shapes |= {layer + n + ".weight": [width] for n in ("input_layernorm", "post_attention_layernorm")}
    shapes |= {layer + "self_attn." + n + "_proj.weight": [width, width] for n in "qkvo"}
    shapes |= {layer + "mlp." + n + "_proj.weight": [width, width] for n in ("gate", "up", "down")}
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (model / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))
    subprocess.run([quern, "convert", model, out], check=True, stdout=subprocess.DEVNULL)


# --- comparing -----------------------------------------------------------------------------------


def our_ids(quern, gguf, file):
    run = subprocess.run([quern, "tokenize", "-m", gguf, "-f", file, "--ids", "--no-bos", "--no-parse-special", "--log-disable"],
                         check=True, capture_output=True, text=True)
    return json.loads(run.stdout)


def cpu_seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def speed(quern, gguf, file, empty):
    """Megabytes a second: median of three."""
    count = [quern, "tokenize", "-m", gguf, "--no-bos", "--no-parse-special", "--log-disable"]
    load = sorted(cpu_seconds(count + [empty]) for _ in range(3))[1]
    whole = sorted(cpu_seconds(count + [file]) for _ in range(3))[1]
    return os.path.getsize(file) / 1e6 / max(whole - load, 1e-3)


def smallest_difference(quern, package, text, folder):
    """Halves a text that differs until no half differs by itself."""
    file = folder / "part.txt"

    def differs(part):
        file.write_text(part, newline="")
        return our_ids(quern, package.gguf, file) != package.ids(part)

    while len(text) > 1:
        middle = len(text) // 2
        half = next((h for h in (text[:middle], text[middle:], text[middle // 2:middle + middle // 2]) if differs(h)), None)
        if half is None:
            break
        text = half
    file.write_text(text, newline="")
    return text, our_ids(quern, package.gguf, file), package.ids(text)


def differing_blocks(quern, package, text, folder):
    """How many blocks differ by themselves, and the first five made small."""
    blocks = [text[i:i + 100000] for i in range(0, len(text), 100000)]
    file, n, shown = folder / "block.txt", 0, []
    for block in blocks:
        file.write_text(block, newline="")
        if our_ids(quern, package.gguf, file) == package.ids(block):
            continue
        n += 1
        if len(shown) < 5:
            shown.append(smallest_difference(quern, package, block, folder))
    return max(n, 1), shown


def compare(args, source, text, file, folder):
    quern = str(args.quern)
    package = Package(source, folder)
    package.make_gguf(quern, folder)
    if package.leave_out:
        text = "".join(c for c in text if c not in package.leave_out)
        file = folder / "text_of_this.txt"
        file.write_text(text, newline="")
    ours, theirs = our_ids(quern, package.gguf, file), package.ids(text)
    n, shown = (0, []) if ours == theirs else differing_blocks(quern, package, text, folder)
    rates = ""
    if args.speed:
        letter = folder / "letter.txt"
        letter.write_text("a")
        rates = "".join(f"{speed(quern, package.gguf, f, letter):>7.1f}" for f in (file, WIKITEXT) if f.exists())
    name = source.stem.removeprefix("ggml-vocab-") if source.is_file() else source.name
    print(f"{name:<22} {package.kind:<13} {len(text.encode()) / 1e6:>6.2f} {len(ours):>9} {n:>6}{rates}", flush=True)
    for part, a, b in shown:
        print(f"    {part!r}\n      ours   {a}\n      theirs {b}", flush=True)
    return n


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("vocabularies", nargs="+", type=Path, metavar="VOCABULARY", help="GGUF file, or folder with tokenizer.json or tokenizer.model")
    parser.add_argument("--quern", default=ROOT / "build/release/quern", help="the program")
    parser.add_argument("--mb", type=float, default=10, help="megabytes of text (10)")
    parser.add_argument("--save", type=Path, help="keep the text there")
    parser.add_argument("--speed", action="store_true", help="measure MB a second and core too")
    args = parser.parse_args()
    text = mixed_text(args.mb)
    if args.save:
        args.save.write_text(text, newline="")
    total = 0
    rates = f"{'MB/s':>7}{'wiki':>7}" if args.speed else ""
    print(f"{'vocabulary':<22} {'package':<13} {'MB':>6} {'ids':>9} {'differ':>6}{rates}", flush=True)
    for source in args.vocabularies:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "text.txt"
            file.write_text(text, newline="")
            total += compare(args, source, text, file, Path(folder))
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
