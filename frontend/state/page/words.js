import { recall, remember } from "../../helpers/storage.js"

const LANGUAGES = ["fr", "en"]

/** The page's words: keys in, sentences of the reader's language out. Says "change" when the language does. */
export default class Words extends EventTarget {
  #tables
  language

  /** Both languages are fetched at once, so that switching works even when the gateway is gone. */
  static async load() {
    const tables = await Promise.all(
      LANGUAGES.map(async (language) => {
        const answer = await fetch(new URL(`../../i18n/${language}.json`, import.meta.url))
        return [language, await answer.json()]
      }),
    )
    return new Words(Object.fromEntries(tables), firstLanguage())
  }

  constructor(tables, language) {
    super()
    this.#tables = tables
    this.language = language
  }

  use(language) {
    if (!LANGUAGES.includes(language) || language === this.language) return
    this.language = language
    remember("localStorage", "language", language)
    this.dispatchEvent(new Event("change"))
  }

  t(key, values = {}) {
    const sentence = this.#tables[this.language][key]
    if (sentence === undefined) throw new Error(`No words for "${key}" in ${this.language}`)
    return sentence.replace(/\{(\w+)\}/g, (_, name) => {
      if (!(name in values)) throw new Error(`"${key}" wants a value for {${name}}`)
      return values[name]
    })
  }
}

function firstLanguage() {
  const chosen = recall("localStorage", "language")
  if (LANGUAGES.includes(chosen)) return chosen
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())
  return wanted.find((language) => LANGUAGES.includes(language)) ?? "en"
}
