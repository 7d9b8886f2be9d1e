"""The garment finder: a head on the fashion network's maps, trained on the boxes and masks of street photos.

The network itself stays as it is. Photos and products of one thing teach what a picture of nothing else looks like:
their box is that of a mask that nobody drew (cutouts.py).
"""

import argparse
import csv
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import nn
from torch.nn import functional as F

from lookalike.files import file_sha256
from lookalike.settings import usable_cores
from lookalike.types import Matrix, Pixels
from training import dataset, depthwise, export
from training.augmentation import degrade, relight, warp
from training.cutouts import cut_photo, cut_product
from training.metrics import embed
from training.network import FashionNetwork, Trunk, convolve, preprocess

DESCRIPTION = Path(__file__).parents[1] / "lookalike" / "weights" / "garments.json"

# The groups of the street photos that are looked for; hosiery, gloves and underwear are too few to learn.
GARMENTS = (
    "top",
    "bottom",
    "dress",
    "outerwear",
    "footwear",
    "bag",
    "headwear",
    "eyewear",
    "jewellery/watch",
    "belt",
    "scarf/tie",
)
# Article types whose products and photos stand for a group.
TYPES = {
    "top": "Tshirts Shirts Tops Kurtas Tunics Sweatshirts Sweaters Innerwear_Vests Camisoles Kurtis",
    "bottom": "Jeans Trousers Shorts Track_Pants Skirts Capris Leggings Jeggings Churidar Salwar Patiala Tights",
    "dress": "Dresses Rompers Jumpsuit Night_suits",
    "outerwear": "Jackets Blazers Rain_Jacket Shrug Waistcoat Nehru_Jackets",
    "footwear": "Casual_Shoes Sports_Shoes Formal_Shoes Heels Flats Sandals Sports_Sandals Flip_Flops Booties Boots",
    "bag": "Handbags Backpacks Clutches Laptop_Bag Messenger_Bag Duffel_Bag Trolley_Bag Wallets",
    "headwear": "Caps Hat Headband",
    "eyewear": "Sunglasses",
    "jewellery/watch": "Watches Necklace_and_Chains Bracelet Bangle Earrings Pendant Ring Jewellery_Set",
    "belt": "Belts",
    "scarf/tie": "Scarves Ties Stoles Dupatta Mufflers",
}
GROUP_OF = {kind.replace("_", " "): group for group, kinds in TYPES.items() for kind in kinds.split()}
# Where a product's picture shows nothing else: those of clothes are worn by models.
ALONE = ("footwear", "bag", "headwear", "eyewear", "jewellery/watch", "belt", "scarf/tie")
PRODUCTS_PER_GROUP = 60
MAX_ALONE = 1000
# How many times each street photo is moved.
STREET_VIEWS = 6

SIDE = 320  # of the network's input
STORED = 384  # of the pixels kept for training
STRIDE = 8
WIDTHS = {"coarse": 128, "fine": 96}
MAX_DISTANCE_LOG = 1.0

STREET_PER_BATCH, ALONE_PER_BATCH = 16, 8
LEARNING_RATE, WEIGHT_DECAY = 1.5e-3, 1e-3
# How much a box's extent and the masks count beside the places; a mask is taught to street photos alone.
BOX_WEIGHT, MASK_WEIGHT = 1.0, 0.3
NONE = len(GARMENTS)
EDGES = ("left", "top", "right", "bottom")
# What an export takes over from the released description: the limits that --check was used to choose.
LIMITS = ("least", "outfit", "least_alone")


@dataclass(frozen=True)
class Examples:
    """Pictures with their garments.

    Attributes:
        pixels: uint8 (n, STORED, STORED, 3), squashed into a square.
        masks: uint8 (n, STORED, STORED), each pixel's place in GARMENTS, NONE or, where unknown, 255.
        boxes: for each picture float32 (k, 5): left, top, right, bottom in fractions, place in GARMENTS.
    """

    pixels: Pixels
    masks: Pixels
    boxes: Sequence[Matrix]


