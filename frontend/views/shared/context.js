import { createContext, useContext, useEffect, useState } from "../../helpers/interface.js"

/** The page's parts, built in app.js: {words, settings, catalog, route, ways, …}. */
export const AppContext = createContext(null)

export function useApp() {
  return useContext(AppContext)
}

/** Draws the component anew whenever one of these says "change". */
export function useChanges(...sources) {
  const [, setTurn] = useState(0)
  useEffect(() => {
    const again = () => setTurn((turn) => turn + 1)
    again() // whatever changed between the drawing and now
    for (const source of sources) source?.addEventListener("change", again)
    return () => sources.forEach((source) => source?.removeEventListener("change", again))
  }, sources)
}

/** Draws the component anew every so many milliseconds while `isOn`. */
export function useClock(milliseconds, isOn) {
  const [, setTurn] = useState(0)
  useEffect(() => {
    if (!isOn) return undefined
    const clock = setInterval(() => setTurn((turn) => turn + 1), milliseconds)
    return () => clearInterval(clock)
  }, [milliseconds, isOn])
}
