"""``groundswell --version``."""

import re
from importlib import metadata

from typer.testing import CliRunner

from streams.commands.main import app


def test_the_version_is_that_of_the_distribution() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert done.exit_code == 0
    assert re.fullmatch(r"groundswell \d+\.\d+\.\d+\n", done.stdout)
    assert metadata.version("groundswell") in done.stdout
