"""Every plain weight format, decoded with numpy as the pages of this folder draw it, to the bits of `quern decode`.

python3 decode.py TYPE COLS IN.bin OUT.f32

A decoder takes the blocks, bytes [n, block bytes], and gives scales and values whose product is the weight: lists of factors that numpy
broadcasts to [n, weights a block], multiplied in f32 from the left, and what is subtracted in the end. Formats with a scale for the row
get it as `row`, [n, 1]. Interleaved formats: `quern quantize --unpack` first.
"""
import os
import sys

import numpy as np

TABLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "spec", "tables")
K = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113])
F = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12])
T2 = np.array([-31, -13, 1, 17])
T3 = np.array([-63, -40, -23, -10, 1, 13, 28, 47])


def table(name):
    return np.loadtxt(os.path.join(TABLES, name + ".txt"), dtype=int)


def index(n=256):
    return np.arange(n)


def bits(x, p, n=1):
    return x.astype(np.int64) >> p & (1 << n) - 1


def nib(x, h):
    return bits(x, 4 * h, 4)


def u(b, kind):
    """The bytes as little-endian numbers."""
    return np.ascontiguousarray(b).view(kind)


def f16(b):
    return u(b, "<f2").astype(np.float32)


def two_bits(b):
    i = index()
    return bits(b[:, 32 * (i // 128) + i % 32], 2 * (i // 32 % 4), 2)


def pair32(b):
    """Codes of 32 weights, i and i + 16 in a byte."""
    return np.concatenate([nib(b, 0), nib(b, 1)], 1)


# legacy.md


def q4_0(b):
    return [f16(b[:, :2]), pair32(b[:, 2:]) - 8]


def q4_1(b):
    return [f16(b[:, :2]), pair32(b[:, 4:])], -f16(b[:, 2:4])


def bit4(b):
    return bits(u(b, "<u4"), index(32)) << 4


def q5_0(b):
    return [f16(b[:, :2]), pair32(b[:, 6:]) + bit4(b[:, 2:6]) - 16]


def q5_1(b):
    return [f16(b[:, :2]), pair32(b[:, 8:]) + bit4(b[:, 4:8])], -f16(b[:, 2:4])


def q6_0(b):
    i = index(32)
    at = np.array([0, 2, 1, 3])[i // 8]  # places of q[k], q[k+8], q[k+16], q[k+24] in a byte
    return [f16(b[:, :2]), pair32(b[:, 10:]) + (bits(b[:, 2 + i % 8], 2 * at, 2) << 4) - 32]


def q8_0(b):
    return [f16(b[:, :2]), u(b[:, 2:], "i1")]


# kquant.md


def q2_K(b):
    j = index() // 16
    q, d, dmin = two_bits(b[:, 16:80]), f16(b[:, 80:82]), f16(b[:, 82:84])
    return [d, nib(b[:, j], 0), q], dmin * nib(b[:, j], 1)


def q3_K(b):
    i = index()
    j = i // 16
    q = two_bits(b[:, 32:96]) + 4 * bits(b[:, i % 32], i // 32) - 4
    s = nib(b[:, 96 + j % 8], j // 8) + 16 * bits(b[:, 104 + j % 4], 2 * (j // 4), 2) - 32
    return [f16(b[:, 108:]), s, q]


def scales_and_mins(s, j):
    low, high = s[:, j % 4], s[:, 4 + j % 4]  # bytes 0..3 and 4..7
    last = s[:, 8 + j % 4]
    sc = np.where(j < 4, bits(low, 0, 6), nib(last, 0) + 16 * bits(low, 6, 2))
    m = np.where(j < 4, bits(high, 0, 6), nib(last, 1) + 16 * bits(high, 6, 2))
    return sc, m


def nibbles64(b):
    i = index()
    return nib(b[:, 32 * (i // 64) + i % 32], i // 32 % 2)


def q4_K(b):
    sc, m = scales_and_mins(b[:, 4:16], index() // 32)
    return [f16(b[:, :2]), sc, nibbles64(b[:, 16:])], f16(b[:, 2:4]) * m


def q5_K(b):
    i = index()
    sc, m = scales_and_mins(b[:, 4:16], i // 32)
    q = nibbles64(b[:, 48:]) + 16 * bits(b[:, 16 + i % 32], i // 32)
    return [f16(b[:, :2]), sc, q], f16(b[:, 2:4]) * m


def q6_K(b):
    i = index()
    q = nib(b[:, 64 * (i // 128) + i % 64], i // 64 % 2) + 16 * two_bits(b[:, 128:192]) - 32
    return [f16(b[:, 208:]), u(b[:, 192:208], "i1")[:, i // 16], q]


# nonlinear.md


def iq4_nl(b):
    return [f16(b[:, :2]), K[pair32(b[:, 2:])]]


def iq4_xs(b):
    i = index()
    j = i // 32
    s = nib(b[:, 4 + j // 2], j % 2) + 16 * bits(u(b[:, 2:4], "<u2"), 2 * j, 2) - 32
    return [f16(b[:, :2]), s, K[nib(b[:, 8 + 16 * j + i % 16], i // 16 % 2)]]


def mxfp4(b):
    return [np.ldexp(np.float32(1), b[:, :1].astype(int) - 128), F[pair32(b[:, 1:])]]


def nvfp4(b):
    i = index(64)
    e, m = bits(b[:, :4], 3, 4), bits(b[:, :4], 0, 3)
    scale = np.where(e == 0, m * 2.0**-9, (1 + m / 8) * 2.0 ** (e - 7))
    scale = np.where((b[:, :4] == 0) | (b[:, :4] == 0x7F), 0, scale) / 2
    return [scale[:, i // 16], F[nib(b[:, 4 + 8 * (i // 16) + i % 8], i // 8 % 2)]]


# codebook.md


def even_signs(v):
    ones = sum(bits(v, p) for p in range(7))
    return v + 128 * (ones % 2)


def minus(s):
    """-1 where bit i % 8 of the signs is set."""
    return 1 - 2 * bits(s, index() % 8)


def iq1_s(b):
    i = index()
    v, h = i // 8, u(b[:, 34:50], "<u2")[:, i // 32]
    grid = table("iq1s_grid")[b[:, 2 + v] + 256 * bits(h, 3 * (v % 4), 3), i % 8]
    return [f16(b[:, :2]), 2 * bits(h, 12, 3) + 1, grid + np.where(bits(h, 15), -0.125, 0.125)]


def iq1_m(b):
    i = index()
    v, words = i // 8, u(b[:, 48:], "<u2")
    n = nib(b[:, 32 + v // 2], v % 2)
    grid = table("iq1s_grid")[b[:, v] + 256 * bits(n, 0, 3), i % 8]
    d = sum(bits(words[:, k : k + 1], 12, 4) << 4 * k for k in range(4)).astype("<u2").view("<f2")
    scale = 2 * bits(words[:, i // 64], 3 * (i // 16 % 4), 3) + 1
    return [d.astype(np.float32), scale, grid + np.where(bits(n, 3), -0.125, 0.125)]


def iq2_xxs(b):
    i = index()
    m = i // 8 % 4
    w = u(b[:, 2:], "<u4")[:, 2 * (i // 32) + 1]
    grid = table("iq2xxs_grid")[b[:, 2 + 8 * (i // 32) + m], i % 8]
    signs = even_signs(bits(w, 7 * m, 7))
    return [f16(b[:, :2]), 0.25 * (bits(w, 28, 4) + 0.5), grid * minus(signs)]


def iq2_xs(b):
    i = index()
    w = u(b[:, 2:66], "<u2")[:, i // 8]
    grid = table("iq2xs_grid")[bits(w, 0, 9), i % 8]
    scale = 0.25 * (nib(b[:, 66 + i // 32], i // 16 % 2) + 0.5)
    return [f16(b[:, :2]), scale, grid * minus(even_signs(bits(w, 9, 7)))]


def iq2_s(b):
    i = index()
    v = i // 8
    grid = table("iq2s_grid")[b[:, 2 + v] + 256 * bits(b[:, 66 + v // 4], 2 * (v % 4), 2), i % 8]
    scale = 0.25 * (nib(b[:, 74 + i // 32], i // 16 % 2) + 0.5)
    return [f16(b[:, :2]), scale, grid * minus(b[:, 34 + v])]


def iq3_xxs(b):
    i = index()
    w = u(b[:, 66:], "<u4")[:, i // 32]
    grid = table("iq3xxs_grid")[b[:, 2 + i // 4], i % 4]
    signs = even_signs(bits(w, 7 * (i // 8 % 4), 7))
    return [f16(b[:, :2]), 0.5 * (bits(w, 28, 4) + 0.5), grid * minus(signs)]


def iq3_s(b):
    i = index()
    v = i // 4
    grid = table("iq3s_grid")[b[:, 2 + v] + 256 * bits(b[:, 66 + v // 8], v % 8), i % 4]
    scale = 2 * nib(b[:, 106 + i // 64], i // 32 % 2) + 1
    return [f16(b[:, :2]), scale, grid * minus(b[:, 74 + i // 8])]


# iqk.md


def iq2_k(b):
    j = index() // 16
    s = nib(b[:, 4 + j // 2], j % 2) - 8
    return [f16(b[:, :2]), s, T2[two_bits(b[:, 12:])] + 5 * bits(u(b[:, 2:4], "<u2"), j)]


def iq2_ks(b, row):
    j, x = index() // 32, u(b[:, :2], "<u2")
    s = nib(b[:, 2 + j // 2], j % 2) + 16 * bits(x, 8 + j) - 16
    return [row, s, T2[two_bits(b[:, 6:])] + 5 * bits(x, j)]


def iq2_kl(b, row):
    i = index()
    j, p = i // 32, i % 32 // 2
    s = nib(b[:, 2 + j % 4], j // 4) + 16 * bits(u(b[:, :2], "<u2"), 2 * j, 2) - 32
    c = nib(b[:, 6 + 16 * (j // 2) + p], j % 2) + 16 * bits(b[:, 70 + p], j)
    return [row, s, table("iq2kl_grid")[c, i % 2]]


def bit2(b):
    i = index()
    return 4 * bits(b[:, i % 32], i // 32)


def iq3_k(b):
    j = index() // 16
    s = (2 * nib(b[:, 6 + j // 2], j % 2) + 1) * (1 - 2 * bits(u(b[:, 4:6], "<u2"), j))
    q = two_bits(b[:, 14:78]) + bit2(b[:, 78:])
    return [f16(b[:, :2]), s, T3[q] + 4 * bits(u(b[:, 2:4], "<u2"), j)]


def iq3_ks(b, row):
    j, x = index() // 32, u(b[:, :2], "<u2")
    s = nib(b[:, 2 + j % 4], j // 4) + 16 * bits(x, j) - 16
    return [row, s, T3[two_bits(b[:, 6:70]) + bit2(b[:, 70:])] + 4 * bits(x, 8 + j)]


def scale6(b):
    """Scales of iq4_k and iq5_k: four bytes of upper bits, eight of lower."""
    j = index() // 16
    return nib(b[:, 4 + j // 2], j % 2) + 16 * bits(b[:, j // 4], 2 * (j % 4), 2) - 32


def iq4_k(b):
    i = index()
    q = nib(b[:, 16 + 16 * (i // 32) + i % 16], i // 16 % 2)
    return [f16(b[:, :2]), scale6(b[:, 4:16]), K[q] + 4 * bits(u(b[:, 2:4], "<u2"), i // 16)]


def iq4_ks(b, row):
    i = index()
    c = b[:, i // 32].astype(int)
    q = nib(b[:, 8 + 16 * (i // 32) + i % 16], i // 16 % 2)
    return [row, (c & 254) - 127, K[q] + 4 * (c & 1)]


def iq4_kss(b, row):
    i = index()
    h = u(b, "<u2").astype(int)
    c = sum(bits(h[:, 8 * (i // 32) + k], 0) << k for k in range(8))
    g = h & 0xFFFE
    g ^= g >> 1
    q = bits(g[:, 8 * (i // 32) + i % 16 // 2], 4 * (i // 16 % 2) + 8 * (i % 2), 4)
    return [row, (c & 254) - 127, K[q] + 4 * (c & 1)]


def high_bit(b):
    i = index()
    return 16 * bits(b[:, i % 32], i // 32)


def iq5_k(b):
    q = nibbles64(b[:, 16:144]) + high_bit(b[:, 144:])
    shift = 2 * bits(u(b[:, 2:4], "<u2"), index() // 16)
    return [f16(b[:, :2]), scale6(b[:, 4:16]), table("iq5nl_values")[q] + shift]


def iq5_ks(b, row):
    c = b[:, index() // 32].astype(int)
    q = nibbles64(b[:, 8:136]) + high_bit(b[:, 136:])
    return [row, (c & 254) - 127, table("iq5nl_values")[q] + 2 * (c & 1)]


def iq6_k(b):
    j = index() // 16
    q = nibbles64(b[:, 20:148]) + 16 * two_bits(b[:, 148:])
    levels = table("iq6nl_values")[q] + bits(u(b[:, 2:4], "<u2"), j)
    return [f16(b[:, :2]), u(b[:, 4:20], "i1")[:, j], levels]


def q8_KV(b, row):
    return [row, u(b, "i1")]


# trellis.md


def states(seed, steps):
    """Value `steps` (1 and up) of the generator behind every seed."""
    powers = [pow(0xCBAC1FED, int(k), 1 << 32) for k in range(9)]
    x = (seed * np.array(powers, dtype=np.uint64)[steps] & 0xFFFFFFFF).astype(np.int64)
    return sum(x >> 8 * k & 63 for k in range(4)) - 126


def iq1_kt(b, row):
    i = index()
    g, sh = i // 8, b[:, i // 32]
    seed = b[:, 8 + g] + 256 * nib(b[:, 40 + g % 16], g // 16) + 4096 * bits(sh, 4 + g % 4)
    return [row, K[nib(sh, 0)], states((seed + 4096).astype(np.uint64), i % 8 + 1)]


def iq2_kt(b, row):
    i = index()
    j, seed = i // 32, u(b[:, 4:], "<u2")[:, i // 8].astype(np.uint64)
    return [row, K[nib(b[:, j % 4], j // 4)], states(seed + np.uint64(4096), i % 8 + 1)]


def iq3_kt(b, row):
    i = index()
    j, seed = i // 32, u(b[:, 4:68], "<u2")[:, i // 8].astype(np.uint64)
    r = np.abs(states(seed + np.uint64(4096), i % 8 + 1)).astype(np.float32)
    return [row, nib(b[:, j % 4], j // 4), r, (1 - 2 * bits(b[:, 68 + i % 32], j))]


def iq4_kt(b, row):
    i = index()
    g, w = i // 4, u(b[:, :32], "<u4")[:, i // 32]
    seed = b[:, 32 + g] + 256 * nib(b[:, 96 + g % 32], g // 32) + 4096 * bits(w, 8 + 3 * (g % 8), 3)
    seed = (seed + 4096 + 32768 * bits(w, 0)).astype(np.uint64)
    return [row, bits(w, 1, 7) - 64, states(seed, i % 4 + 1)]


# ternary.md


def trit(z, p):
    return 3 * (z * 3**p % 256) >> 8


def q1_0_g128(b):
    i = index(128)
    return [f16(b[:, :2]), 2 * bits(b[:, 2 + i // 8], i % 8) - 1]


def q2_0(b):
    i = index(64)
    return [f16(b[:, :2]), bits(b[:, 2 + i // 4], 2 * (i % 4), 2) - 1]


def tq1_0(b):
    i = index()
    byte = np.select([i < 160, i < 240], [i % 32, 32 + (i - 160) % 16], 48 + (i - 240) % 4)
    p = np.select([i < 160, i < 240], [i // 32, (i - 160) // 16], (i - 240) // 4)
    return [f16(b[:, 52:]), trit(b[:, byte].astype(int), p) - 1]


def tq2_0(b):
    return [f16(b[:, 64:]), two_bits(b) - 1]


def iq1_bn(b, row):
    i = index(64)
    r, e = i // 16, i % 16
    byte, p = np.where(e < 15, 3 * r + e // 5, 12), 4 - np.where(e < 15, e % 5, r)
    return [row, trit(b[:, byte].astype(int), p) - 1]


def iq2_bn(b, row):
    i = index(64)
    return [row, bits(b[:, i % 16], 2 * (i // 16), 2) - 1]


# Weights and bytes a block, the scale in front of a row, bytes between that and the blocks.
FORMATS = {
    q4_0: (32, 18), q4_1: (32, 20), q5_0: (32, 22), q5_1: (32, 24), q6_0: (32, 26), q8_0: (32, 34),
    q2_K: (256, 84), q3_K: (256, 110), q4_K: (256, 144), q5_K: (256, 176), q6_K: (256, 210),
    iq4_nl: (32, 18), iq4_xs: (256, 136), mxfp4: (32, 17), nvfp4: (64, 36),
    iq1_s: (256, 50), iq1_m: (256, 56), iq2_xxs: (256, 66), iq2_xs: (256, 74), iq2_s: (256, 82),
    iq3_xxs: (256, 98), iq3_s: (256, 110),
    iq2_k: (256, 76), iq3_k: (256, 110), iq4_k: (256, 144), iq5_k: (256, 176), iq6_k: (256, 212),
    iq2_ks: (256, 70, "<f2"), iq2_kl: (256, 86, "<f2"), iq3_ks: (256, 102, "<f2"),
    iq4_ks: (256, 136, "<f4"), iq4_kss: (256, 128, "<f4"), iq5_ks: (256, 168, "<f4"),
    q8_KV: (32, 32, "<f4", 4),
    iq1_kt: (256, 56, "<f4"), iq2_kt: (256, 68, "<f4"), iq3_kt: (256, 100, "<f4"),
    iq4_kt: (256, 128, "<f4"),
    q1_0_g128: (128, 18), q2_0: (64, 18), tq1_0: (256, 54), tq2_0: (256, 66),
    iq1_bn: (64, 13, "<f2"), iq2_bn: (64, 16, "<f4"),
}  # fmt: skip


def decode(name, cols, data):
    """The weights, f32 [rows, cols], in the bytes of a matrix."""
    decoder = next(f for f in FORMATS if f.__name__.lower() == name.lower())
    weights, size, *front = FORMATS[decoder]
    scale = np.dtype(front[0]).itemsize if front else 0
    before = scale + sum(front[1:])
    blocks_a_row = cols // weights
    rows = np.frombuffer(data, np.uint8).reshape(-1, before + blocks_a_row * size)
    arguments = [rows[:, before:].reshape(-1, size)]
    if front:
        d = u(rows[:, :scale], front[0]).astype(np.float32)
        arguments.append(np.repeat(d, blocks_a_row, 0))
    result = decoder(*arguments)
    factors, offset = result if isinstance(result, tuple) else (result, None)
    y = np.asarray(factors[0], np.float32)
    for factor in factors[1:]:
        y = y * np.asarray(factor, np.float32)
    if offset is not None:
        y = y - np.asarray(offset, np.float32)
    return y.reshape(len(rows), cols)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    with open(sys.argv[3], "rb") as file:
        decode(sys.argv[1], int(sys.argv[2]), file.read()).astype("<f4").tofile(sys.argv[4])
