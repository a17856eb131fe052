/** The columns that a comparison begins with, as `[model id, parameters]`: two models, or one at two temperatures. */
export function arrangement(catalog, parameters) {
  const first = catalog.model
  const second = answering(catalog).find(({ id }) => id !== first?.id)
  if (second)
    return [
      [first.id, parameters],
      [second.id, parameters],
    ]
  const id = first?.id ?? ""
  if (!first || first.is_demo)
    return [
      [id, parameters],
      [id, parameters],
    ] // the demo model has but one temperature
  return [0, 1].map((temperature) => [id, { ...parameters, temperature }])
}

/** The first model that has no column yet. */
export function unused(catalog, columns) {
  return answering(catalog).find(({ id }) => !columns.some(({ model }) => model === id))
}

/** Models that answer; not those that only turn text into numbers. */
function answering({ list }) {
  return list.filter(({ capabilities }) => !Array.isArray(capabilities) || capabilities.includes("completion"))
}
