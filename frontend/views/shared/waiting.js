import { stats } from "../../gateway.js"
import { number, wholeSeconds } from "../../helpers/format.js"
import { html, useEffect, useState } from "../../helpers/interface.js"
import { useApp, useChanges, useClock } from "./context.js"

const LONG_WAIT_MS = 4000
const CURIOUS_MS = 1000
const LOOK_MS = 2000

/** What is going on before the first word, and why it takes its time, as far as that is known. */
export function Waiting({ answer }) {
  const { words, catalog } = useApp()
  useChanges(catalog)
  useClock(500, true)
  const others = useOthers()
  const waited = performance.now() - answer.startedAt
  const why =
    others > 0
      ? words.t("waiting_others", { n: number(words, others) })
      : catalog.find(answer.model)?.is_loaded === false
        ? words.t("waiting_loading")
        : ""
  return html`<p class="waiting" data-part="waiting">
    <span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>
    <span><span data-part="waiting-text">${words.t(waited < LONG_WAIT_MS ? "waiting" : "waiting_long", { seconds: wholeSeconds(words, waited) })}</span>
      ${why && html` <span data-part="waiting-why">${why}</span>`}</span>
  </p>`
}

/** How many other answers the gateway is busy with; asked for only when the wait is long enough to ask why. */
function useOthers() {
  const { settings } = useApp()
  const [others, setOthers] = useState(0)
  useEffect(() => {
    if (!settings.isOwnGateway) return undefined
    let isWanted = true
    let timer = 0
    const look = async () => {
      const told = await stats(settings).catch(() => null)
      if (!isWanted) return
      setOthers((told?.totals?.in_flight ?? 1) - 1)
      timer = setTimeout(look, LOOK_MS)
    }
    timer = setTimeout(look, CURIOUS_MS)
    return () => {
      isWanted = false
      clearTimeout(timer)
    }
  }, [settings])
  return others
}
