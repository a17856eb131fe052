const SHAPE = /^data:(image\/(?:png|jpeg|webp|gif));base64,([A-Za-z0-9+/]+={0,2})$/
const STEP = 0x8000

/** The Blob of an image's data URL; null for anything else. Not `fetch`, which the page's policy keeps from data URLs. */
export function blobOf(dataUrl) {
  const [, type, base64] = SHAPE.exec(dataUrl) ?? []
  if (!type || base64.length % 4 !== 0) return null
  const binary = atob(base64)
  return new Blob([Uint8Array.from(binary, (character) => character.charCodeAt(0))], { type })
}

export async function dataUrlOf(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer())
  let binary = ""
  for (let at = 0; at < bytes.length; at += STEP) binary += String.fromCharCode(...bytes.subarray(at, at + STEP))
  return `data:${blob.type};base64,${btoa(binary)}`
}
