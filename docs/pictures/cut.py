"""Cuts photographs of four Debian packages into pieces to train on, and scales some down that are kept apart.

    apt-get install plasma-workspace-wallpapers mate-backgrounds lomiri-wallpapers-16.04 lomiri-wallpapers-20.04
    python3 docs/pictures/cut.py DIR        # needs Pillow; makes DIR/train and DIR/held
"""
import random
import sys
from pathlib import Path

from PIL import Image

LOMIRI = Path("/usr/share/backgrounds")
MATE = LOMIRI / "mate" / "nature"
PLASMA = Path("/usr/share/wallpapers")
APART = {"LadyBird", "FallenLeaf", "free_by_Peter_Nerlich", "Kleiber_by_Lukas_Baubkus", "Garden", "EveningGlow", "Dune",
         "Picture_0B_by_freespace"}

photographs = {}
for name in ("Aqua Blinds Dune FreshFlower Garden GreenMeadow LadyBird RainDrops Storm TwoWings Wood "
             "YellowFlower").split():
    photographs[name] = MATE / f"{name}.jpg"
for name in ("Bridge_by_Sander_Klootwijk Dragonfly_by_Bolly Picture_0B_by_freespace Picture_1A_by_freespace "
             "Wine_by_Jakkub_Mede aitzgorri_by_Aitzol_Berasategi free_by_Peter_Nerlich friends_by_Aitzol_Berasategi "
             "greentock_by_Peter_Nerlich life_by_Aitzol_Berasategi picosdeeuropa_by_Aitzol_Berasategi "
             "seeding_by_Clements_Engelhardt sunset_by_Aitzol_Berasategi Kleiber_by_Lukas_Baubkus").split():
    photographs[name] = LOMIRI / f"{name}.jpg"
for name in ("BytheWater ColdRipple ColorfulCups DarkestHour EveningGlow FallenLeaf Grey Kite OneStandsOut Path "
             "summer_1am Autumn").split():
    photographs[name] = PLASMA / name / "contents" / "images" / "2560x1600.jpg"

target = Path(sys.argv[1])
for name, path in photographs.items():
    image = Image.open(path)
    image.draft("RGB", (1600, 1000))
    image = image.convert("RGB")
    if name in APART:
        scale = 960 / max(image.size)
        (target / "held").mkdir(parents=True, exist_ok=True)
        small = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
        small.save(target / "held" / f"{name}.jpg", quality=92)
        continue
    (target / "train" / name).mkdir(parents=True, exist_ok=True)
    for piece in range(100):
        place = random.Random(f"{name} {piece}")
        height = int(place.uniform(0.35, 1) * min(image.height, image.width * 3 / 4))
        width = height * 4 // 3
        x, y = place.randint(0, image.width - width), place.randint(0, image.height - height)
        box = (x, y, x + width, y + height)
        image.resize((176, 132), Image.Resampling.LANCZOS, box=box).save(
            target / "train" / name / f"{piece:03}.jpg", quality=90)
