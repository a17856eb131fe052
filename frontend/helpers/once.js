/** `work` done once for all who ask; after a failure the next one who asks has it tried again. */
export function once(work) {
  let promise = null
  return () =>
    (promise ??= work().catch((fault) => {
      promise = null
      throw fault
    }))
}
