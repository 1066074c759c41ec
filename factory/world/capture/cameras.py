"""The four cameras that the domains differ by, from a good phone to a poor CCTV, and where each of them stands.

Typical values of their class, from makers' data sheets of such sensors and lenses; the order of quality is designed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan, cos, degrees, radians, sin
from typing import Literal

import numpy as np

from factory.world.scene import Camera, Colour, Floats, Point

Range = tuple[float, float]


@dataclass(frozen=True)
class Device:
    """A capture device: lens, sensor and the processing up to the file.

    Args:
        name: The domain's name.
        distance: Metres from a face of life size.
        elevation: Degrees above the face's height that it stands.
        azimuth: Largest angle to either side, degrees.
        roll: Standard deviation of its tilt, degrees.
        face: Share of the picture's side that the face's height takes.
        aperture: Radius of the lens in metres: focal length over twice the f-number.
        softness: Standard deviation of the lens's blur, in pixels of the sensor.
        side: Pixels of the sensor that the picture's side covers, after what the camera bins or scales down.
        photosites: Photosites that the picture's side covers: these beat with the pixels of a display.
        full_well: Electrons that a pixel holds, at gain 1.
        read_noise: Electrons, standard deviation.
        stripes: Fixed noise of rows and columns, as a share of the read noise.
        sensitivity: Share of the full well that radiance 1 (100 cd/m²) fills in one second, before any gain.
        slowest: The longest exposure, seconds.
        shake: Metres a second that hand and head move against each other, standard deviation along each axis.
        face_priority: How much of the metering the face decides; the rest is the whole picture's.
        exposure_error: Standard deviation in stops.
        edge_aware: Demosaic along edges, rather than bilinear.
        balance: Share of the light's colour that white balance takes away.
        balance_error: Standard deviation of the natural logarithm of red's and blue's gain.
        crosstalk: Share of each channel that falls into its neighbours; the colour matrix takes it out again.
        saturation: Of the colour matrix.
        tint: Gains that are left of an imprecise calibration.
        contrast: 0 is sRGB's curve, 1 a full S on it.
        denoise: Strength of noise reduction, as multiples of the noise.
        sharpening: Amount of the unsharp mask.
        sharpening_radius: Pixels.
        codec: A still picture, or a frame of a video.
        quality: JPEG quality of a still; for a video the range of the quantiser's step.
    """

    name: str
    distance: Range
    elevation: Range
    azimuth: float
    roll: float
    face: Range
    aperture: float
    softness: float
    side: int
    photosites: int
    full_well: float
    read_noise: float
    stripes: float
    sensitivity: float
    slowest: float
    shake: float
    face_priority: float
    exposure_error: float
    edge_aware: bool
    balance: float
    balance_error: float
    crosstalk: float
    saturation: float
    tint: Colour
    contrast: float
    denoise: float
    sharpening: float
    sharpening_radius: float
    codec: Literal["jpeg", "video"]
    quality: Range


PHONE = Device(  # a selfie camera: 1/2.8 inch, f/2, steadied, multi-frame noise reduction
    name="phone",
    distance=(0.42, 0.6),
    elevation=(-4, 8),
    azimuth=8,
    roll=3,
    face=(0.70, 0.80),  # with the jitter a crop of prepare with 1.3 times the face box
    aperture=1.4e-3,
    softness=0.5,
    side=420,
    photosites=2200,
    full_well=9000,
    read_noise=2.0,
    stripes=0.0,
    sensitivity=18.0,
    slowest=1 / 40,
    shake=0.015,
    face_priority=0.7,
    exposure_error=0.12,
    edge_aware=True,
    balance=0.8,
    balance_error=0.015,
    crosstalk=0.07,
    saturation=1.12,
    tint=(1.0, 1.0, 1.0),
    contrast=0.35,
    denoise=0.8,
    sharpening=0.6,
    sharpening_radius=1.0,
    codec="jpeg",
    quality=(90, 95),
)

TABLET = Device(  # 1.4 µm pixels at f/2.4, held low, stills of middling quality
    name="tablet",
    distance=(0.4, 0.55),
    elevation=(-16, -4),
    azimuth=10,
    roll=4,
    face=(0.70, 0.80),
    aperture=0.7e-3,
    softness=0.75,
    side=230,
    photosites=1000,
    full_well=5000,
    read_noise=4.0,
    stripes=0.1,
    sensitivity=9.0,
    slowest=1 / 30,
    shake=0.03,
    face_priority=0.5,
    exposure_error=0.25,
    edge_aware=True,
    balance=0.7,
    balance_error=0.04,
    crosstalk=0.09,
    saturation=0.98,
    tint=(0.99, 1.0, 1.04),
    contrast=0.15,
    denoise=1.1,
    sharpening=0.8,
    sharpening_radius=1.2,
    codec="jpeg",
    quality=(72, 84),
)

WEBCAM = Device(  # 720p on a laptop's lid: small pixels, f/2.8, strong sharpening, a call's video
    name="webcam",
    distance=(0.55, 0.8),
    elevation=(-2, 12),
    azimuth=10,
    roll=1,
    face=(0.70, 0.80),
    aperture=0.5e-3,
    softness=0.9,
    side=160,
    photosites=420,
    full_well=3500,
    read_noise=6.0,
    stripes=0.25,
    sensitivity=6.0,
    slowest=1 / 25,
    shake=0.03,
    face_priority=0.4,
    exposure_error=0.3,
    edge_aware=False,
    balance=0.6,
    balance_error=0.07,
    crosstalk=0.12,
    saturation=0.9,
    tint=(1.03, 1.0, 0.95),
    contrast=0.3,
    denoise=1.25,
    sharpening=1.1,
    sharpening_radius=1.3,
    codec="video",
    quality=(10, 18),
)

CCTV = Device(  # a dome at the ceiling: few pixels a face, f/2 of an old sensor, smeared and coded at a low bit rate
    name="cctv",
    distance=(1.9, 2.8),
    elevation=(12, 22),
    azimuth=16,
    roll=1.5,
    face=(0.70, 0.80),
    aperture=0.9e-3,
    softness=1.0,
    side=140,
    photosites=200,
    full_well=2600,
    read_noise=9.0,
    stripes=0.1,
    sensitivity=10.0,
    slowest=1 / 25,
    shake=0.035,
    face_priority=0.2,
    exposure_error=0.35,
    edge_aware=False,
    balance=0.5,
    balance_error=0.07,
    crosstalk=0.14,
    saturation=0.7,
    tint=(0.98, 1.02, 1.0),
    contrast=0.45,
    denoise=2.0,
    sharpening=1.2,
    sharpening_radius=1.0,
    codec="video",
    quality=(16, 25),
)

CAMERAS = {camera.name: camera for camera in (PHONE, TABLET, WEBCAM, CCTV)}  # best first

FACE_HEIGHT = 2.55  # of the distance from the eyes to the mouth: hairline to chin
LIFE_HEIGHT = 0.18  # metres of a mean face's height: of that the distances are
DEPTH = 0.03  # metres that the landmarks of a face of that height lie before its middle


def view(camera: Device, generator: np.random.Generator, landmarks: Floats) -> Camera:
    """Place a camera so that the face takes its share of the picture, with hair and shoulders around it.

    A face that is shown smaller than life is taken from as much nearer, so that its lens sees as wide an angle as
    before a live one.

    Args:
        camera: What records.
        generator: Of the place and the hand's tilt.
        landmarks: 5, 3: eyes, tip of the nose and corners of the mouth, in metres.
    """
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    height = FACE_HEIGHT * float(np.linalg.norm(eyes - mouth))
    size = height / LIFE_HEIGHT
    side = height / generator.uniform(*camera.face)
    centre = 0.75 * eyes + 0.25 * mouth - (0, 0, size * DEPTH) + generator.normal(0, 0.02, 3) * (side, side, 0)
    distance = size * generator.uniform(*camera.distance)
    up, across = radians(generator.uniform(*camera.elevation)), radians(generator.uniform(-1, 1) * camera.azimuth)
    away = np.array([sin(across) * cos(up), sin(up), cos(across) * cos(up)])
    roll = radians(generator.normal(0, camera.roll))
    return Camera(
        position=_point(centre + distance * away),
        target=_point(centre),
        field_of_view=2 * degrees(atan(side / 2 / distance)),
        aperture=camera.aperture,
        focus=distance - size * DEPTH,
        up=(sin(roll), cos(roll), 0.0),
    )


def _point(values: Floats) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z