class GarmentHead(nn.Module):
    """Maps at an eighth, a sixteenth and a 32nd of the side → a map of places and one of distances for each garment."""

    def __init__(self) -> None:
        super().__init__()
        coarse, fine = WIDTHS["coarse"], WIDTHS["fine"]
        self.last, self.middle = nn.Conv2d(1280, coarse, 1), nn.Conv2d(112, coarse, 1)
        self.down, self.eighth = nn.Conv2d(coarse, fine, 1), nn.Conv2d(40, fine, 1)
        self.wide = nn.ModuleList(nn.Conv2d(fine, fine, 5, padding=2, groups=fine) for _ in range(3))
        self.mix = nn.ModuleList(nn.Conv2d(fine, fine, 1) for _ in range(3))
        self.place, self.box = nn.Conv2d(fine, len(GARMENTS), 1), nn.Conv2d(fine, 4 * len(GARMENTS), 1)
        self.mask = nn.Conv2d(fine, len(GARMENTS) + 1, 1)  # for training alone
        nn.init.constant_(self.place.bias, -3.0)
        nn.init.constant_(self.box.bias, -1.5)

    def forward(self, maps: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        eighth, middle, last = maps
        x = F.relu(F.interpolate(self.last(F.dropout(last, 0.2, self.training)), scale_factor=2) + self.middle(middle))
        x = F.relu(F.interpolate(self.down(x), scale_factor=2) + self.eighth(eighth))
        for wide, mix in zip(self.wide, self.mix, strict=True):
            x = F.relu(x + mix(F.relu(_look_around(x, wide))))
        x = F.dropout(x, 0.1, self.training)
        return self.place(x), self.box(x), self.mask(x)


def _look_around(x: torch.Tensor, layer: nn.Conv2d) -> torch.Tensor:
    if not depthwise.is_usable(x):
        return layer(x)
    return depthwise.Depthwise.apply(x, layer.weight, layer.bias, 1)


def maps_of(trunk: Trunk, x: torch.Tensor) -> list[torch.Tensor]:
    """Return the trunk's maps that the head takes, of preprocessed images (n, 3, SIDE, SIDE)."""
    found = []
    x = convolve(x.contiguous(memory_format=torch.channels_last), trunk._conv_stem, trunk._bn0)
    for number, block in enumerate(trunk._blocks):
        x = block(x)
        if number in (4, 10):
            found.append(x)
    return [*found, convolve(x, trunk._conv_head, trunk._bn1)]


def read_street(folder: Path, files: Sequence[str]) -> Examples:
    """Return street photos with their boxes and masks."""
    groups = (folder / "groups.txt").read_text().splitlines()
    place = np.array([GARMENTS.index(group) if group in GARMENTS else NONE for group in groups], np.uint8)
    with open(folder / "boxes.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["group"] in GARMENTS]
    pixels, masks, boxes = [], [], []
    for name in files:
        with Image.open(folder / "images" / name) as file:
            pixels.append(_squash(ImageOps.exif_transpose(file).convert("RGB")))
        with Image.open((folder / "masks" / name).with_suffix(".png")) as file:
            mask = Image.fromarray(place[np.asarray(file)])
        masks.append(np.asarray(mask.resize((STORED, STORED), Image.Resampling.NEAREST)))
        own = [
            (*(float(row[edge]) for edge in EDGES), GARMENTS.index(row["group"])) for row in rows if row["file"] == name
        ]
        boxes.append(np.array(own, np.float32).reshape(-1, 5))
    return Examples(np.stack(pixels), np.stack(masks), boxes)


def load_alone(options: argparse.Namespace, network: FashionNetwork) -> Examples:
    """Return what read_alone does, from a file in the work folder once that is made."""
    cache = Path(options.work, "alone.npz")
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        made = read_alone(options, network)
        np.savez(cache, pixels=made.pixels, boxes=np.stack(made.boxes))
    with np.load(cache) as stored:
        pixels, boxes = stored["pixels"], stored["boxes"]
    chosen = np.sort(np.random.default_rng(0).permutation(len(pixels))[:MAX_ALONE])
    return Examples(pixels[chosen], np.full((len(chosen), 1, 1), 255, np.uint8), list(boxes[chosen]))


def read_alone(options: argparse.Namespace, network: FashionNetwork) -> Examples:
    """Return photos and products of one thing, with the box of their mask."""
    photos = dataset.read_photos(options.photos)
    labels = dataset.read_fine_labels(options.fine_labels)
    pixels, boxes = [], []
    chosen = [
        (path, GROUP_OF[kind])
        for path, name, held in zip(photos.paths, photos.names, photos.held_out)
        if not held and name in labels and (kind := labels[name]["types"].split("|")[0]) in GROUP_OF
    ]
    images = np.stack([dataset.prepare(path) for path, _ in chosen])
    grids = embed(network, images)["garment"]
    for image, grid, (_, group) in zip(images, grids, chosen, strict=True):
        mask = cut_photo(image, grid)
        if mask is not None:
            pixels.append(_squash(Image.fromarray(image)))
            boxes.append(_box_of(mask, group))
    products, count = dataset.read_products(options.catalogue, options.styles), dict.fromkeys(ALONE, 0)
    for path, kind, held in zip(products.paths, products.labels["articleType"], products.held_out):
        group = GROUP_OF.get(kind)
        if held or group not in ALONE or count[group] >= PRODUCTS_PER_GROUP:
            continue
        image = dataset.prepare(path)
        mask = cut_product(image)
        if mask is not None:
            count[group] += 1
            pixels.append(_squash(Image.fromarray(image)))
            boxes.append(_box_of(mask, group))
    return Examples(np.stack(pixels), np.full((len(pixels), 1, 1), 255, np.uint8), boxes)


def _squash(image: Image.Image) -> Pixels:
    return np.asarray(image.resize((STORED, STORED), Image.Resampling.BILINEAR))


def _box_of(mask: Pixels, group: str) -> Matrix:
    rows, columns = (np.flatnonzero((mask > 0).mean(axis=axis) > 0.01) for axis in (1, 0))
    side = len(mask)
    box = columns[0] / side, rows[0] / side, (columns[-1] + 1) / side, (rows[-1] + 1) / side
    return np.array([[*box, GARMENTS.index(group)]], np.float32)


def augment(rng: np.random.Generator, pixels: Pixels, mask: Pixels, boxes: Matrix) -> tuple[Pixels, Pixels, Matrix]:
    """Return a picture moved, mirrored, in another light: uint8 (SIDE, SIDE, 3), (SIDE/8, SIDE/8) and boxes (k, 5)."""
    flip = -1 if rng.random() < 0.5 else 1
    scale, wider = np.exp(rng.normal(0.0, 0.2)), np.exp(rng.normal(0, 0.12))
    gains = np.array([flip * scale * wider, scale / wider]) * SIDE / STORED
    middle = SIDE * (0.5 + rng.uniform(-0.12, 0.12, 2))
    matrix = np.c_[np.diag(gains), middle - gains * STORED / 2].astype(np.float32)
    moved = warp(pixels, matrix, SIDE, cv2.BORDER_REPLICATE if rng.random() < 0.7 else cv2.BORDER_REFLECT_101)
    seen = mask
    if mask.size > 1:
        seen = cv2.warpAffine(mask, matrix, (SIDE, SIDE), flags=cv2.INTER_NEAREST, borderValue=255)
        seen = seen[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
    else:
        seen = np.full((SIDE // STRIDE, SIDE // STRIDE), 255, np.uint8)
    ends = boxes[:, :4].reshape(-1, 2, 2) * STORED * gains + matrix[:, 2]
    ends = np.sort(ends, axis=1) / SIDE
    whole = np.prod(ends[:, 1] - ends[:, 0], axis=1)
    ends = ends.clip(0, 1)
    left = np.prod(ends[:, 1] - ends[:, 0], axis=1)
    kept = (left > 0.3 * whole) & (left > 4e-4)
    moved = degrade(rng, relight(rng, moved, 1.0))
    return moved, seen, np.c_[ends.reshape(-1, 4), boxes[:, 4]][kept].astype(np.float32)


def targets(boxes: Sequence[Matrix]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how near each cell is to the middle of a garment (n, g, h, h), and that garment's box (n, g, 4, h, h)."""
    side = SIDE // STRIDE
    places = np.zeros((len(boxes), len(GARMENTS), side, side), np.float32)
    extents = np.zeros((len(boxes), len(GARMENTS), 4, side, side), np.float32)
    at = (np.arange(side) + 0.5) / side
    for number, own in enumerate(boxes):
        for left, top, right, bottom, group in own[np.argsort(-np.prod(own[:, 2:4] - own[:, :2], axis=1))]:
            near_x, near_y = (
                np.exp(-0.5 * ((at - (low + high) / 2) / max((high - low) * 0.22, 0.35 / side)) ** 2)
                for low, high in ((left, right), (top, bottom))
            )
            near = np.outer(near_y, near_x).astype(np.float32)
            near[near == near.max()] = 1
            own_places, inside = places[number, int(group)], near > 0.2
            nearer = near > own_places
            own_places[nearer] = near[nearer]
            extents[number, int(group), :, inside] = (left, top, right, bottom)
    return torch.from_numpy(places), torch.from_numpy(extents)


def decode_boxes(raw: torch.Tensor) -> torch.Tensor:
    """Return the boxes (n, g, 4, h, h) in fractions of raw distances (n, 4 g, h, h): their logarithms, in order."""
    side = raw.shape[-1]
    distance = raw.reshape(len(raw), -1, 4, side, side).clamp(-6, MAX_DISTANCE_LOG).exp()
    at = (torch.arange(side) + 0.5) / side
    x, y = at.view(1, 1, 1, side), at.view(1, 1, side, 1)
    left, top, right, bottom = distance.unbind(2)
    return torch.stack([x - left, y - top, x + right, y + bottom], 2)


def loss_of(
    found: Sequence[torch.Tensor], places: torch.Tensor, extents: torch.Tensor, masks: torch.Tensor
) -> torch.Tensor:
    """Return the focal loss of the places, plus generalized IoU of the boxes, plus cross-entropy of the masks."""
    place, box, mask = found
    chance = torch.sigmoid(place).clamp(1e-5, 1 - 1e-5)
    peak = places >= 1
    gain = (1 - chance) ** 2 * chance.log() * peak
    cost = (1 - places) ** 4 * chance**2 * (1 - chance).log() * ~peak
    count = peak.sum().clamp(min=1)
    weight = places * (places > 0.2)
    inside = weight > 0
    found_boxes, true_boxes = (boxes.permute(0, 1, 3, 4, 2)[inside] for boxes in (decode_boxes(box), extents))
    extent = ((1 - _generalized_overlap(found_boxes, true_boxes)) * weight[inside]).sum() / weight.sum().clamp(min=1)
    known = masks != 255
    counted = known.any(dim=(1, 2))
    blank = F.cross_entropy(mask[counted], masks[counted].long(), ignore_index=255) if counted.any() else 0
    return -(gain + cost).sum() / count + BOX_WEIGHT * extent + MASK_WEIGHT * blank


def _generalized_overlap(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Return the generalized IoU (k,) of boxes (k, 4)."""
    low, high = torch.maximum(one[:, :2], other[:, :2]), torch.minimum(one[:, 2:], other[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).clamp(min=0).prod(1) for box in (one, other)]
    union = areas[0] + areas[1] - shared
    hull = (torch.maximum(one[:, 2:], other[:, 2:]) - torch.minimum(one[:, :2], other[:, :2])).clamp(min=0).prod(1)
    return shared / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


@dataclass(frozen=True)
class Views:
    """What the trunk gives of moved pictures, and what is in them; the arrays lie in files.

    Attributes:
        maps: float16 (n, 40, h, h), (n, 112, h/2, h/2) and (n, 1280, h/4, h/4).
        masks: uint8 (n, h, h).
        boxes: for each view float32 (k, 5).
        pictures: int (n,), the picture that each shows.
    """

    maps: Sequence[NDArray[np.float16]]
    masks: Pixels
    boxes: Sequence[Matrix]
    pictures: NDArray[np.int64]


def load_views(trunk: Trunk, examples: Examples, count: int, seed: int, folder: Path) -> Views:
    """Return count views of each picture, each moved in its own way, made at the first call."""
    done = folder / "views.npz"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _make_views(trunk, examples, count, seed, folder)
    with np.load(done) as stored:
        ends = stored["ends"]
        boxes = np.split(stored["boxes"], ends[:-1])
        masks, pictures = stored["masks"], stored["pictures"]
    return Views([np.load(folder / f"maps{at}.npy", mmap_mode="r") for at in range(3)], masks, boxes, pictures)


def _make_views(trunk: Trunk, examples: Examples, count: int, seed: int, folder: Path) -> None:
    pictures = np.repeat(np.arange(len(examples.pixels)), count)
    files: list[NDArray[np.float16]] = []
    masks, boxes = [], []
    for start in range(0, len(pictures), 16):
        rows = range(start, min(start + 16, len(pictures)))
        moved = [
            augment(
                np.random.default_rng([seed, row]),
                *(part[at] for part in (examples.pixels, examples.masks, examples.boxes)),
            )
            for row, at in zip(rows, pictures[start:])
        ]
        pixels, own_masks, own_boxes = zip(*moved)
        masks.extend(own_masks)
        boxes.extend(own_boxes)
        with torch.inference_mode():
            maps = maps_of(trunk, preprocess(torch.from_numpy(np.stack(pixels))))
        files = files or [
            np.lib.format.open_memmap(folder / f"maps{at}.npy", "w+", np.float16, (len(pictures), *one.shape[1:]))
            for at, one in enumerate(maps)
        ]
        for file, one in zip(files, maps, strict=True):
            file[rows.start : rows.stop] = one.numpy()
    for file in files:
        file.flush()
    ends = np.cumsum([len(own) for own in boxes])
    np.savez(folder / "views.npz", masks=np.stack(masks), boxes=np.concatenate(boxes), ends=ends, pictures=pictures)


def make_batch(
    rng: np.random.Generator, sources: Sequence[tuple[Views, NDArray[np.int64], int]]
) -> tuple[list[torch.Tensor], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Return the maps and the targets of so many views of each source, drawn from its rows."""
    maps: list[list[NDArray]] = [[], [], []]
    masks, boxes = [], []
    for views, rows, count in sources:
        chosen = np.sort(rng.choice(rows, count, replace=False))
        for at, file in enumerate(views.maps):
            maps[at].append(file[chosen])
        masks.append(views.masks[chosen])
        boxes.extend(views.boxes[row] for row in chosen)
    found = [torch.from_numpy(np.concatenate(one).astype(np.float32)) for one in maps]
    found = [one.contiguous(memory_format=torch.channels_last) for one in found]
    return found, (*targets(boxes), torch.from_numpy(np.concatenate(masks)))


def main(options: argparse.Namespace) -> None:
    """Train the head and write it with its description."""
    cv2.setNumThreads(1)
    torch.set_num_threads(usable_cores())
    torch.manual_seed(options.seed)
    network, work = export.load_network(options.weights), Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    depthwise.compile_kernels(work)
    street = Path(options.street)
    files = sorted(path.name for path in (street / "images").iterdir())[: -dataset.HELD_OUT_STREET_PHOTOS]
    outfits = load_views(network.trunk, read_street(street, files), STREET_VIEWS, options.seed, work / "outfits")
    alone = load_views(network.trunk, load_alone(options, network), 1, options.seed, work / "alone")
    checked = files[len(files) - options.check :]
    rows = np.flatnonzero(outfits.pictures < len(files) - options.check)
    sources = [(outfits, rows, STREET_PER_BATCH), (alone, np.arange(len(alone.pictures)), ALONE_PER_BATCH)]
    print(f"{len(files) - len(checked)} street photos, {len(alone.pictures)} pictures of one thing", flush=True)
    head = GarmentHead()
    optimizer = torch.optim.AdamW(head.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=options.steps, pct_start=0.1)
    average = {name: value.clone() for name, value in head.state_dict().items()}
    start, total = time.monotonic(), 0.0
    for step in range(options.steps):
        maps, wanted = make_batch(np.random.default_rng([options.seed, step]), sources)
        loss = loss_of(head(maps), *wanted)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(head.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        keep = min(0.998, (step + 1) / (step + 20))
        for name, value in head.state_dict().items():
            average[name].lerp_(value, 1 - keep)
        total += float(loss.detach())
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}: loss {total / 50:.3f}, {time.monotonic() - start:.0f} s", flush=True)
            total = 0.0
    head.load_state_dict(average)
    arrays = {
        f"garments.{name}": value.numpy().astype(np.float16)
        for name, value in average.items()
        if not name.startswith("mask.")
    }
    released = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    description = {
        "name": "garments",
        "fashion": file_sha256(Path(options.weights)),
        "side": SIDE,
        "garments": GARMENTS,
        **{key: released[key] for key in LIMITS},
        "training": {"seed": options.seed, "steps": options.steps, "seconds": round(time.monotonic() - start)},
    }
    export.write_arrays(arrays, options.output, description)
    if checked:
        np.savez(
            Path(options.output).with_suffix(".found.npz"),
            **found_in(network.trunk, head.eval(), read_street(street, checked)),
        )


def found_in(trunk: Trunk, head: GarmentHead, examples: Examples) -> Mapping[str, NDArray]:
    """Return the chances (n, g, h, h) and boxes (n, g, 4, h, h) of pictures, to judge them."""
    chances, boxes = [], []
    with torch.inference_mode():
        for image in examples.pixels:
            small = np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
            place, box, _ = head(maps_of(trunk, preprocess(torch.from_numpy(small)[None])))
            chances.append(torch.sigmoid(place)[0].numpy())
            boxes.append(decode_boxes(box)[0].numpy())
    return {"chances": np.stack(chances), "boxes": np.stack(boxes)}
