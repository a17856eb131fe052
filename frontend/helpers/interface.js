// What the views are made with. A view imports these names from here and from nowhere else.
import { vendored } from "./vendored.js"

const found = await vendored("interface", async () => {
  const [preact, hooks, signals, htm] = await Promise.all([
    import("preact"), import("preact/hooks"), import("@preact/signals"), import("htm"),
  ])
  return { ...preact, ...hooks, ...signals, htm: htm.default }
})

export const { Fragment, createContext, createRef, h, render } = found
export const { useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } = found
export const { batch, computed, effect, signal, untracked, useComputed, useSignal, useSignalEffect } = found

/** Templates that become elements: html`<p class=${name}>${text}</p>`; whatever is put in becomes text, never markup. */
export const html = found.htm.bind(found.h)
