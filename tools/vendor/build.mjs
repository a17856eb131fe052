// Bundles the page's libraries into frontend/vendor/langchain.js.
//
// frontend/index.html pins the bundle's hash (import map, "integrity"): the browser runs these bytes or none.
// The lock file and esbuild's exact version make the bundle the same everywhere; after a change of versions,
// `npm run build -- --pin` writes the new hash into index.html.
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { build } from "esbuild"

const page = fileURLToPath(new URL("../../frontend/index.html", import.meta.url))
const folder = fileURLToPath(new URL("../../frontend/vendor/", import.meta.url))
const pin = /("\.\/vendor\/langchain\.js": ")(sha384-[^"]*)(")/

// zod brings its messages in sixty languages, 264 kB that the page never shows: English stays.
const englishOnly = {
  name: "english-only",
  setup(bundle) {
    bundle.onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js"',
    }))
  },
}

const result = await build({
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  entryPoints: ["langchain.js"],
  plugins: [englishOnly],
  bundle: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "eof",
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
  metafile: true,
  write: false,
})
const bundle = Buffer.from(result.outputFiles[0].contents)
const hash = "sha384-" + createHash("sha384").update(bundle).digest("base64")
const html = readFileSync(page, "utf8")
const pinned = html.match(pin)?.[2]

if (process.argv.includes("--pin")) {
  writeFileSync(page, html.replace(pin, `$1${hash}$3`))
} else if (pinned !== hash) {
  console.error(`The bundle is ${hash}, index.html wants ${pinned}. If you changed versions: npm run build -- --pin`)
  process.exit(1)
}

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
writeFileSync(folder + "langchain.js", bundle)
const kib = (bytes) => `${Math.round(bytes / 1024)} KiB`
console.log(`frontend/vendor/langchain.js: ${kib(bundle.length)}, ${kib(gzipSync(bundle).length)} gzipped, ${hash}`)
