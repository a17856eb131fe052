const NEAR_PX = 80

/**
 * Keeps the end of a growing answer in sight, but only for a reader who is there: whoever has scrolled up stays
 * where they read. On wide screens the answer scrolls in its own box, on phones the whole page does.
 */
export default class ScrollKeeper {
  #box
  #footer

  constructor(box, footer) {
    this.#box = box
    this.#footer = footer
  }

  keep(change) {
    const isFollowing = this.#distance() < NEAR_PX
    change()
    if (isFollowing) this.#advance(this.#distance())
  }

  get #scrollsAlone() {
    return getComputedStyle(this.#box).overflowY === "auto"
  }

  #distance() {
    if (this.#scrollsAlone) return this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight
    const covered = getComputedStyle(this.#footer).position === "fixed" ? this.#footer.offsetHeight : 0
    return this.#box.getBoundingClientRect().bottom - (innerHeight - covered)
  }

  #advance(distance) {
    if (distance <= 0) return
    const scroller = this.#scrollsAlone ? this.#box : document.scrollingElement
    scroller.scrollTop += distance
  }
}
