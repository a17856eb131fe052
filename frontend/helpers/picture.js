import Fault from "../fault.js"
import { newId } from "./ids.js"
import { pictureHeader } from "./picture_header.js"

const LONGEST_SIDE = 1536 // more than vision models look at
const MOST_PIXELS = 80_000_000 // decoded, four bytes each
const MOST_BYTES = 50_000_000
const LARGE_PNG = 1_000_000
const JPEG_QUALITY = 0.85

/**
 * A picture's file as it is sent: upright, no side longer than 1536 pixels, as JPEG or PNG (WebP is not read by every
 * server), and without what a camera writes beside the picture, such as the place. Gives `{id, type, width, height,
 * bytes, blob}`, or rejects with Fault "image_kind", "image_large" or "image_broken" whose `file` is the name.
 */
export async function shrunk(file) {
  const fault = (kind) => Object.assign(new Fault(kind), { file: file.name })
  if (file.size > MOST_BYTES) throw fault("image_large")
  const header = pictureHeader(new Uint8Array(await file.arrayBuffer()))
  if (!header) throw fault("image_kind")
  if (header.width * header.height > MOST_PIXELS) throw fault("image_large")
  try {
    const bitmap = await createImageBitmap(new Blob([file], { type: header.type }), { imageOrientation: "from-image" })
    const blob = await drawn(bitmap, header.type)
    const { width, height } = bounded(bitmap)
    bitmap.close()
    return { id: newId(), type: blob.type, width, height, bytes: blob.size, blob }
  } catch {
    throw fault("image_broken")
  }
}

function bounded({ width, height }) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/** A photograph stays JPEG; a drawing stays PNG, with its sharp edges, unless it is a large one. */
async function drawn(bitmap, type) {
  const canvas = Object.assign(document.createElement("canvas"), bounded(bitmap))
  const pen = canvas.getContext("2d")
  pen.imageSmoothingQuality = "high"
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  const png = type === "image/jpeg" ? null : await encoded(canvas, "image/png")
  if (png && png.size <= LARGE_PNG) return png
  pen.globalCompositeOperation = "destination-over"
  pen.fillStyle = "white" // where it was transparent
  pen.fillRect(0, 0, canvas.width, canvas.height)
  return encoded(canvas, "image/jpeg")
}

function encoded(canvas, type) {
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("not encoded"))), type, JPEG_QUALITY),
  )
}
