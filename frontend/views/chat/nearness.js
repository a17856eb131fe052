import { useEffect, useLayoutEffect, useMemo, useState } from "../../helpers/interface.js"

const MARGIN = "1200px 0px"

/** Tells elements once that they have come near what is seen of a scroller (null: of the window). */
class Nearness {
  #watch = null
  #waiting = new Map()

  begin(root) {
    this.#watch = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) if (isIntersecting) this.#tell(target)
      },
      { root, rootMargin: MARGIN },
    )
    for (const element of this.#waiting.keys()) this.#watch.observe(element)
  }

  end() {
    this.#watch.disconnect()
  }

  await(element, told) {
    this.#waiting.set(element, told)
    this.#watch?.observe(element)
    return () => this.#forget(element)
  }

  #tell(element) {
    const told = this.#waiting.get(element)
    this.#forget(element)
    told?.()
  }

  #forget(element) {
    this.#waiting.delete(element)
    this.#watch?.unobserve(element)
  }
}

export function useNearness(scroller, scrollsAlone) {
  const nearness = useMemo(() => new Nearness(), [])
  useLayoutEffect(() => {
    nearness.begin(scrollsAlone ? scroller.current : null)
    return () => nearness.end()
  }, [nearness, scrollsAlone])
  return nearness
}

/** Whether an element is, or has ever been, near what is seen. */
export function useIsNear(nearness, element, isAtOnce) {
  const [isNear, setNear] = useState(isAtOnce)
  useEffect(() => (isNear ? undefined : nearness.await(element.current, () => setNear(true))), [nearness, isNear])
  return isNear || isAtOnce
}
