"""
The gcloud and bq of most tests here: writes down how it was called, and answers what a deployment asks.

The real one would need a project that costs money. What is there, and what fails, stands in files of the
folder that RECORDER names.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

FOLDER = Path(os.environ["RECORDER"])


def read(name: str) -> dict[str, str]:
    """Return what a file of the folder holds."""
    path = FOLDER / name
    return dict(json.loads(path.read_text())) if path.exists() else {}


def main(command: list[str]) -> None:
    """Answer the request."""
    line = " ".join(command)
    for prefix, error in read("failing.json").items():
        if line.startswith(prefix):
            sys.exit(f"ERROR: {error}")
    if line.startswith("builds submit"):
        push(next(part for part in command if part.startswith("--substitutions=")))
    elif line.startswith("artifacts docker images list"):
        print((FOLDER / "images.json").read_text())
    elif line.startswith("composer environments describe"):
        path = FOLDER / "composer.json"
        print(path.read_text() if path.exists() else sys.exit("ERROR: NOT_FOUND: no environment"))
    elif line.startswith("composer environments create"):
        (FOLDER / "composer-to-come.json").rename(FOLDER / "composer.json")
    elif line.startswith("composer environments update"):
        update(command[-1])
    elif command[0] == "storage":
        store(command)
    else:
        print(about_the_project(line))


def about_the_project(line: str) -> str:
    """Return the project's number, or its data set."""
    if line.startswith("projects describe"):
        return "123456789012"
    if "--format=json show --dataset" in line:
        return json.dumps({"location": read("dataset.json").get("location", "europe-west1")})
    return ""


def push(substitutions: str) -> None:
    """Add an image, whose digest depends on its name."""
    values = dict(pair.split("=") for pair in substitutions.partition("=")[2].split(","))
    package, _, tag = values["_IMAGE"].rpartition(":")
    images = json.loads((FOLDER / "images.json").read_text())
    version = f"sha256:{len(images):064d}"
    images.append({"package": package, "version": version, "tags": [tag]})
    (FOLDER / "images.json").write_text(json.dumps(images))


def update(flag: str) -> None:
    """Change the Composer environment as the flag says."""
    composer = json.loads((FOLDER / "composer.json").read_text())
    software = composer["config"]["softwareConfig"]
    name, _, value = flag.partition("=")
    if name == "--update-env-variables":
        software["envVariables"] = software.get("envVariables", {}) | dict(
            pair.split("=", 1) for pair in value.split(",")
        )
    elif name == "--update-pypi-packages-from-file":
        lines = [line for line in Path(value).read_text().splitlines() if line and line[0] != "#"]
        software["pypiPackages"] = {name: f"=={version}" for name, version in (x.split("==") for x in lines)}
    elif name == "--clear-pypi-packages":
        del software["pypiPackages"]
    (FOLDER / "composer.json").write_text(json.dumps(composer))


def store(command: list[str]) -> None:
    """Store, list and show objects; a sync leaves what the local folder holds."""
    objects = read("objects.json")
    verb, *arguments = [part for part in command[1:] if part != "--no-clobber"]
    if verb == "ls":
        found = [name for name in objects if name.startswith(arguments[0].removesuffix("**"))]
        print("\n".join(found) or sys.exit("ERROR: One or more URLs matched no objects."))
    elif verb == "cat":
        print(objects.get(arguments[0]) or sys.exit("ERROR: The following URLs matched no objects or files:"))
    elif verb == "cp" and arguments[-1].endswith((".txt", ".json")):
        objects[arguments[-1]] = Path(arguments[0]).read_text()
    elif verb == "rsync":
        source, target = Path(arguments[0]), arguments[1]
        objects = {name: text for name, text in objects.items() if not name.startswith(f"{target}/")}
        objects |= {
            f"{target}/{path.relative_to(source)}": "" for path in source.rglob("*") if path.is_file()
        }
    (FOLDER / "objects.json").write_text(json.dumps(objects))


if __name__ == "__main__":
    with (FOLDER / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps([Path(sys.argv[0]).name, *sys.argv[1:]]) + "\n")
    main(sys.argv[1:])
