import { html } from "../../helpers/interface.js"

const PATHS = {
  bridge: "M2 14h16M3.5 14c.6-6.6 12.4-6.6 13 0M7 14v-3.4M10 14V9.2M13 14v-3.4",
  prompt: "M3 4.5h14M3 8.5h9M3 12.5h14M3 16h6",
  chat: "M3 5.5A1.5 1.5 0 0 1 4.5 4h11A1.5 1.5 0 0 1 17 5.5v7a1.5 1.5 0 0 1-1.5 1.5H9l-4 3v-3h-.5A1.5 1.5 0 0 1 3 12.5z",
  compare: "M3.5 4h5v12h-5zM11.5 4h5v12h-5z",
  models: "M10 2.8 16.5 6.3v7.4L10 17.2l-6.5-3.5V6.3zM3.7 6.4 10 10l6.3-3.6M10 10v7",
  stats: "M3 17h14M5.5 14V9.5M10 14V4M14.5 14V7",
  settings: "M3 6h6M13 6h4M3 14h3M10 14h7M11 4v4M8 12v4",
  refresh: "M16 5v4h-4M4 15v-4h4M15.2 8.5A5.8 5.8 0 0 0 5 7M4.8 11.5A5.8 5.8 0 0 0 15 13",
  plus: "M10 4v12M4 10h12",
  copy: "M7 7h9.5v9.5H7zM13 7V3.5H3.5V13H7",
  check: "m4 10.5 4 4 8-9",
  edit: "M4 16l.8-3.4L13.6 3.8l2.6 2.6-8.8 8.8zM11.6 5.8l2.6 2.6",
  trash: "M4 6h12M8 6V4h4v2M6 6l.7 10.5h6.6L14 6M8.5 9v5M11.5 9v5",
  retry: "M15.8 7.5A6.3 6.3 0 1 0 16.3 11M16.3 3.8v4h-4",
  branch: "M6 4v12M6 10c5 0 8-1 8-5M6 3.5v1M14 3.5v1",
  search: "M8.8 3.5a5.3 5.3 0 1 0 0 10.6 5.3 5.3 0 0 0 0-10.6M12.7 12.7 17 17",
  close: "M5 5l10 10M15 5 5 15",
  up: "M10 16V5M5 9.5l5-5 5 5",
  save: "M5 3.5h10v13l-5-3.5-5 3.5z",
  library: "M4 3.5v13M8 3.5v13M11.5 4l4.5 12.2",
  down: "M10 4v11M5 10.5l5 5 5-5",
  left: "m12 5-5 5 5 5",
  right: "m8 5 5 5-5 5",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  image: "M3.5 4.5h13v11h-13zM3.5 13l3.5-3.5 3 3 2.5-2.5 4 4M12.5 7.8h.01",
  send: "M10 16V4M5 9l5-5 5 5",
  stop: "M6 6h8v8H6z",
  download: "M10 3v10M5.5 9l4.5 4.5L14.5 9M4 16.5h12",
  upload: "M10 13.5v-10M5.5 8 10 3.5 14.5 8M4 16.5h12",
  menu: "M3 6h14M3 10h14M3 14h14",
  keys: "M2.5 5.5h15v9h-15zM5 8.5h.01M8 8.5h.01M11 8.5h.01M14 8.5h.01M6 11.8h8",
  pause: "M7.5 5v10M12.5 5v10",
  play: "M6 4.5v11l9-5.5z",
}

/** A line drawing of 20 by 20; it says nothing to screen readers: the button around it has the words. */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d=${PATHS[name]} /></svg>`
}

/** A button that shows a drawing only; `label` is its name and its tooltip. */
export function IconButton({ icon, label, buttonRef, ...rest }) {
  return html`<button type="button" class="icon-button" aria-label=${label} title=${label} ref=${buttonRef} ...${rest}><${Icon} name=${icon} /></button>`
}
