"""Networks that can look at frames in place of EfficientNet-Lite0, and how each of them wants its frames."""

import numpy as np

from models import dinov2_graph, resnet50_graph
from models.visual import Picture, Sight, VisualEncoder, crop, shrink

RESNET_SHORT_SIDE_PX = 232

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


ENCODERS: dict[str, type[VisualEncoder]] = {
    "lite0": VisualEncoder,
    "resnet50": ResNet50Encoder,
    "dinov2-small": DinoEncoder,
}
"""By the name in `models/weights.toml` and in the setting ``visual_model``."""
