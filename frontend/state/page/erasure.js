const DATABASE = "passerelle"

/**
 * Erases all that this page has stored in this browser, and begins anew. What still writes when the page goes (a running
 * answer, a draft) does so before the last sweep: listeners are called in the order in which they came.
 */
export async function eraseEverything(conversations) {
  await conversations.removeAll() // so that other tabs know, too
  await Promise.allSettled([deleteDatabase(), deleteCaches(), dismissWorkers()])
  addEventListener("pagehide", sweep)
  history.replaceState(null, "", location.pathname)
  location.reload()
}

function sweep() {
  for (const area of ["localStorage", "sessionStorage"]) {
    try {
      globalThis[area].clear()
    } catch {
      // a browser that refuses this storage has nothing in it
    }
  }
}

/** Our own tabs let go of it as soon as they are asked. */
function deleteDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(DATABASE)
    Object.assign(request, { onsuccess: resolve, onerror: reject, onblocked: reject })
  })
}

/** Browsers have caches and workers in secure contexts alone. */
async function deleteCaches() {
  const names = (await globalThis.caches?.keys()) ?? []
  await Promise.all(names.map((name) => caches.delete(name)))
}

async function dismissWorkers() {
  const workers = (await navigator.serviceWorker?.getRegistrations()) ?? []
  await Promise.all(workers.map((worker) => worker.unregister()))
}
