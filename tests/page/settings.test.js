import assert from "node:assert/strict"
import { beforeEach, test } from "node:test"
import { bounded, checked, toldDefaults } from "../../frontend/state/settings/parameters.js"
import Settings from "../../frontend/state/settings/settings.js"
import { changesOf, freshBrowser } from "./browser.js"

const OTHER = "http://localhost:1234/v1"

beforeEach(() => freshBrowser())

test("the endpoint is the page's own gateway until another is chosen, and that one is remembered", () => {
  const settings = new Settings()
  assert.deepEqual(
    [settings.endpoint, settings.isOwnGateway, settings.host],
    ["http://127.0.0.1:8089/v1", true, "127.0.0.1:8089"],
  )

  settings.endpoint = ` ${OTHER}// `
  assert.deepEqual([settings.endpoint, settings.isOwnGateway], [OTHER, false])
  assert.equal(new Settings().endpoint, OTHER)

  settings.endpoint = "http://127.0.0.1:8089/v1/"
  assert.ok(new Settings().isOwnGateway)
})

test("only what the page's policy lets through can be reached", () => {
  const settings = new Settings()
  const reached = (endpoint) => {
    settings.endpoint = endpoint
    return settings.isReachable
  }

  assert.ok(["http://127.0.0.1:8089/other", OTHER, "http://127.0.0.1:11434/v1"].every(reached))
  const foreign = ["https://localhost:1234/v1", "http://example.org/v1", "http://localhost.example.org", "nonsense"]
  assert.ok(!foreign.some(reached))
})

test("a key belongs to its endpoint and to the tab, until the reader wants it kept", () => {
  const settings = new Settings()
  settings.key = " secret "
  assert.equal(settings.key, "secret")
  assert.ok(!JSON.stringify(localStorage).includes("secret"))

  settings.isKeyKept = true
  assert.ok(!JSON.stringify(sessionStorage).includes("secret"))
  sessionStorage.clear()
  assert.deepEqual([new Settings().key, new Settings().isKeyKept], ["secret", true])

  settings.endpoint = OTHER
  assert.deepEqual([settings.key, settings.isKeyKept], ["", false])
  settings.endpoint = ""
  settings.isKeyKept = false
  assert.ok(!JSON.stringify(localStorage).includes("secret"))
  assert.equal(settings.key, "secret")
})

test("each change is told with what it is about", () => {
  const settings = new Settings()
  const told = []
  settings.addEventListener("change", ({ detail }) => told.push(detail))

  settings.theme = "dark"
  settings.model = "llama"
  settings.key = "secret"

  assert.deepEqual(told, ["theme", "model", "key"])
})

test("what is no theme and no parameter is forgotten, whoever wrote it", () => {
  const settings = new Settings()
  settings.theme = "neon"
  settings.parameters = { temperature: 0.5, topP: 7, maxTokens: "12", seed: null, evil: 1 }
  assert.deepEqual([settings.theme, settings.parameters], ["", { temperature: 0.5, maxTokens: 12 }])

  localStorage.setItem("passerelle.parameters", "{nonsense")
  localStorage.setItem("passerelle.theme", "neon")

  assert.deepEqual([new Settings().theme, new Settings().parameters], ["", {}])
})

test("without storage, settings hold until the page closes", () => {
  freshBrowser({ isStorageRefused: true })
  const settings = new Settings()
  const heard = changesOf(settings)

  settings.theme = "dark"
  settings.key = "secret"

  assert.deepEqual([settings.theme, settings.key, heard.times], ["dark", "secret", 2])
})

test("a parameter is a number within its bounds, or nothing", () => {
  const values = [
    ["temperature", "0.35"],
    ["temperature", 2.1],
    ["topP", 0],
    ["maxTokens", 3.7],
    ["seed", ""],
    ["seed", "x"],
    ["seed", -1],
  ]

  assert.deepEqual(
    values.map(([name, value]) => bounded(name, value)),
    [0.35, null, null, 3, null, null, null],
  )
  assert.deepEqual(checked(null), {})
})

test("a model's own defaults are read from Ollama's lines", () => {
  assert.deepEqual(toldDefaults("stop  <end>\n temperature   0.6 \ntop_p 0.9\ntop_k 20"), {
    temperature: 0.6,
    topP: 0.9,
  })
  assert.deepEqual(toldDefaults({ temperature: 1 }), {})
})
