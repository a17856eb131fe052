import Fault from "../fault.js"

/**
 * A library of the page: the offline copy in vendor/ first, then `fromNetwork`, which imports it by the names of the
 * import map (esm.sh, exact versions). Rejects with Fault "libraries".
 */
export async function vendored(name, fromNetwork) {
  try {
    return await import(`../vendor/${name}.js`)
  } catch {
    return fromNetwork().catch(() => {
      throw new Fault("libraries")
    })
  }
}
