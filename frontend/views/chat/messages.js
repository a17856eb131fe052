import Follower from "../../helpers/follower.js"
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"
import { Icon } from "../shared/icons.js"
import { useMedia } from "../shared/media.js"
import { Message } from "./message.js"
import { useNearness } from "./nearness.js"

const DRAWN_AT_ONCE = 6

/**
 * The messages of a thread, oldest first, with the end in sight for a reader who is there. Each is keyed by what it
 * follows: another version of a message takes its place, and the focus stays on the button that asked for it.
 */
export function Messages({ thread, isNew, ways, editing, onEdit }) {
  const { words } = useApp()
  const scroller = useRef()
  const scrollsAlone = useMedia("(height >= 36rem)")
  const nearness = useNearness(scroller, scrollsAlone)
  const follower = useFollower(scroller, scrollsAlone, thread)
  const path = thread?.path ?? []
  return html`<div class="thread-body">
    <div class="scroller" ref=${scroller} tabindex="0" role="group" aria-labelledby="thread-title">
      <div class="messages" role="log" aria-live="off" aria-labelledby="thread-title" data-part="messages">
        ${path.map(
          (
            message,
            index,
          ) => html`<${Message} key=${message.parentId ?? ""} message=${message} thread=${thread} ways=${ways} nearness=${nearness}
          isNewest=${index === path.length - 1} isDrawnAtOnce=${index >= path.length - DRAWN_AT_ONCE} isEditing=${editing === message.id} onEdit=${onEdit} />`,
        )}
        ${
          isNew &&
          html`<div class="empty" data-part="empty">
          <svg viewBox="0 0 120 48" aria-hidden="true"><path d="M4 38h112M12 38C18 4 102 4 108 38M28 38V24M44 38V16M60 38V13M76 38V16M92 38V24" /></svg>
          <p>${words.t("empty_chat")}</p>
        </div>`
        }
      </div>
    </div>
    <${ToEnd} follower=${follower} thread=${thread} />
  </div>`
}

/** The way back for a reader who has scrolled up, and whether something came meanwhile. */
function ToEnd({ follower, thread }) {
  const { words, chat } = useApp()
  const [isAway, setAway] = useState(false)
  const [hasNew, setNew] = useState(false)
  useEffect(() => {
    if (!follower) return undefined
    const look = () => {
      setAway(!follower.isFollowing)
      if (follower.isFollowing) setNew(false)
    }
    look()
    follower.addEventListener("change", look)
    return () => follower.removeEventListener("change", look)
  }, [follower])
  const generation = thread && chat.running(thread.id)
  useEffect(() => {
    if (!isAway || !generation) return undefined
    const notice = () => setNew(true)
    generation.addEventListener("change", notice)
    return () => generation.removeEventListener("change", notice)
  }, [isAway, generation])
  if (!isAway) return null
  return html`<button type="button" class="to-end" id="to-end" data-new=${String(hasNew)} onClick=${() => follower.toEnd()}>
    <${Icon} name="down" /><span>${words.t(hasNew ? "to_end_new" : "to_end")}</span></button>`
}

function useFollower(scroller, scrollsAlone, thread) {
  const [follower, setFollower] = useState(null)
  useLayoutEffect(() => {
    const made = new Follower(
      scrollsAlone ? scroller.current : document.scrollingElement,
      scroller.current.firstElementChild,
    )
    setFollower(made)
    return () => made.close()
  }, [scrollsAlone])
  const { length } = thread?.path ?? []
  const last = useRef(0)
  useLayoutEffect(() => {
    if (follower && length > last.current && thread.path.at(-1).role === "user") follower.toEnd() // whoever has just asked wants to see it
    last.current = length ?? 0
  }, [follower, length])
  return follower
}
