"""The image: planned, built, recorded, measured, exported, published."""
