"""Conversations as the browser keeps them: their modules run in a real page, without a view."""

from __future__ import annotations

import random
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
          short: await titled("  \\n\\n  Two   words \\nmore"),
          long: await titled("Pourquoi les feuilles des arbres deviennent-elles rouges, jaunes ou brunes en automne ?"),
          unbroken: await titled("é".repeat(80)),
          empty: await titled(" \\n "),
          renamed: [renamed.title, renamed.isTitled, renamed.id === id, "temperature" in renamed],
          kept: (await c.get(id)).title,
          automaticAgain: [(await c.change(id, { title: " " })).title, (await c.get(id)).isTitled],
        }
        """,
    )

    assert seen == {
        "short": "Two words",
        "long": "Pourquoi les feuilles des arbres deviennent-elles rouges…",
        "unbroken": "é" * 59 + "…",
        "empty": "another question",
        "renamed": ["My talk", True, True, False],
        "kept": "My talk",
        "automaticAgain": ["Hello", False],
    }


def test_a_search_knows_no_accents_and_no_capitals(page: Page) -> None:
    seen = run(
        page,
        r"""
        const c = await Conversations.open()
        await chain(c, "First", "L’ÉTÉ dernier,\n\nnous étions à la mer. " + "x".repeat(200))
        await chain(c, "Cœur de bœuf (a+b)", "no match here")
        await chain(c, "De\u0301compose\u0301 en morceaux", "Straße")
        const found = async (query) => (await c.list(query)).map(({ title }) => title.slice(0, 5))
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
        return { ...seen,
          ete: await found("ete"), words: await found("MER  dérnier"), both: await found("mer coeur"),
          ligature: await found("coeur boeuf"), reverse: await found("cœur"), decomposed: await found("décomposé"),
          sharp: await found("strasse"), special: await found("(a+b)"), dot: await found("c.ur"),
            none: await found("zebra"),
          all: (await found("  ")).length, newestFirst: await found("r"), excerpt,
        }
        """,
    )

    assert seen.pop("excerpt") == {
        "before": "L’",
        "match": "ÉTÉ",
        "after": " dernier, nous étions à la mer. " + "x" * (100 - len(" dernier,\n\nnous étions à la mer. ")) + "…",
    }
    assert seen == {
        "before": [],
        "after": ["Giraf"],
        "changed": [["Giraf"], ["Giraf"]],
        "gone": [],
        "renamed": ["Renam"],
        "ete": ["First"],
        "words": ["First"],
        "both": [],
        "ligature": ["Cœur "],
        "reverse": ["Cœur "],
        "decomposed": ["De\u0301co"],
        "sharp": ["De\u0301co"],
        "special": ["Cœur "],
        "dot": [],
        "none": [],
        "all": 3,
        "newestFirst": ["De\u0301co", "Cœur ", "First"],
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


def test_a_hostile_file_is_refused_with_its_place_and_adds_nothing(page: Page) -> None:
    seen = run(
        page,
        """
        const c = await Conversations.open()
        const message = { id: "1", parentId: null, role: "user", text: "Hi", createdAt: 1, state: "whole" }
        const fileOf = (...conversations) => ({ format: "passerelle-conversations", version: 1, conversations })
        const conversation = (more, ...messages) => ({ title: "T", createdAt: 1, messages, ...more })
        const withMessage = (more) => fileOf(conversation({}, { ...message, ...more }))
        const image = (dataUrl) => withMessage({ images: [{ width: 1, height: 1, dataUrl }] })
        const place = (fault) => `${fault.kind} ${fault.place}`
        const verdict = (file) => c.importJson(file).then(({ faults }) => faults.map(place).join(), place)
        const seen = {}
        for (const [name, file] of Object.entries({
          nothing: null, list: [], otherFormat: { format: "openai" }, newer: { ...fileOf(), version: 2 },
            noVersion: { format: "passerelle-conversations" },
          noList: { ...fileOf(), conversations: {} }, number: fileOf(5), noMessages: fileOf({ createdAt: 1 }),
            noTime: fileOf({ messages: [] }),
          tooMany: fileOf(...Array(10_001).fill(0)), tooManyMessages: fileOf({ messages: Array(60_000) },
            { messages: Array(60_000) }),
          title: fileOf(conversation({ title: {} })), longTitle: fileOf(conversation({ title: "x".repeat(1001) })),
            system: fileOf(conversation({ system: 5 })),
          role: withMessage({ role: "system" }), text: withMessage({ text: ["x"] }),
            longText: withMessage({ text: "x".repeat(10_000_001) }),
          id: withMessage({ id: 5 }), time: withMessage({ createdAt: "yesterday" }),
            state: withMessage({ state: "evil" }), thought: withMessage({ thought: {} }),
          html: image("data:text/html;base64,PHNjcmlwdD4="), svg: image("data:image/svg+xml;base64,PHN2Zz4="),
            remote: image("https://example.org/a.png"),
          base64: image("data:image/png;base64,a b"), images: withMessage({ images: Array(33).fill({}) }),
          answer: withMessage({ answer: { ttft: "fast" } }), usage: withMessage({ answer: { usage: [] } }),
        })) seen[name] = await verdict(file)
        seen.added = (await c.list()).length
        seen.json = await c.importFile(new Blob(["{"])).catch(place)
        seen.markdown = await c.importFile(new Blob(["Dear diary"])).catch(place)
        seen.size = await c.importFile({ size: 100_000_001, name: "big.json" }).catch(place)
        return seen
        """,
    )

    one = "conversations[0]"
    message = f"{one}.messages[0]"
    assert seen == {
        "nothing": "import_foreign format",
        "list": "import_foreign format",
        "otherFormat": "import_foreign format",
        "newer": "import_newer version",
        "noVersion": "import_wrong version",
        "noList": "import_wrong conversations",
        "number": f"import_wrong {one}",
        "noMessages": f"import_wrong {one}.messages",
        "noTime": f"import_wrong {one}.createdAt",
        "tooMany": "import_too_large conversations",
        "tooManyMessages": "import_too_large messages",
        "title": f"import_wrong {one}.title",
        "longTitle": f"import_too_large {one}.title",
        "system": f"import_wrong {one}.system",
        "role": f"import_wrong {message}.role",
        "text": f"import_wrong {message}.text",
        "longText": f"import_too_large {message}.text",
        "id": f"import_wrong {message}.id",
        "time": f"import_wrong {message}.createdAt",
        "state": f"import_wrong {message}.state",
        "thought": f"import_wrong {message}.thought",
        "html": f"import_wrong {message}.images[0]",
        "svg": f"import_wrong {message}.images[0]",
        "remote": f"import_wrong {message}.images[0]",
        "base64": f"import_wrong {message}.images[0]",
        "images": f"import_too_large {message}.images",
        "answer": f"import_wrong {message}.answer.ttft",
        "usage": f"import_wrong {message}.answer.usage",
        "added": 0,
        "json": "import_wrong JSON",
        "markdown": "import_foreign #",
        "size": "import_too_large big.json",
    }


def test_a_muddled_file_is_put_in_order(page: Page) -> None:
    """Unknown fields, a prototype, ids twice, parents that are missing or in a circle, answers that never ended."""
    seen = run(
        page,
        """
        const c = await Conversations.open()
        const message = (id, parentId, text, more) => ({ id, parentId, role: "user", text, createdAt: 1, ...more })
        const file = JSON.parse(JSON.stringify({ format: "passerelle-conversations", version: 1, conversations: [
          { title: "Good", createdAt: 1, updatedAt: 8e15, evil: 1, head: "c",
            parameters: { temperature: 1, topP: "x", evil: 1 }, messages: [
            message("a", null, "A", { evil: 1, conversationId: "other", owner: "x" }), message("a", "a", "A again"),
              message("b", "missing", "B"),
            message("c", "d", "C"), message("d", "c", "D"), message("e", "e", "E"),
            message("f", "a", "F", { role: "assistant", state: "streaming",
              answer: { phase: "writing", evil: 1, fault: { kind: "__proto__", detail: "x" } } }),
          ] },
          { title: "Bad", createdAt: 1, messages: 5 },
        ] }).replace('"evil":1', '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}'))
        const { added, faults } = await c.importJson(file)
        const [conversation] = await c.list()
        const tree = await c.tree(conversation.id)
        const by = Object.fromEntries(tree.messages.map((one) => [one.text, one]))
        const parents = tree.messages.map((one) => [one.text, tree.parent(one)?.text ?? null])
        return { added, faults: faults.map((one) => one.place), parents,
          head: texts(tree.path(conversation.head)).at(-1), polluted: {}.polluted ?? null,
          fields: Object.keys(conversation).sort(), message: Object.keys(by.A).sort(),
            isOurs: by.A.conversationId === conversation.id,
          parameters: conversation.parameters, answer: by.F.answer, state: by.F.state,
            isPast: conversation.updatedAt <= Date.now() }
        """,
    )

    assert seen == {
        "added": 1,
        "faults": ["conversations[1].messages"],
        "parents": [["A", None], ["A again", "A"], ["B", None], ["C", "D"], ["D", None], ["E", None], ["F", "A"]],
        "head": "C",
        "polluted": None,
        "fields": [
            "answersInFrench",
            "createdAt",
            "head",
            "id",
            "isTitled",
            "model",
            "parameters",
            "system",
            "title",
            "updatedAt",
        ],
        "message": ["conversationId", "createdAt", "id", "parentId", "role", "state", "text"],
        "isOurs": True,
        "parameters": {"temperature": 1},
        "answer": {"phase": "cut", "fault": {"kind": "unknown", "detail": "x"}, "text": "F", "thought": ""},
        "state": "cut",
        "isPast": True,
    }


HOSTILE_PIECES = [
    "plain words",
    "",
    " ",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\t",
    "> quoted",
    ">",
    "# Title <!-- passerelle conversation 1 -->",
    "## User <!-- passerelle user 2026-01-01T00:00:00.000Z -->",
    "### Answer <!-- passerelle text -->",
    "<!--",
    "-->",
    "```",
    "````js",
    "*3 → 4 tokens*",
    "\u2028",
    "é😀",
    "\ufeff",
    "\x00",
    "---",
]


def test_markdown_comes_back_text_for_text(page: Page) -> None:
    chance = random.Random(7)

    def text() -> str:
        return "".join(chance.choice(HOSTILE_PIECES) + chance.choice(["", "\n"]) for _ in range(chance.randrange(6)))

    cases = [
        {"title": text(), "system": text(), "messages": [[text(), text()] for _ in range(chance.randrange(1, 5))]}
        for _ in range(150)
    ]
    outcome = run(
        page,
        """
        const { markdownFile, readMarkdownFile } = await import("/state/conversations/files/markdown_file.js")
        const labels = { user: "Vous", assistant: "Réponse <!-- passerelle user -->", figures: () => "## x" }
        const different = []
        for (const { title, system, messages } of argument) {
          const path = messages.map(([text, thought], n) => ({ role: n % 2 ? "assistant" : "user", text, thought,
            createdAt: n, answer: { model: "m" } }))
          const back = readMarkdownFile(markdownFile({ title, system }, path, labels))
          const said = [back.system, ...back.messages.map(({ text, thought = "", role, createdAt }) => [text, thought,
            role, createdAt])]
          const wanted = [system, ...path.map(({ text, thought, role, createdAt }) => [text, thought, role, createdAt])]
          if (JSON.stringify(said) !== JSON.stringify(wanted)) different.push([wanted, said])
        }
        const c = await Conversations.open()
        const { id, messages: [question] } = await chain(c, "Why?", "Because.\\n")
        await c.change(id, { title: "Mine", system: "Be\\nbrief" })
        await c.put({ conversationId: id, parentId: question.id, role: "assistant", text: "Shown", thought: "hm",
          answer: { model: "m", usage: { input_tokens: 3, output_tokens: 4 }, tokensPerSecond: 12.34 } })
        const file = await c.exportMarkdown(id)
        const read = async (text) => {
          await c.importFile(new Blob([text]))
          const [one] = await c.list()
          return [one.title, one.system, texts(await pathOf(c, one.id))]
        }
        return { different, file, back: await read(file), converted: await read(file.replaceAll("\\n", "\\r\\n")) }
        """,
        cases,
    )

    assert outcome["different"] == []
    assert outcome["back"] == ["Mine", "Be\nbrief", ["Why?", "Shown"]]
    assert outcome["converted"] == outcome["back"]
    lines = [line for line in outcome["file"].split("\n") if line]
    assert lines[0] == "# Mine <!-- passerelle conversation 1 -->"
    assert lines[2:5] == ["## System prompt <!-- passerelle system -->", "> Be", "> brief"]
    assert lines[7].startswith("## Assistant · m <!-- passerelle assistant 20")
    assert lines[-1] == "*3 → 4 tokens · 12.3 tokens/s*"


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
