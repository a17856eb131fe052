// What the views are made with. A view imports these names from here and from nowhere else.
import { vendored } from "./vendored.js"

const found = await vendored("interface", async () => {
  const [preact, hooks, htm] = await Promise.all([import("preact"), import("preact/hooks"), import("htm")])
  return { ...preact, ...hooks, htm: htm.default }
})

export const { Fragment, createContext, createRef, h, render } = found
export const { useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } = found

/** Templates that become elements: html`<p class=${name}>${text}</p>`; whatever is put in becomes text, never markup. */
export const html = found.htm.bind(fresh)

/** htm would give the same element again for a template without values, and Preact would then not draw it anew. */
function fresh(...parts) {
  this[0] = 3
  return found.h(...parts)
}
