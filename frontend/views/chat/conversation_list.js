import { html, useEffect, useState } from "../../helpers/interface.js"
import { useApp, useChanges } from "../shared/context.js"
import { Icon } from "../shared/icons.js"
import { ConversationRow } from "./conversation_row.js"
import { Files } from "./files.js"

const SOON_MS = 150

/** Search, the conversations that are found, newest first, and what is done with all of them. */
export function ConversationList({ current, onBegin, onChosen }) {
  const { words, chat } = useApp()
  useChanges(chat)
  const [search, setSearch] = useState("")
  const list = useList(search)
  const onKey = (event) => event.key === "Escape" && search && event.stopPropagation() // it empties the field, and no more
  return html`
    <div class="list-tools">
      <button type="button" class="wide-button" id="new-conversation" onClick=${onBegin}><${Icon} name="plus" /><span>${words.t("new_conversation")}</span></button>
      <label class="search-field"><${Icon} name="search" /><span class="unseen">${words.t("search_conversations")}</span>
        <input type="search" id="search" placeholder=${words.t("search")} value=${search} onInput=${(event) => setSearch(event.target.value)} onKeyDown=${onKey} /></label>
    </div>
    <ul class="conversations" data-part="conversations">
      ${list?.map(
        (
          conversation,
        ) => html`<${ConversationRow} key=${conversation.id} conversation=${conversation} isCurrent=${conversation.id === current}
        isRunning=${Boolean(chat.running(conversation.id))} onChosen=${onChosen} />`,
      )}
    </ul>
    <p class="hint list-empty" role="status" data-part="list-empty">${list?.length === 0 ? words.t(search ? "nothing_found" : "no_conversations") : ""}</p>
    <${Files} />`
}

/** The conversations as they are now; null until they have been read. */
function useList(search) {
  const { conversations } = useApp()
  const [list, setList] = useState(null)
  useEffect(() => {
    let isWanted = true
    let timer = 0
    const look = async () => {
      timer = 0
      const found = await conversations.list(search)
      if (isWanted) setList(found)
    }
    const lookSoon = () => (timer ||= setTimeout(look, SOON_MS))
    look()
    conversations.addEventListener("change", lookSoon)
    return () => {
      isWanted = false
      clearTimeout(timer)
      conversations.removeEventListener("change", lookSoon)
    }
  }, [conversations, search])
  return list
}
