"""The pages of endpoints and models."""

from __future__ import annotations

import json
import re
import subprocess

from tests.console import links
from tests.console.pages import Browse
from tests.curl import needs_curl


def endpoint_page(name: str) -> str:
    return links.of(links.ENDPOINT, name)


def model_page(name: str) -> str:
    return links.of(links.MODEL, name)


def test_an_endpoint_shows_what_serves_how_much_on_what(browse: Browse, serving):
    deployed = serving.deployed_models[0]

    page = browse(endpoint_page(serving.name))

    assert page.status == 200
    assert f"<h1>{serving.display_name}</h1>" in page.body
    row = " ".join(page.inside("deployed").split())
    assert (
        f"{deployed.id} {deployed.display_name} , version 1 100 %  Running n1-standard-2 1".replace("  ", " ")
        in row
    )
    assert "serving_raw takes alcohol (float32)" in row
    assert "Monitoring job none" in page.text


@needs_curl
def test_the_command_that_it_shows_gets_an_answer(browse, serving):
    command = browse(endpoint_page(serving.name)).inside("request")

    # an empty environment: the command needs nothing but what the page says
    done = subprocess.run(
        ["sh", "-c", command], env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["predictions"][0].keys() == {"good", "grade"}


def test_an_endpoint_without_a_model_says_so(browse, new_endpoint):
    endpoint = new_endpoint(description="empty <b>", labels={"team": "cellar"})

    page = browse(endpoint_page(endpoint.name))

    assert "No model is deployed: predictions are rejected." in page.text
    assert "empty &lt;b&gt;" in page.body
    assert "team: cellar" in page.text


def test_a_model_shows_its_versions_and_where_they_serve(browse, new_model, serving):
    model = new_model(display_name="<i>vintage</i>").model
    new_model(parent_model=model, version_aliases=["candidate"])
    path = model_page(model)

    default, second = browse(path), browse(path.replace("/default/", "/candidate/"))

    assert "<h1>&lt;i&gt;vintage&lt;/i&gt;</h1>" in default.body
    assert "Version 1 (default)" in default.text
    assert "Version 2 (candidate)" in second.text
    assert [link for link in default.links if "/versions/" in link][-2:] == [
        f"/vertex-ai/models/locations/europe-west1/models/{model.rpartition('/')[2]}/versions/{number}/properties"
        for number in (2, 1)
    ]
    assert browse(path.replace("/default/", "/7/")).inside("message").endswith("has no version 7.")
    deployed = serving.deployed_models[0]
    assert f"{serving.name.rpartition('/')[2]} as {deployed.id}" in browse(model_page(deployed.model)).text


def test_the_lists_lead_to_the_pages(browse, serving):
    for path in ("/vertex-ai/endpoints", "/vertex-ai/models"):
        page = browse(path)
        leading = [link for link in page.links if "/locations/" in link]
        assert leading
        assert {browse(link).status for link in leading} == {200}
    assert re.search(rf"{serving.display_name} 100 % ", browse("/vertex-ai/endpoints").text)
