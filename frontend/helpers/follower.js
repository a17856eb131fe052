const NEAR_PX = 80
const AT_END_PX = 4

/**
 * Keeps the end of a growing text in sight, but only for a reader who is there: whoever has scrolled up stays where
 * they read, until they come back down. Says "change" when that changes.
 *
 * `scroller` is the box that scrolls, or document.scrollingElement; `content` is what grows in it.
 */
export default class Follower extends EventTarget {
  #scroller
  #last = 0
  #watch
  #isFollowing = true
  #forget = new AbortController()

  constructor(scroller, content) {
    super()
    this.#scroller = scroller
    const source = scroller === document.scrollingElement ? document : scroller
    source.addEventListener("scroll", () => this.#look(), { passive: true, signal: this.#forget.signal })
    this.#watch = new ResizeObserver(() => this.#isFollowing && this.toEnd())
    this.#watch.observe(content)
    if (source === scroller) this.#watch.observe(scroller) // it shrinks when a field below it grows
    this.#last = scroller.scrollTop
  }

  get isFollowing() {
    return this.#isFollowing
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight
    this.#last = this.#scroller.scrollTop
    this.#follow(true)
  }

  close() {
    this.#watch.disconnect()
    this.#forget.abort()
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller
    const left = scrollHeight - scrollTop - clientHeight
    const isUp = scrollTop < this.#last
    this.#last = scrollTop
    if (left < AT_END_PX || (!isUp && left < NEAR_PX)) this.#follow(true)
    else if (isUp) this.#follow(false)
  }

  #follow(isFollowing) {
    if (isFollowing === this.#isFollowing) return
    this.#isFollowing = isFollowing
    this.dispatchEvent(new Event("change"))
  }
}
