import { element } from "../helpers/dom.js"

const WEB_SCHEMES = ["http:", "https:"]

/** A link opens elsewhere, tells nobody where it was, and shows its host. One that leads nowhere good becomes its text. */
export function dressLink(link) {
  const address = link.getAttribute("href")
  const destination = parsed(address)
  if (!destination || destination.username || destination.password) return link.replaceWith(...link.childNodes)
  link.target = "_blank"
  link.rel = "noreferrer noopener"
  const host = WEB_SCHEMES.includes(destination.protocol) ? destination.host : destination.pathname
  if (host && !shows(link.textContent, address, host))
    link.append(element("bdi", { className: "host", dir: "ltr" }, ` (${host})`))
}

/** The text is the address itself, or begins as it does: nobody can be misled. */
function shows(text, address, host) {
  const shown = parsed(text) ?? parsed(`https://${text}`)
  return text === address || text === host || (!/\s/.test(text) && shown?.host === host && !shown.username)
}

function parsed(address) {
  try {
    return new URL(address)
  } catch {
    return null
  }
}
