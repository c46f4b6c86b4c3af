"""The wheel: what is shipped in it runs without the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cgbot.settings import bundled

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel without a network and unpack it, as pip would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *build], check=True, timeout=120)
    (wheel,) = folder.glob("cgbot-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["templates", "config"])
def test_templates_and_configuration_are_in_the_wheel(unpacked: Path, kind: str) -> None:
    assert bundled(kind) == ROOT / kind
    assert files(unpacked / "cgbot" / kind) == files(ROOT / kind)


def test_the_wheel_finds_its_own(unpacked: Path, tmp_path: Path) -> None:
    """Settings, templates and charters are read from where the package is, in any working folder."""
    program = (
        "from cgbot import configuration, render, settings;"
        "from cgbot.groups import charter;"
        "found = configuration.load({});"
        "render.refuse_broken(render.build(found.template_folders));"
        "print(found.file, *charter.load_all(found.groups_directory), settings.__file__, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [
        str(unpacked / "cgbot/config/cgbot.toml"),
        "cg-aisec",
        str(unpacked / "cgbot/settings.py"),
    ]


def test_the_licence_is_in_the_wheel(unpacked: Path) -> None:
    (licence,) = unpacked.glob("cgbot-*.dist-info/licenses/LICENSE")
    assert "Apache License" in licence.read_text("utf-8")
