import assert from "node:assert/strict"
import { afterEach, test } from "node:test"
import "./browser.js"
import History from "../../frontend/state/stats/history.js"

const real = { fetch: globalThis.fetch, now: Date.now }

afterEach(() => {
  globalThis.fetch = real.fetch
  Date.now = real.now
})

async function readings(turns, step) {
  let now = real.now()
  Date.now = () => now
  globalThis.fetch = async () => Response.json({ uptime_s: 1, since: "then", totals: {} })
  const history = new History({ key: "", isOwnGateway: true })
  for (let turn = 0; turn < turns; turn++) {
    const read = new Promise((resolve) => history.addEventListener("change", resolve, { once: true }))
    history.start()
    await read
    history.stop()
    now += step
  }
  return history.readings
}

test("ten minutes are kept and no more", async () => {
  const kept = await readings(300, 4000)
  const span = kept.at(-1).at - kept[0].at

  assert.ok(span > 590_000 && span < 600_000, String(span))
})

test("a bounded number of readings is kept", async () => {
  assert.equal((await readings(300, 1000)).length, 400) // with a gap after each
})
