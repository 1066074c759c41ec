"""The method on one page: take people, learn styles, learn to make spoofs, make spoofs of strangers, look at them.

    python examples/first_hour.py

docs/first-hour.md explains each part. Sizes: B batch, C channels, H and W sides, P people, S styles, N spoofs.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from difffas import EMA, SpoofPipeline, SpoofUNet, StyleEncoder, draw_training_noise, training_loss
from difffas.brisque import brisque
from difffas.matching import recolour
from difffas.style_encoder import SMALL_STYLE_ENCODER, feature_statistics
from difffas.unet import SMALL_UNET
from factory.corpus import Corpus
from factory.images import resize

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=1500, help="training steps of the generator")
parser.add_argument("--people", type=int, default=72, help="rendered people to train on, at most 72")
parser.add_argument("--t0", type=int, default=450, help="T₀, the noise level that spoofs start from: 25 to 500")
parser.add_argument("--w", type=float, default=2.0, help="guidance: 1 follows the guide plainly, more exaggerates it")
parser.add_argument("--out", type=Path, default=Path("out/first-hour"), help="folder for sheet.png and model/")
args = parser.parse_args()
STYLES, SIDE, STRANGERS, BATCH, TIMESTEPS = ("live", "print", "replay"), 32, 6, 8, 500  # S = 3, H = W = 32, B = 8
torch.manual_seed(0)  # the networks' first weights
dice = torch.Generator().manual_seed(0)  # everything else that is random


# 1. Faces: every person live, printed and replayed, before one camera. Nobody trains on the strangers.
def faces(split: str, count: int) -> torch.Tensor:
    """Pictures of the first people of a split in every style: P, S, C, H, W in [-1, 1]."""
    people = Corpus("embedded://people")  # ships with the package
    shown = [people.where(split=split, style=f"world__phone-{style}")[:count] for style in STYLES]  # S, P: same order
    pixels = np.stack([resize(image, SIDE) for image in people.pixels(np.transpose(shown).ravel())])
    return torch.from_numpy(pixels).unflatten(0, (-1, len(STYLES))).permute(0, 1, 4, 2, 3) / 127.5 - 1


strangers, known = faces("test", STRANGERS), faces("train", args.people)

# 2. Style encoder (Eq. 8): cross-entropy on the style. Then its weights are frozen.
encoder = StyleEncoder(STYLES, **SMALL_STYLE_ENCODER)
optimiser = torch.optim.AdamW(encoder.parameters(), lr=2e-3)
for _ in range(150):
    who, style = torch.randint(len(known), (32,), generator=dice), torch.randint(len(STYLES), (32,), generator=dice)
    features, logits = encoder(known[who, style])  # maps of 48, H/8, W/8; 80, H/16, W/16; 80, H/32, W/32; and B, S
    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(logits, style).backward()
    optimiser.step()
encoder.eval().requires_grad_(False)

# 3. Generator (Eq. 2, 5-7): add noise to a spoof, then predict that noise from the result, the live face and a guide.
unet = SpoofUNet(**SMALL_UNET, dropout=0.0, timesteps=TIMESTEPS)  # holds the seven STFMs (Eq. 9-11)
unet.set_condition_statistics(*feature_statistics(encoder, known[:, 1:].unbind(1)))
average = EMA(unet, decay=0.98, warm_start=args.steps // 5)
optimiser = torch.optim.AdamW(unet.parameters(), lr=2e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, args.steps)
losses, tenth = [], max(args.steps // 10, 1)
for step in range(1, args.steps + 1):
    who = torch.randint(len(known), (BATCH,), generator=dice)
    other = (who + torch.randint(1, len(known), (BATCH,), generator=dice)) % len(known)  # never the same person
    style = torch.randint(1, len(STYLES), (BATCH,), generator=dice)
    spoof, guide = known[who, style], known[other, style]  # B, C, H, W each
    live = recolour(spoof, known[who, 0])  # a self-pair [ours]: no live face is aligned with a print to the pixel
    draw = draw_training_noise(spoof.shape, dice, timesteps=TIMESTEPS)  # t: B; ε: B, C, H, W; keep the style or not: B
    loss = training_loss(unet, encoder, spoof, live, guide, draw).total  # the U-Net sees B, 2C, H, W
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
    optimiser.step()
    schedule.step()
    average.update(unet)
    losses.append(loss.item())
    if step % tenth == 0:
        print(f"step {step:5}: loss {np.mean(losses[-tenth:]):.4f}", flush=True)

# 4. Sampling (Eq. 12): add noise to a stranger's live face up to T₀, remove it under the guide of another stranger.
style = torch.arange(1, len(STYLES)).repeat_interleave(STRANGERS)  # N = 12: all strangers as prints, then as replays
live, real = strangers[:, 0].repeat(len(STYLES) - 1, 1, 1, 1), strangers[:, 1:].transpose(0, 1).flatten(0, 1)
guide = strangers.roll(1, 0)[:, 1:].transpose(0, 1).flatten(0, 1)  # N, C, H, W, as live and real are
pipeline = SpoofPipeline(average.model, encoder)
tinted, seeds = recolour(live, guide), range(len(live))  # noise is added to the live face in the tint of the guide
spoof = pipeline(live, guide, t0=args.t0, cfg_scale=args.w, seed=seeds, steps=25, start=tinted)  # N, C, H, W
pipeline.save_pretrained(args.out / "model")

# 5. Scores and contact sheet.
for name, images in {"live face": live, "our spoof": spoof, "real spoof": real}.items():
    saw = int((encoder(images)[1].argmax(1) == style).sum())  # of logits N, S
    nearest = torch.cdist(images.flatten(1), strangers[:, 0].flatten(1)).argmin(1)  # N, whose live face is nearest
    own = int((nearest == torch.arange(len(live)) % STRANGERS).sum())
    score = brisque(images / 2 + 0.5)[0].mean()  # of N scores; lower is better
    print(f"{name:10}: guide's style seen in {saw:2} of {len(live)}, own face nearest in {own:2}, BRISQUE {score:.1f}")
rows = (torch.stack((live, guide, spoof)) + 1) * 127.5  # 3, N, C, H, W
sheet = rows.round().byte().permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)  # 3H, N · W, C
Image.fromarray(sheet.numpy()).resize((len(live) * 96, 3 * 96), Image.Resampling.NEAREST).save(args.out / "sheet.png")
