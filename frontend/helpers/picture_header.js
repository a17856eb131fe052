/**
 * What the first bytes of a picture tell, before anything decodes it: `{type, width, height}`; null for every kind that
 * is not taken. Width and height are as stored: an orientation mark may turn them.
 */
export function pictureHeader(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    if (startsWith(bytes, 0, "\x89PNG\r\n\x1a\n"))
      return { type: "image/png", width: view.getUint32(16), height: view.getUint32(20) }
    if (startsWith(bytes, 0, "\xff\xd8\xff")) return jpeg(view)
    if (startsWith(bytes, 0, "RIFF") && startsWith(bytes, 8, "WEBP")) return webp(bytes, view)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error // it ends before it has told its size
  }
  return null
}

function startsWith(bytes, at, text) {
  return [...text].every((character, index) => bytes[at + index] === character.charCodeAt(0))
}

/** The size stands in a frame header (SOF0 to SOF15, but for three other markers among them). */
function jpeg(view) {
  for (let at = 2; view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1)
    if (marker === 0xff)
      at += 1 // padding
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { type: "image/jpeg", height: view.getUint16(at + 5), width: view.getUint16(at + 7) }
    } else at += 2 + view.getUint16(at + 2)
  }
  return null
}

function webp(bytes, view) {
  const type = "image/webp"
  const long = (at) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16) + 1
  if (startsWith(bytes, 12, "VP8X")) return { type, width: long(24), height: long(27) }
  if (startsWith(bytes, 12, "VP8L")) {
    const packed = view.getUint32(21, true)
    return { type, width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1 }
  }
  if (startsWith(bytes, 12, "VP8 "))
    return { type, width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff }
  return null
}
