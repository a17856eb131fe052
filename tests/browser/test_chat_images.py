"""Images in a question: made small and upright in the browser, shown with their size, refused with a sentence."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser import openai_stream as script
from tests.browser.chatting import answer, ask, messages, open_chat, reload, sees_answer
from tests.browser.reader import Reader
from tests.fake_backend import FakeBackend
from tests.running_gateway import RunningGateway

pytestmark = pytest.mark.browser
Pair = tuple[FakeBackend, RunningGateway]

JPEG = """async ([width, height]) => {
  const canvas = new OffscreenCanvas(width, height), pen = canvas.getContext("2d")
  pen.fillStyle = "teal"
  pen.fillRect(0, 0, width / 2, height)
  const blob = await canvas.convertToBlob({ type: "image/jpeg" })
  return Array.from(new Uint8Array(await blob.arrayBuffer()))
}"""
HEADER = """async (base64) => {
  const { pictureHeader } = await import("/helpers/picture_header.js")
  return pictureHeader(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)))
}"""
GIVE = """(field, [kind, base64]) => {
  const files = new DataTransfer()
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  files.items.add(new File([bytes], "picture.png", { type: "image/png" }))
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: files, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true })
  field.dispatchEvent(event)
}"""


def png(width: int, height: int, rows: int | None = None) -> bytes:
    """A black picture; with fewer `rows` than its height, one that breaks off."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    line = b"\0" + b"\0" * (width * 3 if rows is None else 3)
    data = zlib.compress(line * (height if rows is None else rows))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def turned(jpeg: bytes) -> bytes:
    """The same JPEG with the mark of a camera that was held upright, and a word that nobody should be sent."""
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0" + b"HomeAddress"
    exif = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def file(name: str, content: bytes) -> Any:
    return {"name": name, "mimeType": "", "buffer": content}


def test_a_photograph_is_sent_small_upright_and_without_what_the_camera_wrote(
    english: Reader, patient_pair: Pair
) -> None:
    fake, gateway = patient_pair
    open_chat(english, gateway)
    photograph = turned(bytes(english.page.evaluate(JPEG, [3000, 1500])))
    english.find("#images").set_input_files(file("photo.jpg", photograph))

    size = english.find("#chat-composer .picture")
    expect(size).to_contain_text("768 × 1,536,")
    fake.script(script.PATH, script.BEGIN, script.said("Teal."), script.finish("stop"), script.DONE)
    ask(english, "Which colour?")
    sees_answer(english, "Teal.")

    text, image = fake.requests_to(script.PATH)[-1].json["messages"][0]["content"]
    assert text == {"type": "text", "text": "Which colour?"}
    kind, _, data = image["image_url"]["url"].partition(";base64,")
    assert kind == "data:image/jpeg"
    assert english.page.evaluate(HEADER, data) == {"type": "image/jpeg", "width": 768, "height": 1536}
    assert b"HomeAddress" not in base64.b64decode(data)
    expect(english.find("#chat-composer .picture")).to_have_count(0)
    reload(english)
    expect(messages(english).first.locator(".picture")).to_contain_text("768 × 1,536,")
    assert (
        messages(english).first.locator("img").evaluate("(image) => image.decode().then(() => image.naturalHeight)")
        == 1536
    )


def test_images_are_pasted_dropped_taken_back_and_refused_with_a_sentence(english: Reader, patient_pair: Pair) -> None:
    _, gateway = patient_pair
    open_chat(english, gateway)
    small = base64.b64encode(png(40, 30)).decode()
    pictures = english.find("#chat-composer .picture")
    english.find("#question").evaluate(GIVE, ["paste", small])
    expect(pictures).to_have_count(1)
    english.find("#question").evaluate(GIVE, ["drop", small])
    expect(pictures).to_have_count(2)
    expect(pictures.last).to_contain_text("40 × 30, 1 kB")
    pictures.last.get_by_role("button", name="Remove image 2").click()
    expect(pictures).to_have_count(1)

    english.find("#images").set_input_files(
        [
            file("a.gif", b"GIF89a" + bytes(50)),
            file("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
            file("a.heic", b"\0\0\0\x18ftypheic" + bytes(50)),
            file("cut.png", png(40, 30)[:20]),
            file("bomb.png", png(30000, 30000, rows=1)),
            file("broken.jpg", b"\xff\xd8\xff\xc0\0\x11\x08\0\x10\0\x10\x03" + bytes(20)),
        ]
    )
    notices = english.find("#chat-composer [data-part=fault] .notice")
    expect(notices).to_have_count(6)
    kinds = [notice.get_attribute("data-kind") for notice in notices.all()]
    assert kinds == ["image_kind"] * 4 + ["image_large", "image_broken"]
    expect(notices.nth(2)).to_contain_text("“a.heic” is not an image that can be sent.")
    expect(pictures).to_have_count(1)

    english.find("#images").set_input_files([file(f"{number}.png", png(4, 4)) for number in range(6)])
    expect(pictures).to_have_count(6)
    expect(notices).to_have_count(1)
    expect(notices).to_contain_text("“5.png” is one too many")


def test_a_model_without_eyes_is_named_before_and_after_sending(english: Reader, patient_pair: Pair) -> None:
    _, gateway = patient_pair
    model = {"id": "llama3.2:latest", "capabilities": ["chat", "completion"]}
    english.context.route("**/models", lambda route: route.fulfill(json={"data": [model]}))
    open_chat(english, gateway)
    english.find("#images").set_input_files(file("a.png", png(40, 30)))

    warning = english.find("[data-part=warnings] .notice[data-kind=no_vision]")
    expect(warning).to_contain_text("cannot look at images")
    warning.get_by_role("button", name="Choose a model").click()
    expect(english.find("#conversation-settings #model")).to_be_visible()
    english.page.keyboard.press("Escape")

    def refuse(route: Route) -> None:
        route.fulfill(status=400, json={"error": {"message": "No images.", "code": "unsupported"}})

    english.context.route("**/v1/chat/completions", refuse)
    ask(english, "What is this?")
    expect(answer(english).locator(".notice[data-kind=no_vision]")).to_contain_text("cannot look at images")
