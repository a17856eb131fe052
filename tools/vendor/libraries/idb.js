// IndexedDB with promises.
export { openDB } from "idb"
