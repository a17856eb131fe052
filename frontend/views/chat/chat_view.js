import { html, useEffect, useState } from "../../helpers/interface.js"
import { useApp, useChanges } from "../shared/context.js"
import { useMedia } from "../shared/media.js"
import { Sheet } from "../shared/sheet.js"
import { ConversationList } from "./conversation_list.js"
import { useChatKeys } from "./keys.js"
import { ThreadColumn } from "./thread_column.js"
import { UndoBar } from "./undo_bar.js"
import { useThread } from "./use_thread.js"

/** The conversations, and the one that is open. */
export function ChatView() {
  const { words, route, chat } = useApp()
  useChanges(chat)
  const isWide = useMedia("(width >= 70rem)")
  const [isListOpen, setListOpen] = useState(false)
  const { id } = route
  const thread = useThread(id)
  useEffect(() => {
    chat.current = id
    setListOpen(false)
  }, [id])
  const begin = () => {
    setListOpen(false)
    route.go("chat")
    document.getElementById("question")?.focus()
  }
  const search = () => {
    setListOpen(true)
    setTimeout(() => document.getElementById("search")?.focus())
  }
  useChatKeys({ begin, search, stop: () => chat.stop(id) })
  useTitle(thread?.conversation?.title)
  const list = html`<${ConversationList} current=${id} onBegin=${begin} onChosen=${() => setListOpen(false)} />`
  return html`<div class="chat-view">
    ${
      isWide
        ? html`<aside class="list-column" aria-labelledby="list-title"><h2 class="column-title" id="list-title">${words.t("conversations")}</h2>${list}</aside>`
        : html`<${Sheet} id="list" side="start" title=${words.t("conversations")} isOpen=${isListOpen} onClose=${() => setListOpen(false)}>${list}<//>`
    }
    <${ThreadColumn} id=${id} thread=${thread} key=${id} onList=${isWide ? null : () => setListOpen(true)} />
    <${UndoBar} />
  </div>`
}

function useTitle(title) {
  useEffect(() => {
    document.title = title ? `${title} · Passerelle` : "Passerelle"
    return () => (document.title = "Passerelle")
  }, [title])
}
