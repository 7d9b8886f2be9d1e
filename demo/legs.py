"""What trousers and shorts share: a leg's outline and its folds."""

from curves import half
from cut import creases, drape

TOP = 36


def leg(waist, hip, crotch, knee, ankle, spread, low):
    """Return the right leg's outline (N, 2); its inner seam meets the other leg at the crotch."""
    middle, centre = crotch + (low - crotch) * 0.42, hip * 0.25 + spread * 0.5
    return half(
        [
            (-1, TOP + 6, 0),
            (waist, TOP, 0),
            (hip - 2, TOP + 66),
            (hip, crotch - 16),
            (centre + knee, middle),
            (spread + ankle, low, 0),
            (spread - ankle, low + 3, 0),
            (centre - knee, middle),
            (2, crotch + 8, 0),
            (-1, crotch, 0),
        ],
        closed=True,
    )


def leg_folds(rng, leg, crotch, low):
    """Return the relief (480, 360) of worn legs: pulls at the crotch, creases at knees and ankles."""
    lines = []
    for side in (-1, 1):
        for _ in range(3):
            end = (side * rng.uniform(40, 80), crotch + rng.uniform(-26, 24))
            lines.append(half([(side * 3, crotch + rng.uniform(-6, 4)), (side * 30, crotch - 6), end]))
        for share in (0.4, 0.47, 0.86, 0.93):
            y = crotch + (low - crotch) * (share + rng.uniform(-0.02, 0.02))
            x = side * leg * (0.5 + 0.5 * share)
            lines.append(half([(x - 26, y - rng.uniform(-6, 8)), (x, y + 4), (x + 26, y - rng.uniform(-6, 8))]))
    return drape(rng, 0.8) + creases(lines, 5, 4.5)
