"""The colour of skin from its two pigments: melanin above, blood below.

Light crosses the epidermis twice and comes back from the dermis:
    reflectance(λ) = b + exp(-2 d μ_epidermis(λ)) R(μ_dermis(λ), μ'_s(λ))
with b what the horny layer sends back before any pigment, and R the diffuse reflectance of a half-space (Jensen et
al., A practical model for subsurface light transport, 2001). Absorption and scattering follow S. L. Jacques (Skin
optics, Oregon Medical Laser Center, 1998), but with more scattering, some carotene, and melanin that falls with the
2.7th power of the wavelength, not the 3.33th: lightness, redness and yellowness then come out near those measured on
people (Xiao et al., Characterising the variations in ethnic skin colours, 2017). Haemoglobin follows S. Prahl's table
there, the observer Wyman, Sloan and Shirley (Simple analytic approximations to the CIE XYZ color matching functions,
2013).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from factory.world.scene import Floats

Doubles = NDArray[np.float64]

MOST_MELANIN = 0.5  # volume fraction of melanosomes in the epidermis
MOST_BLOOD = 0.14  # volume fraction of blood in the dermis
STEPS_OF_MELANIN, STEPS_OF_BLOOD = 1024, 256
EPIDERMIS = 0.0065  # cm; slanting light included
CAROTENE = 2.5  # 1/cm at its peak in the blue: what makes light skin warm
HORNY = 0.035  # reflectance above the melanin, at 600 nm
SATURATION = 0.75  # of the blood with oxygen
REFRACTION = 1.4

WAVELENGTHS = np.arange(400.0, 701.0, 10.0)  # nm
# Molar extinction, 1/(cm M), of haemoglobin with and without oxygen; the illuminant D65.
OXYGENATED = (
    *(266232, 466840, 480360, 246072, 102580, 62816, 44480, 33209, 26629, 23684, 20933, 20035, 24202, 39957, 53236),
    *(43016, 32613, 44496, 50104, 14401, 3200, 1506, 942, 610, 442, 368, 320, 294, 278, 276, 290),
)
DEOXYGENATED = (
    *(223296, 303956, 407560, 528600, 413280, 103292, 23389, 16156, 14550, 16684, 20862, 25774, 31590, 39036, 46592),
    *(53412, 53788, 45072, 37020, 28324, 14677, 9444, 6510, 5149, 4345, 3750, 3227, 2795, 2408, 2052, 1794),
)
DAYLIGHT = (
    *(82.75, 91.49, 93.43, 86.68, 104.86, 117.01, 117.81, 114.86, 115.92, 108.81, 109.35, 107.80, 104.79, 107.69),
    *(104.41, 104.05, 100.0, 96.33, 95.79, 88.69, 90.01, 89.60, 87.70, 83.29, 83.70, 80.03, 80.21, 82.28, 78.28),
    *(69.72, 71.61),
)
XYZ_TO_SRGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])


def colour(melanin: Floats, blood: Floats) -> Floats:
    """Linear sRGB (…, 3) of skin whose epidermis and dermis hold these volume fractions."""
    row = np.sqrt(np.clip(melanin / MOST_MELANIN, 0, 1)) * (STEPS_OF_MELANIN - 1)
    column = np.sqrt(np.clip(blood / MOST_BLOOD, 0, 1)) * (STEPS_OF_BLOOD - 1)
    place = row.astype(np.int32) * STEPS_OF_BLOOD + column.astype(np.int32)
    return np.asarray(_table().reshape(-1, 3)[place], np.float32)


def individual_typology_angle(linear: Floats) -> Floats:
    """Degrees (…): the ITA of linear sRGB colours (…, 3): above 55 very light, below -30 dark."""
    xyz = np.asarray(linear, np.float64) @ np.linalg.inv(XYZ_TO_SRGB).T / (0.9505, 1.0, 1.089)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lightness, yellow = 116 * f[..., 1] - 16, 200 * (f[..., 1] - f[..., 2])
    return np.asarray(np.degrees(np.arctan2(lightness - 50, yellow)), np.float32)


def melanin_of(angle: float, blood: float) -> float:
    """The melanin that gives skin this ITA, or the nearest there is."""
    column = int((blood / MOST_BLOOD) ** 0.5 * (STEPS_OF_BLOOD - 1))
    angles = individual_typology_angle(_table()[:, column])
    step = float(np.interp(-angle, -angles, np.arange(STEPS_OF_MELANIN)))
    return (step / (STEPS_OF_MELANIN - 1)) ** 2 * MOST_MELANIN


@cache
def _table() -> Floats:
    """STEPS_OF_MELANIN, STEPS_OF_BLOOD, 3: linear sRGB; a fraction grows with the square of its step."""
    melanin = (np.linspace(0, 1, STEPS_OF_MELANIN) ** 2 * MOST_MELANIN)[:, None, None]
    blood = (np.linspace(0, 1, STEPS_OF_BLOOD) ** 2 * MOST_BLOOD)[:, None]
    tissue = 0.244 + 85.3 * np.exp(-(WAVELENGTHS - 154) / 66.2)  # 1/cm, without pigment
    melanosomes = 494 * (WAVELENGTHS / 550) ** -2.7
    extinction = SATURATION * np.array(OXYGENATED) + (1 - SATURATION) * np.array(DEOXYGENATED)
    haemoglobin = 2.303 * extinction * 150 / 64500  # 150 g in a litre of blood
    scattering = 2.6e5 * WAVELENGTHS**-1.5 + 2e12 * WAVELENGTHS**-4.0
    epidermis = melanin * melanosomes + (1 - melanin) * tissue
    carotene = CAROTENE * np.exp(-(((WAVELENGTHS - 455) / 38) ** 2))
    dermis = blood * haemoglobin + (1 - blood) * tissue + carotene
    horny = HORNY * (WAVELENGTHS / 600) ** 1.2
    spectra = horny + np.exp(-2 * EPIDERMIS * epidermis) * _returned(dermis, scattering)
    rgb = np.clip(spectra @ _observer() @ XYZ_TO_SRGB.T, 0.002, 1)
    return np.ascontiguousarray(rgb, np.float32)


def _returned(absorption: Doubles, scattering: Doubles) -> Doubles:
    """Diffuse reflectance of a half-space that absorbs and scatters so much (1/cm)."""
    albedo = scattering / (absorption + scattering)
    inner = -1.44 / REFRACTION**2 + 0.71 / REFRACTION + 0.668 + 0.0636 * REFRACTION  # light kept in by the surface
    boundary = (1 + inner) / (1 - inner)
    root = np.sqrt(3 * (1 - albedo))
    return np.asarray(albedo / 2 * (1 + np.exp(-4 / 3 * boundary * root)) * np.exp(-root), np.float64)


def _observer() -> Doubles:
    """31, 3: weights of a reflectance's wavelengths in X, Y and Z under D65; a white surface has Y = 1."""

    def lobe(peak: float, left: float, right: float) -> Doubles:
        width = np.where(peak > WAVELENGTHS, left, right)
        return np.asarray(np.exp(-0.5 * ((WAVELENGTHS - peak) * width) ** 2), np.float64)

    x = 0.362 * lobe(442.0, 0.0624, 0.0374) + 1.056 * lobe(599.8, 0.0264, 0.0323) - 0.065 * lobe(501.1, 0.0490, 0.0382)
    y = 0.821 * lobe(568.8, 0.0213, 0.0247) + 0.286 * lobe(530.9, 0.0613, 0.0322)
    z = 1.217 * lobe(437.0, 0.0845, 0.0278) + 0.681 * lobe(459.0, 0.0385, 0.0725)
    weights = np.stack([x, y, z], axis=1) * np.array(DAYLIGHT)[:, None]
    return np.asarray(weights / weights[:, 1].sum(), np.float64)
