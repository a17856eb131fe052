// What of a browser the page's state is built on, as far as these tests need it.

/** Texts by name, as localStorage has them. */
class Storage {
  getItem(name) {
    return Object.hasOwn(this, name) ? this[name] : null
  }

  setItem(name, value) {
    this[name] = String(value)
  }

  removeItem(name) {
    delete this[name]
  }

  clear() {
    for (const name of Object.keys(this)) delete this[name]
  }
}

const storages = { localStorage: new Storage(), sessionStorage: new Storage() }
const window = new EventTarget()
let isRefused = false

for (const [area, storage] of Object.entries(storages)) {
  const get = () => {
    if (isRefused) throw new DOMException("denied", "SecurityError")
    return storage
  }
  Object.defineProperty(globalThis, area, { get, configurable: true })
}
globalThis.location = new URL("http://127.0.0.1:8089/")
globalThis.addEventListener = window.addEventListener.bind(window)

/** A browser in which nothing has been stored; `isStorageRefused`: one in which nothing can be. */
export function freshBrowser({ isStorageRefused = false } = {}) {
  isRefused = isStorageRefused
  for (const storage of Object.values(storages)) storage.clear()
}

/** How often a source of changes says "change" from now on. */
export function changesOf(source) {
  const heard = { times: 0 }
  source.addEventListener("change", () => heard.times++)
  return heard
}

/** What a call throws, as "kind place" of an import's Fault. */
export function refusal(work) {
  try {
    return work()
  } catch (fault) {
    return `${fault.kind} ${fault.place}`
  }
}
