// Bundles the page's libraries into frontend/vendor/, one file for each file of libraries/.
//
// frontend/index.html pins the hash of each (import map, "integrity"): the browser runs these bytes or none.
// The lock file and esbuild's exact version make the bundles the same everywhere; after a change of versions,
// `npm run build -- --pin` writes the new hashes into index.html.
import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"

const page = fileURLToPath(new URL("../../frontend/index.html", import.meta.url))
const folder = fileURLToPath(new URL("../../frontend/vendor/", import.meta.url))
const names = readdirSync(new URL("libraries/", import.meta.url))
  .filter((name) => name.endsWith(".js"))
  .sort()
const pins = /("integrity": )(\{[^}]*\})/

// zod brings its messages in sixty languages, 264 kB that the page never shows: English stays.
const englishOnly = {
  name: "english-only",
  setup(bundle) {
    bundle.onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js"',
    }))
  },
}

// LangChain.js brings a client that reports every call to a service, 60 kB compressed. The page reports to nobody.
const untraced = {
  name: "untraced",
  setup(bundle) {
    bundle.onResolve({ filter: /^langsmith(\/|$)/ }, ({ path }) => ({ path, namespace: "untraced" }))
    bundle.onLoad({ filter: /./, namespace: "untraced" }, () => ({ contents: "module.exports = {}" }))
  },
}

async function bundle(name) {
  const result = await build({
    absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
    entryPoints: [`libraries/${name}`],
    plugins: [englishOnly, untraced],
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    charset: "utf8",
    legalComments: "eof",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "warning",
    write: false,
  })
  return Buffer.from(result.outputFiles[0].contents)
}

const bundles = new Map()
for (const name of names) bundles.set(name, await bundle(name))
const hashes = Object.fromEntries(
  [...bundles].map(([name, bytes]) => [
    `./vendor/${name}`,
    `sha384-${createHash("sha384").update(bytes).digest("base64")}`,
  ]),
)
const html = readFileSync(page, "utf8")
const pinned = JSON.parse(html.match(pins)?.[2] ?? "{}")
const wrong = Object.keys({ ...hashes, ...pinned }).filter((name) => hashes[name] !== pinned[name])

if (process.argv.includes("--pin")) {
  const lines = JSON.stringify(hashes, null, 2).replaceAll("\n", "\n      ")
  writeFileSync(
    page,
    html.replace(pins, (_, key) => key + lines),
  )
} else if (wrong.length) {
  for (const name of wrong) console.error(`${name} is ${hashes[name]}, index.html wants ${pinned[name]}.`)
  console.error("If you changed versions: npm run build -- --pin")
  process.exit(1)
}

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const kib = (bytes) => `${Math.round(bytes / 1024)} KiB`
for (const [name, bytes] of bundles) {
  writeFileSync(folder + name, bytes)
  console.log(`frontend/vendor/${name}: ${kib(bytes.length)}, ${kib(gzipSync(bytes).length)} gzipped`)
}
