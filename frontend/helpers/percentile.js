/** By nearest rank, as in the gateway's `/stats`: always a value that was measured. Null where nothing was. */
export function percentile(values, rank) {
  const ordered = values.toSorted((one, other) => one - other)
  return ordered[Math.ceil((rank / 100) * ordered.length) - 1] ?? null
}
