import { number } from "../../helpers/format.js"
import { html, useEffect, useState } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"
import { IconButton } from "../shared/icons.js"

/** Images as thumbnails with what will be, or was, sent of them; `onRemove(image)` where they can be taken away. */
export function Pictures({ images, onRemove }) {
  const { words } = useApp()
  return html`<ul class="pictures">
    ${images.map(
      (image, index) => html`<li key=${image.id} class="picture">
      <${Thumbnail} blob=${image.blob} label=${words.t("image_n", { n: number(words, index + 1) })} />
      <span class="hint">${sizeOf(words, image)}</span>
      ${onRemove && html`<${IconButton} icon="close" label=${words.t("remove_image_n", { n: number(words, index + 1) })} onClick=${() => onRemove(image)} />`}
    </li>`,
    )}
  </ul>`
}

function Thumbnail({ blob, label }) {
  const [url, setUrl] = useState("")
  useEffect(() => {
    const made = URL.createObjectURL(blob)
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [blob])
  return url && html`<img src=${url} alt=${label} />`
}

/** "1,536 × 1,024, 240 kB" */
function sizeOf(words, { width, height, bytes }) {
  const kilobytes = new Intl.NumberFormat(words.language, {
    style: "unit",
    unit: "kilobyte",
    maximumFractionDigits: 0,
  }).format(Math.max(1, bytes / 1000))
  return `${number(words, width)} × ${number(words, height)}, ${kilobytes}`
}
