"""Train the network that finds note heads and bar lines on scans, on engraved pages made to look like scans.

    python benchmarks/marks.py DATASET... --out msmdtools/link/marks.safetensors

Every page is brought to staff lines 7 px apart, and every crop of it gets a random size, slant, blur, threshold,
thickness of lines, dirt and print that shines through.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional

from msmdtools.dataset import reader
from msmdtools.link import network as marks
from msmdtools.paper.staff_height import SPACES, STAFF_HEIGHT

SPACE = STAFF_HEIGHT / SPACES
CROP, BATCH = 192, 12


def pages_of(paths):
    """Ink, heads (n, 2), bar lines (n, 3: x, top, bottom) and ignored boxes of each page, in px at `SPACE`."""
    pages = []
    for path in paths:
        dataset = reader.open(path)
        for name in dataset:
            piece = dataset[name]
            space = ((piece.systems.y1 - piece.systems.y0) / SPACES).median()
            scale = SPACE / space
            for number, image in enumerate(piece.pages, 1):
                staves = piece.systems[piece.systems.page == number]
                if not len(staves):
                    continue
                page = cv2.resize(
                    image,
                    None,
                    fx=scale,
                    fy=scale,
                    interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC,
                )
                heads = piece.noteheads[piece.noteheads.page == number]
                centres = (
                    np.stack([(heads.x0 + heads.x1) / 2, (heads.y0 + heads.y1) / 2], 1) * scale
                )
                bars = piece.measures[piece.measures.page == number]
                lines, ignored = [], []
                for system, group in staves.groupby("system"):
                    own = bars[bars.system == system]
                    for staff in group.itertuples():
                        lines += [(x * scale, staff.y0 * scale, staff.y1 * scale) for x in own.x1]
                        x = staff.x0 * scale
                        ignored.append((x - 8, staff.y0 * scale - 20, x + 8, staff.y1 * scale + 20))
                pages.append(
                    (255 - page, centres, np.array(lines).reshape(-1, 3), np.array(ignored))
                )
    return pages


def degraded(ink, rng):
    """A crop of ink, uint8, made to look like a scan; float32 from 0 to 1."""
    big = cv2.resize(ink, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    if rng.random() < 0.35:
        kernel = [np.ones((2, 2)), np.ones((1, 2)), np.ones((2, 1)), np.ones((3, 3))][
            rng.integers(4)
        ].astype(np.uint8)
        big = cv2.dilate(big, kernel) if rng.random() < 0.6 else cv2.erode(big, kernel[:2, :2])
    if rng.random() < 0.5:  # ragged edges
        rough = cv2.GaussianBlur(
            rng.standard_normal(big.shape).astype(np.float32), (0, 0), rng.uniform(0.7, 2)
        )
        big = big + rough * rng.uniform(0.1, 0.5)
    big = cv2.GaussianBlur(big, (0, 0), rng.uniform(0.5, 2.0))
    threshold, steep = rng.uniform(0.22, 0.6), rng.uniform(5, 30)
    wave = cv2.resize(
        rng.standard_normal((4, 4)).astype(np.float32),
        big.shape[::-1],
        interpolation=cv2.INTER_CUBIC,
    )
    big = 1 / (1 + np.exp(-steep * (big - threshold - 0.06 * wave)))
    for _ in range(rng.integers(0, 12)):
        x, y = rng.integers(0, big.shape[1]), rng.integers(0, big.shape[0])
        cv2.circle(big, (int(x), int(y)), int(rng.integers(1, 4)), float(rng.random() < 0.5), -1)
    small = cv2.resize(big, ink.shape[::-1], interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.05, 0.6))
    if rng.random() < 0.25:
        small = np.maximum(small, small[:, ::-1] * rng.uniform(0.05, 0.3))
    small = small * rng.uniform(0.7, 1.0) + rng.standard_normal(small.shape).astype(
        np.float32
    ) * rng.uniform(0, 0.04)
    return np.clip(small, 0, 1).astype(np.float32)


def sample(pages, rng):
    """A crop and its targets and weights at half its size."""
    ink, heads, lines, ignored = pages[rng.integers(len(pages))]
    sx, sy = rng.uniform(0.88, 1.14) * rng.uniform(0.96, 1.04), 1.0
    sy = sx * rng.uniform(0.93, 1.07)
    angle, shear = rng.normal(0, 0.006), rng.normal(0, 0.004)
    matrix = np.array([[sx, shear + angle], [-angle, sy]])
    if len(lines) and rng.random() < 0.85:
        centre = lines[rng.integers(len(lines)), :2] + rng.uniform(-70, 70, 2)
    else:
        centre = rng.uniform([0, 0], ink.shape[::-1])
    offset = CROP / 2 - matrix @ centre
    full = np.concatenate([matrix, offset[:, None]], 1)
    crop = cv2.warpAffine(
        ink, full, (CROP, CROP), flags=cv2.INTER_LINEAR if sx > 0.9 else cv2.INTER_AREA
    )
    image = degraded(crop, rng)
    size = CROP // marks.STRIDE
    target = np.zeros((2, size, size), np.float32)
    weight = np.ones((2, size, size), np.float32)
    grid = (
        np.arange(size) * marks.STRIDE + 1.0
    )  # the middle of each cell: the first covers pixels 0 and 1

    def moved(points):
        return points @ matrix.T + offset

    for x, y in moved(heads):
        if -8 < x < CROP + 8 and -8 < y < CROP + 8:
            bell = np.exp(-((grid - y)[:, None] ** 2 + (grid - x)[None] ** 2) / (2 * 1.7**2))
            target[0] = np.maximum(target[0], bell)
    for x, top, bottom in lines:
        (a, b), (_, d) = moved(np.array([[x, top], [x, bottom]]))
        if -8 < a < CROP + 8 and d > 0 and b < CROP:
            rows = (grid >= b) & (grid <= d)
            bell = np.exp(-((grid - a) ** 2) / (2 * 1.5**2))
            target[1][rows] = np.maximum(target[1][rows], bell)
    for x0, y0, x1, y1 in ignored:
        (a, b), (c, d) = moved(np.array([[x0, y0], [x1, y1]]))
        weight[1][np.ix_((grid >= b) & (grid <= d), (grid >= a) & (grid <= c))] = 0
    return image, target, weight


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    pages = pages_of(args.datasets)
    print(f"{len(pages)} pages, {sum(len(p[1]) for p in pages):,} heads", flush=True)
    network = marks.load(args.start).train() if args.start else marks.Marks()
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, args.steps, pct_start=0.1)
    start, mean = time.time(), 0.0
    for step in range(args.steps):
        samples = [sample(pages, rng) for _ in range(BATCH)]
        image, target, weight = (
            torch.from_numpy(np.stack(parts)) for parts in zip(*samples, strict=True)
        )
        logits = network(image[:, None])
        loss = (
            functional.binary_cross_entropy_with_logits(
                logits, target, weight * (1 + 6 * target), reduction="sum"
            )
            / weight.sum()
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        mean = 0.98 * mean + 0.02 * loss.item()
        if step % 50 == 49:
            print(
                f"step {step + 1}, loss {mean / (1 - 0.98 ** (step + 1)):.4f}, {time.time() - start:.0f} s",
                flush=True,
            )
        if step % 250 == 249:
            marks.save(
                network,
                args.out,
                {
                    "steps": step + 1,
                    "seed": args.seed,
                    "pages": len(pages),
                    "heads": sum(len(p[1]) for p in pages),
                },
            )


if __name__ == "__main__":
    main()
