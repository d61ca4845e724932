"""Networks that can look at frames in place of EfficientNet-Lite0, and how each of them wants its frames."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from models import dinov2_graph, mvit_graph, resnet50_graph
from models.visual import Picture, SegmentSight, Sight, VisualEncoder, crop, pool_labels, shrink, softmax

RESNET_SHORT_SIDE_PX = 232

ACTIONS_FILE = Path(__file__).with_name("kinetics400_labels.txt")

NOTHING = np.zeros(0, np.float32)
"""The scores of a network without classes."""


class ResNet50Encoder(VisualEncoder):
    """Looks at one frame at a time; the same thousand classes under the same names as Lite0.

    Source: torchvision, ``ResNet50_Weights.IMAGENET1K_V2``, for the preparation: short side 232, middle 224.
    """

    model = "resnet50"
    model_version = "11ad3fa6-p1-f32"
    network_file = resnet50_graph.NETWORK_FILE
    dim = resnet50_graph.DIM

    def prepare(self, picture: Picture) -> Picture:
        """Shrink a frame a little further and cut its middle out."""
        return crop(shrink(picture, RESNET_SHORT_SIDE_PX))


class DinoEncoder(VisualEncoder):
    """Looks at one frame at a time; has an embedding, and no classes.

    Source: DINOv2's model card for the preparation: short side 256, middle 224.
    """

    model = "dinov2-vits14"
    model_version = "b938bf1b-p1-f32"
    network_file = dinov2_graph.NETWORK_FILE
    dim = dinov2_graph.DIM

    def look(self, picture: Picture) -> Sight:
        """Embed one shrunk frame: numbers around 0, mostly between -5 and 5."""
        (embedding,) = self._network.infer({"pixels": self.prepare(picture)[None]})
        return Sight(embedding[0].astype(np.float32, copy=False), NOTHING)


class MvitEncoder(VisualEncoder):
    """Looks at a segment as a film of 16 frames; recognises actions instead of things.

    The 16 are spread evenly over the frames there are, and repeated where there are fewer. The network was taught on
    7.5 frames a second: the more frames the setting ``frame_rate_hz`` samples, the nearer to that.

    Source: torchvision, ``MViT_V2_S_Weights.KINETICS400_V1``, for the preparation: short side 256, middle 224.
    """

    model = "mvit-v2-s"
    model_version = "ae3be167-p1-f32"
    network_file = mvit_graph.NETWORK_FILE
    dim = mvit_graph.DIM

    def watch(self, times_s: Sequence[float], pictures: Sequence[Picture]) -> SegmentSight:
        """Look at the whole segment at once; labels are about all of it, from its first frame to its last."""
        sight = self._see(np.stack([self.prepare(pictures[place]) for place in spread(len(pictures))]))
        labels = pool_labels([times_s[len(times_s) // 2]], [sight], action_names())
        spans = {"first_s": times_s[0], "last_s": times_s[-1]}
        return SegmentSight(sight.embedding, tuple(msgspec.structs.replace(label, **spans) for label in labels))

    def look(self, picture: Picture) -> Sight:
        """Look at a film in which one shrunk frame stands still."""
        return self._see(np.stack([self.prepare(picture)] * mvit_graph.FRAMES))

    def _see(self, frames: NDArray[np.uint8]) -> Sight:
        embedding, logits = self._network.infer({"frames": frames})
        return Sight(embedding[0].astype(np.float32, copy=False), softmax(logits[0]).astype(np.float32))


def spread(count: int, places: int = mvit_graph.FRAMES) -> list[int]:
    """Choose so many places evenly from the first to the last of `count` frames, some more than once if need be.

    >>> spread(3, 4), spread(9, 4)
    ([0, 1, 1, 2], [0, 3, 5, 8])
    """
    return [int(place) for place in np.round(np.linspace(0, count - 1, places))]


@cache
def action_names() -> tuple[str, ...]:
    """Name the 400 actions of Kinetics, in the order of the network's scores.

    Source: Kay et al., The Kinetics Human Action Video Dataset (2017), by Google, under CC BY 4.0.
    """
    return tuple(ACTIONS_FILE.read_text("utf-8").splitlines())


ENCODERS: dict[str, type[VisualEncoder]] = {
    "lite0": VisualEncoder,
    "resnet50": ResNet50Encoder,
    "dinov2-small": DinoEncoder,
    "mvit-v2-s": MvitEncoder,
}
"""By the name in `models/weights.toml` and in the setting ``visual_model``."""
