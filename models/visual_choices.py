"""Networks that can look at frames in place of EfficientNet-Lite0, and how each of them wants its frames."""

from models import resnet50_graph
from models.visual import Picture, VisualEncoder, crop, shrink

RESNET_SHORT_SIDE_PX = 232


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


ENCODERS: dict[str, type[VisualEncoder]] = {
    "lite0": VisualEncoder,
    "resnet50": ResNet50Encoder,
}
"""By the name in `models/weights.toml` and in the setting ``visual_model``."""
