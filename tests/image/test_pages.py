"""The service's pages in a real browser, on a real model in the running container."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.keys import Keys

from scripts.docker_engine import Engine
from scripts.running import service_client
from scripts.shared.paths import BUILD
from tests import containers
from tests.containers import Running
from tests.image import browser
from tests.image.browser import DESKTOP, PHONE, Page

PAGES = {
    "/": "Overview",
    "/chat": "Chat",
    "/stat": "Statistics",
    "/log/core": "Service log",
    "/log/chat": "Chat log",
    "/doc": "API",
}

#: The screenshots of the last run, to look at.
SHOTS = BUILD / "pages"

#: True when a page shows the answer of the API.
READY = {
    "/": "document.querySelector('#models td') && document.querySelector('#ready.good')",
    "/chat": "document.querySelectorAll('#model option').length > 0",
    "/stat": "document.querySelectorAll('#table tr').length === 3",
    "/log/core": "document.querySelectorAll('#rows tr').length > 0",
    "/log/chat": "document.querySelector('#status').textContent !== ''",
    "/doc": "document.querySelectorAll('.call').length > 10",
}

IDLE = "!document.querySelector('#send').disabled"
LONG = "Count from one to one hundred in words."


@pytest.fixture(scope="module")
def running(
    engine: Engine, image: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    with containers.folder(tmp_path_factory.mktemp("pages") / "data") as data:
        configuration = Path(data) / "mentator-llm-service.conf.jsonc"
        configuration.write_text('{ "log": { "savePrompt": true } }\n', encoding="utf-8")
        with containers.healthy(engine, containers.describe(image["digest"], data)) as started:
            yield started


@pytest.fixture
def page(running: Running, tmp_path: Path) -> Iterator[Page]:
    with browser.page(running.address, tmp_path / "profile") as opened:
        yield opened
        # For every test: no console error, no policy violation, no request to another host.
        assert opened.console_messages() == []
        assert opened.hosts() <= {urlsplit(running.address).netloc}


def say(page: Page, text: str, **options: str) -> None:
    """Type options into their fields, then send a message."""
    page.wait(READY["/chat"])
    for name, value in options.items():
        field = page.one(f"#options [name={name}]")
        field.clear()
        field.send_keys(value)
    page.one("#message").send_keys(text, Keys.ENTER)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_page_fits_the_screen_in_light_and_dark(page: Page, size: tuple[int, int]) -> None:
    page.size(size)
    shots: dict[str, bytes] = {}
    for scheme in ("light", "dark"):
        page.prefer(color_scheme=scheme)
        for path, title in PAGES.items():
            page.open(path)
            page.wait(READY[path])
            assert page.driver.title == f"{title} · Mentator"
            assert title in page.attribute("h1", "textContent")
            assert page.one("nav [aria-current]").text == title
            assert page.run("return document.documentElement.scrollWidth <= innerWidth"), path
            name = f"{path.strip('/').replace('/', '-') or 'overview'}-{scheme}-{size[0]}.png"
            shots[name] = page.screenshot(SHOTS / name)
        shade = page.run("return getComputedStyle(document.body).backgroundColor")
        bright = sum(int(part) for part in shade.removeprefix("rgb(").removesuffix(")").split(","))
        assert (bright > 600) == (scheme == "light")
    assert len(set(shots.values())) == len(shots)


def test_overview_shows_model_backend_and_memory(page: Page, running: Running) -> None:
    model = service_client.get(running.address, "/state/models")["models"][0]["name"]
    page.open("/")
    page.wait(READY["/"])
    assert page.text("#backend") == "CPU"
    assert "Why" in page.text("#backend-facts")
    # With the model in memory it is more than 1 GiB.
    assert re.search(r"\d [MG]iB", page.text("#memory"))
    assert model in page.text("#models")
    page.one("#models a").click()
    page.wait(READY["/chat"])
    assert page.value("#model") == model


def test_chat_streams_the_answer_and_shows_its_speed(page: Page) -> None:
    page.open("/chat")
    page.wait(READY["/chat"])
    # Collects each length that the answer has on the screen.
    page.run(
        "window.lengths = new Set(); new MutationObserver(() => lengths.add("
        "document.querySelector('.assistant .text')?.textContent.length ?? 0))"
        ".observe(document.querySelector('#transcript'), {childList: true, subtree: true})"
    )
    # The answer is long enough for several packets of 40 ms.
    say(page, "Tell me a long story about a river.", maxTokens="60")
    page.wait("document.querySelector('.assistant .meta')?.textContent.includes('tokens/s')")
    page.wait(IDLE)
    assert len(page.run("return [...lengths]")) > 5
    assert "tokens/s" in page.text(".assistant .meta")
    assert page.text(".assistant .text")

    # The conversation continues with its history, and is there after a reload.
    page.one("#message").send_keys("And", Keys.SHIFT, Keys.ENTER)
    page.one("#message").send_keys("one more?")
    assert page.value("#message") == "And\none more?"
    page.one("#message").send_keys(Keys.ENTER)
    page.wait(f"document.querySelectorAll('.assistant').length === 2 && {IDLE}")
    before = [turn.text for turn in page.all(".turn .text")]
    page.open("/chat")
    page.wait(READY["/chat"])
    assert [turn.text for turn in page.all(".turn .text")] == before
    page.screenshot(SHOTS / "chat-answered.png")


def test_escape_stops_the_generation(page: Page, running: Running) -> None:
    page.open("/chat")
    say(page, LONG, maxTokens="4000", temperature="1")
    page.wait("document.querySelector('.assistant .text')?.textContent.length > 0")
    page.focused().send_keys(Keys.ESCAPE)
    page.wait(IDLE, 10)
    assert "stopped" in page.text(".assistant .meta")
    # The service has stopped too.
    page.wait(
        "fetch('/metrics').then(answer => answer.text())"
        ".then(text => text.includes('mentator_requests_running 0'))",
        10,
    )
    rows = service_client.get(running.address, "/log/chat/byid?limit=1")["logs"]
    assert rows[0]["code"] == 499


def test_schema_editor_shows_errors_and_constrains_the_answer(page: Page) -> None:
    page.open("/chat")
    page.wait(READY["/chat"])
    page.one("#json").click()
    page.wait("document.querySelector('#verdict.good')")
    editor = page.one("#schema")
    schema = json.loads(page.value("#schema"))
    editor.send_keys(Keys.CONTROL, Keys.END, Keys.NULL, Keys.BACKSPACE)
    page.wait("document.querySelector('#verdict.bad')?.textContent.startsWith('Not JSON')")
    assert editor.get_attribute("aria-invalid") == "true"
    editor.clear()
    editor.send_keys('{"type": "banana"}')
    page.wait("document.querySelector('#verdict.bad')?.textContent.includes('type')")
    # An invalid schema is not sent.
    say(page, "Tell me about Hamburg.", maxTokens="200")
    page.wait(IDLE)
    assert page.all(".turn") == []
    page.one("#example").click()
    page.wait("document.querySelector('#verdict.good')")
    page.one("#message").send_keys(Keys.ENTER)
    page.wait(
        f"document.querySelector('.assistant .meta')?.textContent.includes('token') && {IDLE}"
    )
    answer = json.loads(page.one(".assistant pre").text)
    assert sorted(answer) == sorted(schema["required"])
    page.screenshot(SHOTS / "chat-schema.png")


def test_chat_shows_an_error_when_an_option_is_out_of_range(page: Page) -> None:
    page.open("/chat")
    say(page, "Hello", topP="7")
    page.wait("!document.querySelector('#options-fault').hidden")
    assert "topP" in page.text("#options-fault")
    assert page.all(".turn") == []


def test_statistics_update_after_a_request(page: Page, running: Running) -> None:
    model = service_client.get(running.address, "/state/models")["models"][0]["name"]
    page.open("/stat")
    page.wait(READY["/stat"])
    total = "Number(document.querySelector('#table tr td').textContent)"
    before = page.wait(f"{total} + 1") - 1
    request = {"model": model, "message": {"user": "Hi"}, "options": {"maxTokens": 4}}
    service_client.prompt(running.address, request)
    page.wait(f"{total} === {before + 1}")
    page.wait("document.querySelectorAll('#count rect').length > 0")
    assert page.all("#duration circle")
    page.wait("document.querySelector('#memory path').getAttribute('d').includes('L')")
    # With the keyboard: another time span, and the values of a plot.
    page.one("[name=span][value='1']").send_keys(Keys.ARROW_RIGHT)
    page.wait("document.querySelector('#count-title').textContent.includes('3 minutes')")
    page.one("#duration svg").send_keys(Keys.ARROW_LEFT)
    assert page.text("#duration output")
    assert "now" in page.attribute("#memory svg", "aria-label")
    page.screenshot(SHOTS / "stat-moving.png")


def test_service_log_filters_its_rows_and_opens_a_day(page: Page) -> None:
    page.open("/log/core")
    page.wait(READY["/log/core"])
    page.one("#filter").send_keys("listening on")
    page.wait("document.querySelector('#status').textContent.startsWith('1 of')")
    shown = [row.text for row in page.all("#rows tr") if row.is_displayed()]
    assert len(shown) == 1
    assert "listening on" in shown[0]
    page.run(
        "const day = document.querySelector('#date');"
        "day.value = new Date().toISOString().slice(0, 10); day.dispatchEvent(new Event('change'))"
    )
    page.wait("document.querySelector('#files pre')")
    assert not page.one("#rows-box").is_displayed()
    page.one("#live").click()
    assert page.one("#rows-box").is_displayed()


def test_chat_log_shows_new_prompts_and_is_deleted_after_confirmation(
    page: Page, running: Running
) -> None:
    model = service_client.get(running.address, "/state/models")["models"][0]["name"]
    page.open("/log/chat")
    page.wait(READY["/log/chat"])
    question = "Say hello to the log."
    message = {"model": model, "message": {"user": question}, "options": {"maxTokens": 4}}
    service_client.prompt(running.address, message)
    page.wait(f"document.querySelector('#rows tr:last-child')?.textContent.includes('{question}')")
    page.one("#rows tr:last-child summary").send_keys(Keys.ENTER)
    page.wait("document.querySelector('#rows tr:last-child pre')")
    page.screenshot(SHOTS / "log-chat-texts.png")

    page.one("#delete").click()
    assert page.focused().text == "Keep"
    page.focused().send_keys(Keys.ENTER)
    assert service_client.get(running.address, "/log/chat/byid")["logs"]
    page.one("#delete").click()
    page.one("#delete-dialog [value=delete]").click()
    page.wait("document.querySelector('#rows').childElementCount === 0")
    assert service_client.get(running.address, "/log/chat/byid")["logs"] == []


def test_api_page_works_with_the_keyboard(page: Page, running: Running) -> None:
    paths = service_client.get(running.address, "/doc/json")["paths"]
    page.open("/doc")
    page.wait(READY["/doc"])
    assert {code.text for code in page.all(".call > summary code:first-of-type")} >= set(paths)
    page.one("#filter").send_keys("embedding")
    shown = [call for call in page.all(".call") if call.is_displayed()]
    assert 0 < len(shown) < 5
    page.one("#filter").send_keys(Keys.CONTROL + "a" + Keys.NULL + Keys.BACKSPACE)
    page.one("#post-prompt summary").send_keys(Keys.ENTER)
    details = page.text("#post-prompt")
    for expected in ("durationMsec", "required", "429", "loadModelStatus"):
        assert expected in details
    page.screenshot(SHOTS / "doc-open.png")


def test_pages_remember_the_chosen_colours(page: Page) -> None:
    page.open("/")
    button = page.one("#theme")
    assert button.get_attribute("aria-label") == "Switch to dark colours"
    button.click()
    assert page.run("return getComputedStyle(document.documentElement).colorScheme") == "dark"
    page.open("/doc")
    assert page.run("return document.documentElement.dataset.theme") == "dark"
    page.one("#theme").click()
    page.open("/stat")
    assert page.run("return document.documentElement.dataset.theme ?? null") is None


def test_keyboard_reaches_all_controls_and_focus_is_visible(page: Page) -> None:
    page.open("/")
    page.wait(READY["/"])
    reached = []
    for _ in range(40):
        page.focused().send_keys(Keys.TAB)
        if page.focused().tag_name == "body":
            break
        style = "const style = getComputedStyle(document.activeElement);"
        outline = page.run(f"{style} return style.outlineStyle + ' ' + style.outlineWidth")
        assert outline == "solid 2px", page.focused().get_attribute("outerHTML")
        reached.append(page.focused().get_attribute("textContent"))
    assert reached[0] == "Skip to content"
    assert set(PAGES.values()) <= set(reached)
    assert "Copy" in reached


def test_page_has_no_animation_when_reduced_motion_is_preferred(page: Page) -> None:
    page.prefer(color_scheme="light", reduced_motion="reduce")
    page.open("/chat")
    script = "return getComputedStyle(document.querySelector('#send')).transitionDuration"
    assert page.run(script) == "0s"


def test_page_asks_for_the_api_key_once_and_keeps_it_in_the_tab(
    engine: Engine, image: dict[str, Any], tmp_path: Path
) -> None:
    with containers.folder(tmp_path / "data") as data:
        container = containers.describe(
            image["digest"], data, environment={"MENTATOR_API_KEY": "key-of-the-test"}
        )
        with (
            containers.healthy(engine, container) as started,
            browser.page(started.address, tmp_path / "profile") as page,
        ):
            page.open("/")
            page.wait("document.querySelector('#key-dialog').open")
            page.focused().send_keys("not the key", Keys.ENTER)
            page.wait("document.querySelector('#key-why').textContent.includes('not accept')")
            page.wait("document.querySelector('#key-dialog').open")
            page.focused().send_keys("key-of-the-test", Keys.ENTER)
            page.wait("document.querySelector('#models td')")
            page.open("/stat")
            page.wait(READY["/stat"])
            assert not page.run("return document.querySelector('#key-dialog').open")
            assert page.run("return JSON.stringify(localStorage)") == "{}"
            assert "key-of-the-test" not in page.driver.current_url
