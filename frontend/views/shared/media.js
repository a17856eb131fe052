import { useEffect, useState } from "../../helpers/interface.js"

/** Whether the window is as a media query says; the component is drawn anew when that changes. */
export function useMedia(query) {
  const [matches, setMatches] = useState(() => matchMedia(query).matches)
  useEffect(() => {
    const media = matchMedia(query)
    const look = () => setMatches(media.matches)
    look()
    media.addEventListener("change", look)
    return () => media.removeEventListener("change", look)
  }, [query])
  return matches
}
