"""Golden pictures under one another in one file: the cases say at which row each begins."""
from PIL import Image


def save(results, path):
    sheet = Image.new("RGB", (max(r.width for r in results), sum(r.height for r in results)))
    y = 0
    for result in results:
        sheet.paste(result, (0, y))
        y += result.height
    sheet.save(path, optimize=True)
