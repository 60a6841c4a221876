#!/usr/bin/env python3
"""Measure our encoders against a reference program's and write the table of docs/formats/encoders.md.

usage: encoder_table.py --reference LLAMA_QUANTIZE --speed-model GGUF --speed-imatrix DAT [options]

Needs build/release/quern and build/release/quant_bench. Errors are those of the golden weights (the reference's
from their index) and of eight matrices of data/tiny-mla-bf16.gguf, which both programs encode. Speed is the
processor time (user) of the whole program on one thread over the speed model, the least of some runs in turn; a
model without some of its layers will do.
With --types only these rows are measured, the others stay.
"""
import argparse, array, math, operator, os, re, resource, struct, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(ROOT, "docs/formats/encoders.md")
MODEL = os.path.join(ROOT, "data/tiny-mla-bf16.gguf")
IMATRIX = os.path.join(ROOT, "tests/golden/tiny-mla/imatrix_32x512.gguf")
MATRICES = r"blk\.(1|4)\..*(attn_q_b|ffn_down_shexp|attn_output|kv_a_mqa).*weight"
TYPES = """q4_0 q4_1 q5_0 q5_1 q6_0 q8_0 q2_K q3_K q4_K q5_K q6_K iq4_nl iq4_xs iq1_s iq1_m iq2_xxs iq2_xs iq2_s
iq3_xxs iq3_s iq2_k iq2_ks iq2_kl iq3_k iq3_ks iq4_k iq4_ks iq4_kss iq5_k iq5_ks iq6_k iq1_kt iq2_kt iq3_kt
iq4_kt mxfp4 q8_KV""".split()
NEED_IMPORTANCE = ("iq1_s", "iq2_xxs", "iq2_xs")  # of the reference: not for embeddings, which have none
SIZES = {"B": 1, "b": 1, "H": 2, "h": 2, "I": 4, "i": 4, "f": 4, "Q": 8, "q": 8, "d": 8}
KINDS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}


