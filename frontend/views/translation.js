const TARGETS = { i18n: "textContent", i18nPlaceholder: "placeholder", i18nTitle: "title", i18nLabel: "ariaLabel" }

/** Puts the words into the elements that name them (data-i18n and friends), and runs the FR/EN buttons. */
export default class Translation {
  #words

  constructor(words) {
    this.#words = words
    words.addEventListener("change", () => this.#draw())
    for (const button of document.querySelectorAll("[data-language]")) {
      button.addEventListener("click", () => words.use(button.dataset.language))
    }
    this.#draw()
  }

  #draw() {
    document.documentElement.lang = this.#words.language
    for (const [name, property] of Object.entries(TARGETS)) {
      const attribute = `data-${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
      for (const node of document.querySelectorAll(`[${attribute}]`)) node[property] = this.#words.t(node.dataset[name])
    }
    for (const button of document.querySelectorAll("[data-language]")) {
      button.ariaPressed = String(button.dataset.language === this.#words.language)
    }
  }
}
