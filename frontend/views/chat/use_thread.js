import { useEffect, useState } from "../../helpers/interface.js"
import Thread from "../../state/conversations/thread.js"
import { useApp, useChanges } from "../shared/context.js"

/** The Thread of a conversation, followed while it is looked at; null without an id, and until it has been read. */
export function useThread(id) {
  const { conversations } = useApp()
  const [thread, setThread] = useState(null)
  useEffect(() => {
    const opened = id ? new Thread(conversations, id) : null
    setThread(opened)
    return () => opened?.close()
  }, [conversations, id])
  useChanges(thread)
  return thread?.id === id && thread.isLoaded ? thread : null
}