def read_floats(path, wanted):
    """The f32 and bf16 tensors of a GGUF file whose names match, as name -> (columns, values)."""
    data = open(path, "rb").read()
    at = 8

    def take(kind):
        nonlocal at
        value = struct.unpack_from("<" + kind, data, at)[0]
        at += SIZES[kind]
        return value

    def text():
        nonlocal at
        n = take("Q")
        at += n
        return data[at - n:at].decode("utf-8", "replace")

    def value(kind):
        if kind == 8:
            return text()
        if kind == 9:
            inner, n = take("I"), take("Q")
            return [value(inner) for _ in range(n)]
        return take(KINDS[kind])

    n_tensors, n_keys, alignment, found = take("Q"), take("Q"), 32, {}
    for _ in range(n_keys):
        key, kind = text(), take("I")
        alignment = value(kind) if key == "general.alignment" else (value(kind), alignment)[1]
    for _ in range(n_tensors):
        name = text()
        shape = [take("Q") for _ in range(take("I"))]
        found[name] = (shape, take("I"), take("Q"))
    start = -(-at // alignment) * alignment
    out = {}
    for name, (shape, kind, offset) in found.items():
        if not re.fullmatch(wanted, name) or kind not in (0, 30):
            continue
        n, first = math.prod(shape), start + offset
        if kind == 0:
            values = array.array("f", data[first:first + 4 * n])
        else:
            wide = array.array("I", (v << 16 for v in array.array("H", data[first:first + 2 * n])))
            values = array.array("f", wide.tobytes())
        out[name] = (shape[0], values)
    return out


def run(*command):
    """Seconds of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"encoder_table: {' '.join(command)}\n{done.stdout[-2000:]}")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def weighted_error(original, coded, importance):
    """sqrt(sum v (x-y)^2 / sum v x^2) over all matrices."""
    mul, error, energy = operator.mul, 0.0, 0.0
    for name, (cols, x) in original.items():
        sums, counts = importance[name + ".in_sum2"][1], importance[name + ".counts"][1]
        v = [s / max(counts[0], 1) for s in sums[:cols]]
        y = coded[name][1]
        for first in range(0, len(x), cols):
            row = x[first:first + cols]
            off = list(map(operator.sub, row, y[first:first + cols]))
            error += sum(map(mul, v, map(mul, off, off)))
            energy += sum(map(mul, v, map(mul, row, row)))
    return math.sqrt(error / energy)


def elsewhere(kind):
    """The type of embeddings and output when all else has `kind`."""
    return "q8_0" if kind in NEED_IMPORTANCE else kind


class Programs:
    def __init__(self, args, folder):
        self.quern, self.reference = os.path.join(ROOT, "build/release/quern"), args.reference
        self.out = os.path.join(folder, "out.gguf")
        self.imatrix = os.path.join(folder, "imatrix.dat")  # the dialect that both read
        run(self.quern, "imatrix", "--in-file", IMATRIX, "-o", self.imatrix)

    def ours(self, kind, model, imatrix, effort, where=None):
        rest = elsewhere(kind)
        rule = ["--pure", "--output-tensor-type", rest, "--token-embedding-type", rest, model, self.out, kind, "1"]
        if where:
            rule = ["--custom-q", f"{where}={kind}", model, self.out, "Q8_0", "1"]
        return run(self.quern, "quantize", "--allow-broken", "--effort", effort, "--imatrix", imatrix, *rule)

    def theirs(self, kind, model, imatrix, where=".*weight"):
        rest = elsewhere(kind)
        rule = [] if where != ".*weight" else ["--output-tensor-type", rest, "--token-embedding-type", rest]
        return run(self.reference, "--imatrix", imatrix, "--custom-q", f"{where}={kind}", *rule, model, self.out,
                   "q8_0", "1")

    def error(self, original, importance):
        floats = self.out + ".f32"
        run(self.quern, "quantize", "--allow-requantize", "--pure", self.out, floats, "F32", "1")
        result = weighted_error(original, read_floats(floats, MATRICES), importance)
        os.remove(floats)
        return result


def golden_errors():
    """type -> reference error, ours, ours with `fast`."""
    text = subprocess.run([os.path.join(ROOT, "build/release/quant_bench"), "--errors"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return {f[0]: [float(v) for v in f[1:4]] for f in (line.split() for line in text.splitlines())}


def measure(kind, programs, args, golden, original, importance):
    slow = kind in args.slow_types.split(",") and args.slow_model
    model, imatrix = (args.slow_model, args.slow_imatrix) if slow else (args.speed_model, args.speed_imatrix)
    times = [[programs.theirs(kind, model, imatrix), programs.ours(kind, model, imatrix, "best"),
              programs.ours(kind, model, imatrix, "fast")] for _ in range(args.runs)]
    theirs, best, fast = (min(column) for column in zip(*times))
    programs.theirs(kind, MODEL, programs.imatrix, MATRICES)
    model_reference = programs.error(original, importance)
    ratios = []
    for effort in ("best", "fast"):
        programs.ours(kind, MODEL, programs.imatrix, effort, MATRICES)
        ratios.append(programs.error(original, importance) / model_reference)
    reference, ours, ours_fast = golden[kind]
    weights = (args.slow_weights if slow else args.speed_weights) / 1e6
    return (f"| `{kind}` | {reference:.5f} | {ours:.5f} | {ours / reference:.3f} | {ours_fast / reference:.3f} | "
            f"{model_reference:.5f} | {ratios[0]:.3f} | {ratios[1]:.3f} | "
            f"{weights / theirs:.3g} | {weights / best:.3g} | {theirs / best:.1f} | {theirs / fast:.1f} |")


def summary(rows):
    """Geometric means and extremes of the ratios, as a sentence."""
    cells = [[c.strip() for c in row.strip("|").split("|")] for row in rows]

    def mean(k):
        measured = [math.log(float(c[k])) for c in cells if c[k] != "-"]
        return math.exp(sum(measured) / len(measured))

    below = [f"{c[0]} {c[10]}" for c in cells if float(c[10]) < 4]
    return (f"Geometric means: error {mean(3):.3f} (golden weights) and {mean(6):.3f} (small model) of the reference's, "
            f"{math.sqrt(mean(3) * mean(6)):.3f} over both, with `fast` {mean(4):.3f} and {mean(7):.3f}; speed {mean(10):.1f} times, with `fast` {mean(11):.1f}. "
            + (f"Below four times: {', '.join(below)}." if below else "All are at least four times as fast."))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", required=True, help="the reference's llama-quantize")
    parser.add_argument("--speed-model", required=True)
    parser.add_argument("--speed-imatrix", required=True)
    parser.add_argument("--speed-weights", type=float, required=True, help="weights of the speed model")
    parser.add_argument("--slow-model", help="a smaller model for --slow-types")
    parser.add_argument("--slow-imatrix")
    parser.add_argument("--slow-weights", type=float)
    parser.add_argument("--slow-types", default="iq1_s,iq1_m,iq2_xxs,iq2_xs,iq2_s,iq1_kt,iq2_kt,iq3_kt,iq4_kt")
    parser.add_argument("--types", help="only these, comma-separated")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    page = open(PAGE, encoding="utf-8").read()
    head, old = page.split("<!-- rows -->\n")
    rows = {re.match(r"\| `(\w+)`", line)[1]: line for line in old.splitlines() if line.startswith("| `")}
    golden, original = golden_errors(), read_floats(MODEL, MATRICES)
    importance = read_floats(IMATRIX, ".*")
    with tempfile.TemporaryDirectory() as folder:
        programs = Programs(args, folder)
        for kind in (args.types.split(",") if args.types else TYPES):
            rows[kind] = measure(kind, programs, args, golden, original, importance)
            print(rows[kind], flush=True)
            table = [rows[k] for k in TYPES if k in rows]
            text = head + "<!-- rows -->\n" + "\n".join(table) + "\n\n" + summary(table) + "\n"
            with open(PAGE, "w", encoding="utf-8") as out:
                out.write(text)


if __name__ == "__main__":
    main()
