"""Conversations as the browser keeps them: their modules run in a real page, without a view."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenReader
from tests.browser.reader import Reader

# Every script below begins with this; what it needs later it keeps in `kept`.
PRELUDE = """
const { default: Conversations } = await import("/state/conversations/conversations.js")
const { default: Draft } = await import("/state/conversations/draft.js")
const { default: Tree } = await import("/state/conversations/tree.js")
const kept = globalThis.kept ??= {}
const texts = (messages) => messages.map(({ text }) => text)
const kindOf = async (promise) => promise.then(() => null, (fault) => fault.kind)
const pathOf = async (c, id) => (await c.tree(id)).path((await c.get(id)).head)
/** One conversation with a chain of messages. */
async function chain(c, ...said) {
  const { id } = await c.create()
  let parentId = null
  const messages = []
  for (const text of said) {
    messages.push(await c.put({ conversationId: id, parentId, role: messages.length % 2 ? "assistant" : "user", text }))
    parentId = messages.at(-1).id
  }
  return { id, messages }
}
"""
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
REFUSALS = {
    "throws": 'throw new DOMException("denied", "SecurityError")',
    "hangs": "return new EventTarget()",
    "fails": """const request = new EventTarget()
      request.error = new DOMException("broken", "UnknownError")
      setTimeout(() => request.dispatchEvent(new Event("error")))
      return request""",
}


def run(page: Page, script: str, argument: Any = None) -> Any:
    return page.evaluate("async (argument) => {" + PRELUDE + script + "}", argument)


def blank(reader: Reader, origin: str) -> Page:
    """A page of the gateway that runs no code of its own."""
    reader.page.goto(f"{origin}/favicon.svg")
    return reader.page


@pytest.fixture
def origin(patient_pair: Any) -> str:
    return str(patient_pair[1].url)


@pytest.fixture
def page(english: Reader, origin: str) -> Page:
    return blank(english, origin)


def second_tab(page: Page) -> Page:
    other = page.context.new_page()
    other.goto(page.url)
    return other


def test_a_conversation_is_a_tree_of_messages_with_a_head(page: Page) -> None:
    seen = run(
        page,
        """
        const c = await Conversations.open()
        const { id, messages: [question, first] } = await chain(c, "Why?", "Because.")
        const second = await c.put({ conversationId: id, parentId: question.id, role: "assistant", text: "Therefore." })
        const more = await c.put({ conversationId: id, parentId: first.id, role: "user", text: "Really?" })
        const tree = await c.tree(id)
        const branch = await c.branch(id, first.id)
        const seen = {
          path: texts(tree.path((await c.get(id)).head)),
          other: texts(tree.path(tree.leafUnder(second).id)),
          under: tree.leafUnder(question).id === second.id,
          siblings: texts(tree.siblings(tree.get(first.id))),
          roots: texts(tree.siblings(tree.get(question.id))),
          unknownHead: texts(tree.path("nothing")),
          branch: texts(await pathOf(c, branch.id)),
          branchSize: (await c.tree(branch.id)).size,
        }
        await c.removeMessage(id, first.id)
        seen.afterRemoval = texts(await pathOf(c, id))
        seen.left = texts((await c.tree(id)).messages)
        seen.branchAfterwards = texts(await pathOf(c, branch.id))
        await c.remove(id)
        seen.list = (await c.list()).map((one) => one.id === branch.id)
        seen.removed = [await c.get(id), (await c.tree(id)).size, await c.message(more.id)]
        return seen
        """,
    )

    assert seen == {
        "path": ["Why?", "Because.", "Really?"],
        "other": ["Why?", "Therefore."],
        "under": True,
        "siblings": ["Because.", "Therefore."],
        "roots": ["Why?"],
        "unknownHead": ["Why?", "Because.", "Really?"],
        "branch": ["Why?", "Because."],
        "branchSize": 2,
        "afterRemoval": ["Why?", "Therefore."],
        "left": ["Why?", "Therefore."],
        "branchAfterwards": ["Why?", "Because."],
        "list": [True],
        "removed": [None, 0, None],
    }


def test_a_title_comes_from_the_first_question_until_somebody_renames(page: Page) -> None:
    seen = run(
        page,
        """
        const c = await Conversations.open()
        const titled = async (text) => (await c.get((await chain(c, text, "ok", "another question")).id)).title
        const { id } = await chain(c, "Hello", "ok")
        const renamed = await c.change(id, { title: "  My\\n talk ", temperature: 1, id: "evil" })
        await c.put({ conversationId: id, role: "user", text: "edited" })
        return {
          first: await titled("Two   words \\nmore"),
          empty: await titled(" \\n "),
          renamed: [renamed.title, renamed.isTitled, renamed.id === id, "temperature" in renamed],
          kept: (await c.get(id)).title,
          automaticAgain: [(await c.change(id, { title: " " })).title, (await c.get(id)).isTitled],
        }
        """,
    )

    assert seen == {
        "first": "Two words",
        "empty": "another question",
        "renamed": ["My talk", True, True, False],
        "kept": "My talk",
        "automaticAgain": ["Hello", False],
    }


def test_a_search_follows_what_is_written_renamed_and_deleted(page: Page) -> None:
    seen = run(
        page,
        """
        const c = await Conversations.open()
        await chain(c, "First", "L’ÉTÉ dernier")
        await chain(c, "Second r", "no match here")
        const found = async (query) => (await c.list(query)).map(({ title }) => title)
        const [{ excerpt }] = await c.list("étè")
        const { id } = await c.create()
        const before = await found("girafe")
        const late = await c.put({ conversationId: id, role: "user", text: "Girafe" })
        const after = await found("girafe")
        await c.put({ ...late, text: "Zèbre" })
        const changed = [await found("girafe"), await found("zebre")]
        await c.removeMessage(id, late.id)
        await c.change(id, { title: "Renamed" })
        const seen = { before, after, changed, gone: await found("zebre"), renamed: await found("rénamed") }
        await c.remove(id)
        return { ...seen, all: (await found("  ")).length, newestFirst: await found("r"), excerpt }
        """,
    )

    assert seen == {
        "before": [],
        "after": ["Girafe"],
        "changed": [["Girafe"], ["Girafe"]],
        "gone": [],
        "renamed": ["Renamed"],
        "all": 2,
        "newestFirst": ["Second r", "First"],
        "excerpt": {"before": "L’", "match": "ÉTÉ", "after": " dernier"},
    }


def test_a_running_answer_is_saved_at_most_twice_a_second(page: Page) -> None:
    page.clock.install(time=1_000_000)
    page.clock.pause_at(1_001_000)
    run(
        page,
        """
        const c = kept.c = await Conversations.open()
        const { id, messages: [question] } = await chain(c, "Why?")
        kept.saves = 0
        c.addEventListener("change", ({ detail }) => detail.what === "message" && kept.saves++)
        kept.draft = new Draft(c, { conversationId: id, parentId: question.id })
        """,
    )
    pushed = """
        for (let n = 0; n < 100; n++) kept.draft.update({ phase: "writing", text: "x".repeat(n), thought: "" })
        await c_idle()
        return [kept.saves, (await (await Conversations.open()).message(kept.draft.id)).text.length]
        async function c_idle() { for (let n = 0; n < 20; n++) await kept.c.get(kept.draft.id) }
    """

    assert run(page, pushed) == [1, 0]
    page.clock.run_for(499)
    assert run(page, pushed) == [1, 0]
    page.clock.run_for(1)
    assert run(page, pushed) == [2, 99]
    assert run(page, pushed) == [2, 99]
    ended = run(
        page,
        """
        const record = { phase: "stopped", text: "all of it", thought: "why", model: "m", ttft: 12 }
        const ended = await kept.draft.end(record)
        const stored = await (await Conversations.open()).message(ended.id)
        return [ended.state, stored.state, stored.text, stored.answer, "owner" in stored]
        """,
    )
    answer = {"phase": "stopped", "text": "all of it", "thought": "why", "model": "m", "ttft": 12}
    assert ended == ["stopped", "stopped", "all of it", answer, False]


def test_a_reload_in_mid_answer_loses_nothing(page: Page) -> None:
    begin = """
        const c = await Conversations.open()
        const { id, messages: [question] } = await chain(c, "Why?")
        const draft = new Draft(c, { conversationId: id, parentId: question.id })
        let text = ""
        const until = performance.now() + argument
        do {
          draft.update({ phase: "writing", text: text += "word ", thought: "I think", model: "m" })
          await new Promise((resolve) => setTimeout(resolve, 5))
        } while (performance.now() < until)
        draft.update({ phase: "writing", text: text += "last", thought: "I think", model: "m" })
        return [id, text]
    """
    look = """
        const c = await Conversations.open()
        const [, answer] = await pathOf(c, argument)
        const { text, phase, thought, model } = answer.answer
        const rescued = Object.keys(localStorage).filter((key) => key.includes("rescue"))
        return { text: answer.text, state: answer.state, owner: answer.owner ?? null,
          answer: [text, phase, thought, model], rescued }
    """
    for duration_ms in (0, 700):
        conversation, text = run(page, begin, duration_ms)
        page.reload()

        assert run(page, look, conversation) == {
            "text": text,
            "state": "cut",
            "owner": None,
            "answer": [text, "cut", "I think", "m"],
            "rescued": [],
        }


def test_a_rescued_copy_never_harms_what_is_stored(page: Page) -> None:
    seen = run(
        page,
        """
        const c = await Conversations.open()
        const { id, messages: [question, answer] } = await chain(c, "Why?", "A whole answer")
        const left = await c.put({ conversationId: id, parentId: question.id, role: "assistant", text: "Lef",
          state: "streaming", owner: "x", savedAt: 1 })
        const other = await chain(c, "deleted")
        await c.remove(other.id)
        const copy = (message, more) => ({ message, isSaved: false, isFarewell: true, ...more })
        const running = (message, text) => ({ ...message, text, state: "streaming", owner: "x", savedAt: 2 })
        const copies = [
          copy(running(answer, "A whole answer and lies")),
          copy(running(left, "Left")),
          copy(running({ ...left, id: "unknown" }, "deleted"), { isSaved: true }),
          copy(running({ ...left, id: "new" }, "never stored")),
          copy(other.messages[0]),
          copy({ ...answer, id: "wrong", parentId: "nobody" }),
          copy({ id: 5, text: {} }),
        ]
        localStorage.setItem("passerelle.rescue.x", "5 " + JSON.stringify(copies))
        localStorage.setItem("passerelle.rescue.y", "6 {nonsense")
        const again = await Conversations.open()
        const stored = (await again.tree(id)).messages.map(({ text, state }) => [text, state])
        return { stored, head: (await again.get(id)).head, all: (await again.list()).length,
          left: Object.keys(localStorage) }
        """,
    )

    assert sorted(seen["stored"]) == [
        ["A whole answer", "whole"],
        ["Left", "cut"],
        ["Why?", "whole"],
        ["never stored", "cut"],
    ]
    assert (seen["head"], seen["all"], seen["left"]) == ("new", 1, [])


def test_a_hidden_page_puts_a_bounded_copy_aside(page: Page) -> None:
    seen = run(
        page,
        """
        const c = await Conversations.open()
        const { id, messages: [question] } = await chain(c, "Why?")
        const drafts = [1, 2, 3].map(() => new Draft(c, { conversationId: id, parentId: question.id }))
        drafts.forEach((draft, n) => draft.update({ phase: "writing", text: String(n).repeat(900_000), thought: "" }))
        localStorage.setItem("passerelle.rescue.older", "1 " + JSON.stringify("x".repeat(900_000)))
        let isHidden = true
        Object.defineProperty(document, "hidden", { get: () => isHidden })
        const turn = (now) => { isHidden = now; document.dispatchEvent(new Event("visibilitychange")) }
        const sizes = ([key, value]) => [key.split(".").pop(), value.length]
        const aside = () => Object.entries({ ...localStorage }).map(sizes)
        turn(true)
        const hidden = aside()
        turn(false)
        const visible = aside()
        dispatchEvent(new Event("pagehide"))
        const left = aside().length
        turn(false)
        for (const draft of drafts) await draft.end()
        turn(true)
        return { hidden, visible, left, ended: aside(), tab: c.tab }
        """,
    )

    assert [name for name, _ in seen["hidden"]] == [seen["tab"]]
    assert 1_800_000 < seen["hidden"][0][1] < 2_000_000
    assert (seen["visible"], seen["left"]) == ([], 1)
    assert seen["ended"] == []


def test_two_tabs_hear_of_each_other_and_never_overwrite(page: Page) -> None:
    start = """
        const c = kept.c = await Conversations.open()
        kept.heard = []
        c.addEventListener("change", ({ detail }) => detail.isElsewhere && kept.heard.push(detail))
    """
    other = second_tab(page)
    run(other, start)
    conversation, question = run(
        page, start + 'const { id, messages } = await chain(c, "Why?"); return [id, messages[0].id]'
    )
    run(
        page,
        """
        const [id, question] = argument
        kept.draft = new Draft(kept.c, { conversationId: id, parentId: question })
        await kept.c.change(id, { system: "Be brief" })
        """,
        [conversation, question],
    )
    run(
        other,
        """
        const [id, question] = argument
        await Promise.all([
          kept.c.change(id, { title: "Mine" }),
          kept.c.put({ conversationId: id, parentId: question, role: "assistant", text: "Sibling" }),
          kept.c.change(id, { parameters: { temperature: 1 } }),
        ])
        """,
        [conversation, question],
    )
    ended = run(
        page,
        """
        kept.draft.update({ phase: "writing", text: "Run", thought: "" })
        const message = await kept.draft.end({ phase: "done", text: "Running", thought: "" })
        const { title, system, parameters } = await kept.c.get(argument)
        return [title, system, parameters, texts((await kept.c.tree(argument)).messages), message.state]
        """,
        conversation,
    )
    heard = run(other, "return kept.heard.map(({ what, id }) => [what, id])")

    assert ended == ["Mine", "Be brief", {"temperature": 1}, ["Why?", "Running", "Sibling"], "whole"]
    assert {id_ for _, id_ in heard} == {conversation}
    assert {"added", "message", "changed"} <= {what for what, _ in heard}


def test_a_message_for_something_deleted_elsewhere_is_refused(page: Page) -> None:
    other = second_tab(page)
    ids = run(
        page,
        """
        const c = kept.c = await Conversations.open()
        const { id, messages: [question, answer] } = await chain(c, "Why?", "Because.")
        kept.draft = new Draft(c, { conversationId: id, parentId: answer.id })
        kept.said = new Promise((resolve) => kept.draft.addEventListener("gone", () => resolve("gone")))
        await c.put({ conversationId: id, parentId: question.id, role: "assistant", text: "Stays" })
        return [id, answer.id]
        """,
    )
    run(other, "kept.c = await Conversations.open(); await kept.c.removeMessage(...argument)", ids)
    after_message = run(
        page,
        """
        const [id, answer] = argument
        kept.draft.update({ phase: "writing", text: "late", thought: "" })
        return [await kept.said, await kindOf(kept.draft.end()),
          await kindOf(kept.c.put({ conversationId: id, parentId: answer, role: "user", text: "late" })),
            texts((await kept.c.tree(id)).messages)]
        """,
        ids,
    )
    run(other, "await kept.c.remove(argument)", ids[0])
    after_conversation = run(
        page,
        """
        const c = kept.c
        return [await kindOf(c.put({ conversationId: argument, role: "user", text: "late" })),
          await kindOf(c.change(argument, { title: "late" })),
          await kindOf(c.branch(argument, "x")), (await (await Conversations.open()).tree(argument)).size,
            (await c.list()).length]
        """,
        ids[0],
    )

    gone = "conversation_gone"
    assert after_message == ["gone", gone, gone, ["Why?", "Stays"]]
    assert after_conversation == [gone, gone, gone, 0, 0]


def test_an_answer_stays_running_while_its_tab_is_there_and_is_cut_when_it_is_gone(page: Page) -> None:
    other = second_tab(page)
    message = run(
        page,
        """
        const c = kept.c = await Conversations.open()
        const { id, messages: [question] } = await chain(c, "Why?")
        kept.draft = new Draft(c, { conversationId: id, parentId: question.id })
        kept.draft.update({ phase: "writing", text: "Bec", thought: "" })
        return new Promise((resolve) => c.addEventListener("change", async () => {
          const [, answer] = await pathOf(c, id)
          if ((await (await Conversations.open()).message(answer.id)).text === "Bec") resolve(answer.id)
        }))
        """,
    )
    other.clock.install(time=time.time() + 60)  # for this tab, nobody has saved for a minute
    look = "const { state, text } = await kept.c.message(argument); return [state, text]"
    run(
        other,
        """
        kept.c = await Conversations.open()
        kept.cut = new Promise((resolve) => kept.c.addEventListener("change",
          ({ detail }) => resolve(detail.messageId)))
        """,
    )
    other.clock.run_for(1000)
    assert run(other, look, message) == ["streaming", "Bec"]

    page.close()
    other.clock.run_for(5000)
    other.clock.run_for(1000)

    assert run(other, "return kept.cut") == message
    assert run(other, look, message) == ["cut", "Bec"]


def test_a_full_disk_keeps_new_messages_in_the_tab_and_old_ones_unharmed(page: Page, origin: str) -> None:
    debugger = page.context.new_cdp_session(page)

    def quota(**size: int) -> None:
        debugger.send("Storage.overrideQuotaForOrigin", {"origin": origin, **size})

    quota(quotaSize=500_000)
    conversation = run(
        page, 'const c = kept.c = await Conversations.open(); return (await chain(c, "Why?", "Because.")).id'
    )
    full = run(
        page,
        """
        const { c } = kept
        const said = []
        c.addEventListener("change", ({ detail }) => said.push(detail.what))
        const question = await c.put({ conversationId: argument, parentId: (await c.get(argument)).head, role: "user",
          text: "More" + "x".repeat(1_000_000) })
        const first = (await c.get(argument)).head === question.id
        const draft = new Draft(c, { conversationId: argument, parentId: question.id })
        draft.update({ phase: "writing", text: "Ye", thought: "" })
        const answer = await draft.end({ phase: "done", text: "Yes" + "y".repeat(1_000_000), thought: "" })
        const fresh = await c.create({ system: "z".repeat(1_000_000) })
        await c.put({ conversationId: fresh.id, role: "user", text: "New zzz" })
        await c.change(argument, { title: "Renamed" })
        kept.fresh = fresh.id
        kept.file = await c.exportJson([argument])
        const another = { ...kept.file.conversations[0], createdAt: 5 }
        const unseen = await Conversations.open()
        return {
          first,
          fault: c.fault,
          said: said.includes("fault"),
          path: (await pathOf(c, argument)).map(({ text }) => text.slice(0, 5)),
          head: (await c.get(argument)).head === answer.id,
          title: (await c.get(argument)).title,
          found: (await c.list("zzz")).length,
          fresh: (await pathOf(c, fresh.id)).length,
          stored: texts(await pathOf(unseen, argument)),
          listed: (await unseen.list()).length,
          imported: (await c.importJson({ ...kept.file, conversations: [another] })).faults.map((one) => one.kind),
        }
        """,
        conversation,
    )
    quota()
    freed = run(
        page,
        """
        const { c } = kept
        await c.put({ conversationId: argument, parentId: (await c.get(argument)).head, role: "user",
          text: "There is room" })
        const unseen = await Conversations.open()
        return { fault: c.fault, path: (await pathOf(unseen, argument)).map(({ text }) => text.slice(0, 5)),
          title: (await unseen.get(argument)).title,
          fresh: (await pathOf(unseen, kept.fresh)).map(({ text }) => text.slice(0, 5)) }
        """,
        conversation,
    )

    assert full == {
        "first": True,
        "fault": "storage_full",
        "said": True,
        "path": ["Why?", "Becau", "Morex", "Yesyy"],
        "head": True,
        "title": "Renamed",
        "found": 1,
        "fresh": 1,
        "stored": ["Why?", "Because."],
        "listed": 1,
        "imported": ["storage_full"],
    }
    assert freed == {
        "fault": None,
        "path": ["Why?", "Becau", "Morex", "Yesyy", "There"],
        "title": "Renamed",
        "fresh": ["New z"],
    }


@pytest.mark.parametrize("refusal", REFUSALS)
def test_without_storage_conversations_live_in_the_tab(reader: OpenReader, origin: str, refusal: str) -> None:
    private = reader()
    private.context.add_init_script(f"IDBFactory.prototype.open = function () {{ {REFUSALS[refusal]} }}")
    page = blank(private, origin)

    seen = run(
        page,
        """
        const c = await Conversations.open({ patience: argument })
        const { id, messages: [question, answer] } = await chain(c, "Été ?", "Oui.")
        const draft = new Draft(c, { conversationId: id, parentId: answer.id })
        draft.update({ phase: "writing", text: "Part", thought: "" })
        dispatchEvent(new Event("pagehide"))
        await draft.end({ phase: "done", text: "Whole", thought: "" })
        await c.change(id, { head: answer.id })
        const chosen = texts(await pathOf(c, id))
        await c.change(id, { system: "s" })
        const [{ excerpt }] = await c.list("ete")
        const branch = await c.branch(id, answer.id)
        const file = JSON.parse(JSON.stringify(await c.exportJson([id])))
        const imported = await c.importJson({ ...file, conversations: [{ ...file.conversations[0], createdAt: 5 }] })
        await c.removeMessage(id, answer.id)
        return {
          chosen, fault: c.fault, path: texts(await pathOf(c, id)), branch: texts(await pathOf(c, branch.id)),
            match: excerpt.match,
          list: (await c.list()).length, imported: imported.added, file: file.conversations[0].messages.length,
          gone: await kindOf(c.put({ conversationId: "nothing", role: "user", text: "" })),
            left: Object.keys(localStorage),
        }
        """,
        100 if refusal == "hangs" else 3000,
    )

    assert seen == {
        "chosen": ["Été ?", "Oui."],
        "fault": "storage_refused",
        "path": ["Été ?"],
        "branch": ["Été ?", "Oui."],
        "match": "Été",
        "list": 3,
        "imported": 1,
        "file": 3,
        "gone": "conversation_gone",
        "left": [],
    }


def test_a_newer_version_of_the_database_is_left_alone(page: Page) -> None:
    seen = run(
        page,
        """
        const c = await Conversations.open()
        const { id, messages } = await chain(c, "Why?")
        const upgraded = () => new Promise((resolve) => {
          const request = indexedDB.open("passerelle", 99)
          request.onsuccess = () => resolve(request.result)
          request.onblocked = () => resolve("blocked")
        })
        const newer = await upgraded() // the page of another tab is newer than ours: ours makes way for it
        await c.put({ conversationId: id, parentId: messages[0].id, role: "assistant", text: "In memory" })
        const stored = await new Promise((resolve) => {
          const request = newer.transaction("messages").objectStore("messages").getAll()
          request.onsuccess = () => resolve(texts(request.result))
        })
        return { fault: c.fault, stored, later: (await Conversations.open()).fault }
        """,
    )

    assert seen == {"fault": "storage_refused", "stored": ["Why?"], "later": "storage_refused"}


def test_an_exported_file_comes_back_whole_and_only_once(page: Page) -> None:
    seen = run(
        page,
        """
        const c = await Conversations.open()
        const { id, messages: [question, answer] } = await chain(c, "Why?", "Because.")
        const image = { type: "image/png", width: 1, height: 1, dataUrl: argument }
        await c.put({ conversationId: id, parentId: question.id, role: "assistant", text: "Other", thought: "hm",
          state: "length",
          answer: { phase: "length", text: "Other", thought: "hm", model: "m",
            usage: { input_tokens: 1, output_tokens: 2 }, ttft: 3.5, fault: null } })
        const shown = await c.put({ conversationId: id, parentId: answer.id, role: "user", text: "", images: [image] })
        await c.change(id, { system: "Be brief", parameters: { temperature: 0.5 }, title: "Mine",
          answersInFrench: true })
        await chain(c, "Another")
        const file = new Blob([JSON.stringify(await c.exportJson())])
        const again = await c.importFile(file)
        await c.put({ conversationId: id, parentId: shown.id, role: "assistant", text: "later" })
        const copies = await c.importFile(file)
        const third = await c.importFile(file)
        const before = await c.exportJson()
        await c.removeAll()
        const empty = await c.list()
        const all = await c.importFile(new Blob([JSON.stringify(before)]))
        const shape = ({ messages, conversations }) => messages.map((message) => {
          const parent = messages.findIndex(({ id }) => id === message.parentId)
          return { ...message, id: null, parentId: parent }
        })
        const told = ({ conversations }) => conversations.map((one) => ({ ...one, id: null, head: null,
          messages: shape(one) }))
        const after = await c.exportJson()
        const blob = (await c.tree(after.conversations[0].id)).messages.find(({ images }) => images).images[0].blob
        return { again, copies, third, all, empty, before: told(before), after: told(after), size: blob.size,
          type: blob.type }
        """,
        PIXEL,
    )

    assert seen["again"] == {"added": 0, "skipped": 2, "faults": []}
    assert seen["copies"] == {"added": 1, "skipped": 1, "faults": []}
    assert seen["third"] == {"added": 0, "skipped": 2, "faults": []}
    assert seen["all"] == {"added": 3, "skipped": 0, "faults": []}
    assert (seen["empty"], seen["size"], seen["type"]) == ([], 70, "image/png")
    assert seen["before"] == seen["after"]
    first = next(one for one in seen["after"] if len(one["messages"]) == 4)
    assert [message["text"] for message in first["messages"]] == ["Why?", "Because.", "Other", ""]
    assert first["messages"][3]["images"][0]["dataUrl"] == PIXEL
    told = ("title", "system", "parameters", "answersInFrench")
    assert [first[name] for name in told] == ["Mine", "Be brief", {"temperature": 0.5}, True]


def test_of_a_damaged_file_the_sound_conversations_are_taken_and_of_a_hostile_one_nothing(page: Page) -> None:
    seen = run(
        page,
        """
        const c = await Conversations.open()
        const message = { id: "1", parentId: null, role: "user", text: "Hi", createdAt: 1 }
        const good = { title: "Good", createdAt: 1, messages: [message] }
        const fileOf = (...conversations) => ({ format: "passerelle-conversations", version: 1, conversations })
        const place = (fault) => `${fault.kind} ${fault.place}`
        const refused = []
        for (const file of [{ format: "openai" }, { ...fileOf(good), version: 2 }, fileOf({ ...good, messages: 5 })]) {
          refused.push(await c.importJson(file).then(({ faults }) => faults.map(place).join(), place))
        }
        for (const text of ["{", "Dear diary"]) refused.push(await c.importFile(new Blob([text])).catch(place))
        const before = (await c.list()).length
        const { added, faults } = await c.importJson(fileOf(good, { title: "Bad", createdAt: 1, messages: 5 }))
        const [one] = await c.list()
        const said = texts(await pathOf(c, one.id))
        return { refused, before, added, faults: faults.map(place), title: one.title, said }
        """,
    )

    assert seen == {
        "refused": [
            "import_foreign format",
            "import_newer version",
            "import_wrong conversations[0].messages",
            "import_wrong JSON",
            "import_foreign #",
        ],
        "before": 0,
        "added": 1,
        "faults": ["import_wrong conversations[1].messages"],
        "title": "Good",
        "said": ["Hi"],
    }


def test_a_conversation_comes_back_from_markdown(page: Page) -> None:
    back = run(
        page,
        """
        const c = await Conversations.open()
        const { id, messages: [question] } = await chain(c, "Why?", "Because.\\n")
        await c.change(id, { title: "Mine", system: "Be\\nbrief" })
        await c.put({ conversationId: id, parentId: question.id, role: "assistant", text: "Shown", thought: "hm" })
        await c.importFile(new Blob([await c.exportMarkdown(id)]))
        const [one, other] = await c.list()
        return [one.title, one.system, texts(await pathOf(c, one.id)), [one, other].map((each) => each.id === id)]
        """,
    )

    assert back == ["Mine", "Be\nbrief", ["Why?", "Shown"], [False, True]]


def test_the_browser_tells_how_much_room_there_is(page: Page) -> None:
    seen = run(
        page,
        """
        const c = await Conversations.open()
        const told = await c.estimate()
        navigator.storage.estimate = () => Promise.reject(new Error())
        Object.defineProperty(navigator.storage, "persist", { value: undefined })
        return { told, untold: await c.estimate(), persist: await c.askToPersist() }
        """,
    )

    assert seen["told"]["bytes"] >= 0
    assert seen["told"]["quota"] > 1_000_000
    assert seen["told"]["isPersisted"] is False
    assert seen["untold"] == {"bytes": None, "quota": None, "isPersisted": False}
    assert seen["persist"] is None
